"""gostkey beside the OpenSSL GOST engine, and the demo, on one core.

    python bench/side_by_side.py [sign] [streebog] [demo] [--pairs 15]

Ours and the peer's runs alternate, so that a change of clock speed or a busy
neighbour meets both; what is told is the median of each and the median of the
ratios of neighbours.  Both count processor time; all is pinned to one core.
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
from pathlib import Path

import machine

import gostkey
from gostkey import curves
from gostkey.backend import active

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "build" / "bench"
SECONDS = 0.5
CHECKS = ("sign", "streebog", "demo")


def build_peer() -> Path:
    """Compile peer_openssl.c if it is newer than what is there."""
    source, program = HERE / "peer_openssl.c", BUILT / "peer_openssl"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        command = ["gcc", "-std=c11", "-O2", str(source), "-o", str(program)]
        subprocess.run([*command, "-lcrypto"], check=True)
    return program


def peer(program: Path, what: str) -> float:
    """Let the engine run for SECONDS; return nanoseconds per operation."""
    done = subprocess.run(
        [program, what, str(SECONDS)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def ours(operation: Callable[[], object], chunk: int) -> float:
    """Run an operation for SECONDS; return nanoseconds for one."""
    count = 0
    start = time.process_time_ns()
    while (spent := time.process_time_ns() - start) < SECONDS * 1e9:
        for _ in range(chunk):
            operation()
        count += chunk
    return spent / count


def compare(
    title: str,
    unit: str,
    scale: float,
    operation: Callable[[], object],
    chunk: int,
    program: Path,
    what: str,
    pairs: int,
) -> None:
    ours(operation, chunk)  # warm-up
    peer(program, what)
    mine, theirs = [], []
    for _ in range(pairs):
        mine.append(ours(operation, chunk) * scale)
        theirs.append(peer(program, what) * scale)
    ratios = sorted(b / a for a, b in zip(mine, theirs, strict=True))
    print(f"\n{title} ({unit}; {pairs} alternating pairs of {SECONDS} s)")
    for name, values in (("gostkey", mine), ("engine", theirs)):
        print(
            f"  {name:8} median {statistics.median(values):9.2f}"
            f"   min {min(values):9.2f}   max {max(values):9.2f}"
        )
    print(
        f"  engine's time / ours: {statistics.median(ratios):.2f}"
        f"   (from {ratios[0]:.2f} to {ratios[-1]:.2f})",
        flush=True,
    )


def compare_sign(program: Path, pairs: int) -> None:
    curve = curves.get("tc26-256-b")
    key = gostkey.SigningKey.generate(curve.name)
    private = bytes(key.to_bytes())
    digest, fresh = bytes(range(32)), bytes(range(32))
    sign = active.elliptic.sign
    compare(
        "sign a digest on tc26-256-b, the portable C core called from Python",
        "microseconds",
        1e-3,
        lambda: sign(curve.index, private, digest, fresh),
        50,
        program,
        "sign",
        pairs,
    )
    compare(
        "the same by SigningKey.sign_digest, fresh random and checks included",
        "microseconds",
        1e-3,
        lambda: key.sign_digest(digest),
        50,
        program,
        "sign",
        pairs,
    )


def compare_streebog(program: Path, pairs: int) -> None:
    data = bytes(i * 131 % 256 for i in range(1 << 20))
    state = gostkey.streebog256()
    compare(
        "Streebog-256, one stream of public data",
        "ms a MiB",
        1e-6,
        lambda: state.update(data),
        1,
        program,
        "streebog256",
        pairs,
    )


def measure_demo(repeats: int, subscribers: int) -> None:
    """Run the whole command; take its own times, and the peak of its memory."""
    figures: dict[str, list[float]] = {
        "renewal": [],
        "set-up before it": [],
        "all, start of Python included": [],
        "processor time of all": [],
        "peak memory": [],
    }
    command = [sys.executable, "-m", "gostkey.cli", "demo"]
    command += ["--subscribers", str(subscribers), "--json"]
    for _ in range(repeats):
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
        figures["renewal"].append(summary["renewal_seconds"])
        figures["set-up before it"].append(summary["setup_seconds"])
        figures["all, start of Python included"].append(wall)
        figures["processor time of all"].append(usage.ru_utime + usage.ru_stime)
        figures["peak memory"].append(usage.ru_maxrss / 1024)
    print(f"\ngostkey demo --subscribers {subscribers} ({repeats} runs)")
    for name, values in figures.items():
        unit = "MiB" if name == "peak memory" else "s"
        print(
            f"  {name:30} median {statistics.median(values):7.1f} {unit}"
            f"   min {min(values):.1f}   max {max(values):.1f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", help=f"{', '.join(CHECKS)} (default: all)")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=3, help="runs of the demo")
    parser.add_argument("--subscribers", type=int, default=1000)
    asked = parser.parse_args()
    what = asked.what or list(CHECKS)
    if unknown := set(what) - set(CHECKS):
        parser.error(f"{', '.join(unknown)}: not one of {', '.join(CHECKS)}")

    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    for name, value in machine.facts().items():
        print(f"{name:10} {value}")
    program = build_peer()
    version = subprocess.run([program, "version"], capture_output=True, text=True)
    print(f"{'peer':10} {version.stdout.strip()}")
    print(f"{'pinned to':10} CPU {core}; load {os.getloadavg()[0]:.2f}")
    if "sign" in what:
        compare_sign(program, asked.pairs)
    if "streebog" in what:
        compare_streebog(program, asked.pairs)
    if "demo" in what:
        measure_demo(asked.repeats, asked.subscribers)


if __name__ == "__main__":
    main()
