"""The commands of both ends, over real servers."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from office.mail_office import MailOffice
from office.mail_servers import free_port
from renewal.offices import NOW, certificate_in

from gostkey.cli import application

AT = NOW.isoformat()


def run(*arguments: object, code: int = 0) -> list[dict[str, Any]]:
    """Run a command in this process; give its records."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as leaving:
        application.main([str(one) for one in arguments])
    assert leaving.value.code == code, said.getvalue()
    return [json.loads(line) for line in said.getvalue().splitlines()]


def renew(mail: MailOffice, *arguments: object, code: int = 0) -> list[dict[str, Any]]:
    return run(
        "renew", *arguments, "--campaign", mail.office.campaign, "--json", code=code
    )


def begin(mail: MailOffice, code: int = 0) -> list[dict[str, Any]]:
    return renew(
        mail,
        "run",
        mail.office.keys,
        "--exchanges-finished",
        "--mail",
        mail.file,
        "--no-input",
        "--at",
        AT,
        code=code,
    )


def serve(mail: MailOffice, code: int = 0) -> list[dict[str, Any]]:
    file: Path = mail.folder / "authority.toml"
    return run(
        "ca",
        "serve",
        mail.office.folder / "ca",
        "--mail",
        file,
        "--once",
        "--at",
        AT,
        "--json",
        code=code,
    )


def test_both_commands_make_a_round(mail: MailOffice) -> None:
    mail.office.add()
    mail.office.add()
    begin(mail)
    mail.authority_box.wait_for(2)
    issued = serve(mail)
    assert [one["status"] for one in issued] == ["done", "done"]
    assert {one["to"] for one in issued} == {mail.box.address}
    assert serve(mail) == []
    mail.box.wait_for(2)
    rows = renew(mail, "receive", "--at", AT)
    keys = [row for row in rows if "new_container" in row]
    assert [row["state"] for row in keys] == ["backed-up"] * 2
    serials = {one["serial"] for one in issued}
    for row in keys:
        new = certificate_in(mail.office.keys / row["new_container"])
        assert new is not None and new.serial_text in serials


def test_a_wrong_password_is_exit_code_4_at_both_ends(mail: MailOffice) -> None:
    mail.office.add()
    wrong = mail.folder / "wrong.txt"
    wrong.write_text("wrong\n")
    mail.write_office(smtp={"password_file": "wrong.txt"})
    rows = begin(mail, code=4)
    (row,) = [row for row in rows if row.get("error")]
    assert row["error"]["code"] == "login-refused" and row["state"] == "requested"
    assert "wrong.txt" in row["error"]["message"]
    mail.write_authority(imap={"password_file": "wrong.txt"})
    (failed,) = serve(mail, code=4)
    assert failed["error"]["code"] == "login_refused"
    # Once the file is right, everything goes on.
    mail.write_office()
    mail.write_authority()
    rows = renew(mail, "resume", "--no-input", "--at", AT)
    assert [row["state"] for row in rows if "new_container" in row] == ["sent"]


def test_check_config_logs_in_to_both_servers(mail: MailOffice) -> None:
    """Each fault is told by itself: name, what was wrong, what would be right."""
    config = mail.folder / "renew.toml"
    config.write_text('[authority]\nmail = "mail.toml"\n[source]\nfolder = "."\n')
    check = ["renew", "check-config", config, "--json"]

    def told(*options: str) -> list[str]:
        records = run(*check, *options, code=2)
        assert all(one["line"] == 1 for one in records)
        return [one["error"]["message"] for one in records]

    assert run(*check, "--connect")[0]["status"] == "done"
    (mail.folder / "wrong.txt").write_text("wrong\n")
    (mail.folder / "wrong.txt").chmod(0o600)
    wrong = {"password_file": "wrong.txt"}
    mail.write_office(smtp=wrong, imap=wrong)
    assert run(*check)[0]["status"] == "done"
    smtp, imap = told("--connect")
    for text, port in ((smtp, mail.servers.smtp_port), (imap, mail.servers.imaps_port)):
        assert f":{port}: does not take the name {mail.box.name!r}" in text
        assert "wrong.txt" in text and "secret-" not in text
    closed = free_port()
    mail.write_office(smtp={"port": closed}, imap={"ca_file": None})
    smtp, imap = told("--connect")
    assert f":{closed}: the connection was refused" in smtp
    assert "its certificate is not accepted" in imap and "ca_file in [imap]" in imap
    mail.write_office(smtp={"tls": "implicit"}, extra='folder = "Nowhere"')
    smtp, imap = told("--connect")
    assert "correct port and tls in [smtp]" in smtp
    assert "look at [imap]" in imap
    mail.write_office()
    (mail.trusted / "ca.cer").unlink()
    (only,) = told("--connect")
    assert "no root certificate" in only


def test_a_refused_request_is_told_at_both_ends(mail: MailOffice) -> None:
    mail.office.add()
    mail.office.add()
    begin(mail)
    old = certificate_in(mail.office.subscribers[0].container)
    assert old is not None
    mail.office.authority.revoke(old.serial, NOW, "keyCompromise")
    mail.authority_box.wait_for(2)
    records = serve(mail, code=2)
    assert sorted(one["status"] for one in records) == ["done", "failed"]
    mail.box.wait_for(2)
    rows = renew(mail, "receive", "--at", AT, code=2)
    keys = [row for row in rows if "new_container" in row]
    assert [row["status"] for row in keys] == ["refused", "renewed"]
    assert "revoked" in keys[0]["error"]["message"]


def test_another_authority_beside_mail_is_wrong_use(mail: MailOffice) -> None:
    mail.office.add()
    renew(
        mail,
        *("run", mail.office.keys, "--exchanges-finished", "--no-input"),
        *("--mail", mail.file, "--ca", mail.office.folder / "ca"),
        code=1,
    )
    run("ca", "serve", mail.office.folder / "ca", "--once", code=1)
