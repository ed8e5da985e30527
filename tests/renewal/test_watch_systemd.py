"""What a watch tells systemd, and how it ends at a signal."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from renewal.test_pacing import Turned
from renewal.watched_offices import HOUR, Station, station

from gostkey.renewal import FolderTransport
from gostkey.renewal.chunks import Event
from gostkey.renewal.unattended import Notifier, Stopper

__all__ = ["station"]


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """A socket as systemd has it: its address, and what was said there."""
    if not hasattr(socket, "AF_UNIX"):
        pytest.skip("needs Unix sockets: run it on Linux or macOS")
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(address)
        heard.setblocking(False)

        def said() -> list[str]:
            words = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    words.append(heard.recv(4096).decode())
            return words

        yield address, said


def test_systemd_is_told(
    station: Station, listener: tuple[str, Callable[[], list[str]]]
) -> None:
    address, said = listener
    environment = {
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    station.office.add()
    watch = station.watch()
    notifier = Notifier(environment, lambda: station.day.seconds)
    watch._notifier = notifier
    watch._nap = 10.0
    at_last: list[float] = []
    words: list[str] = []

    def hear() -> None:
        for word in said():
            words.append(word)
            if word == "WATCHDOG=1":
                at_last.append(station.day.seconds)

    station.during(HOUR, hear)
    watch.run()
    words += said()
    assert words[0] == "READY=1" and words[-1] == "STOPPING=1"
    assert any(word.startswith("STATUS=1 campaigns under way") for word in words)
    assert max(b - a for a, b in zip(at_last, at_last[1:], strict=False)) <= 30


class SlowFolder(FolderTransport):
    """A centre that takes one request after the other, and its time."""

    together = 1
    day: Turned
    takes = (14, 28, 14, 28)
    """Seconds: after a short one, of which systemd is told as well, it may be long."""

    def submit(self, pendings):  # type: ignore[no-untyped-def]
        self.day.seconds += self.takes[0]
        self.takes = self.takes[1:]
        return super().submit(pendings)


def test_a_slow_authority_is_no_hanging_watch(
    station: Station,
    listener: tuple[str, Callable[[], list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, said = listener
    for _ in range(4):
        station.office.add()
    base = station.office.folder
    slow = SlowFolder(base / "out", base / "in", base / "trust")
    slow.day = station.day
    monkeypatch.setattr(
        "gostkey.renewal.working.transports.from_settings",
        lambda settings, clock: slow,
    )
    watch = station.watch()
    watch._notifier = Notifier(
        {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"},
        lambda: station.day.seconds,
    )
    heard: list[float] = []
    on_event = watch._on_event

    def hear(event: Event) -> None:
        heard.extend(station.day.seconds for word in said() if word == "WATCHDOG=1")
        on_event(event)

    watch._on_event = hear
    assert watch.run(once=True) == 0
    assert station.groups() == {"2026-11-02": 4 * ["waiting"]}
    assert station.day.seconds - 1000 >= 80
    assert max(b - a for a, b in zip(heard, heard[1:], strict=False)) <= 30


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}, None):
        notifier = Notifier(environment)
        notifier.ready()
        notifier.status("a\nb")
        notifier.alive()
        assert notifier.longest_silence == float("inf")
    other = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid() + 1)}
    assert Notifier(other).longest_silence == float("inf")


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's: run it there")
def test_a_signal_wakes_who_sleeps_and_a_second_one_interrupts() -> None:
    import signal
    import time

    before = signal.getsignal(signal.SIGTERM)
    with Stopper() as stopper:
        began = time.monotonic()
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        stopper.sleep(60)
        assert stopper.is_stopped() and time.monotonic() - began < 30
        stopper.sleep(60)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGTERM) == before
