"""The chart shows the figures of the file that it is made from, and no others."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gostkey.measure import Result, Row, Spread, Task

CHART = Path(__file__).resolve().parents[2] / "bench" / "chart.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="to run it: pip install matplotlib (make bench does)",
)


def spread(value: float) -> Spread:
    return Spread(value, value, value)


def test_a_chart_shows_what_was_measured(tmp_path: Path) -> None:
    ours, theirs = Task("gostkey", "x"), Task("openssl", "sign:p256")
    goal = Row("sign-256-b", "goals", ours, theirs, floor=2, aim=3)
    other = Row("sign-one-256-b/nettle", "peers", ours, theirs)
    missing = Row("digest-63", "goals", ours, theirs, floor=1.5, aim=3)
    machine = {"item": "machine", "cpu": "a processor", "commit": "abc123"}
    records = [
        {**machine, "kernels": {"ec256": "fast"}, "rounds": 7, "seconds": 0.15},
        Result(goal, "met", spread(4000), spread(9876), spread(2.469)).record(),
        Result(other, "measured", spread(9), spread(8e5), spread(1)).record(),
        Result(missing, "absent", reason="not here").record(),
        {"summary": {"counts": {}}},
    ]
    results, chart = tmp_path / "results.jsonl", tmp_path / "chart.svg"
    results.write_text("".join(json.dumps(record) + "\n" for record in records))
    made = []
    for _ in range(2):
        subprocess.run([sys.executable, CHART, results, chart], check=True)
        made.append(chart.read_text(encoding="utf-8"))
    assert made[0] == made[1]
    for text in ("250 k/s", "1.25 k/s", ">2.47<", "a processor; ec256 fast", "abc123"):
        assert text in made[0]
    assert "digest-63" not in made[0]
