"""Words to systemd: that the service is up, alive, and what it is at.

The protocol is a datagram to the socket that the environment names, see
sd_notify(3); without the variable nobody listens and nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

_OFTEN = 1.0
"""Seconds between two words that the service is alive, at least."""


class Notifier:
    """Tells systemd how the service is."""

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look who listens.

        Args:
            environment: where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID stand; the
                process's own if left out.
            monotonic: seconds.
        """
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of a socket without a file.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._monotonic = monotonic
        self._every = _watchdog(environment)
        self._alive_at = -float("inf")
        self._status = ""

    @property
    def longest_silence(self) -> float:
        """Give the seconds after which `alive` must have been called again."""
        return self._every

    def ready(self) -> None:
        """Tell that the service is up."""
        self._send("READY=1")

    def alive(self) -> None:
        """Tell that the service is alive; can be called at any rate.

        Nearly each call is told: what is left out would be missing from the time that
        the work until the next call may take.
        """
        now = self._monotonic()
        if now - self._alive_at >= min(self._every / 2, _OFTEN):
            self._alive_at = now
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Tell what the service is at, on one line."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def stopping(self) -> None:
        """Tell that the service is going to end."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.settimeout(1.0)
                out.connect(self._address)
                out.sendall(text.encode("utf-8"))
        except OSError:
            # Who does not listen is told nothing; the work goes on.
            return


def _watchdog(environment: Mapping[str, str]) -> float:
    """Give the watchdog's seconds, or for ever if it does not watch this process."""
    micros = environment.get("WATCHDOG_USEC", "")
    whom = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not micros.isdecimal() or not int(micros) or whom != str(os.getpid()):
        return float("inf")
    return int(micros) / 1e6
