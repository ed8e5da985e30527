"""`--config`, limits and `check-config` on the command line."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest

from gostkey.cli.renew_commands import renew_command
from gostkey.renewal.configuration import TABLES
from gostkey.renewal.transports import CommandTransport, HttpTransport, hooks
from gostkey.renewal.transports.http.client import CONNECTIONS
from gostkey.renewal.transports.patience import Patience

from .conftest import Office, Run, command, environment
from .test_renew import NOW, statuses


@pytest.fixture
def config(office: Office, tmp_path: Path) -> Path:
    """A configuration for the office's list and its own authority."""
    path = tmp_path / "renew.toml"
    path.write_text(
        f'[source]\ncsv = "{office.list.relative_to(tmp_path)}"\n'
        f'[authority]\nca = "{office.authority.relative_to(tmp_path)}"\n'
        '[campaign]\nfolder = "campaign"\n[random]\nno_input = true\n'
        '[limits]\nkeys = 3\nrate = "100/s"\n'
    )
    return path


def test_a_run_takes_its_options_from_the_file(
    run: Run, config: Path, tmp_path: Path
) -> None:
    ran = run("renew", "run", "--config", config, *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert sorted(statuses(ran)) == 3 * ["renewed"] + ["unfinished"]
    assert "the limit of 3 keys is reached; 1 are left" in ran.stderr
    ran = run("renew", "resume", "--config", config, *NOW, "--json")
    assert statuses(ran) == 4 * ["renewed"]
    assert (tmp_path / "campaign").is_dir()


def test_the_command_line_wins(
    run: Run, config: Path, office: Office, tmp_path: Path
) -> None:
    ran = run(
        *["renew", "run", "--config", config, "--limit", "1", *NOW, "--json"],
        *["--campaign", tmp_path / "other"],
    )
    assert ran.code == 0, ran.stderr
    assert sorted(statuses(ran)) == ["renewed"] + 3 * ["unfinished"]
    assert not (tmp_path / "campaign").exists()
    # Another source and another authority take the place of the file's, whole.
    ran = run(
        *["renew", "run", office.container(2), "--exchanges-finished"],
        *["--config", config, "--outbox", tmp_path / "o", "--inbox", tmp_path / "i"],
        *["--trusted", tmp_path / "t", "--campaign", tmp_path / "third", *NOW],
        "--json",
    )
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == ["waiting"]
    assert len(list((tmp_path / "o").iterdir())) == 1


def test_every_key_of_the_file_stands_for_an_option_of_the_run() -> None:
    options = {one.name for one in renew_command.commands["run"].params}
    assert {key.option for table in TABLES for key in table.keys} <= options


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\nkyes = 3\n", "did you mean limits.keys"),
        ("[limits\n", "line 1: is not TOML"),
        ('[limits]\nrate = "fast"\n', "must be a rate"),
    ],
)
def test_a_wrong_file_is_wrong_use(
    run: Run, config: Path, text: str, told: str
) -> None:
    config.write_text(text)
    ran = run("renew", "run", "--config", config, "--json")
    assert ran.code == 1 and told in ran.error["message"]
    ran = run("renew", "check-config", config, "--json")
    assert ran.code in (2, 3)
    assert told in str(ran.records)


@pytest.mark.parametrize(
    "options",
    [
        ["--rate", "fast"],
        ["--limit", "0"],
        ["--quiet-hours", "8-9"],
        ["--quiet-hours", "00:00-24:00"],
        ["--max-failures", "no"],
    ],
)
def test_limits_that_are_none_are_wrong_use(run: Run, options: list[str]) -> None:
    assert run("renew", "run", *options).code == 1


def test_a_configuration_is_checked(run: Run, config: Path) -> None:
    ran = run("renew", "check-config", config, "--connect")
    assert ran.code == 0, ran.stderr
    assert "can be used" in ran.stdout
    text = config.read_text()
    config.write_text(text.replace("keys = 3", "kyes = 3").replace("trial/ca", "no"))
    ran = run("renew", "check-config", config, "--json")
    assert ran.code == 2
    assert [(one["line"], one["key"]) for one in ran.records] == [
        (4, "authority.ca"),
        (10, "limits.kyes"),
    ]
    assert all(one["error"]["hint"] for one in ran.records)
    assert "2 things are wrong" in ran.stderr
    assert run("renew", "check-config", config.with_name("absent.toml")).code == 3


