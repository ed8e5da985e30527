"""Requests and certificates by mail, over a real SMTP and a real IMAP server."""

from __future__ import annotations

import random
import re
from email import message_from_bytes
from pathlib import Path

from office.mail_office import MailOffice
from renewal.offices import certificate_in

from gostkey.renewal.report import Report
from gostkey.renewal.transports.mail import read_settings

ROOT = Path(__file__).resolve().parents[2]


def states(report: Report) -> list[str]:
    return [row["state"] for row in report.rows]


def test_a_campaign_goes_by_mail_and_answers_come_in_any_order(
    mail: MailOffice,
) -> None:
    office = mail.office
    for _ in range(5):
        office.add()
    with office.begin(mail.transport()) as campaign:
        report = campaign.run()
        assert states(report) == ["sent"] * 5
        mail.authority_box.wait_for(5)
        served = mail.serve()
        assert [one.fault for one in served] == [None] * 5
        mail.box.wait_for(5)
        order = random.Random(7)
        mail.box.shuffle(lambda raw: order.random())
        report = campaign.receive()
    assert states(report) == ["backed-up"] * 5
    assert report.exit_code == 0
    for row in report.rows:
        new = certificate_in(office.keys / row["new_container"])
        assert new is not None
        assert new.subject.owner == row["owner"]
    # Both ends have put away what is done.
    assert mail.box.all() == [] and mail.authority_box.all() == []
    assert len(mail.box.all("gostkey")) == 5
    # An answer is in the thread of its request.
    asked = {
        message_from_bytes(raw)["Message-ID"]
        for raw in mail.authority_box.all("gostkey")
    }
    answered = {
        message_from_bytes(raw)["In-Reply-To"] for raw in mail.box.all("gostkey")
    }
    assert len(asked) == 5 and asked == answered


def test_the_example_in_the_docs_is_read(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "mail.toml").read_text(encoding="utf-8")
    file = tmp_path / "mail.toml"
    file.write_text(text, encoding="utf-8")
    settings = read_settings(file)
    assert settings.smtp.port == 465 and settings.imap.port == 993
    # What is commented out is right too.
    bare = re.sub(r"(?m)^# (\[signature\]|[a-z_]+ = )", r"\1", text)
    top, rest = bare.split("[smtp]", 1)
    rest, clients = rest.rsplit("clients =", 1)
    file.write_text(f"{top}clients ={clients}[smtp]{rest}", encoding="utf-8")
    settings = read_settings(file)
    assert settings.clients == ("keys@office.example",)
    assert settings.signature is not None
    assert settings.smtp.ca_file == tmp_path / "mail-ca.pem"
    assert settings.require_signed and settings.done_folder == "gostkey"
