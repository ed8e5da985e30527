"""Ctrl-C in the middle of a look at the queue of stations."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from gostkey.renewal.stations.signals import interrupt_held

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


def test_another_way_with_the_signal_is_left_alone() -> None:
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        with interrupt_held():
            interrupt()
            assert came == [1]
    finally:
        signal.signal(signal.SIGINT, before)
