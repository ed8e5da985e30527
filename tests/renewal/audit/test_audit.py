"""The audit log: whatever is changed in it is noticed, and a crash is mended."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from crashes import every_step, forks
from renewal.offices import Office, new_office

from gostkey.hashing import streebog256
from gostkey.keyforms import unpem
from gostkey.renewal.audit import (
    AUDIT_KEY,
    AUDIT_PUBLIC,
    LOG_NAME,
    AuditLog,
    Verification,
    campaigns_key,
    verify,
)
from gostkey.renewal.audit import tail as ends
from gostkey.renewal.audit.lines import MOST, parse
from gostkey.renewal.storage.schema import item, journal
from gostkey.renewal.storage.store import Store
from gostkey.signing import SigningKey


@forks
def test_a_kill_while_the_campaigns_key_is_made_leaves_nothing_of_it(
    tmp_path: Path,
) -> None:
    folders: list[Path] = []

    def prepare(step: int) -> Callable[[], object]:
        folders.append(tmp_path / str(step))
        folders[-1].mkdir()
        return lambda: campaigns_key(folders[-1]).wipe()

    for _ in every_step(prepare, least=8):
        with campaigns_key(folders[-1]) as key:
            public = key.verifying_key.to_spki()
        assert set(os.listdir(folders[-1])) == {AUDIT_KEY, AUDIT_PUBLIC}
        assert unpem((folders[-1] / AUDIT_PUBLIC).read_bytes(), "PUBLIC KEY") == public


def check(office: Office, **more: Any) -> Verification:
    with Store.open(office.campaign) as store:
        return verify(office.campaign, store, **more)


class Remembered:
    """A store that answers the same questions again without a look at the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, list[Any]] = {}
        self._begun = store.created_at()
        self.database = store.database

    def created_at(self) -> Any:
        return self._begun

    def begun(self, step: str) -> set[int]:
        return set()

    def rows(self, query: Any) -> Iterator[Any]:
        name = str(query)
        if name not in self._known:
            self._known[name] = list(self._store.rows(query))
        return iter(self._known[name])


Check = Callable[[bytes], Verification]

