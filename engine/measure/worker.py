"""The process of one side in Python: ours, or of a peer called from Python.

It speaks as the programs in C do (programs/peer.h): one line "ready PROOF ITEMS
VERSION" or "none REASON", then nanoseconds for one operation in answer to each
line with a number of seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from . import memory, operations
from .operations import Operation
from .python_peers import PYTHON_PEERS, openssl_speed

__all__ = ["Loop", "main"]

CLOCKS: dict[str, Callable[[], int]] = {
    "cpu": time.process_time_ns,
    "wall": time.perf_counter_ns,
}


class Loop:
    """Does an operation over and over, and looks at the clock now and then."""

    def __init__(self, operation: Operation, clock: Callable[[], int]) -> None:
        self._operation = operation
        self._clock = clock
        self._chunk = 1

    def run(self, seconds: float) -> float:
        """Return nanoseconds for one operation, from about so many seconds."""
        call, clock = self._operation.call, self._clock
        calls = 0
        start = clock()
        while True:
            for _ in range(self._chunk):
                call()
            calls += self._chunk
            spent = clock() - start
            # About a thousand looks a second, no more.
            if spent < 1_000_000:
                self._chunk *= 2
            if spent >= seconds * 1e9:
                return spent / (calls * self._operation.items)


def main(runner: str, what: str, clock: str) -> None:
    """Prepare, say so, and answer until the input ends."""
    if runner == "gostkey" and what.startswith("memory:"):
        _tell_bytes(what)
        return
    prepare = operations.prepare if runner == "gostkey" else PYTHON_PEERS.get(runner)
    if runner == "openssl-speed":
        prepare = openssl_speed
    made = prepare(what) if prepare else f"no peer is called {runner}"
    if isinstance(made, str):
        print("none", made, flush=True)
        return
    loop = Loop(made, CLOCKS[clock])
    if runner != "openssl-speed":
        made.call()
    print("ready", made.proof or "-", f"{made.items}", made.version, flush=True)
    for line in sys.stdin:
        if runner == "openssl-speed":
            print(made.call(), flush=True)
        else:
            print(loop.run(float(line)), flush=True)


def _tell_bytes(what: str) -> None:
    made = memory.prepare(*what.split(":")[1:])
    if isinstance(made, str):
        print("none", made, flush=True)
        return
    extra, items, kernel = made
    print("ready", "-", items, kernel, flush=True)
    for _line in sys.stdin:
        print(extra(), flush=True)
