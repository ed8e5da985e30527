"""Two sides take turns; a process that does not answer well is told."""

from __future__ import annotations

import os
import sys

import pytest

from gostkey.errors import MeasureError
from gostkey.measure import pairs
from gostkey.measure.operations import Operation
from gostkey.measure.pairs import Process, alternate
from gostkey.measure.worker import Loop


class Recorder:
    """A side that takes no time and notes when it was asked."""

    def __init__(self, name: str, log: list[tuple[str, float]]) -> None:
        self.name = name
        self.log = log

    def measure(self, seconds: float) -> float:
        self.log.append((self.name, seconds))
        return float(len(self.log))


def test_sides_alternate_and_change_places_after_warming_up() -> None:
    log: list[tuple[str, float]] = []
    mine, others = alternate(
        Recorder("a", log), Recorder("b", log), rounds=3, seconds=0.5
    )
    assert "".join(name for name, _ in log) == "ab" + "ab" + "ba" + "ab"
    assert [seconds for _, seconds in log] == [0.25] * 2 + [0.5] * 6
    # What warmed up is not counted; figures stay with their rounds.
    assert mine == [3.0, 6.0, 7.0]
    assert others == [4.0, 5.0, 8.0]


def test_a_loop_counts_calls_and_their_items() -> None:
    clock = iter(range(0, 10_000_000_000, 2_000_000))
    calls = []
    operation = Operation(lambda: calls.append(1), items=4)
    loop = Loop(operation, lambda: next(clock))
    # The clock goes on by 2 ms at each look: one call between two looks.
    assert loop.run(0.01) == 2_000_000 / 4
    assert len(calls) == 5


def test_a_quick_operation_is_done_many_times_between_looks_at_the_clock() -> None:
    looks, calls = [], []

    def clock() -> int:
        looks.append(1)
        return len(calls) * 100

    Loop(Operation(lambda: calls.append(1)), clock).run(0.01)
    assert len(calls) >= 100_000
    assert len(looks) < 100


def python(code: str) -> Process:
    command = [sys.executable, "-c", code]
    return Process("it", command, dict(os.environ), 1)


ANSWERS = "import sys\nfor line in sys.stdin: print(float(line) * 2, flush=True)"


def test_a_process_says_what_it_is_and_answers() -> None:
    with python(f"print('ready c0de 8 some version 1.2', flush=True)\n{ANSWERS}") as it:
        assert (it.proof, it.items, it.version) == ("c0de", 8, "some version 1.2")
        assert it.measure(0.5) == 1.0
        assert it.measure(2) == 4.0


def test_a_process_may_have_nothing_to_prove() -> None:
    with python("print('ready - 1 x')") as it:
        assert it.proof == ""


def test_a_process_may_lack_the_operation() -> None:
    with python("print('none it has no such curve')") as it:
        assert it.reason == "it has no such curve"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; print('no luck', file=sys.stderr); sys.exit(5)", "5: no luck"),
        ("pass", "status 0: without a word"),
        ("print('hello there')", "says hello 'there' instead of ready"),
        ("print('ready - 1')", "instead of ready"),
    ],
)
def test_a_process_that_does_not_get_ready_is_an_error(code: str, words: str) -> None:
    with pytest.raises(MeasureError) as caught:
        python(code)
    assert str(caught.value).startswith("it: ")
    assert words in str(caught.value)


def test_an_answer_that_is_no_number_is_an_error() -> None:
    code = "print('ready - 1 x', flush=True); input(); print('soon')"
    with python(code) as it, pytest.raises(MeasureError, match="'soon', not a number"):
        it.measure(1)


def test_a_process_that_dies_between_rounds_is_an_error() -> None:
    code = "import sys; print('ready - 1 x', flush=True); input(); sys.exit('ill')"
    with python(code) as it, pytest.raises(MeasureError, match="status 1: ill"):
        it.measure(1)


def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "PATIENCE", 0.2)
    with pytest.raises(MeasureError, match="ended with status"):
        python("import time; time.sleep(100)")


@pytest.mark.skipif(not pairs.can_pin(), reason="to run it: Linux, which pins to CPUs")
def test_a_side_is_pinned_and_this_process_is_not() -> None:
    code = (
        "import os\n"
        "print('ready -', len(os.sched_getaffinity(0)), max(os.sched_getaffinity(0)))"
    )
    before = os.sched_getaffinity(0)
    with python(code) as it:
        assert it.items == 1
        assert it.version == str(max(before))
    assert os.sched_getaffinity(0) == before
