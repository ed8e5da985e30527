"""Stations at one campaign: 1, 2 and 4 workers on one PostgreSQL, and no loss.

python bench/stations.py [--subscribers 2000] [--workers 1 2 4] [--rounds 1]
                         [--store postgresql://...]

Makes the containers of invented subscribers (once for each number of them), begins a
campaign on them in PostgreSQL for each number of workers, and runs it until every
request lies in the outbox: jobs of procrastinate, new keys, new containers on the
disk, requests signed with both keys, and all of it in the journal.  Without --store a
server of its own is started, which waits for its disk.

After each run it is counted: one new container, one request, and one journalled key
for everybody.  A worker may be killed on the way (--kill); what that costs is in the
time.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from office import office, utc_now

from gostkey.measure.machine import facts
from gostkey.renewal import Campaign, FolderTransport
from gostkey.renewal.planning.csv_list import read_list
from gostkey.renewal.stations.station import Station
from gostkey.renewal.storage.store import Store

SERVER = Path(__file__).parents[1] / "tests" / "office" / "postgres_server.py"


@contextmanager
def server(store: str | None) -> Iterator[str]:
    """Give the address of a database."""
    if store is not None:
        yield store
        return
    cluster = runpy.run_path(str(SERVER))["Cluster"](durable=True)
    cluster.start()
    try:
        yield cluster.url(cluster.new_database())
    finally:
        cluster.remove()


def kill_one_after(seconds: float) -> None:
    """Kill a worker of this process, once."""

    def kill() -> None:
        time.sleep(seconds)
        me = os.getpid()
        children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
        if children:
            os.kill(int(children[0]), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()


def one_run(
    folder: Path, url: str, subscribers: int, workers: int, kill: float | None
) -> dict[str, Any]:
    """Run a campaign; return its time, and what was counted."""
    trial = office(folder, subscribers)
    run = folder / f"stations-{subscribers}-{time.time_ns()}"
    new = run / "new"
    new.mkdir(parents=True)
    transport = FolderTransport(run / "out", run / "in", trial.folder / "trusted")
    listing = read_list(trial.list)
    away = tuple(replace(one, destination=new) for one in listing.subscribers)
    listing = replace(listing, subscribers=away)
    place = run / "campaign"
    mark = "&" if "?" in url else "?"
    store = f"{url}{mark}campaign=bench-{time.time_ns()}"
    Campaign.begin_list(
        place, listing, transport, workers=min(workers, 2), store=store
    ).close()
    # The keys of the run before are not renewed twice, which is the point, but here.
    forget_claims(place)
    if kill is not None:
        kill_one_after(kill)
    began = time.perf_counter()
    Station(place, utc_now).work(workers=workers)
    seconds = time.perf_counter() - began
    check(place, new, run / "out", subscribers)
    return {
        "workers": workers,
        "seconds": round(seconds, 2),
        "a second": round(subscribers / seconds, 1),
        "killed": kill is not None,
    }


def forget_claims(place: Path) -> None:
    """Let the keys of the trial be renewed once more."""
    with Store.open(place) as store, store.database.writing() as connection:
        if connection.exec_driver_sql(
            "select to_regclass('gostkey_office.key_in_use')"
        ).scalar():
            connection.exec_driver_sql("truncate gostkey_office.key_in_use")


def check(place: Path, new: Path, out: Path, subscribers: int) -> None:
    """Stop if anybody was lost or done twice."""
    with Store.open(place) as store:
        states = store.count_states()
        ends = Counter(
            (one["step"], one["item_id"])
            for one in store.history()
            if one["phase"] == "after"
        )
        requests = {one.request_id for one in store.items()}
        folders = {one.new_folder for one in store.items()}
    faults = []
    if states != {"sent": subscribers}:
        faults.append(f"states: {states}")
    if doubles := [key for key, count in ends.items() if count > 1]:
        faults.append(f"done twice: {doubles[:5]}")
    if len(os.listdir(new)) != subscribers or len(folders) != subscribers:
        faults.append(f"{len(os.listdir(new))} containers")
    sent = {path.stem for path in out.iterdir()}
    if sent != requests or len(sent) != subscribers:
        faults.append(f"{len(sent)} requests sent, {len(requests)} made")
    if faults:
        raise SystemExit(f"lost or doubled: {'; '.join(faults)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--subscribers", type=int, default=2000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--store", help="a database; else a server is started")
    parser.add_argument(
        "--kill", type=float, help="kill a worker after so many seconds"
    )
    parser.add_argument("--folder", type=Path, default=Path("build/bench/office"))
    parser.add_argument("--json", type=Path, help="append the results here")
    wanted = parser.parse_args()
    with server(wanted.store) as url:
        results = [
            one_run(
                wanted.folder.absolute(), url, wanted.subscribers, workers, wanted.kill
            )
            for _ in range(wanted.rounds)
            for workers in wanted.workers
        ]
    first = results[0]["a second"]
    print(f"{wanted.subscribers} subscribers, from planned to sent, PostgreSQL")
    print(f"{'workers':>8} {'seconds':>9} {'a second':>9} {'ratio':>6}")
    for one in results:
        ratio = one["a second"] / first
        row = f"{one['workers']:>8} {one['seconds']:>9} {one['a second']:>9}"
        print(f"{row} {ratio:>6.2f}")
    print("nobody lost, nobody twice")
    if wanted.json is not None:
        record = {
            "machine": facts(),
            "subscribers": wanted.subscribers,
            "runs": results,
        }
        with wanted.json.open("a") as file:
            file.write(json.dumps(record, default=str) + "\n")


if __name__ == "__main__":
    main()
