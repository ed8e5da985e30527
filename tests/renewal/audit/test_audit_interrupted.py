"""The audit log after an interrupt: wherever it comes, what is signed is whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa
from renewal.offices import Office

from gostkey.renewal.audit import LOG_NAME, AuditLog, Verification, verify
from gostkey.renewal.audit import log as writing
from gostkey.renewal.storage.store import Store


def check(office: Office) -> Verification:
    with Store.open(office.campaign) as store:
        return verify(office.campaign, store)


@contextmanager
def interrupted_before(line: int) -> Iterator[None]:
    """Interrupt before the line of the log's code that would be so many-th to run."""
    left = line

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != writing.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("ending", [False, True])
def test_an_interrupt_at_any_line_leaves_a_log_that_can_be_signed(
    office: Office, ending: bool
) -> None:
    office.add()
    office.add()
    with office.begin():
        pass
    line = 0
    with Store.open(office.campaign) as store:
        while True:
            (office.campaign / LOG_NAME).unlink(missing_ok=True)
            store.execute(sa.text("DELETE FROM audit_seal"))  # type: ignore[arg-type]
            with AuditLog(office.campaign, store, office.clock) as log:
                log.open("run")
                try:
                    with interrupted_before(line):
                        log.seal() if ending else log.follow(now=True)
                except KeyboardInterrupt:
                    log.open_again()
                else:
                    break
                assert log.seal()
            found = verify(office.campaign, store)
            assert found.problems == [], line
            assert (found.steps, found.repairs) == (2, 0), line
            assert len(found.seals) == 1 or ending, line
            line += 1
    assert line > 20


def test_a_line_half_written_at_an_interrupt_is_cut_off_and_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add()
    with office.begin():
        pass
    write = os.write

    def half(file: int, data: memoryview) -> int:
        write(file, data[: len(data) // 2])
        raise KeyboardInterrupt

    with (
        Store.open(office.campaign) as store,
        AuditLog(office.campaign, store, office.clock) as log,
    ):
        log.open("run")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, "write", half)
            log.follow(now=True)
        log.open_again()
        assert log.seal()
    found = check(office)
    assert found.problems == []
    assert (found.steps, found.repairs, len(found.seals)) == (1, 1, 1)


@pytest.mark.parametrize("where", ["step", "line_of", "digest_of"])
def test_a_run_interrupted_within_a_line_signs_a_whole_log(
    office: Office, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # Lines are written during the run, not only at its end.
    monkeypatch.setattr(writing, "_PAUSE", 0.0)
    office.add()
    with office.begin() as campaign:
        make, times = getattr(writing, where), 0

        def interrupted(*told: Any) -> Any:
            nonlocal times
            times += 1
            if times == 4:
                raise KeyboardInterrupt
            return make(*told)

        monkeypatch.setattr(writing, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            campaign.run()
    found = check(office)
    assert found.problems == []
    assert len(found.seals) == 1
    with office.open() as campaign:
        campaign.resume()
    assert check(office).problems == []
