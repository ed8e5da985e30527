"""The office's calendar: due, last day, expired, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from gostkey.renewal.planning.rules import (
    MOSCOW,
    KeyState,
    Validity,
    days_left,
    judge,
    key_state,
    last_day,
)
from gostkey.renewal.reasons import (
    FINAL_FAULTS,
    NOTHING_TO_DO,
    REFUSALS,
    TEXTS,
    Reason,
    verdict,
)

UTC = timezone.utc


def at(text: str) -> datetime:
    """Read a moment in Moscow time."""
    return datetime.fromisoformat(text).replace(tzinfo=MOSCOW)


ENDS = at("2026-12-31 15:00:00")

# 60 days before 31 December 2026 is 1 November 2026.
BOUNDARIES = [
    ("2026-01-01 00:00:00", KeyState.NOT_DUE),
    ("2026-10-31 23:59:59", KeyState.NOT_DUE),  # 61 days before
    ("2026-11-01 00:00:00", KeyState.DUE),  # 60 days before
    ("2026-12-30 23:59:59", KeyState.DUE),  # the day before the last
    ("2026-12-31 00:00:00", KeyState.LAST_DAY),
    ("2026-12-31 14:59:59", KeyState.LAST_DAY),
    ("2026-12-31 15:00:00", KeyState.EXPIRED),
    ("2027-01-01 00:00:00", KeyState.EXPIRED),
    ("2036-01-01 00:00:00", KeyState.EXPIRED),
]


@pytest.mark.parametrize(("now", "state"), BOUNDARIES)
def test_a_key_is_due_from_sixty_days_before_to_the_day_before_the_last(
    now: str, state: KeyState
) -> None:
    assert key_state(ENDS, at(now)) is state
    # The same moment told in another zone is the same moment.
    assert key_state(ENDS.astimezone(UTC), at(now).astimezone(UTC)) is state


def test_the_office_zone_decides_which_day_it_is() -> None:
    # 22:30 in UTC is 01:30 of the next day in Moscow.
    ends = datetime(2026, 12, 30, 22, 30, tzinfo=UTC)
    assert last_day(ends) == date(2026, 12, 31)
    assert last_day(ends, UTC) == date(2026, 12, 30)
    now = datetime(2026, 12, 30, 10, 0, tzinfo=UTC)
    assert key_state(ends, now) is KeyState.DUE
    assert key_state(ends, now, UTC) is KeyState.LAST_DAY


@pytest.mark.parametrize(
    ("ends", "day"),
    [
        ("2026-12-31 23:59:59", "2026-12-31"),
        # At midnight sharp nothing of the new day is left to work on.
        ("2027-01-01 00:00:00", "2026-12-31"),
        ("2027-01-01 00:00:01", "2027-01-01"),
        ("2028-03-01 00:00:00", "2028-02-29"),
    ],
)
def test_the_last_day_is_the_last_one_with_time_in_it(ends: str, day: str) -> None:
    assert last_day(at(ends)) == date.fromisoformat(day)


def test_days_left_counts_calendar_days() -> None:
    assert days_left(ENDS, at("2026-12-31 00:00:00")) == 0
    assert days_left(ENDS, at("2026-12-30 23:59:59")) == 1
    assert days_left(ENDS, at("2026-06-02 12:00:00")) == 212
    assert days_left(ENDS, at("2027-01-02 00:00:00")) == -2


def test_the_end_is_the_earliest_of_the_three() -> None:
    certificate, period, container = (
        at("2026-12-31 12:00"),
        at("2026-11-30 12:00"),
        at("2026-10-31 12:00"),
    )
    begins = at("2026-01-01 12:00")
    assert Validity(begins, certificate).ends == certificate
    assert Validity(begins, certificate, None, period).ends == period
    assert Validity(begins, period, None, certificate).ends == period
    assert Validity(begins, certificate, None, period, container).ends == container


def test_the_beginning_is_the_later_one() -> None:
    begins, later = at("2026-01-01 12:00"), at("2026-01-01 12:03")
    assert Validity(begins, ENDS).begins == begins
    assert Validity(begins, ENDS, later).begins == later


DUE_DAY = at("2026-12-01 12:00:00")
VALID = Validity(at("2025-12-31 15:00:00"), ENDS)


def test_a_due_key_with_finished_exchanges_is_renewed() -> None:
    assert judge(VALID, DUE_DAY, exchanges_finished=True) is None


@pytest.mark.parametrize(
    ("now", "statements", "reason"),
    [
        (DUE_DAY, {"exchanges_finished": False}, Reason.EXCHANGES),
        (DUE_DAY, {"changed_fields": ["title"]}, Reason.SUBJECT_CHANGED),
        (DUE_DAY, {"key_status": "compromised"}, Reason.COMPROMISED),
        (DUE_DAY, {"key_status": "lost"}, Reason.LOST),
        (at("2026-12-31 08:00"), {}, Reason.LAST_DAY),
        (at("2027-02-01 08:00"), {}, Reason.EXPIRED),
        (at("2026-03-01 08:00"), {}, Reason.NOT_DUE),
        # A compromised key is told at once, due or not, expired or not.
        (at("2026-03-01 08:00"), {"key_status": "compromised"}, Reason.COMPROMISED),
        (at("2027-02-01 08:00"), {"key_status": "lost"}, Reason.LOST),
        # The calendar comes before what the operator can still do.
        (at("2027-02-01 08:00"), {"exchanges_finished": False}, Reason.EXPIRED),
        (at("2026-03-01 08:00"), {"exchanges_finished": False}, Reason.NOT_DUE),
    ],
)
def test_what_is_not_renewed_has_its_reason(
    now: datetime, statements: dict[str, object], reason: Reason
) -> None:
    why = judge(VALID, now, **{"exchanges_finished": True, **statements})  # type: ignore[arg-type]
    assert why is not None
    assert why.reason is reason
    assert why.text
    assert why.cure or reason in NOTHING_TO_DO


def test_not_due_says_in_how_many_days_it_expires() -> None:
    why = judge(VALID, at("2026-06-02 12:00:00"), exchanges_finished=True)
    assert why is not None
    assert why.text == "expires in 212 days, on 2026-12-31"


def test_a_key_whose_period_has_not_begun_is_not_renewed() -> None:
    validity = Validity(at("2026-11-10 00:00"), ENDS, at("2026-11-20 00:00"))
    why = judge(validity, at("2026-11-15 00:00"), exchanges_finished=True)
    assert why is not None and why.reason is Reason.NOT_YET_VALID


def test_a_moment_without_a_zone_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="time zone"):
        key_state(ENDS, datetime(2026, 12, 1))


def test_every_reason_has_one_sentence_and_a_cure() -> None:
    assert set(TEXTS) == set(Reason)
    for reason, (text, cure) in TEXTS.items():
        assert text and not text.endswith("."), reason
        assert cure or reason in NOTHING_TO_DO, reason


def test_refusals_are_not_tried_again_and_faults_are() -> None:
    assert not REFUSALS & FINAL_FAULTS and not REFUSALS & NOTHING_TO_DO
    for reason in Reason:
        made = verdict(reason)
        assert made.retryable == (reason not in REFUSALS | NOTHING_TO_DO | FINAL_FAULTS)


def test_what_only_the_office_can_cure_says_so() -> None:
    for reason in (
        Reason.LAST_DAY,
        Reason.EXPIRED,
        Reason.SUBJECT_CHANGED,
        Reason.COMPROMISED,
        Reason.LOST,
        Reason.REVOKED,
    ):
        assert "office" in verdict(reason).cure


def test_reason_codes_are_stable() -> None:
    # Programs read these; a change breaks them.
    assert {reason.value for reason in REFUSALS} == {
        "last-day",
        "expired",
        "not-yet-valid",
        "subject-changed",
        "key-compromised",
        "key-lost",
        "certificate-revoked",
        "no-certificate",
        "exchanges-not-confirmed",
        "duplicate-key",
        "renewal-under-way",
        "refused-by-authority",
        "rolled-back",
    }
