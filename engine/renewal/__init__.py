"""Renewing the keys of many subscribers: rules, campaigns, transports, reports.

A whole renewal::

    listing = read_list(Path("subscribers.csv"))
    plan = make_plan(listing, utc_now())
    transport = EmbeddedCA.open(Path("ca"), utc_now)
    with Campaign.begin(Path("gostkey-campaign"), plan, transport) as campaign:
        report = campaign.run()

and after an interruption, in any process::

    with Campaign.open(Path("gostkey-campaign")) as campaign:
        report = campaign.resume()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .campaign import DEFAULT_FOLDER, Campaign, Event, utc_now
    from .planning.csv_list import read_list
    from .planning.plan import (
        Plan,
        PlanItem,
        confirm,
        count_states,
        due_list,
        make_plan,
    )
    from .planning.plan_file import plan_from_json, plan_row, plan_to_json
    from .planning.rules import (
        DUE_DAYS,
        MOSCOW,
        KeyState,
        days_left,
        key_state,
        last_day,
    )
    from .planning.subscribers import (
        Listing,
        RowError,
        Subscriber,
        read_tree,
    )
    from .reasons import Reason, Verdict
    from .report import GROUPS, Report, read_report
    from .storage.schema import STATES
    from .transports import EmbeddedCA, FolderTransport, Pending, Transport, Trust
    from .trial import Trial, make_trial

__all__ = [
    "DEFAULT_FOLDER",
    "DUE_DAYS",
    "GROUPS",
    "MOSCOW",
    "STATES",
    "Campaign",
    "EmbeddedCA",
    "Event",
    "FolderTransport",
    "KeyState",
    "Listing",
    "Pending",
    "Plan",
    "PlanItem",
    "Reason",
    "Report",
    "RowError",
    "Subscriber",
    "Transport",
    "Trial",
    "Trust",
    "Verdict",
    "confirm",
    "count_states",
    "days_left",
    "due_list",
    "key_state",
    "last_day",
    "make_plan",
    "make_trial",
    "plan_from_json",
    "plan_row",
    "plan_to_json",
    "read_list",
    "read_report",
    "read_tree",
    "utc_now",
]

# A module of this part is read when it is asked for: the rules alone, which others
# want, need no database.
_HOMES = {
    ".campaign": ("DEFAULT_FOLDER", "Campaign", "Event", "utc_now"),
    ".planning.csv_list": ("read_list",),
    ".planning.plan": (
        "Plan",
        "PlanItem",
        "confirm",
        "count_states",
        "due_list",
        "make_plan",
    ),
    ".planning.plan_file": ("plan_from_json", "plan_row", "plan_to_json"),
    ".planning.rules": (
        "DUE_DAYS",
        "MOSCOW",
        "KeyState",
        "days_left",
        "key_state",
        "last_day",
    ),
    ".planning.subscribers": (
        "Listing",
        "RowError",
        "Subscriber",
        "read_tree",
    ),
    ".reasons": ("Reason", "Verdict"),
    ".report": ("GROUPS", "Report", "read_report"),
    ".storage.schema": ("STATES",),
    ".transports": ("EmbeddedCA", "FolderTransport", "Pending", "Transport", "Trust"),
    ".trial": ("Trial", "make_trial"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOME_OF[name], __name__), name)
    globals()[name] = found
    return found
