"""`gostkey ca` issues, answers folders of requests, revokes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import AT, Office, Run, command, environment

NOW = ["--at", AT.isoformat()]


def test_an_authority_is_made_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    making = ["ca", "init", folder, "--name", "CN=Проба", "--name", "C=RU", *NOW]
    ran = run(*making, "--no-password", "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record["subject"] == ran.record["issuer"] == "CN=Проба, C=RU"
    before = (folder / "ca.key").read_bytes()
    ran = run(*making, "--no-password", "--json")
    assert (ran.code, ran.error["code"]) == (4, "medium_error")
    assert (folder / "ca.key").read_bytes() == before


def test_an_authority_with_a_password_asks_for_it(shell: Run, tmp_path: Path) -> None:
    folder, word = tmp_path / "authority", tmp_path / "word"
    word.write_text("secret", encoding="utf-8")
    given = ["--password-file", word]
    assert shell("ca", "init", folder, "--name", "CN=A", *given).code == 0
    crl = ["ca", "crl", folder, "--out", tmp_path / "crl"]
    ran = shell(*crl, "--json")
    assert (ran.code, ran.error["code"]) == (4, "password_required")
    assert shell(*crl, *given).code == 0


def test_a_name_that_cannot_be_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    for name in ("Иванов", "=x", "CN=", "QQ=x", "INN=12"):
        ran = run("ca", "init", tmp_path / "a", "--name", name, "--no-password")
        assert ran.code == 1, name
    assert run("ca", "init", tmp_path / "a", "--no-password").code == 1
    assert not (tmp_path / "a").exists()


def test_what_is_no_request_is_refused(run: Run, office: Office) -> None:
    ran = run("ca", "issue", office.authority, office.list, "--out", "x", "--json")
    assert (ran.code, ran.error["code"]) == (3, "request_refused")
    assert str(office.list) in ran.error["message"]
    for arguments in ([], [office.list, "--key", office.list]):
        assert run("ca", "issue", office.authority, *arguments).code == 1


def test_a_folder_that_is_no_authority_is_told(run: Run, tmp_path: Path) -> None:
    ran = run("ca", "crl", tmp_path, "--out", tmp_path / "crl", "--json")
    assert (ran.code, ran.error["code"]) == (4, "medium_error")
    assert f"{tmp_path}: there is no authority" in ran.error["message"]
    assert "check the path" in ran.error["message"]


def test_an_inbox_that_is_not_there_is_told(
    run: Run, office: Office, tmp_path: Path
) -> None:
    folders = ["--inbox", tmp_path / "inbx", "--outbox", tmp_path / "out"]
    ran = run("ca", "serve", office.authority, *folders, "--once")
    assert ran.code == 1 and "inbx: there is no such folder" in ran.stderr
    assert [one.name for one in tmp_path.glob("*x*")] == []


def test_revoking_what_was_never_issued_is_told(run: Run, office: Office) -> None:
    ran = run("ca", "revoke", office.authority, "abc123", "--json")
    assert (ran.code, ran.error["code"]) == (3, "certificate_error")
    assert run("ca", "revoke", office.authority, "no number").code == 1


def send_requests(run: Run, office: Office, base: Path) -> Path:
    """Begin a campaign that puts its requests into base/outbox."""
    trusted = base / "trusted"
    trusted.mkdir(exist_ok=True)
    (trusted / "ca.crt").write_bytes(office.root_certificate.read_bytes())
    ran = run(
        *["renew", "run", "--csv", office.list, "--campaign", base / "campaign"],
        *["--outbox", base / "outbox", "--inbox", base / "inbox"],
        *["--trusted", trusted, *NOW],
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    return base / "outbox"


def test_serve_answers_the_requests_of_a_campaign(
    run: Run, office: Office, tmp_path: Path
) -> None:
    outbox = send_requests(run, office, tmp_path)
    requests = sorted(outbox.iterdir())
    assert len(requests) == 4
    (outbox / "foreign.p7m").write_bytes(b"no request")
    serving = ["ca", "serve", office.authority, "--inbox", outbox, "--once", *NOW]
    serving += ["--outbox", tmp_path / "inbox", "--publish", tmp_path / "trusted"]
    ran = run(*serving, "--json")
    assert ran.code == 2, ran.stderr
    assert sum(one["status"] == "done" for one in ran.records) == 4
    answers = {path.name for path in (tmp_path / "inbox").iterdir()}
    assert answers == {f"{one.stem}.cer" for one in requests} | {"foreign.refused.txt"}
    # What was answered, well or not, is not answered again.
    again = run(*serving, "--json")
    assert (again.code, again.stdout) == (0, "")
    ran = run("renew", "receive", "--campaign", tmp_path / "campaign", *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert [one.get("status") for one in ran.records] == 4 * ["renewed"] + [None]


def served(
    serving: list[Any], send: Callable[[], object], is_done: Callable[[], bool]
) -> str:
    """Serve until all is done, then end it as Ctrl-C does; give what it told."""
    process = subprocess.Popen(
        command(*serving), stderr=subprocess.PIPE, env=environment()
    )
    try:
        send()
        deadline = time.monotonic() + 120
        while not is_done():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        code = process.wait(60)
    assert code == 130
    return told


def serving(office: Office, base: Path) -> list[object]:
    """Answer once what `send_requests` has put there."""
    return [
        *["ca", "serve", office.authority, "--once", "--json", *NOW],
        *["--inbox", base / "outbox", "--outbox", base / "inbox"],
        *["--publish", base / "trusted"],
    ]


def test_a_request_that_was_not_whole_is_answered_once_it_is(
    run: Run, office: Office, tmp_path: Path
) -> None:
    outbox = send_requests(run, office, tmp_path)
    one = min(outbox.iterdir())
    whole, about = one.read_bytes(), one.stat()
    one.write_bytes(whole[:300])
    assert run(*serving(office, tmp_path)).code == 2
    refusal = tmp_path / "inbox" / f"{one.stem}.refused.txt"
    assert refusal.is_file()
    # That refusal is of other bytes, so the office does not take it for its own.
    receiving = ["renew", "receive", "--campaign", tmp_path / "campaign", *NOW]
    states = [row.get("status") for row in run(*receiving, "--json").records]
    assert sorted(states[:4]) == ["renewed"] * 3 + ["waiting"]
    # The copy that is whole has the time of the original, as `cp -p` gives it.
    one.write_bytes(whole)
    os.utime(one, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert run(*serving(office, tmp_path)).code == 0
    assert not refusal.exists()
    assert run(*receiving).code == 0


def test_a_refusal_is_told_at_the_office_until_a_certificate_comes(
    run: Run, office: Office, tmp_path: Path
) -> None:
    outbox = send_requests(run, office, tmp_path)
    one = min(outbox.iterdir())
    refusal = tmp_path / "inbox" / f"{one.stem}.refused.txt"
    refusal.parent.mkdir()
    refusal.write_text(
        f"Request: {one.stem}\nStatus: refused\nReason: no licence\n", encoding="utf-8"
    )
    receiving = ["renew", "receive", "--campaign", tmp_path / "campaign", *NOW]
    (told,) = [row for row in run(*receiving, "--json").records if "error" in row]
    assert told["request_id"] == one.stem
    assert told["error"]["code"] == "refusal-unsigned"
    assert f"{refusal}: no licence" in told["error"]["message"]
    # Without the request's digest it is none of the authority's own.
    refusal.write_text("no licence\n", encoding="utf-8")
    assert run(*serving(office, tmp_path)).code == 0
    assert run(*receiving).code == 0


def test_a_request_of_a_machine_whose_clock_is_ahead_is_refused_once(
    run: Run, office: Office, tmp_path: Path
) -> None:
    one = min(send_requests(run, office, tmp_path).iterdir())
    one.write_bytes(b"no request")
    ahead = time.time() + 3600
    os.utime(one, (ahead, ahead))
    assert run(*serving(office, tmp_path)).code == 2
    assert run(*serving(office, tmp_path)).code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="makes a named pipe (POSIX)")
def test_a_pipe_among_the_requests_is_not_waited_for(
    run: Run, office: Office, tmp_path: Path
) -> None:
    pipe = send_requests(run, office, tmp_path) / "0.p7m"
    os.mkfifo(pipe)
    ran = run(*serving(office, tmp_path))
    assert ran.code == 2
    assert "not an ordinary file" in ran.stderr and str(pipe) in ran.stderr
    assert len(list((tmp_path / "inbox").iterdir())) == 4


@pytest.mark.skipif(
    sys.platform in ("win32", "darwin"),
    reason="needs a file system that takes any bytes as a name (Linux)",
)
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_a_name_that_is_not_utf8_is_refused_as_any_other(
    shell: Run, office: Office, tmp_path: Path, form: list[str]
) -> None:
    inbox, answers = tmp_path / "outbox", tmp_path / "inbox"
    inbox.mkdir()
    (inbox / os.fsdecode(b"\xc9\xe2.p7m")).write_bytes(b"no request")
    ran = shell(
        *["ca", "serve", office.authority, "--inbox", inbox, "--outbox", answers],
        *["--once", *NOW, *form],
    )
    assert ran.code == 3, ran.stderr
    assert "Traceback" not in ran.stderr and "fault of gostkey" not in ran.stderr
    (told,) = answers.iterdir()
    assert os.fsencode(told.name) == b"\xc9\xe2.refused.txt"
    assert "CMS" in told.read_text("utf-8")


def test_a_reason_that_cannot_be_written_holds_up_no_other_request(
    run: Run, office: Office, tmp_path: Path
) -> None:
    outbox = send_requests(run, office, tmp_path)
    (outbox / "a.p7m").write_bytes(b"no request")
    # In the place of the reason, and older than the request.
    taken = tmp_path / "inbox" / "a.refused.txt"
    taken.mkdir(parents=True)
    os.utime(taken, (0, 0))
    ran = run(
        *["ca", "serve", office.authority, "--inbox", outbox, "--once", *NOW],
        *["--outbox", tmp_path / "inbox"],
    )
    assert ran.code == 2, ran.stderr
    assert len(list((tmp_path / "inbox").glob("*.cer"))) == 4
    assert str(taken) in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT (POSIX)")
def test_serve_goes_on_while_the_published_folder_cannot_be_written(
    run: Run, office: Office, tmp_path: Path
) -> None:
    inbox, answers, public = (tmp_path / one for one in ("outbox", "inbox", "public"))
    taken = public / "ca.crl"
    taken.mkdir(parents=True)
    serving = ["ca", "serve", office.authority, "--inbox", inbox, "--outbox", answers]
    serving += ["--publish", public, *NOW]
    inbox.mkdir()
    assert run(*serving, "--once").code == 3

    def all_is_there() -> bool:
        all_answered = len(list(answers.glob("*.cer"))) == 4
        if all_answered and taken.is_dir():
            taken.rmdir()
        return all_answered and taken.is_file()

    serving += ["--interval", "0.1"]
    told = served(serving, lambda: send_requests(run, office, tmp_path), all_is_there)
    # Once, and not at every look.
    assert told.count(str(taken)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT (POSIX)")
def test_serve_waits_for_requests_until_it_is_stopped(
    run: Run, office: Office, tmp_path: Path
) -> None:
    inbox, answers = tmp_path / "outbox", tmp_path / "inbox"
    told = served(
        [
            *["ca", "serve", office.authority, "--inbox", inbox, "--outbox", answers],
            *["--interval", "0.2", *NOW],
        ],
        lambda: send_requests(run, office, tmp_path),
        lambda: len(list(answers.glob("*.cer"))) == 4,
    )
    assert "Traceback" not in told
