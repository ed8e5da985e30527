"""`gostkey renew run --store`, `work`: the commands of several stations."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clusters import Cluster, cluster

from gostkey.renewal.storage.store import Store

from .conftest import Office, Run, command, environment
from .test_container import contents
from .test_renew import NOW, renew, statuses

__all__ = ["cluster"]

pytest.importorskip("procrastinate", reason="pip install 'gostkey[office]'")
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="stations fork: run it on Linux or macOS"
)
ALL = ["--exchanges-finished", "--no-input"]


def test_stations_share_a_campaign_from_the_command_line(
    run: Run, office: Office, tmp_path: Path, cluster: Cluster
) -> None:
    before = contents(office.root)
    url = cluster.url(cluster.new_database())
    first = renew(run, office, tmp_path, *ALL, "--store", url, "--json")
    assert first.code == 0, first.stderr
    assert statuses(first) == 4 * ["renewed"]
    after = contents(office.root)
    assert {name: after[name] for name in before} == before
    # Another machine, whose folder has the same name.
    folder = tmp_path / "elsewhere" / "campaign"
    joined = run("renew", "work", "--store", url, "--campaign", folder, *NOW, "--json")
    assert joined.code == 0, joined.stderr
    assert statuses(joined) == 4 * ["renewed"]
    # The folder remembers the address.
    status = run("renew", "status", "--campaign", folder, *NOW, "--json")
    assert status.record["counts"]["renewed"] == 4
    again = renew(run, office, tmp_path, *ALL, "--store", url, "--json")
    assert again.code == 3
    resumed = run("renew", "resume", "--campaign", folder, *NOW, "--no-input", "--json")
    assert resumed.code == 0, resumed.stderr


def test_stations_take_the_way_to_the_authority_that_was_corrected(
    run: Run, office: Office, tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.url(cluster.new_database())
    campaign = ["--campaign", tmp_path / "campaign", *NOW, "--no-input", "--json"]
    ran = run(
        *["renew", "run", "--csv", office.list, "--exchanges-finished", *campaign],
        # No file of TLS certificates: nothing is asked, and nothing waited for.
        *["--url", "https://127.0.0.1:1", "--url-ca", office.list],
        *["--trusted", office.tree, "--store", url],
    )
    assert ran.code == 3, ran.stderr
    ran = run("renew", "resume", *campaign, "--ca", office.authority)
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == 4 * ["renewed"]


def test_two_operators_begin_the_same_campaign(
    office: Office, tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.url(cluster.new_database())
    words = [
        *["renew", "run", "--csv", office.list, "--ca", office.authority, *ALL, *NOW],
        *["--store", url, "--campaign"],
    ]
    runs = [
        subprocess.Popen(
            command(*words, tmp_path / name / "campaign"),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    said = [one.communicate(timeout=120)[1].decode() for one in runs]
    codes = sorted(one.returncode for one in runs)
    # Locked while the other one works, refused after it.
    assert codes[0] == 0 and codes[1] in (3, 6), said
    refused = next(text for one, text in zip(runs, said, strict=True) if one.returncode)
    assert "there is a campaign" in refused or "another run works" in refused


def test_a_password_in_the_address_is_refused(run: Run, tmp_path: Path) -> None:
    url = "postgresql://gostkey:hunter2@localhost/gostkey"
    ran = run("renew", "status", "--store", url, "--campaign", tmp_path / "c", "--json")
    assert ran.code == 3
    assert "hunter2" not in ran.stdout + ran.stderr
    assert "--store-password-file" in ran.error["message"]


def test_a_server_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    url = f"postgresql://gostkey@/gostkey?host={tmp_path}"
    ran = run("renew", "work", "--store", url, "--campaign", tmp_path / "c", "--json")
    assert ran.code == 4, ran.stderr
    assert "see that PostgreSQL runs" in ran.error["message"]


def test_an_interrupted_station_ends_and_another_goes_on(
    run: Run, office: Office, tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.url(cluster.new_database())
    words = [
        *["renew", "run", "--csv", office.list, "--ca", office.authority, *ALL, *NOW],
        *["--store", url, "--campaign", tmp_path / "campaign"],
    ]
    first = subprocess.Popen(
        command(*words), env=environment(), stderr=subprocess.PIPE, text=True
    )
    while first.poll() is None and not Store.exists(tmp_path / "campaign", url):
        time.sleep(0.1)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode in (0, 130), said
    ran = run("renew", "work", "--campaign", tmp_path / "campaign", *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == 4 * ["renewed"]
