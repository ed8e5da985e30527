"""What a campaign keeps of how its random numbers were had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from renewal.offices import Office

from gostkey import random
from gostkey.errors import GammaExhausted
from gostkey.random.gamma import GammaFeed, GammaPair, make, needed
from gostkey.random.policy import Policy
from gostkey.renewal import Campaign, read_report
from gostkey.renewal.pacing import CHUNK
from gostkey.renewal.randomness import Randomness, summary_of
from gostkey.renewal.storage.store import Store

LAUNCHER = Path(__file__).resolve().parents[1] / "cli" / "launcher.py"


def records(office: Office) -> list[dict[str, object]]:
    with Store.open(office.campaign) as store:
        return store.randomness()


def test_a_run_without_anything_records_the_system_alone(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        assert campaign.keys_to_make() == 1
        report = campaign.run()
        assert campaign.keys_to_make() == 0
    (run,) = report.randomness["runs"]
    assert run["policy"] == "os-only" and run["session"] is None
    assert report.randomness["gamma_records"] is None
    assert report.randomness["failure"] == ""
    # 40 bytes for the key at least, and a seed before them.
    assert report.randomness["bytes"] >= 40 and report.randomness["reseeds"] >= 1


def test_a_run_that_makes_no_key_records_nothing(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    before = records(office)
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        campaign.resume()
        campaign.receive()
    assert records(office) == before


def test_every_key_takes_a_record_of_gamma(office: Office, tmp_path: Path) -> None:
    for _ in range(3):
        office.add()
    make(tmp_path / "gamma", 10, "0000000A")
    data = (tmp_path / "gamma" / "db1" / "kis_1").read_bytes()
    with GammaPair.open(tmp_path / "gamma") as pair, office.begin() as campaign:
        feed = GammaFeed(pair, trusted=True)
        before = random.status().credited_bits.get("gamma", 0)
        report = campaign.run(randomness=Randomness(Policy.OS_ONLY, gamma=feed))
        assert random.status().credited_bits["gamma"] - before == 3 * 256
        assert pair.remaining == 7
    assert report.randomness["gamma_records"] == 3
    assert report.randomness["gamma_left"] == 7
    assert report.randomness["runs"][0]["gamma_trusted"] is True
    # Counts and salted hashes, and no byte of a record in any form.
    kept = json.dumps(records(office))
    stored = (office.campaign / "campaign.sqlite").read_bytes()
    for start in range(0, len(data), 36):
        record = data[start : start + 32]
        assert record.hex() not in kept and record not in stored
    hashes = [one["detail"] for one in records(office) if one["kind"] == "gamma"]
    assert len(hashes) == 1 and len(hashes[0]["hashes"]) == 3  # type: ignore[index]


def test_gamma_is_counted_before_the_first_key(office: Office, tmp_path: Path) -> None:
    for _ in range(3):
        office.add()
    assert needed(3) == 4
    make(tmp_path / "gamma", 3, "0000000A")
    with GammaPair.open(tmp_path / "gamma") as pair, office.begin() as campaign:
        with pytest.raises(GammaExhausted):
            campaign.run(randomness=Randomness(gamma=GammaFeed(pair)))
        assert pair.remaining == 3
        assert campaign.report().counts["unfinished"] == 3
    assert not records(office)
    make(tmp_path / "more", 4, "0000000B")
    with (
        GammaPair.open(tmp_path / "more") as pair,
        Campaign.open(office.campaign, clock=office.clock) as campaign,
    ):
        report = campaign.resume(randomness=Randomness(gamma=GammaFeed(pair)))
    assert report.counts["renewed"] == 3


def test_gamma_that_vanishes_stops_the_run_and_a_new_one_ends_it(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gostkey.renewal.running.CHUNK", 2)
    assert CHUNK != 2
    for _ in range(4):
        office.add()
    make(tmp_path / "gamma", 10, "0000000A")
    with GammaPair.open(tmp_path / "gamma") as pair, office.begin() as campaign:
        feed = GammaFeed(pair)
        first = feed.feed

        def once(keys: int) -> object:
            fed = first(keys)
            monkeypatch.setattr(feed, "feed", gone)
            return fed

        def gone(keys: int) -> object:
            raise GammaExhausted("used up by the test")

        monkeypatch.setattr(feed, "feed", once)
        with pytest.raises(GammaExhausted):
            campaign.run(randomness=Randomness(gamma=feed))
    report = read_report(office.campaign, office.clock())
    assert report.counts["renewed"] == 2 and report.counts["unfinished"] == 2
    assert report.randomness["gamma_records"] == 2
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        report = campaign.resume()
    assert report.counts["renewed"] == 4
    assert [run["keys"] for run in report.randomness["runs"]] == [4, 2]


class Killed(Randomness):
    """As a kill before the first key leaves the store: without the last record."""

    def before_keys(self, count: int) -> None:
        raise KeyboardInterrupt

    def end(self) -> None:
        pass


def test_a_run_that_was_killed_is_not_counted_and_the_report_says_so(
    office: Office,
) -> None:
    office.add()
    with office.begin() as campaign, pytest.raises(KeyboardInterrupt):
        campaign.run(randomness=Killed())
    made = read_report(office.campaign, office.clock()).randomness
    assert [run["ended"] for run in made["runs"]] == [False]
    assert made["bytes"] == made["reseeds"] == 0
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        made = campaign.resume().randomness
    assert [run["ended"] for run in made["runs"]] == [False, True]
    assert made["bytes"] >= 40 and made["reseeds"] >= 1


def test_nothing_recorded_gives_an_empty_summary() -> None:
    made = summary_of([])
    assert made["runs"] == [] and made["gamma_records"] is None


WORKER = """
import json, sys
from gostkey import random
random.from_parent(sys.stdin.buffer.read())
print(random.token(32).hex(), json.dumps(random.status().credited_bits))
"""


def test_workers_get_the_parents_input_each_its_own() -> None:
    handed = [random.for_worker(number) for number in (1, 1, 2)]
    assert len({bytes(one) for one in handed}) == 3
    # As the command line is started from a bare checkout too.
    bootstrap = LAUNCHER.read_text(encoding="utf-8").partition("from gostkey.cli")[0]
    program = bootstrap.replace("__file__", repr(str(LAUNCHER))) + WORKER
    answers = []
    for one in handed[:2]:
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=bytes(one),
            capture_output=True,
            timeout=120,
            check=True,
        )
        answers.append(done.stdout.decode().split(" ", 1))
    assert answers[0][0] != answers[1][0]
    # The report of what it is worth is the parent's.
    assert json.loads(answers[0][1]) == {"parent": 0}


def test_the_parents_input_changes_what_the_worker_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With all else the same: the same input gives the same bytes, another others."""
    from gostkey.random import pool, sources

    # In the package the name of the module is that of a function.
    generator = sys.modules["gostkey.random.generator"]
    monkeypatch.setattr(generator.time, "time_ns", lambda: 1)
    monkeypatch.setattr(generator.time, "monotonic_ns", lambda: 1)
    monkeypatch.setattr(generator, "_boot_id", lambda: b"boot")

    def worker(handed: bytes) -> bytes:
        monkeypatch.setattr(generator, "_counter", iter(range(100)))
        monkeypatch.setattr(generator, "_workers", iter(range(100)))
        gathered = pool.Gathered()
        gathered.add("parent", handed, 0)
        # Each draw is new to the source, and the same in every worker.
        drawn = iter(bytes((i + j) % 256 for j in range(256)) for i in range(9999))
        source = sources.SystemSource(lambda count: next(drawn)[:count])
        return generator.Generator(source, gathered).token(32)

    assert worker(b"a" * 64) == worker(b"a" * 64) != worker(b"b" * 64)
