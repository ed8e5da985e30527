"""The demo on one core: its own times, processor time and the peak of memory.

python bench/demo.py [--repeats 3] [--subscribers 1000]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gostkey.measure.machine import facts


def run_once(command: list[str], subscribers: int) -> dict[str, float]:
    """Run the command in a folder of its own; return seconds, and MiB."""
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "said", "w+", encoding="utf-8") as said:
            start = time.perf_counter()
            child = subprocess.Popen(
                command, cwd=folder, stdout=said, stderr=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - start
            said.seek(0)
            last = said.read().splitlines()[-1:]
    if status != 0 or not last:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    summary = json.loads(last[0])["summary"]
    if summary["counts"]["renewed"] != subscribers:
        raise SystemExit(f"not all were renewed: {summary['counts']}")
    return {
        "renewal": summary["renewal_seconds"],
        "set-up before it": summary["setup_seconds"],
        "all, start of Python included": wall,
        "processor time of all": usage.ru_utime + usage.ru_stime,
        "peak memory": usage.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--subscribers", type=int, default=1000)
    asked = parser.parse_args()
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    for name, value in facts().items():
        print(f"{name:10} {value}")
    command = [sys.executable, "-m", "gostkey.cli", "demo"]
    command += ["--subscribers", str(asked.subscribers), "--json"]
    runs = [run_once(command, asked.subscribers) for _ in range(asked.repeats)]
    print(f"\ngostkey demo --subscribers {asked.subscribers} ({asked.repeats} runs)")
    for name in runs[0]:
        values = [one[name] for one in runs]
        unit = "MiB" if name == "peak memory" else "s"
        print(
            f"  {name:30} median {statistics.median(values):7.1f} {unit}"
            f"   min {min(values):.1f}   max {max(values):.1f}"
        )


if __name__ == "__main__":
    main()
