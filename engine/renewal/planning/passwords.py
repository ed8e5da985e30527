"""Which keys of a plan a run would fail on, for want of a password.

To be shown, and neither saved nor begun: a file may be corrected before the run, and
what fails in a run is tried again, while what a plan has given up is not.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gostkey.errors import CampaignError

from ..chips import is_chip_address
from ..reasons import Reason, Verdict, verdict
from ..secret_files import read_password
from .plan import Plan, PlanItem

__all__ = ["as_run_now"]


def as_run_now(plan: Plan) -> Plan:
    """Decide as a run of this moment would, with the files of the passwords.

    Each file is looked at once, however many keys name it.
    """
    faults: dict[Path, Verdict | None] = {}

    def decided(one: PlanItem) -> PlanItem:
        why = one.verdict or _why_closed(one, faults)
        return one if why is one.verdict else replace(one, verdict=why)

    return replace(plan, items=tuple(map(decided, plan.items)))


def _why_closed(one: PlanItem, faults: dict[Path, Verdict | None]) -> Verdict | None:
    who = one.holding.subscriber
    old, new = who.password_file, who.new_password_file
    if one.holding.has_password and old is None:
        return verdict(Reason.PASSWORD_REQUIRED)
    # What is inside a chip has no password of its own.
    if is_chip_address(who.container):
        old = None
    if is_chip_address(one.destination):
        new = None
    for path in (old, new):
        if path is None:
            continue
        if path not in faults:
            faults[path] = _fault_of(path)
        if faults[path] is not None:
            return faults[path]
    return None


def _fault_of(path: Path) -> Verdict | None:
    try:
        read_password(path)
    except CampaignError as error:
        return verdict(Reason.PASSWORD_FILE, str(error))
    return None
