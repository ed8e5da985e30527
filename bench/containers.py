"""Containers on one core: opened a second with passwords, and listed from a cold disk.

    python bench/containers.py [--open 1000] [--list 10000] [--repeats 3]

Opening is measured with each family of kernels that this machine can run, together
(`open_many`) and one after the other; it is processor time, so that what else the
machine does counts less.  Listing is the whole command on a folder tree, by the
clock; before each run, as root, the system forgets what it has read of the disk.
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
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from gostkey import bindings
from gostkey.containers import Container, OpenContainer, build_container, open_many
from gostkey.measure.machine import facts
from gostkey.renewal.trial import make_trial
from gostkey.signing import SigningKey

IN_A_FOLDER = 100


def locked(count: int) -> tuple[list[Container], list[str]]:
    """Make containers with passwords of their own."""
    containers, passwords = [], []
    for number in range(count):
        password = f"Office-{number:06}"
        with SigningKey.generate() as key:
            files = build_container(f"bench-{number:06}", key, password=password)
        containers.append(Container.parse(files))
        passwords.append(password)
    return containers, passwords


def opened(containers: list[Container], passwords: list[str], together: bool) -> float:
    """Return how many were opened in a second of processor time."""
    start = time.process_time()
    if together:
        results = open_many(containers, passwords)
    else:
        results = [
            one.open(password)
            for one, password in zip(containers, passwords, strict=True)
        ]
    spent = time.process_time() - start
    for one in results:
        if not isinstance(one, OpenContainer):
            raise SystemExit(f"not opened: {one}")
        one.close()
    return len(containers) / spent


def forget_disk() -> bool:
    """Let the system forget what it has read; only root may."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def make_tree(folder: Path, count: int) -> Path:
    """Make containers with certificates, a hundred in a folder."""
    made = make_trial(folder / "trial", count, at=datetime.now(timezone.utc))
    tree = folder / "tree"
    for number, container in enumerate(sorted(made.containers.iterdir())):
        place = tree / f"{number // IN_A_FOLDER:04}"
        place.mkdir(parents=True, exist_ok=True)
        container.rename(place / container.name)
    return tree


def listed(tree: Path, count: int) -> tuple[float, float]:
    """Return the seconds of a listing by the clock, and of the processor."""
    command = [sys.executable, "-m", "gostkey.cli", "container", "list", "--json"]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        child = subprocess.Popen([*command, str(tree)], stdout=said)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        said.seek(0)
        found = sum(json.loads(line)["status"] == "done" for line in said)
    if status != 0 or found != count:
        raise SystemExit(f"status {status}, {found} containers of {count}")
    return wall, usage.ru_utime + usage.ru_stime


def shown(unit: str, values: list[float]) -> str:
    low, high = min(values), max(values)
    middle = statistics.median(values)
    digits = 0 if middle >= 100 else 1
    return (
        f"median {middle:8.{digits}f} {unit}   min {low:.{digits}f}"
        f"   max {high:.{digits}f}"
    )


def bench_opening(count: int, repeats: int) -> None:
    containers, passwords = locked(count)
    for family in bindings.kernel_names():
        if not bindings.select_kernels(family):
            continue
        for together in (True, False):
            few = count if together else max(1, count // 10)
            values = [
                opened(containers[:few], passwords[:few], together)
                for _ in range(repeats)
            ]
            how = f"{few} together" if together else "one by one"
            print(f"  open, {family:12} {how:14} {shown('/s', values)}")
    bindings.select_kernels(bindings.kernel_names()[0])


def bench_listing(count: int, repeats: int) -> None:
    # Not in memory, as /tmp may be.
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        tree = make_tree(Path(name), count)
        for cold in (True, False):
            if cold and not forget_disk():
                print("  list, cold: needs root, to let the system forget the disk")
                continue
            runs: list[tuple[float, float]] = []
            for _ in range(repeats):
                if cold:
                    forget_disk()
                runs.append(listed(tree, count))
            state = "cold" if cold else "warm"
            for what, index in (("clock", 0), ("processor", 1)):
                values = [run[index] for run in runs]
                print(f"  list {count}, {state}, {what:9}  {shown('s', values)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, default=1000, metavar="N")
    parser.add_argument("--list", type=int, default=10_000, metavar="N")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name, value in facts().items():
        print(f"{name:10} {value}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{'load':10} {load:.1f}\n\n{' '.join(['python', *sys.argv])}")
    jobs: list[tuple[Callable[[int, int], None], int]] = [
        (bench_opening, asked.open),
        (bench_listing, asked.list),
    ]
    for job, count in jobs:
        if count:
            job(count, asked.repeats)


if __name__ == "__main__":
    main()
