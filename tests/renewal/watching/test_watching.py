"""Counts, pace, following, metrics and rows: what those see who only look."""

from __future__ import annotations

import csv
import io
import os
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st
from renewal.offices import NOW, Office

from gostkey.errors import CampaignError, MediumError, RequestReturned
from gostkey.renewal import EmbeddedCA, Report
from gostkey.renewal.chunks import Event
from gostkey.renewal.overdue import list_overdue
from gostkey.renewal.planning.rules import MOSCOW
from gostkey.renewal.reasons import Reason
from gostkey.renewal.storage.schema import item
from gostkey.renewal.storage.store import Store
from gostkey.renewal.transports import Pending
from gostkey.renewal.watching.counts import Counts, read_counts
from gostkey.renewal.watching.figures import Timeline, cures_of, ends_of, timeline_of
from gostkey.renewal.watching.follow import Sight, follow
from gostkey.renewal.watching.metrics import Metric, MetricsFile, exposition
from gostkey.renewal.watching.pace import Pace
from gostkey.renewal.watching.rows import (
    COLUMNS,
    broken_rows,
    csv_of,
    rows,
    stopped_rows,
)


@pytest.fixture
def mixed(office: Office, kept_in: str | None) -> Office:
    """An office with a key of each kind: done, refused, not due, failed, waiting."""
    office.store = kept_in
    office.add(days_left=10)
    office.add(exchanges_finished=False)
    office.add(days_left=200)
    office.add(password="right")
    wrong = office.subscribers[3].password_file
    assert wrong is not None
    wrong.write_text("wrong\n", encoding="utf-8")
    office.add(days_left=20)
    with office.begin() as campaign:
        campaign.run()
    with Store.open(office.campaign) as store:
        sent = office.clock().isoformat()
        store.execute(
            sa.update(item)  # type: ignore[arg-type]
            .where(item.c.id == 5)
            .values(state="sent", sent_at=sent, new_ends=None)
        )
    office.clock.forward(hours=4)
    return office


def report(office: Office) -> Report:
    with office.open() as campaign:
        return campaign.report()


GOOD = {"renewed", "waiting", "unfinished"}


def counted(office: Office) -> Counts:
    return read_counts(office.campaign, office.clock())


# -- counts ---------------------------------------------------------------------


def test_counts_are_those_of_the_report(mixed: Office) -> None:
    counts, whole = counted(mixed), report(mixed)
    assert counts.groups == whole.counts
    assert counts.total == len(whole.rows) == 5
    assert counts.finished is whole.finished is False
    assert counts.exit_code == whole.exit_code == 2
    assert counts.late == 1
    assert counts.advice() == whole.advice()
    assert counts.states == {"backed-up": 1, "sent": 1}
    assert counts.reasons == {"exchanges-not-confirmed": 1, "wrong-password": 1}
    record = counts.record()
    summary = whole.summary()
    assert {name: record[name] for name in summary} == summary


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["due", "planned", "sent", "backed-up", "not-due"]),
            st.sampled_from([None, *Reason]),
        ),
        max_size=8,
    ),
    st.integers(0, 2),
)
def test_the_exit_code_of_counts_is_that_of_rows(
    items: list[tuple[str, Reason | None]], broken: int
) -> None:
    from gostkey.renewal.planning.subscribers import RowError
    from gostkey.renewal.report import GROUPS, exit_code_of, group_of

    pairs = [(state, why.value if why else None) for state, why in items]
    made = [
        {"state": state, "reason": reason, "group": group_of(state, reason)}
        for state, reason in pairs
    ]
    groups = Counter(one["group"] for one in made)
    whole = Report(
        NOW,
        NOW,
        tuple(made),
        tuple(RowError(1, "", "") for _ in range(broken)),
        {**dict.fromkeys(GROUPS, 0), **groups, "unreadable": groups["unreadable"]},
    )
    counted = Counter(pairs)
    said = exit_code_of(((*pair, number) for pair, number in counted.items()), broken)
    assert said == whole.exit_code
    if any(reason == "generator" for _state, reason in pairs):
        assert said == 5
    elif not broken and groups.keys() <= {
        "renewed",
        "waiting",
        "unfinished",
        "not-due",
    }:
        assert said == 0
    elif groups.keys() & {"renewed", "waiting", "unfinished"}:
        assert said == 2
    else:
        assert said in (3, 4)


