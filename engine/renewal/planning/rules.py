"""The office's rules: when a key is due, and when it may not be renewed here.

Pure functions; the moment and the office's time zone are arguments.  Nothing
is read or written.  Source: the rules of a working product's manual, as this
project's design states them: a key is due from 60 days before its end; on its
last day and after it remote renewal is refused.

Which moment is the end.  The earliest of the certificate's notAfter, the end
of the certificate's private key usage period and the end of the key's usage
period that the container itself carries: after any of them the old key may no
longer sign the request.

Which day is the last.  The calendar day, in the office's time zone, on which
the key can still be used: the day of the last instant before the end.  A key
that ends at 00:00:00 has its last day the day before.  The office's zone is
Moscow time, UTC+03:00 all the year round, unless it is told otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from ..reasons import Reason, Verdict, verdict

MOSCOW = timezone(timedelta(hours=3), "UTC+03:00")
"""Zone whose calendar days count, if the office names no other."""

DUE_DAYS = 60
"""From this many calendar days before its last day a key is due."""

CERTIFICATE_EXPECTED = timedelta(hours=3)
"""A certificate is expected within this time after its request was sent."""


class KeyState(enum.Enum):
    """Where in its life a key is."""

    NOT_DUE = "not-due"
    DUE = "due"
    LAST_DAY = "last-day"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Validity:
    """From when to when a key may sign; aware moments, None where not stated."""

    certificate_begins: datetime
    certificate_ends: datetime
    period_begins: datetime | None = None
    period_ends: datetime | None = None
    container_ends: datetime | None = None

    @property
    def begins(self) -> datetime:
        """Give the later of the two beginnings."""
        if self.period_begins is None:
            return self.certificate_begins
        return max(self.certificate_begins, self.period_begins)

    @property
    def ends(self) -> datetime:
        """Give the earliest of the three ends."""
        first = self.certificate_ends
        for other in (self.period_ends, self.container_ends):
            if other is not None and other < first:
                first = other
        return first


@lru_cache(maxsize=1024)
def last_day(ends: datetime, zone: tzinfo = MOSCOW) -> date:
    """Give the calendar day on which a key that ends at *ends* works last."""
    return (_aware(ends) - timedelta(microseconds=1)).astimezone(zone).date()


def days_left(ends: datetime, now: datetime, zone: tzinfo = MOSCOW) -> int:
    """Count the calendar days from today to the last day; 0 on the last day."""
    return (last_day(ends, zone) - day_of(now, zone)).days


@lru_cache(maxsize=16)
def day_of(now: datetime, zone: tzinfo = MOSCOW) -> date:
    """Give the calendar day of a moment; it is the same one for all keys of a plan."""
    return _aware(now).astimezone(zone).date()


def key_state(ends: datetime, now: datetime, zone: tzinfo = MOSCOW) -> KeyState:
    """Say whether a key that ends at *ends* is due at *now*.

    Due from 60 days before the last day up to the day before the last day.
    """
    if _aware(now) >= ends:
        return KeyState.EXPIRED
    days = days_left(ends, now, zone)
    if days > DUE_DAYS:
        return KeyState.NOT_DUE
    return KeyState.DUE if days > 0 else KeyState.LAST_DAY


def judge_dates(
    validity: Validity, now: datetime, zone: tzinfo = MOSCOW
) -> Verdict | None:
    """Give the verdict by the calendar, or None if the key may be renewed now."""
    begins, ends = validity.begins, validity.ends
    state = key_state(ends, now, zone)
    if state is KeyState.DUE and now >= begins:
        return None
    day = last_day(ends, zone).isoformat()
    if state is KeyState.EXPIRED:
        return verdict(Reason.EXPIRED, f"its last day was {day}")
    if state is KeyState.LAST_DAY:
        return verdict(Reason.LAST_DAY, f"it ends {clock(ends, zone)}")
    if now < begins:
        return verdict(Reason.NOT_YET_VALID, f"it begins {clock(begins, zone)}")
    if state is KeyState.NOT_DUE:
        days = days_left(ends, now, zone)
        return Verdict(Reason.NOT_DUE, f"expires in {days} days, on {day}", "")
    return None


def judge(
    validity: Validity,
    now: datetime,
    zone: tzinfo = MOSCOW,
    *,
    exchanges_finished: bool,
    key_status: str = "ok",
    changed_fields: Sequence[str] = (),
) -> Verdict | None:
    """Give the office's verdict on one key, or None if it is renewed now.

    Args:
        validity: the key's dates.
        now: the moment of the decision.
        zone: the office's zone.
        exchanges_finished: the operator's confirmation.
        key_status: "ok", "compromised" or "lost", as the office states it.
        changed_fields: names of form fields that differ from the certificate.
    """
    if key_status == "compromised":
        return verdict(Reason.COMPROMISED)
    if key_status == "lost":
        return verdict(Reason.LOST)
    by_dates = judge_dates(validity, now, zone)
    if by_dates is not None:
        return by_dates
    if changed_fields:
        return verdict(Reason.SUBJECT_CHANGED, ", ".join(changed_fields))
    return None if exchanges_finished else verdict(Reason.EXCHANGES)


def clock(moment: datetime, zone: tzinfo = MOSCOW) -> str:
    """Write a moment for people, in the office's zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise TypeError("a moment needs a time zone: use datetime.now(timezone.utc)")
    return moment
