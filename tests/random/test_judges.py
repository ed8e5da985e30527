"""What programs that judge random numbers say of the generator's output.

They find a generator that is put together wrongly.  That they pass it says nothing
of its seed: one of the streams here has a seed that is printed below.

Each judge is also given two broken streams that it must refuse, or its praise would
be worth nothing.
"""

from __future__ import annotations

import itertools
import math
import os
import re
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

import gostkey
from gostkey.backend import active

pytestmark = pytest.mark.slow

PIECE = 1 << 20


def process_generator() -> Iterator[bytes]:
    """The generator of this process, which seeds itself again all the time."""
    buffer = bytearray(PIECE)
    while True:
        gostkey.random.fill(buffer)
        yield bytes(buffer)


def bare_generator() -> Iterator[bytes]:
    """R 1323565.1.006-2017 with one seed that everybody knows."""
    state = active.generators.drbg(bytes(range(1, 49)))
    buffer = bytearray(PIECE)
    while True:
        state.fill(buffer)
        yield bytes(buffer)


def counter() -> Iterator[bytes]:
    """A generator that forgot its hash."""
    number = 0
    while True:
        words = range(number, number + PIECE // 8)
        number += PIECE // 8
        yield struct.pack(f"<{len(words)}Q", *words)


def biased() -> Iterator[bytes]:
    """Good bytes, of which every sixteenth is lost."""
    while True:
        piece = bytearray(os.urandom(PIECE))
        piece[::16] = bytes(PIECE // 16)
        yield bytes(piece)


GOOD = [process_generator, bare_generator]
BROKEN = [counter, biased]

Stream = Callable[[], Iterator[bytes]]


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")


def judged(command: list[str], stream: Stream, pieces: int | None = None) -> str:
    """Give a program as much of a stream as it takes; return all that it says."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=False,
    )
    assert process.stdin is not None and process.stdout is not None
    pipe = process.stdin

    def give() -> None:
        # It closes the pipe when it has seen enough.
        try:
            for piece in itertools.islice(stream(), pieces):
                pipe.write(piece)
            pipe.close()
        except BrokenPipeError:
            pass

    giver = threading.Thread(target=give)
    giver.start()
    said = process.stdout.read().decode()
    process.wait(timeout=60)
    giver.join(timeout=60)
    return said


# -- ent: counts of bytes ------------------------------------------------------


def passes_ent(stream: Stream) -> bool:
    """Six deviations of each figure, which chance passes once in 10^7."""
    said = judged(["ent", "-t"], stream, pieces=16)
    values = said.splitlines()[1].split(",")
    size, entropy, chi_square, mean, _pi, correlation = map(float, values[1:])
    assert size == 16 * PIECE
    return (
        entropy > 7.9999
        and abs(chi_square - 255) < 6 * math.sqrt(2 * 255)
        and abs(mean - 127.5) < 6 * 73.9 / math.sqrt(size)
        and abs(correlation) < 6 / math.sqrt(size)
    )


# -- rngtest: FIPS 140-2 on blocks of 20,000 bits --------------------------------


def passes_rngtest(stream: Stream) -> bool:
    """About one good block in 1250 fails: of 5000 four, and hardly ever 20."""
    said = judged(["rngtest", "-c", "5000"], stream)
    found = re.search(r"FIPS 140-2 successes: (\d+)\n.*failures: (\d+)", said)
    assert found is not None, said
    good, bad = int(found[1]), int(found[2])
    assert good + bad == 5000
    return bad < 20


# -- dieharder --------------------------------------------------------------------


DIEHARDER = {
    0: "birthdays",
    8: "ones in a stream",
    15: "runs",
    100: "ones",
    101: "runs of bits",
}
"""Tests that need no more than some hundred megabytes."""


def passes_dieharder(stream: Stream) -> bool:
    """It calls FAILED what chance does once in a million."""
    verdicts = []
    for number in DIEHARDER:
        said = judged(["dieharder", "-g", "200", "-d", str(number)], stream)
        found = re.findall(r"\|\s*(PASSED|WEAK|FAILED)\s*$", said, re.M)
        assert found, said
        verdicts += found
    return "FAILED" not in verdicts


JUDGES = {
    "ent": ("ent", passes_ent),
    "rngtest": ("rng-tools5", passes_rngtest),
    "dieharder": ("dieharder", passes_dieharder),
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("stream", GOOD)
def test_good_streams_pass(judge: str, stream: Stream) -> None:
    package, passes = JUDGES[judge]
    needs(judge, package)
    assert passes(stream)


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("stream", BROKEN)
def test_broken_streams_fail(judge: str, stream: Stream) -> None:
    package, passes = JUDGES[judge]
    needs(judge, package)
    assert not passes(stream)
