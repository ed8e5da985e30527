"""Campaigns whose requests were sent by mail, and what may come back for them."""

from __future__ import annotations

import email

from office.mail_office import Box, MailOffice

from gostkey.pki.certificates import Certificate
from gostkey.renewal import Campaign
from gostkey.renewal.report import Report
from gostkey.renewal.transports.mail.messages import Asked, Writer


def sent(mail: MailOffice, count: int = 1) -> list[dict[str, str]]:
    """Begin a campaign and send its requests; give what the authority sees of each."""
    for _ in range(count):
        mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        report = campaign.run()
    assert [row["state"] for row in report.rows] == ["sent"] * count, report.rows
    found = []
    for raw in mail.authority_box.wait_for(count):
        message = email.message_from_bytes(raw)
        found.append(
            {
                "id": message["Gostkey-Request"],
                "message": message["Message-ID"],
                "subject": message["Subject"],
            }
        )
    # Two letters may come in either order; the campaign's is the one that is meant.
    places = {row["request_id"]: place for place, row in enumerate(report.rows)}
    return sorted(found, key=lambda one: places[one["id"]])


def reopen(mail: MailOffice, old: Campaign | None = None) -> Campaign:
    """Open the campaign as another process does: its settings name the mail file."""
    return Campaign.open(mail.office.campaign, clock=mail.office.clock)


def receive(mail: MailOffice) -> Report:
    with reopen(mail) as campaign:
        return campaign.receive()


def certificate_for(mail: MailOffice, request_id: str) -> Certificate:
    """Let the authority issue, without a message."""
    for raw in [*mail.authority_box.all(), *mail.authority_box.all("gostkey")]:
        message = email.message_from_bytes(raw)
        if message["Gostkey-Request"] == request_id:
            attached = message.get_payload()[1].get_payload(decode=True)
            return mail.office.authority.issue_renewal(attached, mail.office.clock())
    raise AssertionError(request_id)


def asked_of(mail: MailOffice, one: dict[str, str]) -> Asked:
    campaign = one["message"].split(".")[3].split("@")[0]
    return Asked(mail.box.address, one["message"], "", one["subject"], campaign)


def authority_writer(mail: MailOffice) -> Writer:
    """Give what writes messages with the authority's signature."""
    authority = mail.office.authority
    size = authority.certificate.public_key.curve.size
    return Writer(mail.authority_box.address, authority.sign_message, size)


def emptied(box: Box) -> list[bytes]:
    """Take all messages out of a mailbox, and give them."""
    found = box.all()
    with box.imap() as client:
        client.delete_messages(client.search(["ALL"]))
        client.expunge()
    return found