def test_an_authority_that_does_not_answer_is_told_when_asked(
    run: Run, config: Path, tmp_path: Path
) -> None:
    for name in ("i", "t"):
        (tmp_path / name).mkdir()
    config.write_text('[authority]\noutbox = "o"\ninbox = "i"\ntrusted = "t"\n')
    assert run("renew", "check-config", config).code == 0
    ran = run("renew", "check-config", config, "--connect", "--json")
    assert ran.code == 2
    no_source, no_root = ran.records
    assert no_source["status"] == "warning"
    assert "no root certificate" in no_root["error"]["message"]
    assert no_root["line"] == 1


def test_too_many_failures_end_a_run_with_the_reason(
    run: Run, office: Office, tmp_path: Path
) -> None:
    for number in range(4):
        container = office.container(number)
        (container / "primary.key").write_bytes(b"")
        (container / "primary2.key").write_bytes(b"")
    ran = run(
        *["renew", "run", "--csv", office.list, "--ca", office.authority, *NOW],
        *["--campaign", tmp_path / "c", "--max-failures", "2", "--json"],
    )
    assert ran.code == 3
    assert "2 of 2 keys failed" in ran.stderr
    assert sorted(statuses(ran)) == 2 * ["failed"] + 2 * ["unfinished"]


@pytest.mark.skipif(os.name != "posix", reason="needs signals: run it on Linux")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_run_that_is_asked_to_end_can_be_resumed_and_is_signed(
    run: Run, office: Office, tmp_path: Path, name: str
) -> None:
    came, trusted = tmp_path / "came", tmp_path / "trusted"
    trusted.mkdir()
    shutil.copy(office.root_certificate, trusted / "ca.cer")
    campaign = tmp_path / "campaign"
    child = subprocess.Popen(
        command(
            *["renew", "run", "--csv", office.list, "--exchanges-finished", *NOW],
            *["--submit-command", f"sh -c 'touch {came}; sleep 600' {{request}}"],
            *["--fetch-command", "sh -c 'exit 75' {answer}", "--trusted", trusted],
            *["--campaign", campaign, "--no-input"],
        ),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Whoever runs the tests may ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    while not came.exists():
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    told = _end(child, getattr(signal, name))
    assert child.returncode == 130, told.decode()
    assert f"gostkey renew resume --campaign {campaign}" in told.decode()
    ran = run("renew", "report", "--campaign", campaign, *NOW, "--verify")
    assert ran.code == 0, ran.stdout + ran.stderr
    ran = run("renew", "report", "--campaign", campaign, *NOW, "--json")
    assert statuses(ran) == 4 * ["unfinished"]


def _end(child: subprocess.Popen[bytes], number: int) -> bytes:
    """Send a signal to a run and all its processes; give its last words."""
    for _ in range(5):
        os.killpg(child.pid, number)
        # Python may hear of it only at the next one, if it came just before a wait.
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=30)[1]
    raise AssertionError("the run does not end")


# -- watching -----------------------------------------------------------------


def test_once_begins_a_campaign_of_the_day(
    run: Run, config: Path, tmp_path: Path
) -> None:
    with config.open("a") as more:
        more.write('[report]\nmetrics = "figures.prom"\n')
    watch = ["renew", "run", "--watch", "--once", "--config", config, *NOW]
    ran = run(*watch)
    assert ran.code == 0, ran.stderr
    assert "renewed" in (tmp_path / "figures.prom").read_text()
    assert "4 keys have become due" in ran.stderr and "3 renewed" in ran.stderr
    folder = tmp_path / "campaign" / "2026-06-01"
    ran = run("renew", "report", "--campaign", folder, *NOW, "--json")
    assert sorted(statuses(ran)) == 3 * ["renewed"] + ["unfinished"]
    # The limit is that of the day, however often a timer begins a round.
    assert run(*watch).code == 0
    assert [one.name for one in (tmp_path / "campaign").iterdir() if one.is_dir()] == [
        "2026-06-01"
    ]
    ran = run("renew", "report", "--campaign", folder, *NOW, "--json")
    assert sorted(statuses(ran)) == 3 * ["renewed"] + ["unfinished"]
    assert run(*watch, "--at", "2026-06-02T09:00:00+03:00").code == 0
    ran = run("renew", "report", "--campaign", folder, *NOW, "--json")
    assert statuses(ran) == 4 * ["renewed"]


