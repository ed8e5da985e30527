"""An office's campaign from plan to requested, beside the openssl command line.

python bench/office.py [--subscribers 1000 10000] [--repeats 5] [--peer 200]

Makes the containers of invented subscribers (once for each number of them), then
plans their renewal from a CSV list, begins a campaign and runs it until every
request is in the store: new keys, new containers on the disk, requests signed with
both keys and checked, and nothing sent.  The peer does genpkey, req and cms for each
subscriber with the GOST engine, pinned to one core, without reading a container and
without waiting for the disk.  The containers that are renewed are in the system's
memory: each run reads them before its time begins.  With repeats the peer runs after
each of ours, and the medians of these pairs are told at the end.

Nothing is deleted: ext4 is slow for minutes after thousands of files were.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gostkey.measure.machine import facts
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, FolderTransport
from gostkey.renewal.key_steps import MakeKey, MakeRequest
from gostkey.renewal.planning.csv_list import read_list
from gostkey.renewal.planning.spooled import SpooledPlan
from gostkey.renewal.storage.store import Store
from gostkey.renewal.trial import Trial, make_trial

CURVE = "A"
"""The engine's name of the curve that most of the trial's keys are on."""

ENGINE = """\
openssl_conf = all
[all]
engines = engines
[engines]
gost = gost
[gost]
engine_id = gost
default_algorithms = ALL
[req]
distinguished_name = name
[name]
"""


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


# -- ours ---------------------------------------------------------------------


def office(folder: Path, subscribers: int) -> Trial:
    """Make the trial of so many subscribers, unless it is there."""
    trial = make_trial(folder / f"trial-{subscribers}", subscribers, at=utc_now())
    trusted = trial.folder / "trusted"
    if not trusted.exists():
        trusted.mkdir()
        with CertificateAuthority.open(trial.authority) as authority:
            (trusted / "ca.cer").write_bytes(authority.certificate.der)
            (trusted / "ca.crl").write_bytes(authority.crl(utc_now()))
    return trial


def list_with_medium(trial: Trial, medium: Path) -> Path:
    """Write the trial's list again, with a folder for the new containers."""
    header, *rows = trial.list.read_text("utf-8-sig").splitlines()
    path = trial.list.with_name(f"{medium.parent.name}.csv")
    lines = [f"{header};medium", *(f"{row};{medium}" for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_all(folder: Path) -> None:
    """Have the system read all files, so that it has them in its memory."""
    for path, _, names in os.walk(folder):
        for name in names:
            Path(path, name).read_bytes()


def processor() -> float:
    """Give the processor time of this process and of those that it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(one) for one in whose]
    return sum(one.ru_utime + one.ru_stime for one in usages)


@contextmanager
def timed(into: dict[str, Any], name: str) -> Iterator[None]:
    wall, used = time.perf_counter(), processor()
    yield
    into[name] = {"wall": time.perf_counter() - wall, "processor": processor() - used}


def timed_method(kind: type, method: str, shares: dict[str, float], name: str) -> None:
    """Have a method's processor time added up."""
    original: Callable[..., Any] = getattr(kind, method)

    def measured(*arguments: Any) -> Any:
        used = processor()
        try:
            return original(*arguments)
        finally:
            shares[name] = shares.get(name, 0.0) + processor() - used

    setattr(kind, method, measured)


def inner(folder: Path, subscribers: int, workers: int) -> dict[str, Any]:
    """Run one campaign in this process; return its times."""
    trial = office(folder, subscribers)
    run = folder / f"run-{subscribers}-{time.time_ns()}"
    new = run / "new"
    new.mkdir(parents=True)
    # Each run renews the same keys, which no other campaign may have claimed.
    os.environ["GOSTKEY_STATE"] = str(run / "state")
    shares: dict[str, float] = {}
    if workers == 1:
        for kind, name in ((MakeKey, "keyed"), (MakeRequest, "requested")):
            timed_method(kind, "prepare", shares, f"{name}, prepared")
            timed_method(kind, "run", shares, name)
        timed_method(Store, "record", shares, "journal")
    phases: dict[str, Any] = {}
    transport = FolderTransport(run / "out", run / "in", trial.folder / "trusted")
    names = list_with_medium(trial, new)
    # Or a run would wait for what others have pushed out of the system's memory.
    read_all(trial.folder / "containers")
    with timed(phases, "list"):
        listing = read_list(names)
    with timed(phases, "plan"):
        # As `gostkey renew run` does: the plan waits on the disk while random input
        # is gathered.
        with SpooledPlan.of(listing, utc_now(), workers=workers) as plan:
            campaign = Campaign.begin(run / "campaign", plan, transport)
    del listing
    with campaign, timed(phases, "keys and requests"):
        counts = campaign.make_requests(workers=workers)
    if counts != {"requested": subscribers} or len(os.listdir(new)) != subscribers:
        raise SystemExit(f"not all were requested: {counts}")
    usages = [
        resource.getrusage(one).ru_maxrss / 1024
        for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return {
        "phases": phases,
        "shares": shares,
        "memory": usages[0],
        "memory of a worker": usages[1] if workers > 1 else 0,
    }


def ours(asked: argparse.Namespace, number: int, cores: set[int]) -> dict[str, Any]:
    """Run one campaign in a new process on some cores."""
    command = [sys.executable, __file__, "--inner", "--folder", str(asked.folder)]
    command += ["--subscribers", str(number)]
    command += ["--workers", str(asked.workers)]
    os.sched_setaffinity(0, cores)
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        while running.poll() is None:
            peak = max(peak, memory_of(running.pid))
            # To look is felt: it takes milliseconds for each process.
            time.sleep(0.2 if number < 10_000 else 2)
        assert running.stdout is not None
        answer = running.stdout.read()
    if running.returncode:
        raise SystemExit(running.returncode)
    return {**json.loads(answer), "peak": peak}


def memory_of(process: int) -> float:
    """Give the memory of a process and its children, MiB; what they share counts once.

    Linux only; 0.0 elsewhere.
    """
    total = 0.0
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1024
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = {n for one in tasks for n in (one / "children").read_text().split()}
    except OSError:  # it has just ended
        return total
    return total + sum(memory_of(int(child)) for child in children)


# -- theirs -------------------------------------------------------------------


def theirs(folder: Path, count: int, core: int) -> dict[str, float]:
    """Make keys, requests and signed messages with the openssl command."""
    place = folder / f"peer-{time.time_ns()}"
    place.mkdir(parents=True)
    (place / "gost.cnf").write_text(ENGINE, encoding="utf-8")
    environment = {**os.environ, "OPENSSL_CONF": str(place / "gost.cnf")}
    openssl = shutil.which("openssl") or "openssl"
    os.sched_setaffinity(0, {core})

    def run(*arguments: str) -> None:
        subprocess.run(
            [openssl, *arguments],
            cwd=place,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def new_key(name: str) -> None:
        algorithm = ["-algorithm", "gost2012_256", "-pkeyopt", f"paramset:{CURVE}"]
        run("genpkey", *algorithm, "-out", name)

    subject = "/C=RU/L=Moscow/O=OOO Vector/CN=Ivanov Ivan/emailAddress=i@example.ru"
    # One old key for all: its making is no part of a renewal.
    new_key("old.pem")
    run("req", "-new", "-x509", "-key", "old.pem", "-subj", subject, "-out", "old.cer")
    times: dict[str, Any] = {}
    with timed(times, "all"):
        for number in range(count):
            key, request, signed = (f"{number}.{end}" for end in ("pem", "p10", "p7m"))
            new_key(key)
            run("req", "-new", "-key", key, "-subj", subject, "-out", request)
            run(
                *("cms", "-sign", "-binary", "-nodetach", "-outform", "DER"),
                *("-signer", "old.cer", "-inkey", "old.pem"),
                *("-in", request, "-out", signed),
            )
    if not (place / f"{count - 1}.p7m").stat().st_size:
        raise SystemExit("openssl made nothing")
    return dict(times["all"])


# -- the table ----------------------------------------------------------------


def tell(asked: argparse.Namespace, n: int, run: dict[str, Any]) -> dict[str, float]:
    """Print a run; return its seconds."""
    total = {"wall": 0.0, "processor": 0.0}
    for name, phase in run["phases"].items():
        print(
            f"  {name:22} wall {phase['wall'] / n * 1e6:7.0f} us each"
            f"   processor {phase['processor'] / n * 1e6:7.0f} us each"
        )
        for kind in total:
            total[kind] += phase[kind]
    print(
        f"  {'plan to requested':22} wall {n / total['wall']:7.0f} /s"
        f"        processor {n / total['processor']:7.0f} /s of one core"
    )
    used = sum(run["shares"].values())
    for name, share in run["shares"].items():
        print(f"    {name:20} {share / n * 1e6:7.0f} us each  {share / used:5.1%}")
    print(
        f"  peak memory, MiB: {run['peak']:.0f} all processes, shared pages once; "
        f"{run['memory']:.0f} the first, {run['memory of a worker']:.0f} a worker"
    )
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--subscribers", type=int, nargs="+", default=[1000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer", type=int, default=200, help="0: without the peer")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/bench/office"))
    parser.add_argument("--inner", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.folder = asked.folder.absolute()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.inner:
        print(json.dumps(inner(asked.folder, *asked.subscribers, asked.workers)))
        return
    for name, value in facts().items():
        print(f"{name:10} {value}")
    cores = set(sorted(os.sched_getaffinity(0))[-2:] if asked.workers > 1 else [])
    cores = cores or {max(os.sched_getaffinity(0))}
    all_cores = os.sched_getaffinity(0)
    for number in asked.subscribers:
        office(asked.folder, number)
    pairs: dict[int, list[dict[str, float]]] = {}
    for number in asked.subscribers * asked.repeats:
        print(
            f"\n{number} subscribers, {asked.workers} workers, "
            f"{len(cores)} cores, load {os.getloadavg()[0]:.1f}"
        )
        mine = tell(asked, number, ours(asked, number, cores))
        if not asked.peer:
            continue
        os.sched_setaffinity(0, all_cores)
        other = theirs(asked.folder, asked.peer, max(cores))
        os.sched_setaffinity(0, all_cores)
        rates = {kind: number / mine[kind] for kind in mine}
        peers = {kind: asked.peer / other[kind] for kind in other}
        print(
            f"  openssl, one core      wall {peers['wall']:7.1f} /s"
            f"        processor {peers['processor']:7.1f} /s of one core"
        )
        print(
            f"  ratio                  wall {rates['wall'] / peers['wall']:7.1f}"
            f"           processor {rates['processor'] / peers['processor']:7.1f}"
            f", core for core"
        )
        pairs.setdefault(number, []).append(
            {
                "a second": rates["wall"],
                "openssl": peers["wall"],
                "ratio": rates["wall"] / peers["wall"],
                "processor time each, ms": 1000 / rates["processor"],
                "ratio, core for core": rates["processor"] / peers["processor"],
            }
        )
    for number, its in pairs.items():
        tell_pairs(number, its)


def tell_pairs(number: int, pairs: list[dict[str, float]]) -> None:
    """Print the medians of some pairs, with the least and the greatest of each."""
    print(f"\n{number} subscribers, {len(pairs)} pairs: median (min, max)")
    for name in pairs[0]:
        found = [one[name] for one in pairs]
        middle, least, most = statistics.median(found), min(found), max(found)
        print(f"  {name:25} {middle:9.2f} ({least:.2f}, {most:.2f})")


if __name__ == "__main__":
    main()
