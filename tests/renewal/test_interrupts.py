"""Signals that end a run as Ctrl-C does, and what they wait for at the queue."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

import pytest

from gostkey.renewal.interrupts import REPEATS, ending_interrupts, interrupted_too
from gostkey.renewal.stations.signals import interrupt_held
from gostkey.renewal.unattended import Stopper

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="no process can be sent SIGINT there"
)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    ended = False
    with pytest.raises(KeyboardInterrupt), interrupt_held():
        interrupt()
        ended = True
    assert ended
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_is_not_waited_for() -> None:
    ended = False
    with pytest.raises(KeyboardInterrupt), interrupt_held():
        interrupt()
        interrupt()
        ended = True
    assert not ended


def test_a_fault_in_the_block_is_told_as_what_it_is() -> None:
    with pytest.raises(ValueError, match="a fault"), interrupt_held():
        raise ValueError("a fault")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_after_another_signal_is_not_waited_for() -> None:
    ended = False
    with pytest.raises(KeyboardInterrupt), ending_interrupts(), interrupt_held():
        os.kill(os.getpid(), signal.SIGTERM)
        interrupt()
        ended = True
    assert not ended


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_signals_end_a_block_as_an_interrupt(name: str) -> None:
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)
    try:
        ended = False
        with pytest.raises(KeyboardInterrupt), ending_interrupts():
            try:
                with interrupt_held():
                    # A terminal that is closed sends more than one.
                    os.kill(os.getpid(), number)
                    os.kill(os.getpid(), number)
                    ended = True
            finally:
                os.kill(os.getpid(), number)
        assert ended
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_signal_whose_interrupt_is_lost_does_not_make_deaf_to_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    heard = []
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with ending_interrupts():
            for seconds in (0.0, 0.1, REPEATS - 0.2, 0.2, 0.1):
                now += seconds
                # As in a destructor, nobody hears of it.
                with contextlib.suppress(KeyboardInterrupt):
                    os.kill(os.getpid(), signal.SIGTERM)
                    continue
                heard.append(now)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [1000.0, pytest.approx(1000.0 + REPEATS + 0.1)]


def test_under_nohup_a_closed_terminal_is_nothing_to_end_for() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
        with Stopper() as stopper:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stopper.is_stopped()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("error", "done"),
    [
        (None, ["end"]),
        (KeyboardInterrupt(), ["mend", "end"]),
        (ValueError(), []),
    ],
)
def test_an_end_is_made_of_what_is_interrupted(
    error: BaseException | None, done: list[str]
) -> None:
    came: list[str] = []
    with contextlib.suppress(KeyboardInterrupt, ValueError):
        with interrupted_too(lambda: came.append("end"), lambda: came.append("mend")):
            if error is not None:
                raise error
    assert came == done


def test_an_end_that_is_interrupted_is_made_once_more() -> None:
    came: list[str] = []

    def end() -> None:
        came.append("end")
        if len(came) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with interrupted_too(end, lambda: came.append("mend")):
            pass
    assert came == ["end", "mend", "end"]


def test_another_way_with_the_signal_is_left_alone() -> None:
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        with interrupt_held():
            interrupt()
            assert came == [1]
    finally:
        signal.signal(signal.SIGINT, before)