@pytest.mark.parametrize(
    "more",
    [["--plan", "x"], ["--store", "postgresql://x/y"], ["--receive-every", "soon"]],
)
def test_what_does_not_go_with_a_watch_is_wrong_use(
    run: Run, config: Path, more: list[str]
) -> None:
    ran = run("renew", "run", "--watch", "--config", config, *more)
    assert ran.code == 1
    # The refusal of --store says what is used in its place.
    assert ("renew work --watch --store URL" in ran.stderr) == ("--store" in more)


def test_a_watch_that_can_never_have_anything_to_do_is_wrong_use(
    run: Run, config: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    alone = ["renew", "run", "--watch", "--campaign", folder, *NOW]
    for more in ([], ["--once"], ["--ca", tmp_path / "ca"]):
        ran = run(*alone, *more)
        assert ran.code == 1 and "whose keys?" in ran.stderr
        assert not folder.exists()
    # With a campaign there is something to go on with.
    assert run("renew", "run", "--config", config, *NOW).code == 0
    assert run(*alone, "--once").code == 0


def test_once_alone_is_wrong_use(run: Run) -> None:
    assert run("renew", "run", "--once").code == 1


@pytest.mark.parametrize(
    "source", ['csv = "absent.csv"', 'folder = "absent"', 'csv = "misspelt.csv"']
)
def test_a_source_that_cannot_be_looked_through_is_no_success(
    run: Run, config: Path, tmp_path: Path, source: str
) -> None:
    (tmp_path / "misspelt.csv").write_text("kontainer\na.000\n")
    lines = config.read_text().splitlines()
    lines[1] = source
    config.write_text("\n".join(lines))
    ran = run("renew", "run", "--watch", "--once", "--config", config, *NOW)
    assert ran.code == 3
    assert "cannot be looked through" in ran.stderr


def test_rows_that_cannot_be_used_are_told_with_line_and_cause(
    run: Run, config: Path, office: Office
) -> None:
    lines = office.list.read_text("utf-8-sig").splitlines()
    at = lines[0].split(";").index("exchanges_finished")
    unconfirmed = lines[2].split(";")
    unconfirmed[at] = "no"
    lines[2] = ";".join(unconfirmed)
    lines[3] = '"' + lines[3]
    office.list.write_text("\n".join(lines) + "\n", "utf-8-sig")
    watch = ["renew", "run", "--watch", "--once", "--config", config, *NOW]
    ran = run(*watch)
    assert ran.code == 2, ran.stderr
    assert "line 4 of the list: " in ran.stderr and "quotation marks" in ran.stderr
    assert f"line 3 of {office.list.name}: " in ran.stderr
    ran = run(*watch, "--json")
    assert ran.code == 2
    *left, done = ran.records
    assert [one["error"]["code"] for one in left] == [
        *("exchanges-not-confirmed", "list-row")
    ]
    assert all(one["status"] == "failed" and one["error"]["hint"] for one in left)
    assert done["counts"] == {"renewed": 2}


def test_a_watch_over_nothing_is_wrong_use(
    run: Run, config: Path, tmp_path: Path
) -> None:
    watch = ["renew", "run", "--watch", "--once", "--config", config, *NOW]
    whole = config.read_text()
    config.write_text("[limits]\n" + whole.split("[limits]\n")[1])
    ran = run(*watch, "--campaign", tmp_path / "campaign")
    assert ran.code == 1 and "whose keys?" in ran.stderr
    # A campaign is gone on with.
    config.write_text(whole)
    assert run(*watch).code == 0
    config.write_text("[limits]\n" + whole.split("[limits]\n")[1])
    ran = run(*watch, "--campaign", tmp_path / "campaign")
    assert ran.code == 0 and "no source is named" in ran.stderr


@pytest.mark.skipif(
    sys.platform in ("win32", "darwin"),
    reason="needs a file system that takes any bytes as a name (Linux)",
)
@pytest.mark.parametrize("watch", [[], ["--watch", "--once"]], ids=["run", "watch"])
def test_a_container_whose_name_is_not_utf8_is_told_and_the_others_are_renewed(
    run: Run, office: Office, tmp_path: Path, watch: list[str]
) -> None:
    odd = min(office.tree.iterdir())
    os.rename(odd, os.fsencode(odd) + b"\xc9")
    ran = run(
        *["renew", "run", office.tree, "--ca", office.authority, *NOW, *watch],
        *["--exchanges-finished", "--campaign", tmp_path / "campaign", "--json"],
    )
    told = [one for one in ran.records if one.get("item") == f"{odd}\\udcc9"]
    assert [one["error"]["code"] for one in told] == ["not-a-container"]
    assert "is not UTF-8" in told[0]["error"]["message"]
    assert "another name" in told[0]["error"]["hint"]
    assert "Traceback" not in ran.stderr
    assert len([one for one in office.tree.iterdir() if one.suffix == ".001"]) > 0


def test_a_watch_that_needs_a_person_says_so(run: Run, config: Path) -> None:
    ran = run(
        *["renew", "run", "--watch", "--once", "--config", config, *NOW],
        *["--entropy", "require-human", "--json"],
    )
    assert (ran.code, ran.error["code"]) == (4, "entropy_needed")


@pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX") or os.name != "posix",
    reason="needs signals and Unix sockets: run it on Linux",
)
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_service_tells_systemd_and_ends_at_a_signal(
    config: Path, tmp_path: Path, name: str
) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(address)
        heard.settimeout(60)
        child = subprocess.Popen(
            command("renew", "run", "--watch", "--config", config, *NOW),
            env=environment(NOTIFY_SOCKET=address, WATCHDOG_USEC="60000000"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        words = [heard.recv(4096).decode()]
        # Three of four keys: the limit leaves one for the next day.
        while "3 renewed" not in words[-1]:
            words.append(heard.recv(4096).decode())
        child.send_signal(getattr(signal, name))
        _, told = child.communicate(timeout=60)
        heard.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                words.append(heard.recv(4096).decode())
    assert child.returncode == 130, told.decode()
    assert words[0] == "READY=1" and words[-1] == "STOPPING=1"
    assert "the same command goes on" in told.decode()


UNITS = Path(__file__).parents[2] / "docs" / "systemd"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze: install the Debian package systemd")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/usr/local/bin/gostkey", sys.executable)
        (tmp_path / unit.name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("unit", sorted(one.name for one in UNITS.iterdir()))
def test_systemd_takes_the_units(units: Path, unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(units / unit)],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()


@pytest.mark.parametrize("unit", ["gostkey-renew", "gostkey-renew-once"])
def test_the_services_are_exposed_to_little(units: Path, unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true"]
        + ["--threshold=25", str(units / f"{unit}.service")],
        capture_output=True,
        check=False,
    )
    if b"unrecognized option" in done.stderr:
        pytest.skip("needs systemd 250 or later for its offline verdict")
    assert done.returncode == 0, done.stdout.decode()


def test_no_part_of_a_chunk_takes_longer_than_the_watchdog_waits() -> None:
    text = (UNITS / "gostkey-renew.service").read_text()
    assert "\nWatchdogSec=10min\n" in text and "\nTimeoutStopSec=10min\n" in text
    (programs,) = (one for one in fields(CommandTransport) if one.name == "together")
    assert programs.default / hooks.AT_ONCE * hooks.TIMEOUT < 600
    (posts,) = (one for one in fields(HttpTransport) if one.name == "together")
    usual = Patience()
    assert posts.default / CONNECTIONS * (usual.total + usual.answer) < 600


def test_the_units_say_what_the_exit_codes_say() -> None:
    text = (UNITS / "gostkey-renew.service").read_text()
    assert "SuccessExitStatus=2 130\n" in text
    assert "RestartPreventExitStatus=1 4 5\n" in text
    for unit in UNITS.glob("*.service"):
        (line,) = [x for x in unit.read_text().splitlines() if "ExecStart=" in x]
        assert "gostkey renew run --watch " in line and "--config" in line