# -- rows -----------------------------------------------------------------------


def test_rows_are_those_of_the_report(mixed: Office) -> None:
    whole = report(mixed)
    with Store.open(mixed.campaign) as store:
        found = list(rows(store, mixed.clock()))
        assert found == list(whole.rows)
        assert list(rows(store, mixed.clock(), most=2)) == found[:2]
        assert [one["id"] for one in stopped_rows(store, mixed.clock())] == [2, 3, 4]
        assert [one.id for one in list_overdue(store, mixed.clock())] == [5]
        assert list(broken_rows(store)) == []
        cures = cures_of(store)
    assert [(code, number) for code, _cure, number in cures] == [
        ("exchanges-not-confirmed", 1),
        ("wrong-password", 1),
    ]


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_a_csv_file_has_every_row_and_ends_its_lines_as_rfc_4180_says(
    mixed: Office,
) -> None:
    with Store.open(mixed.campaign) as store:
        data = b"".join(csv_of(rows(store, mixed.clock())))
    head, *body = read_csv(data)
    assert head == list(COLUMNS)
    assert [one[1] for one in body] == [
        "renewed",
        "refused",
        "not-due",
        "failed",
        "waiting",
    ]
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == len(body) + 1
    with_mark = b"".join(csv_of([], bom=True))
    assert with_mark == b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"


FORMULAS = ["=1+1", "+7", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "|cmd", "%x"]


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_is_a_formula(name: str) -> None:
    (_head, row) = read_csv(b"".join(csv_of([{"group": "renewed", "owner": name}])))
    assert row[COLUMNS.index("owner")] == f"'{name}"


@given(st.text())
@example("\x00")
def test_any_name_comes_out_of_a_csv_file_as_it_was(name: str) -> None:
    (_head, row) = read_csv(b"".join(csv_of([{"group": "failed", "owner": name}])))
    kept = row[COLUMNS.index("owner")]
    name = name.replace("\x00", "\ufffd")
    assert kept in (name, f"'{name}")
    assert kept[:1] not in ("=", "+", "-", "@", "\t", "\r")


# -- figures --------------------------------------------------------------------


def test_a_renewed_key_counts_by_its_new_end(mixed: Office) -> None:
    with Store.open(mixed.campaign) as store:
        ends = ends_of(store, MOSCOW)
    today = NOW.astimezone(MOSCOW).date()
    old = {20: 1, 30: 2, 200: 1}
    assert ends.old == {today + timedelta(days=far): n for far, n in old.items()}
    assert list(ends.new.values()) == [1]
    assert min(ends.new) > today + timedelta(days=300)


def test_a_timeline_ends_where_the_keys_are(
    office: Office, kept_in: str | None
) -> None:
    office.store = kept_in
    for _ in range(3):
        office.add()
    with office.begin() as campaign:
        campaign.make_requests()
    office.clock.forward(seconds=20)
    with office.open() as campaign:
        campaign.run()
    with Store.open(office.campaign) as store:
        timeline = timeline_of(store)
    assert timeline.moments == [
        NOW,
        NOW + timedelta(seconds=1),
        NOW + timedelta(seconds=21),
    ]
    assert list(timeline.states["requested"]) == [0, 3, 0]
    assert list(timeline.states["backed-up"]) == [0, 0, 3]
    assert all(
        sum(values[at] for values in timeline.states.values()) == 3 for at in (1, 2)
    )


def test_a_timeline_follows_keys_that_were_rolled_back(
    office: Office, kept_in: str | None
) -> None:
    office.store = kept_in
    for _ in range(3):
        office.add()
    with office.begin() as campaign:
        campaign.run()
        office.clock.forward(seconds=20)
        undone = campaign.roll_back(["2"], not_used=True)
    assert [one.error for one in undone] == [None]
    with Store.open(office.campaign) as store:
        timeline = timeline_of(store)
    shown = {name: list(values) for name, values in timeline.states.items()}
    assert shown.pop("backed-up") == [0, 3, 2]
    assert not any(map(any, shown.values()))


class BadAnswers(EmbeddedCA):
    """Answers the second request with a wrong certificate, returns the third."""

    def fetch(self, pending: Pending) -> bytes | None:
        if "k001" in pending.label:
            return self.authority.certificate.der
        if "k002" in pending.label:
            raise RequestReturned("the mail came back")
        return super().fetch(pending)


