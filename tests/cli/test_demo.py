"""`gostkey demo` renews invented subscribers, and survives being killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gostkey.pki.ca import CertificateAuthority

from .conftest import Run, command, environment

N = 12


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "demo"
    done = subprocess.run(
        command("demo", "--subscribers", N, "--folder", folder),
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder


def table(run: Run, folder: Path) -> list[tuple[str, str, str, str]]:
    ran = run("renew", "report", "--campaign", folder, "--json")
    return [
        (one["owner"], Path(one["item"]).name, one["slot"], one["status"])
        for one in ran.records
        if "summary" not in one
    ]


def test_a_demo_ends_in_a_table_of_renewed_keys(
    run: Run, shell: Run, undisturbed: Path, tmp_path: Path
) -> None:
    rows = table(run, undisturbed)
    assert len(rows) == N
    assert {row[3] for row in rows} == {"renewed"}
    whole = (undisturbed / "report.txt").read_text(encoding="utf-8")
    saved = whole.partition("\n\nrandom numbers\n")[0].splitlines()
    assert len(saved) == N + 1
    assert all(line.endswith("renewed") for line in saved[1:])
    ran = shell("demo", "--subscribers", N, cwd=tmp_path)
    assert ran.code == 0, ran.stderr
    lines = ran.stdout.splitlines()
    # Heading, ten rows with the gap, an empty line, the times, the file.
    assert "... 2 more keys ..." in ran.stdout
    assert sum(line.endswith("renewed") for line in lines) == 10
    assert lines[-2].startswith("set-up ") and lines[-2].endswith(" keys/s")
    assert lines[-1] == f"the whole table: {Path('gostkey-demo', 'report.txt')}"


def test_the_json_of_a_demo_holds_times_and_counts(run: Run, tmp_path: Path) -> None:
    ran = run("demo", "--subscribers", 2, "--folder", tmp_path / "demo", "--json")
    assert ran.code == 0, ran.stderr
    *rows, last = ran.records
    assert [one["status"] for one in rows] == ["renewed", "renewed"]
    assert last["summary"]["counts"]["renewed"] == 2
    assert last["summary"]["renewal_seconds"] > 0
    assert last["summary"]["keys_per_second"] > 0


def test_a_finished_demo_is_replaced_or_kept(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    making = ["demo", "--subscribers", 1, "--folder", folder]
    assert run(*making).code == 0
    first = run("renew", "report", "--campaign", folder, "--json").records[0]
    # As a kill leaves it in the last moment of a demo.
    half = folder / ".report.txt.4321.new"
    half.write_text("half a rep")
    assert run(*making, "--keep").code == 0
    kept = run("renew", "report", "--campaign", folder, "--json").records[0]
    assert kept == first
    assert (tmp_path / "demo-2" / "report.txt").is_file()
    assert run(*making).code == 0
    assert not half.exists()
    new = run("renew", "report", "--campaign", folder, "--json").records[0]
    assert new["request_id"] != first["request_id"]


def test_somebody_elses_folder_is_left_alone(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    making = ["demo", "--subscribers", 1, "--folder", folder, "--json"]
    ran = run(*making)
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")
    assert "thesis.txt" in ran.error["message"]
    (folder / "thesis.txt").unlink()
    assert run(*making).code == 0
    # A finished demo to which somebody has added something is his as well.
    (folder / "thesis.txt").write_text("years of work")
    assert run(*making).code == 3
    assert (folder / "thesis.txt").read_text() == "years of work"
    assert run("renew", "report", "--campaign", folder).code == 0
    file = tmp_path / "file"
    file.write_text("x")
    assert run("demo", "--folder", file).code == 3


def killed_demo(folder: Path, moment: str, delay: float) -> bool:
    """Start a demo and kill it; say whether it was still at work."""
    process = subprocess.Popen(
        command("demo", "--subscribers", N, "--folder", folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    sign = folder / ("trial.part" if moment == "set-up" else "trial")
    deadline = time.monotonic() + 300
    while not sign.exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    return process.wait() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL (POSIX)")
@pytest.mark.parametrize("moment", ["set-up", "early", "middle", "late"])
def test_a_killed_demo_is_resumed_to_the_same_table(
    run: Run, undisturbed: Path, tmp_path: Path, moment: str
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    # The shares of a renewal that takes about as long as the undisturbed one.
    shares = {"set-up": (0, 0.1), "early": (0, 0.2), "middle": (0.2, 0.6)}
    low, high = shares.get(moment, (0.6, 1.0))
    began = (undisturbed / "trial").stat().st_ctime
    length = max((undisturbed / "report.txt").stat().st_mtime - began, 0.05)
    delay = random.Random(seed).uniform(low, high) * length
    folder = tmp_path / "demo"
    if killed_demo(folder, moment, delay):
        again = run("demo", "--subscribers", N, "--folder", folder, "--json")
        if again.code != 0:
            assert again.error["code"] == "campaign_error"
            assert "renew resume" in again.error["message"]
    ran = run("renew", "resume", "--campaign", folder)
    assert ran.code == 0, ran.stdout + ran.stderr
    # Nobody was asked for random input before, so nobody is now.
    assert "generator serves alone" not in ran.stderr
    assert table(run, folder) == table(run, undisturbed)
    # No second key, container or certificate for anyone.
    with CertificateAuthority.open(folder / "trial" / "ca") as authority:
        assert len(authority.certificates()) == 2 * N
    found = run("container", "list", "--json", folder / "trial" / "containers")
    assert found.code == 0
    assert len(found.records) == 2 * N
    # And now that it is finished, it can be replaced.
    assert run("demo", "--subscribers", 1, "--folder", folder).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT (POSIX)")
def test_an_interrupted_demo_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        command("demo", "--subscribers", 200, "--folder", folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    while not (folder / "trial.part").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"gostkey renew resume --campaign {folder}" in told.decode()
    assert b"Traceback" not in told


def test_a_reader_who_goes_away_does_not_stop_the_renewal(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        command("demo", "--subscribers", 3, "--folder", folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(120) == 0
    assert b"Traceback" not in told
    assert {row[3] for row in table(run, folder)} == {"renewed"}
