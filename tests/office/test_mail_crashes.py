"""Interruptions: messages sent twice, answers marked late, servers that go away."""

from __future__ import annotations

import email
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from office import mail_servers
from office.cutting_proxy import CuttingProxy
from office.letters import reply
from office.mail_office import USERS, MailOffice, new_mail_office
from office.mail_servers import MailServers
from tally import fault

from gostkey.errors import TransportError
from gostkey.renewal import Campaign
from gostkey.renewal.report import Report
from gostkey.renewal.storage.store import Store
from gostkey.renewal.transports import MailTransport
from gostkey.renewal.transports.mail.mailbox import Mailbox
from gostkey.renewal.transports.patience import Patience


def states(report: Report) -> list[str]:
    return [row["state"] for row in report.rows]


def reopen(mail: MailOffice) -> Campaign:
    return Campaign.open(mail.office.campaign, clock=mail.office.clock)


def reopen_in_haste(mail: MailOffice) -> Campaign:
    with Store.open(mail.office.campaign) as store:
        name = store.settings()["transport"]["campaign"]
    return mail.office.open(mail.transport(name))  # type: ignore[arg-type]


def register(mail: MailOffice) -> int:
    """Count the certificates that renew others."""
    with mail.office.authority._register.transaction() as found:
        return sum(one.renews is not None for one in found.all())


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@fault("kill between mail server and journal")
def test_a_request_sent_twice_gives_one_certificate(
    mail: MailOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the mail server took the messages, before the journal knew."""
    for _ in range(3):
        mail.office.add()
    original = Store.record

    def deadly(self: Store, changes: object, at: object) -> None:
        if any(one.step == "sent" and one.phase == "after" for one in changes):  # type: ignore[attr-defined]
            raise Killed
        original(self, changes, at)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "record", deadly)
    with pytest.raises(Killed), mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    monkeypatch.undo()
    mail.authority_box.wait_for(3)
    with reopen(mail) as campaign:
        assert states(campaign.resume()) == ["sent"] * 3
    twice = mail.authority_box.wait_for(6)
    ids = [email.message_from_bytes(raw)["Message-ID"] for raw in twice]
    assert len(set(ids)) == 3
    served = mail.serve()
    assert [one.fault for one in served] == [None] * 6
    assert register(mail) == 3
    serials = {one.certificate.serial for one in served if one.certificate}
    assert len(serials) == 3
    mail.box.wait_for(6)
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"] * 3
    assert register(mail) == 3
    assert mail.box.all() == []


@fault("kill of an authority that answers mail")
def test_an_authority_killed_before_it_marks_answers_again(
    mail: MailOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    mail.authority_box.wait_for(1)

    def deadly(self: Mailbox, found: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Mailbox, "done", deadly)
        with pytest.raises(Killed):
            mail.serve()
    mail.box.wait_for(1)
    (again,) = mail.serve()
    assert again.fault is None and register(mail) == 1
    first, second = mail.box.wait_for(2)
    one, two = map(email.message_from_bytes, (first, second))
    assert one["Message-ID"] == two["Message-ID"]
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"]


@fault("kill between journal and mailbox")
def test_an_office_killed_before_it_marks_reads_again_to_no_harm(
    mail: MailOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    mail.authority_box.wait_for(2)
    mail.serve()
    mail.box.wait_for(2)

    def deadly(self: Mailbox, found: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Mailbox, "done", deadly)
        with pytest.raises(Killed), reopen(mail) as campaign:
            campaign.receive()
    assert len(mail.box.all()) == 2
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"] * 2


def test_an_answer_that_fails_its_check_stays_until_it_is_good(
    mail: MailOffice,
) -> None:
    """The CRL is missing at first, as the answer's own is cut out of it."""
    mail.write_office(top={"require_signed": False})
    (mail.trusted / "ca.crl").unlink()
    mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    mail.authority_box.wait_for(1)
    mail.serve()
    mail.box.wait_for(1)
    with reopen(mail) as campaign:
        report = campaign.receive()
    assert report.rows[0]["reason"] == "chain" and states(report) == ["sent"]
    assert len(mail.box.all()) == 1
    mail.publish()
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"]
    assert mail.box.all() == []


def test_the_crl_comes_with_the_answer(mail: MailOffice) -> None:
    (mail.trusted / "ca.crl").unlink()
    mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    mail.authority_box.wait_for(1)
    authority, at = mail.office.authority, mail.office.clock()
    crl = authority.crl(at)
    mail.desk().serve(at, crl)
    mail.box.wait_for(1)
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"]
    (kept,) = mail.trusted.glob("*.crl")
    assert kept.name.startswith("from-mail-") and kept.read_bytes() == crl


def test_a_crl_that_comes_with_an_answer_is_used_in_a_run_that_makes_keys(
    mail: MailOffice,
) -> None:
    """The making of keys has looked at the CRLs before the answers are collected."""
    mail.office.add()
    container = mail.office.add().container
    with mail.office.begin(mail.transport()) as campaign:
        elsewhere = container.rename(mail.folder / "elsewhere")
        assert states(campaign.run()) == ["sent", "planned"]
    elsewhere.rename(container)
    mail.authority_box.wait_for(1)
    # By now the CRL of the first day has ended.
    mail.office.clock.forward(days=9)
    at = mail.office.clock()
    mail.desk().serve(at, mail.office.authority.crl(at))
    mail.box.wait_for(1)
    with reopen(mail) as campaign:
        assert states(campaign.resume()) == ["backed-up", "sent"]


@fault("mailbox numbered anew")
def test_a_mailbox_that_is_numbered_anew_is_read_anew(mail: MailOffice) -> None:
    mail.office.add()
    transport = mail.transport()
    with mail.office.begin(transport) as campaign:
        campaign.run()
        mail.authority_box.wait_for(1)
        desk = mail.desk()
        assert [one.fault for one in mail.serve(desk)] == [None]
        mail.box.wait_for(1)
        # The same transport has looked, and waits, when the index is lost.
        box = mail.servers.mailbox(mail.box.name)
        time.sleep(1.1)  # the number is a time in seconds
        for path in box.glob("dovecot*"):
            path.unlink()
        found = transport._mailbox._validity
        assert states(campaign.receive()) == ["backed-up"]
        assert transport._mailbox._validity != found
    assert mail.box.all() == []


def test_what_names_no_request_is_not_forgotten_after_a_fault(
    mail: MailOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail.write_office(top={"require_signed": False})
    mail.office.add()
    transport = mail.transport()
    with mail.office.begin(transport) as campaign:
        campaign.run()
        (raw,) = mail.authority_box.wait_for(1)
        request = email.message_from_bytes(raw).get_payload()[1]
        issued = mail.office.authority.issue_renewal(
            request.get_payload(decode=True),  # type: ignore[union-attr,arg-type]
            mail.office.clock(),
        )
        sender = mail.authority_box.address
        mail.box.put(reply(("new.cer", issued.der), sender=sender))

        def fails(self: Mailbox, found: object) -> object:
            raise TransportError("the mail server went away")

        with monkeypatch.context() as patch:
            patch.setattr(Mailbox, "messages", fails)
            assert campaign.receive().rows[0]["reason"] == "transport"
        assert states(campaign.receive()) == ["backed-up"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[MailOffice]:
    """Servers of one's own, to be ended and started."""
    why = mail_servers.missing()
    if why:
        pytest.skip(why)
    with (
        tempfile.TemporaryDirectory(prefix="gostkey-mail-") as folder,
        MailServers(Path(folder), USERS) as servers,
        new_mail_office(tmp_path, servers) as one,
    ):
        yield one


@fault("mail servers down for a run")
def test_servers_that_are_down_for_a_whole_run_lose_nothing(own: MailOffice) -> None:
    mail = own
    for _ in range(2):
        mail.office.add()
    mail.servers.stop()
    with mail.office.begin(mail.transport()) as campaign:
        report = campaign.run()
    assert [row["reason"] for row in report.rows] == ["transport"] * 2
    assert states(report) == ["requested"] * 2
    assert all("was refused" in row["text"] for row in report.rows)
    mail.servers.start_smtp()
    # IMAP is still down: the requests go out, nothing can be collected.
    with reopen_in_haste(mail) as campaign:
        report = campaign.resume()
    assert states(report) == ["sent"] * 2
    with pytest.raises(TransportError):
        mail.serve()
    mail.servers.start_imap()
    mail.authority_box.wait_for(2)
    desk, transport = mail.desk(), mail.transport()
    assert len(mail.serve(desk)) == 2
    # Restarted under open connections.
    mail.servers.stop_imap()
    mail.servers.start_imap()
    assert mail.serve(desk) == []
    mail.box.wait_for(2)
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"] * 2
    assert register(mail) == 2
    transport.close()


@fault("mail server down for the authority")
def test_an_answer_that_cannot_be_handed_in_is_given_later(own: MailOffice) -> None:
    mail = own
    mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    mail.authority_box.wait_for(1)
    mail.servers.stop_smtp()
    desk = mail.desk()
    for _ in range(2):
        (served,) = mail.serve(desk)
        assert isinstance(served.fault, TransportError)
    assert len(mail.authority_box.all()) == 1
    mail.servers.start_smtp()
    (served,) = mail.serve(desk)
    assert served.fault is None and register(mail) == 1
    assert mail.authority_box.all() == []
    mail.box.wait_for(1)


def test_without_a_folder_for_it_what_is_done_is_marked(mail: MailOffice) -> None:
    mail.write_office(imap={"done_folder": ""})
    mail.office.add()
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    mail.authority_box.wait_for(1)
    mail.serve()
    mail.box.wait_for(1)
    with reopen(mail) as campaign:
        assert states(campaign.receive()) == ["backed-up"]
    with mail.box.imap() as client:
        (data,) = client.fetch(client.search(["ALL"]), ["FLAGS"]).values()
    assert b"$GostkeyDone" in data[b"FLAGS"] and b"\\Seen" in data[b"FLAGS"]


def test_a_signed_request_is_what_the_authority_takes_too(mail: MailOffice) -> None:
    """The office's key is the one in a container of its own."""
    mail.office.add()
    signer = mail.office.add(days_left=300, password="word")
    container = signer.container
    (mail.folder / "key.txt").write_text("word\n", encoding="utf-8")
    key = f"[signature]\nkey = '{container}'\npassword_file = 'key.txt'\n"
    mail.write_office(extra=key)
    with mail.office.begin(mail.transport()) as campaign:
        campaign.run()
    (raw,) = mail.authority_box.wait_for(1)
    assert email.message_from_bytes(raw).get_content_type() == "multipart/signed"
    (served,) = mail.serve()
    assert served.fault is None
    mail.box.wait_for(1)
    with reopen(mail) as campaign:
        assert states(campaign.receive())[0] == "backed-up"


# Bytes from the server: in the greeting, in TLS, at the log-in, and among messages.
SMTP_CUTS = [10, 150, 300, 1_000, *range(1_500, 2_300, 100)]
IMAP_CUTS = [10, 700, 1_500, 2_000, 2_600, 3_500, 5_000, 8_000, 13_000, 20_000, 31_000]


def cut_campaign(mail: MailOffice, smtp_cuts: list[int], imap_cuts: list[int]) -> None:
    """Renew over connections that are cut, and check that nothing is lost."""
    count = 4
    for _ in range(count):
        mail.office.add()
    tries = len(smtp_cuts) + len(imap_cuts) + 1
    patient = Patience(tries=tries, first_wait=0.001, rest=0)
    with (
        CuttingProxy(mail.servers.smtp_port, smtp_cuts) as smtp,
        CuttingProxy(mail.servers.imaps_port, []) as imap,
    ):
        mail.write_office(smtp={"port": smtp.port}, imap={"port": imap.port})
        transport = MailTransport.open(mail.file, mail.office.clock, None, patient)
        with mail.office.begin(transport) as campaign:
            assert states(campaign.run()) == ["sent"] * count
            mail.authority_box.wait_for(count)
            served = mail.serve()
            assert {one.fault for one in served} == {None}
            assert register(mail) == count
            mail.box.wait_for(len(served))
            imap.cuts = list(imap_cuts)
            report = campaign.receive()
            assert states(report) == ["backed-up"] * count, report.rows[0]["text"]
        # Some sessions end before the last cuts.
        assert len(smtp.cuts) < len(smtp_cuts) and len(imap.cuts) < len(imap_cuts)
    assert register(mail) == count


@fault("mail connections cut at many places")
def test_connections_cut_anywhere_lose_nothing_and_double_nothing(
    mail: MailOffice,
) -> None:
    cut_campaign(mail, SMTP_CUTS, IMAP_CUTS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
@fault("mail connections cut at random")
def test_connections_cut_at_random_lose_nothing(mail: MailOffice, seed: int) -> None:
    chance = random.Random(seed)
    cut_campaign(
        mail,
        [chance.randrange(1, 2_400) for _ in range(6)],
        [chance.randrange(1, 35_000) for _ in range(6)],
    )