def test_a_timeline_follows_keys_that_go_back(
    office: Office, kept_in: str | None
) -> None:
    """A bad answer goes back to *sent*, a returned request to *requested*."""
    office.store = kept_in
    for _ in range(3):
        office.add()
    bad = BadAnswers(office.authority, office.folder / "ca", office.clock)
    with office.begin(bad) as campaign:
        campaign.run()
        states = [row["state"] for row in campaign.report().rows]
    assert states == ["backed-up", "sent", "requested"]
    with Store.open(office.campaign) as store:
        timeline = timeline_of(store)
    assert last_of(timeline) == {"backed-up": 1, "sent": 1, "requested": 1}
    office.clock.forward(seconds=20)
    with office.open() as campaign:
        campaign.resume()
        assert campaign.report().counts["renewed"] == 3
    with Store.open(office.campaign) as store:
        timeline = timeline_of(store)
    assert last_of(timeline) == {"backed-up": 3}


def last_of(timeline: Timeline) -> dict[str, int]:
    return {name: values[-1] for name, values in timeline.states.items() if values[-1]}


def test_a_long_campaign_is_told_in_hours(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.make_requests()
        office.clock.forward(days=3)
        campaign.run()
    with Store.open(office.campaign) as store:
        timeline = timeline_of(store)
    assert timeline.moments[1] - timeline.moments[0] == timedelta(hours=1)


# -- pace -----------------------------------------------------------------------


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    seconds = Seconds()
    pace = Pace(seconds)
    total = 7000
    pace(Event("begin", 0, total, keys=1000))
    assert pace.keys_a_second == 0.0 and pace.seconds_left is None
    done = 0
    for second in range(1, 101):
        seconds.now += 1
        done += 70 if second <= 50 else 14
        pace(Event("step", done, total, keys=1000))
    # 14 steps a second, of which a key takes seven.
    assert pace.keys_a_second == pytest.approx(2.0, rel=0.05)
    assert pace.seconds_left == pytest.approx((total - done) / 14, rel=0.05)
    # While nothing moves the pace goes down.
    seconds.now += 300
    assert pace.keys_a_second < 0.2
    assert pace.last == 200.0


def test_a_pace_counts_what_ended_and_why() -> None:
    pace = Pace(Seconds())
    pace(Event("begin", 0, 21, keys=3))
    pace(Event("item", 7, 21, state="backed-up"))
    pace(Event("item", 9, 16, state="planned", reason="wrong-password"))
    pace(Event("waiting", 12, 13, state="sent"))
    assert (pace.ended, pace.failed, pace.waiting) == (3, 1, 1)
    assert pace.reasons == {"wrong-password": 1}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_ends_with_all_its_steps_done(office: Office, workers: int) -> None:
    for _ in range(3):
        office.add()
    office.add(password="right")
    wrong = office.subscribers[3].password_file
    assert wrong is not None
    wrong.write_text("wrong\n", encoding="utf-8")
    events: list[Event] = []
    pace = Pace()

    def listen(event: Event) -> None:
        events.append(event)
        pace(event)

    with office.begin() as campaign:
        campaign.run(listen, workers=workers)
    assert events[0] == Event("begin", 0, 4 * 7, keys=4)
    assert events[-1].done == events[-1].total == 3 * 7 + 1
    assert all(one.done <= one.total for one in events)
    assert (pace.ended, pace.failed) == (4, 1)
    assert pace.seconds_left == 0


# -- following --------------------------------------------------------------------


def test_a_campaign_is_followed_until_it_is_finished(office: Office) -> None:
    for _ in range(2):
        office.add()
    office.begin().close()
    done: list[str] = []
    seconds = Seconds()

    def work(pause: float) -> None:
        """Go on in the place of another process, while the follower sleeps."""
        seconds.now += pause
        done.append("")
        with office.open() as campaign:
            if len(done) == 2:
                campaign.make_requests()
            elif len(done) == 4:
                campaign.run()

    sights: list[Sight] = list(
        follow(office.campaign, office.clock, sleep=work, seconds=seconds)
    )
    assert [sight.changed for sight in sights] == [True, False, True, False, True]
    assert [sight.counts.finished for sight in sights] == 4 * [False] + [True]
    assert sights[2].counts.states == {"requested": 2}
    assert (sights[2].steps_done, sights[2].steps_total) == (4, 14)
    # Four steps in two seconds, of which a key takes seven.
    assert sights[2].keys_a_second == pytest.approx(4 / 2 / 7)
    assert sights[2].seconds_left == pytest.approx(5)


def test_who_looks_leaves_the_write_ahead_log_to_who_writes(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.make_requests()
    log = office.campaign / "campaign.sqlite-wal"

    look = (
        "import sqlite3, sys; store = sqlite3.connect(sys.argv[1]); "
        "store.execute('SELECT count(*) FROM item').fetchall(); store.close()"
    )
    with office.open() as campaign:
        campaign.report()
        before = log.stat().st_ino
        # Who closes the store as the last one removes its log.
        store = str(office.campaign / "campaign.sqlite")
        subprocess.run([sys.executable, "-c", look, store], check=True)
        assert log.stat().st_ino == before
        campaign.run()
    assert counted(office).finished


def test_only_a_campaign_can_be_followed(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="no campaign"):
        next(follow(tmp_path, lambda: NOW))


# -- metrics ----------------------------------------------------------------------


def families(text: str) -> dict[str, Any]:
    """Read the format with Prometheus's own client."""
    parser = pytest.importorskip(
        "prometheus_client.parser",
        reason="to run it: pip install prometheus-client (make test does)",
    )
    found: Iterator[Any] = parser.text_string_to_metric_families(text)
    return {family.name: family for family in found}


def check_metrics(text: str) -> dict[str, Any]:
    """Check what `promtool check metrics` would, and give the families."""
    found = families(text)
    assert text.endswith("\n")
    for name, family in found.items():
        assert family.documentation, name
        assert family.type in ("gauge", "counter"), name
        assert name.startswith("gostkey_renewal_")
        assert not name.endswith(("_gauge", "_count", "_sum", "_bucket"))
        samples = [
            (one.name, tuple(sorted(one.labels.items()))) for one in family.samples
        ]
        assert len(samples) == len(set(samples)), name
        if family.type == "counter":
            assert all(one.name.endswith("_total") for one in family.samples)
    assert text.count("# TYPE ") == text.count("# HELP ") == len(found)
    return found


def test_metrics_of_a_run_are_valid_and_right(mixed: Office) -> None:
    path = mixed.folder / "gostkey.prom"
    pace = Pace()
    with mixed.open() as campaign:
        file = MetricsFile(path, mixed.campaign, mixed.clock, pace)

        def listen(event: Event) -> None:
            pace(event)
            file(event)

        campaign.resume(listen)
    during = check_metrics(path.read_text(encoding="utf-8"))
    (active,) = during["gostkey_renewal_run_active"].samples
    assert active.value == 1
    file.write(running=False)
    after = check_metrics(path.read_text(encoding="utf-8"))
    groups = {
        one.labels["group"]: one.value for one in after["gostkey_renewal_keys"].samples
    }
    assert groups == report(mixed).counts
    reasons = {
        one.labels["reason"]: one.value
        for one in after["gostkey_renewal_keys_stopped"].samples
    }
    assert reasons == {"exchanges-not-confirmed": 1, "wrong-password": 1}
    value = {name: one.samples[0].value for name, one in after.items() if one.samples}
    assert value["gostkey_renewal_run_active"] == 0
    assert value["gostkey_renewal_run_steps"] == pace.done > 0
    assert value["gostkey_renewal_run_start_timestamp_seconds"] == (
        mixed.clock().timestamp()
    )
    assert [one.name for one in mixed.folder.iterdir() if ".new" in one.name] == []
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0o044 & ~current_mask()


def current_mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# The client splits lines where Prometheus does not.
BREAKS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
LABELS = st.text(st.characters(codec="utf-8", exclude_characters=BREAKS))


@given(LABELS, st.floats(allow_nan=False, allow_infinity=False))
def test_any_label_and_value_can_be_read_back(label: str, value: float) -> None:
    text = exposition([Metric("one", "gauge", "none", (({"of": label}, value),))])
    (sample,) = families(text)["one"].samples
    assert sample.labels == {"of": label}
    assert sample.value == value


def test_a_metrics_file_in_no_folder_is_told(mixed: Office) -> None:
    file = MetricsFile(
        mixed.folder / "no" / "x.prom", mixed.campaign, mixed.clock, Pace()
    )
    with pytest.raises(MediumError, match="no"):
        file.write(running=True)
