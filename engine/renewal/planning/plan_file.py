"""A plan as JSON: written for people and programs, read as hostile input.

Reading checks types, lengths and dates and nothing more; whatever a saved plan
says, `confirm` reads every container again before a run.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from gostkey.errors import CampaignError
from gostkey.media.tokens import is_token_address

from ..chips import is_chip_address
from ..reasons import Reason, Verdict
from .form import FIELDS
from .json_pieces import NotAnObject, Piece, members, texts
from .plan import Plan, PlanItem
from .rules import Validity
from .scan import Holding
from .subscribers import RowError, Subscriber

FORMAT = "gostkey-plan"
VERSION = 1
MAX_PLAN_BYTES = 256 << 20
_MAX_TEXT = 4096


def plan_to_json(plan: Plan) -> str:
    """Write a plan as JSON text: no key, no password, no certificate in it."""
    offset = plan.made_at.astimezone(plan.zone).utcoffset() or timedelta(0)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": plan.made_at.astimezone(timezone.utc).isoformat(),
        "zone_minutes": int(offset.total_seconds()) // 60,
        "items": [plan_row(one) for one in plan.items],
        "row_errors": [
            {"line": one.line, "text": one.text, "cure": one.cure}
            for one in plan.row_errors
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def plan_from_json(text: str | bytes, library: str | None = None) -> Plan:
    """Read a plan that `plan_to_json` wrote; `SavedPlan` is for one of any length.

    Args:
        text: the JSON.
        library: PKCS #11 library of the token's maker, for keys in chips.

    Raises:
        CampaignError: if it is anything else; the text names the place.
    """
    items: list[PlanItem] = []
    found = texts(io.BytesIO(text)) if isinstance(text, bytes) else [text]
    head = read_items(found, items.append, items.clear, library)
    return Plan(head.made_at, tuple(items), head.row_errors, head.zone, saved=True)


class PlanHead(NamedTuple):
    """What a plan says besides its items."""

    made_at: datetime
    zone: tzinfo
    row_errors: tuple[RowError, ...]


def read_items(
    found: Iterable[str],
    put: Callable[[PlanItem], None],
    forget: Callable[[], None],
    library: str | None = None,
) -> PlanHead:
    """Read a plan item by item, so that one of any length fits.

    Args:
        found: the JSON text, cut anywhere.
        put: takes each item.
        forget: is called before the first one; and again if there is another list.
        library: PKCS #11 library of the token's maker, for keys in chips.

    Raises:
        CampaignError: as `plan_from_json`; what was put so far is worth nothing then.
    """
    top: dict[str, Any] = {}
    errors: list[RowError] = []
    faults: dict[str, CampaignError] = {}

    def take(piece: Piece) -> None:
        row = _Reader(piece.value, f"plan, {piece.key}[{piece.place}]")
        if piece.key == "items":
            put(_item_from_json(row, library))
        else:
            errors.append(
                RowError(row.integer("line"), row.text("text"), row.text("cure"))
            )

    try:
        for key, place, value in members(_limited(found), ("items", "row_errors")):
            if place is None:
                if key in _TOP:
                    top[key] = value
                faults.pop(key, None)
                if key == "items":
                    forget()
                elif key == "row_errors":
                    errors.clear()
            elif key not in faults:
                # What is wrong with the plan as a whole is the better thing to say.
                try:
                    take(Piece(key, place, value))
                except CampaignError as error:
                    faults[key] = error
    except CampaignError:
        raise
    except NotAnObject:
        _Reader(None, "plan")
    except (ValueError, RecursionError) as error:
        reason = type(error).__name__ if isinstance(error, RecursionError) else error
        raise CampaignError(f"plan: is not JSON: {reason}; make a new plan") from None
    return _head(_Reader(top, "plan"), tuple(errors), faults)


_TOP = frozenset(
    ("format", "version", "made_at", "zone_minutes", "items", "row_errors")
)


def _head(
    top: _Reader, errors: tuple[RowError, ...], faults: Mapping[str, CampaignError]
) -> PlanHead:
    """Check what stands beside the items; raise what was wrong with those after it."""
    if top.text("format") != FORMAT or top.integer("version") != VERSION:
        raise CampaignError(
            f"plan: is not of the format {FORMAT} version {VERSION}; make a new plan"
        )
    minutes = top.integer("zone_minutes")
    if not -24 * 60 < minutes < 24 * 60:
        raise top.fault("zone_minutes", "a time zone, less than a day of minutes")
    top.must_be_list("row_errors")
    if "row_errors" in faults:
        raise faults["row_errors"]
    made_at = top.moment("made_at")
    top.must_be_list("items")
    if "items" in faults:
        raise faults["items"]
    return PlanHead(made_at, timezone(timedelta(minutes=minutes)), errors)


def _limited(found: Iterable[str]) -> Iterator[str]:
    size = 0
    for some in found:
        size += len(some)
        if size > MAX_PLAN_BYTES:
            raise CampaignError(f"plan: longer than {MAX_PLAN_BYTES >> 20} MiB")
        yield some


def plan_row(one: PlanItem) -> dict[str, Any]:
    """Give an item of a plan as one JSON-safe record, for tables and files."""
    holding, who = one.holding, one.holding.subscriber
    validity = holding.validity
    return {
        "state": one.state,
        "reason": one.verdict.reason.value if one.verdict else None,
        "text": one.verdict.text if one.verdict else None,
        "cure": one.verdict.cure if one.verdict else None,
        "owner": holding.owner,
        "inn": holding.inn,
        "container": str(who.container),
        "container_name": holding.container_name,
        "slot": holding.slot,
        "key_id": holding.key_id,
        "begins": _moment(validity.begins) if validity else None,
        "ends": _moment(validity.ends) if validity else None,
        "days_left": one.days_left,
        "destination": _path(one.destination),
        "new_name": one.new_name,
        "curve": holding.curve,
        "usage": holding.usage,
        "source": who.source,
        "password_file": _path(who.password_file),
        "new_password_file": _path(who.new_password_file),
        "pin_file": _path(who.pin_file),
        "new_pin_file": _path(who.new_pin_file),
        "exchanges_finished": who.exchanges_finished,
        "key_status": who.key_status,
        "form": dict(who.form),
    }


def _item_from_json(row: _Reader, library: str | None) -> PlanItem:
    form = row.mapping("form")
    for name in form:
        if name not in FIELDS:
            raise row.fault("form", "fields of the form")
    status = row.text("key_status")
    if status not in ("ok", "compromised", "lost"):
        raise row.fault("key_status", "ok, compromised or lost")
    begins, ends = row.optional_moment("begins"), row.optional_moment("ends")
    destination = row.optional_path("destination")
    who = Subscriber(
        source=row.text("source"),
        container=row.path("container"),
        password_file=row.optional_path("password_file"),
        new_password_file=row.optional_path("new_password_file"),
        pin_file=row.optional_path("pin_file"),
        new_pin_file=row.optional_path("new_pin_file"),
        exchanges_finished=row.boolean("exchanges_finished"),
        destination=destination,
        key_status=status,
        form=form,
        library=library,
    )
    holding = Holding(
        subscriber=who,
        container_name=row.text("container_name"),
        slot=row.text("slot"),
        owner=row.text("owner"),
        inn=row.text("inn"),
        validity=Validity(begins, ends) if begins and ends else None,
        key_id=row.text("key_id"),
        curve=row.text("curve"),
        usage=row.text("usage"),
    )
    return PlanItem(
        holding,
        _verdict(row),
        row.optional_integer("days_left"),
        destination,
        row.optional_text("new_name"),
    )


def _verdict(row: _Reader) -> Verdict | None:
    code = row.optional_text("reason")
    if code is None:
        return None
    try:
        reason = Reason(code)
    except ValueError:
        raise row.fault("reason", "a reason that this program knows") from None
    text, cure = row.optional_text("text"), row.optional_text("cure")
    return Verdict(reason, text or "", cure or "")


class _Reader:
    """Typed access to one JSON object; every fault names its place."""

    def __init__(self, value: object, place: str) -> None:
        self._place = place
        if not isinstance(value, dict):
            raise CampaignError(f"{place}: must be a JSON object; make a new plan")
        self._value = value

    def fault(self, key: str, wanted: str) -> CampaignError:
        return CampaignError(
            f"{self._place}, field {key!r}: must be {wanted}; make a new plan"
        )

    def text(self, key: str) -> str:
        value = self._value.get(key)
        if not isinstance(value, str) or len(value) > _MAX_TEXT or "\x00" in value:
            raise self.fault(key, f"text of at most {_MAX_TEXT} characters")
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self._value.get(key) is None else self.text(key)

    def integer(self, key: str) -> int:
        value = self._value.get(key)
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or abs(value) >= 1 << 31
        ):
            raise self.fault(key, "a whole number")
        return value

    def optional_integer(self, key: str) -> int | None:
        return None if self._value.get(key) is None else self.integer(key)

    def boolean(self, key: str) -> bool:
        value = self._value.get(key)
        if not isinstance(value, bool):
            raise self.fault(key, "true or false")
        return value

    def path(self, key: str) -> Path:
        path = _place(self.text(key))
        if path is None:
            raise self.fault(key, "an absolute path or a token's address")
        return path

    def optional_path(self, key: str) -> Path | None:
        return None if self._value.get(key) is None else self.path(key)

    def moment(self, key: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(key))
        except ValueError:
            raise self.fault(
                key, "a moment such as 2026-01-31T12:00:00+00:00"
            ) from None
        if moment.tzinfo is None:
            raise self.fault(key, "a moment with its zone, such as +00:00")
        try:
            return moment.astimezone(timezone.utc)
        except OverflowError:
            raise self.fault(key, "a moment between the years 1 and 9999") from None

    def optional_moment(self, key: str) -> datetime | None:
        return None if self._value.get(key) is None else self.moment(key)

    def mapping(self, key: str) -> dict[str, str]:
        value = self._value.get(key)
        if not isinstance(value, dict) or not all(
            isinstance(one, str) and len(one) <= _MAX_TEXT for one in value.values()
        ):
            raise self.fault(key, "an object of texts")
        return dict(value)

    def must_be_list(self, key: str) -> None:
        if not isinstance(self._value.get(key), list):
            raise self.fault(key, "a list")


@lru_cache(maxsize=256)
def _place(text: str) -> Path | None:
    """Make a path; one for all the items that have the same passwords or medium."""
    path = Path(text)
    address = is_token_address(text) or is_chip_address(text)
    return path if address or path.is_absolute() else None


def _moment(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat()


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)