ALL = pytest.mark.parametrize(
    "stride", [67, pytest.param(1, marks=pytest.mark.slow, id="every-byte")]
)
"""Every so many bytes; each of them in `make test-slow`."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bytes, Check]]:
    """The log of a campaign that was run twice, and a check of other logs for it."""
    office = new_office(tmp_path_factory.mktemp("audited"))
    office.add()
    office.add(exchanges_finished=False)
    with office.begin() as campaign:
        campaign.run()
    with office.open() as campaign:
        campaign.resume()
    log = (office.campaign / LOG_NAME).read_bytes()
    other = tmp_path_factory.mktemp("other")
    with Store.open(office.campaign) as store:
        remembered: Any = Remembered(store)

        def check_bytes(data: bytes) -> Verification:
            (other / LOG_NAME).write_bytes(data)
            return verify(other, remembered)

        yield log, check_bytes


# -- what is in it --------------------------------------------------------------


def test_a_log_tells_every_outcome_and_is_signed(office: Office) -> None:
    office.add()
    office.add(exchanges_finished=False)
    with office.begin() as campaign:
        campaign.run()
        history = campaign.history()
    found = check(office)
    assert found.problems == []
    assert (found.runs, found.repairs) == (1, 0)
    lines = (office.campaign / LOG_NAME).read_bytes().splitlines()
    said = [json.loads(line) for line in lines]
    steps = [one for one in said if one["kind"] == "step"]
    done = [one for one in history if one["phase"] != "before"]
    assert [(one["journal"], one["item"], one["step"]) for one in steps] == [
        (one["id"], one["item_id"], one["step"]) for one in done
    ]
    assert found.steps == len(done) == 9
    assert {one["who"] for one in steps} == {done[0]["who"]}
    assert done[0]["who"].endswith(f":{os.getpid()}")
    with Store.open(office.campaign) as store:
        certificate = store.items([1])[0].old_certificate
    assert certificate is not None
    assert steps[0]["key"] == streebog256(certificate).hexdigest()
    # Each line has the digest of the one before.
    for before, line in zip(lines, said[1:], strict=False):
        assert line["prev"] == streebog256(before).hexdigest()
    assert said[-1]["kind"] == "seal"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_log_and_key_are_for_the_owner_only(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    for name in (LOG_NAME, "audit.key"):
        mode = stat.S_IMODE((office.campaign / name).stat().st_mode)
        assert mode == 0o600, name


def test_another_key_may_sign_and_may_be_asked_for(office: Office) -> None:
    office.add()
    with SigningKey.generate("tc26-512-a") as key, office.begin() as campaign:
        campaign.audit_key = key
        campaign.run()
        asked = key.verifying_key
    assert not (office.campaign / "audit.key").exists()
    assert check(office, public_key=asked).good
    assert [one.key for one in check(office).seals] == [asked.fingerprint]
    with SigningKey.generate("tc26-256-a") as other:
        found = check(office, public_key=other.verifying_key)
    assert not found.good
    assert other.verifying_key.fingerprint in found.problems[0].text


# -- whatever is changed is noticed ----------------------------------------------


def test_what_was_not_changed_is_good(finished: tuple[bytes, Check]) -> None:
    log, check_bytes = finished
    found = check_bytes(log)
    assert found.problems == []
    assert (found.runs, len(found.seals)) == (2, 2)


def test_every_line_that_is_removed_is_noticed(finished: tuple[bytes, Check]) -> None:
    log, check_bytes = finished
    lines = log.splitlines(keepends=True)
    for number in range(len(lines)):
        found = check_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        assert not found.good, number
        # It is the line that has come into the place of the one that is gone.
        assert min(one.line for one in found.problems) in (0, number, number + 1)


def test_every_line_that_is_doubled_is_noticed(finished: tuple[bytes, Check]) -> None:
    log, check_bytes = finished
    lines = log.splitlines(keepends=True)
    for number in range(len(lines)):
        assert not check_bytes(b"".join([*lines[: number + 1], *lines[number:]])).good


def test_every_swap_of_two_lines_is_noticed(finished: tuple[bytes, Check]) -> None:
    log, check_bytes = finished
    lines = log.splitlines(keepends=True)
    for first in range(len(lines)):
        for second in range(first + 1, len(lines)):
            changed = list(lines)
            changed[first], changed[second] = changed[second], changed[first]
            found = check_bytes(b"".join(changed))
            assert first + 1 in {one.line for one in found.problems}, (first, second)


@ALL
def test_every_changed_byte_is_noticed(
    finished: tuple[bytes, Check], stride: int
) -> None:
    log, check_bytes = finished
    for at in range(0, len(log), stride):
        changed = bytearray(log)
        changed[at] ^= 1
        assert not check_bytes(bytes(changed)).good, at


def test_every_line_that_is_edited_is_named(finished: tuple[bytes, Check]) -> None:
    log, check_bytes = finished
    lines = log.splitlines(keepends=True)
    for number, line in enumerate(lines):
        changed = line.replace(b"+00:00", b"+03:00", 1)
        assert changed != line
        found = check_bytes(b"".join([*lines[:number], changed, *lines[number + 1 :]]))
        assert {one.line for one in found.problems} & {number + 1, number + 2}, number


@ALL
def test_a_truncation_at_every_byte_is_noticed(
    finished: tuple[bytes, Check], stride: int
) -> None:
    log, check_bytes = finished
    ends_of_lines = {at for at, byte in enumerate(log) if byte == 10}
    near = {at + by for at in ends_of_lines for by in (-1, 0, 1)} - {len(log)}
    for size in sorted({*range(0, len(log), stride), *near}):
        assert not check_bytes(log[:size]).good, size


def test_a_log_written_anew_after_an_edit_is_noticed(office: Office) -> None:
    """Somebody who makes the chain right again still lacks key and journal."""
    office.add()
    with office.begin() as campaign:
        campaign.run()
    path = office.campaign / LOG_NAME
    prev, out = "0" * 64, []
    for line in path.read_bytes().splitlines():
        start = line.index(b'"prev":"') + 8
        line = line[:start] + prev.encode() + line[start + 64 :]
        line = line.replace(b'"step":"sent"', b'"step":"SENT"')
        prev = streebog256(line).hexdigest()
        out.append(line + b"\n")
    path.write_bytes(b"".join(out))
    texts = " ".join(one.text for one in check(office).problems)
    assert "differs from outcome" in texts
    assert "does not verify" in texts


@pytest.mark.parametrize(
    "change",
    [
        sa.update(journal).where(journal.c.id == 3).values(at="2026-01-01T00:00:00"),
        sa.delete(journal).where(journal.c.step == "checked"),
        sa.update(item).values(state="planned"),
        sa.update(item).values(public_key=bytes(64)),
        sa.update(item).values(request_id="another"),
        sa.update(item).values(fingerprint="00" * 32),
        sa.update(item).values(reason="lost"),
    ],
)
def test_a_store_that_was_changed_is_noticed(office: Office, change: Any) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    assert check(office).good
    with Store.open(office.campaign) as store:
        store.execute(change)
    found = check(office)
    assert not found.good
    assert all(one.text for one in found.problems)


def test_a_campaign_that_was_never_run_has_no_log(office: Office) -> None:
    office.add()
    office.begin().close()
    (only,) = check(office).problems
    assert only.line == 0 and "no log" in only.text


# -- after a crash ----------------------------------------------------------------


@ALL
def test_a_log_cut_anywhere_before_it_was_signed_is_completed(
    office: Office, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add()
    office.add(exchanges_finished=False)
    with office.begin() as campaign:
        campaign.make_requests()
    path = office.campaign / LOG_NAME
    log = path.read_bytes()
    # As a kill leaves it: not signed, and the store knows of no signature.
    unsigned = log[: log.rstrip(b"\n").rindex(b"\n") + 1]
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    with Store.open(office.campaign) as store:
        # The disk is not what is tried here.
        sa.event.listen(
            store.database._engine,  # type: ignore[attr-defined]
            "connect",
            lambda connection, _: connection.execute("PRAGMA synchronous=OFF"),
        )
        store.close()
        store.execute(sa.text("DELETE FROM audit_seal"))  # type: ignore[arg-type]
        clock = office.clock
        line_ends = [at + 1 for at, byte in enumerate(unsigned) if byte == 10]
        for size in sorted({*range(0, len(unsigned), 2 * stride), *line_ends}):
            for rest in (b"", bytes(40)):
                path.write_bytes(unsigned[:size] + rest)
                with AuditLog(office.campaign, store, clock) as again:
                    again.open("resume")
                    assert again.seal()
                found = verify(office.campaign, store)
                assert found.problems == [], size
                torn = rest or unsigned[size - 1 : size] not in (b"", b"\n")
                assert found.repairs == bool(torn), size
                store.execute(sa.text("DELETE FROM audit_seal"))  # type: ignore[arg-type]


def test_a_seal_that_a_crash_kept_from_the_log_is_put_back(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    path = office.campaign / LOG_NAME
    log = path.read_bytes()
    start = log.rstrip(b"\n").rindex(b"\n") + 1
    for size in (start, start + 1, len(log) - 1):
        path.write_bytes(log[:size])
        assert not check(office).good
        with office.open() as campaign:
            campaign.resume()
        found = check(office)
        assert found.problems == []
        assert found.repairs == (size > start)
        assert path.read_bytes().startswith(log)
        with Store.open(office.campaign) as store:
            store.execute(
                sa.text("DELETE FROM audit_seal WHERE id > 1")  # type: ignore[arg-type]
            )


def test_more_than_one_broken_line_is_kept_beside(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    path = office.campaign / LOG_NAME
    rest = b"no line\n" * 3 + b"{"
    with path.open("ab") as file:
        file.write(rest)
    with office.open() as campaign:
        campaign.resume()
    assert path.with_name("audit.jsonl.cut-1").read_bytes() == rest
    (repair,) = [
        one
        for one in map(json.loads, path.read_bytes().splitlines())
        if one["kind"] == "repair"
    ]
    assert repair["cut"] == len(rest)
    assert repair["digest"] == streebog256(rest).hexdigest()
    assert check(office).good


def test_the_end_of_a_log_is_found_in_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / LOG_NAME
    for seed in range(200):
        data = hashlib.shake_128(bytes([seed])).digest(seed * 7)
        path.write_bytes(data)
        assert ends.read(path).whole == 0
    assert parse(b"{" * 100_000) is None
    assert parse(b"[" * MOST) is None


def test_a_log_takes_the_journal_over_in_pauses(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gostkey.renewal.audit.log._SLICE", 2)
    for _ in range(3):
        office.add()
    with office.begin():
        pass

    def kinds() -> list[str]:
        lines = (office.campaign / LOG_NAME).read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["kind"] for line in lines]

    with (
        Store.open(office.campaign) as store,
        AuditLog(office.campaign, store, office.clock) as log,
    ):
        log.open("run")
        assert kinds() == ["log", "run"]
        assert store.in_a_pause() == 0.0
        while (seconds := store.in_a_pause()) is not None:
            assert seconds > 0
            time.sleep(seconds)
        assert kinds() == ["log", "run", "step", "step", "step"]
        assert store.in_a_pause() is None
        log.seal()
    assert store.in_a_pause() is None
    found = check(office)
    assert found.problems == []


def test_only_one_process_writes_a_log(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    size = (office.campaign / LOG_NAME).stat().st_size
    with Store.open(office.campaign) as store:
        with (
            AuditLog(office.campaign, store, office.clock) as first,
            AuditLog(office.campaign, store, office.clock) as second,
        ):
            first.open("run")
            grown = (office.campaign / LOG_NAME).stat().st_size
            assert grown > size
            second.open("run")
            assert not second.seal()
    assert (office.campaign / LOG_NAME).stat().st_size == grown


def test_a_run_of_worker_processes_is_told_by_one(office: Office) -> None:
    for _ in range(4):
        office.add()
    with office.begin() as campaign:
        campaign.run(workers=2)
    found = check(office)
    assert found.problems == []
    assert found.steps == 4 * 8


def test_rollbacks_and_copies_that_are_removed_are_told(office: Office) -> None:
    office.add()
    office.add()
    with office.begin() as campaign:
        campaign.run()
        assert [one.error for one in campaign.roll_back(["1"], not_used=True)] == [None]
        office.clock.forward(days=100)
        assert any([one.removed for one in campaign.prune_archives(10)])
    found = check(office)
    assert found.problems == []
    assert (found.runs, len(found.seals)) == (3, 3)
    said = [
        json.loads(line)
        for line in (office.campaign / LOG_NAME).read_bytes().split(b"\n")[:-1]
    ]
    steps = [(one["item"], one["step"]) for one in said if one["kind"] == "step"]
    assert (1, "rolled-back") in steps
