"""The commands of both ends, over real servers."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from office.mail_office import MailOffice
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
