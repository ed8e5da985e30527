"""Faults of mail servers: what is tried again, what is told, that nothing is lost."""

from __future__ import annotations

import smtplib
import socket
from collections import Counter
from pathlib import Path

import pytest
from office.mail_office import HASTE, MailOffice
from office.scripted_imap import ScriptedIMAP
from office.scripted_imap import Session as ImapSession
from office.scripted_smtp import Fault, ScriptedSMTP, Session, silence, times
from tally import fault

from gostkey.errors import CampaignError, GostKeyError, LoginRefused, TransportError
from gostkey.renewal.transports.mail.mailbox import Mailbox
from gostkey.renewal.transports.mail.sending import Letter, Sender
from gostkey.renewal.transports.mail.settings import NONE, MailSettings, Server

LETTERS = [
    Letter("a@office.test", "ca@office.test", b"Subject: %d\r\n\r\nx\r\n" % number)
    for number in range(3)
]


def send(
    fault: Fault, tmp_path: Path, user: str = "office"
) -> tuple[list[GostKeyError | None], ScriptedSMTP]:
    with ScriptedSMTP(fault) as server:
        word = tmp_path / "word.txt"
        word.write_text("secret\n")
        where = Server(
            *("127.0.0.1", server.port, NONE, user, word if user else None),
            connect_seconds=0.3,
            answer_seconds=0.3,
        )
        sender = Sender(where, tmp_path / "mail.toml", HASTE)
        return sender.send(LETTERS), server


@fault("mail server that puts off")
def test_greylisting_passes_when_it_is_tried_again(tmp_path: Path) -> None:
    later = times(2, "RCPT", lambda session: session.say("451 4.7.1 greylisted"))
    outcomes, server = send(later, tmp_path)
    assert outcomes == [None] * 3
    # Only what was put off is sent again.
    assert sorted(server.taken) == sorted(letter.raw for letter in LETTERS)
    assert server.sessions == 2


def test_greylisting_without_end_is_told_with_what_to_do(tmp_path: Path) -> None:
    later = times(99, "RCPT", lambda session: session.say("451 4.7.1 greylisted"))
    outcomes, server = send(later, tmp_path)
    for one in outcomes:
        assert isinstance(one, TransportError)
        assert "451 4.7.1 greylisted" in str(one) and "resume" in str(one)
    assert server.taken == [] and server.sessions == HASTE.tries


@fault("mail server that refuses")
def test_what_is_refused_for_good_is_told_and_the_others_go(tmp_path: Path) -> None:
    refused = times(1, "RCPT", lambda session: session.say("550 5.1.1 no such box"))
    outcomes, server = send(refused, tmp_path)
    assert outcomes[1:] == [None, None] and server.sessions == 1
    assert "refuses the recipient ca@office.test: 550 5.1.1" in str(outcomes[0])
    spam = times(1, "END", lambda session: session.say("554 5.7.1 spam"))
    outcomes, server = send(spam, tmp_path)
    assert "refuses the message: 554 5.7.1 spam" in str(outcomes[0])


@fault("mail server that refuses")
def test_what_is_refused_before_it_is_sent_leaves_the_next_one_alone(
    tmp_path: Path,
) -> None:
    begun = [False]
    full = times(1, "DATA", lambda session: session.say("554 5.2.0 not now"))

    def as_exim_does(session: Session, verb: str) -> bool:
        if verb == "MAIL" and begun[0]:
            session.say("503 sender already given")
            return True
        begun[0] = verb in ("MAIL", "RCPT", "DATA")
        return full(session, verb)

    outcomes, server = send(as_exim_does, tmp_path)
    assert "refuses the message: 554 5.2.0 not now" in str(outcomes[0])
    assert outcomes[1:] == [None, None] and len(server.taken) == 2


@fault("mail server that answers nonsense")
def test_nonsense_in_place_of_a_login_is_told(tmp_path: Path) -> None:
    odd = times(9, "AUTH", lambda session: session.say("334 a"))
    outcomes, _ = send(odd, tmp_path)
    for one in outcomes:
        assert isinstance(one, TransportError)
        assert "answers the login with what is no answer" in str(one)


@fault("mail server that answers nonsense")
def test_nonsense_in_place_of_messages_is_told(tmp_path: Path) -> None:
    def odd(session: ImapSession, tag: str, command: str) -> bool:
        if command.startswith("SELECT"):
            session.say("* 1 EXISTS")
            session.say("* OK [UIDVALIDITY 1] valid")
            session.say(f"{tag} OK done")
            return True
        if command.startswith("UID SEARCH"):
            session.say("* SEARCH 1")
        elif command.startswith("UID FETCH"):
            session.say("* 1 FETCH (UID 1 ENVELOPE (NIL))")
        return False

    with ScriptedIMAP(odd) as scripted:
        word = tmp_path / "word.txt"
        word.write_text("secret\n")
        where = Server("127.0.0.1", scripted.port, NONE, "office", word)
        settings = MailSettings(tmp_path / "mail.toml", "a@office.test", where, where)
        with pytest.raises(TransportError, match="index out of range; look at .imap."):
            list(Mailbox(settings, HASTE).new(["ALL"]))


@fault("mail server that refuses")
def test_a_message_that_is_too_large_is_told_as_that(tmp_path: Path) -> None:
    large = times(1, "MAIL", lambda session: session.say("552 5.3.4 over the limit"))
    outcomes, _ = send(large, tmp_path)
    assert outcomes[1:] == [None, None]
    size = f"the message for its size, {len(LETTERS[0].raw)} bytes: 552 5.3.4 over"
    assert size in str(outcomes[0]) and "to take messages" in str(outcomes[0])
    assert "sender" not in str(outcomes[0]) and "address" not in str(outcomes[0])
    # It is the sender that other refusals of MAIL are about.
    sender = times(1, "MAIL", lambda session: session.say("550 5.1.8 not you"))
    outcomes, _ = send(sender, tmp_path)
    assert "refuses the sender a@office.test: 550 5.1.8" in str(outcomes[0])
    assert "correct the addresses in" in str(outcomes[0])


@fault("mail server that refuses")
@pytest.mark.parametrize("user", ["office", ""])
def test_a_refused_greeting_is_told(tmp_path: Path, user: str) -> None:
    def refused(session: Session, verb: str) -> bool:
        if verb in ("EHLO", "HELO"):
            session.say("550 5.7.1 go away")
        return verb in ("EHLO", "HELO")

    outcomes, server = send(refused, tmp_path, user)
    for one in outcomes:
        assert isinstance(one, TransportError)
        assert f"127.0.0.1:{server.port}: 550 5.7.1 go away" in str(one)
    assert server.sessions == 1


def test_an_answer_that_is_none_is_told(tmp_path: Path) -> None:
    endless = times(9, "MAIL", lambda session: session.say("250 " + "x" * 9000))
    outcomes, _ = send(endless, tmp_path)
    for one in outcomes:
        assert isinstance(one, TransportError) and "Line too long" in str(one)


@fault("mail connection cut")
@pytest.mark.parametrize("where", ["DATA", "END", "MAIL", "CONNECT"])
def test_a_cut_connection_loses_nothing(tmp_path: Path, where: str) -> None:
    outcomes, server = send(times(1, where, Session.cut), tmp_path)
    assert outcomes == [None] * 3
    assert server.taken == [letter.raw for letter in LETTERS]
    assert server.sessions == 2


def test_a_cut_after_the_last_answer_is_no_fault(tmp_path: Path) -> None:
    outcomes, server = send(times(9, "QUIT", Session.cut), tmp_path)
    assert outcomes == [None] * 3 and server.sessions == 1


@fault("silent mail server")
@pytest.mark.parametrize("where", ["CONNECT", "EHLO", "MAIL", "END"])
def test_a_silent_server_is_waited_for_only_so_long(tmp_path: Path, where: str) -> None:
    outcomes, server = send(times(9, where, silence(1)), tmp_path)
    for one in outcomes:
        assert isinstance(one, TransportError) and "in time" in str(one)
    assert server.taken == []


def test_421_in_the_middle_is_tried_again(tmp_path: Path) -> None:
    def busy(session: Session) -> None:
        session.say("421 4.3.2 shutting down")
        session.cut()

    outcomes, server = send(times(1, "MAIL", busy), tmp_path)
    assert outcomes == [None] * 3 and server.sessions == 2


def hang_up_after(count: int) -> Fault:
    """Make a fault of a server that takes so many messages in a session."""
    taken: Counter[Session] = Counter()

    def fault(session: Session, verb: str) -> bool:
        if verb == "END":
            taken[session] += 1
        if verb != "MAIL" or taken[session] < count:
            return False
        session.say("421 4.7.0 too many messages in this session")
        return session.cut()

    return fault


@fault("mail server that takes few messages in a session")
def test_a_server_that_takes_few_messages_in_a_session_gets_all(tmp_path: Path) -> None:
    outcomes, server = send(hang_up_after(1), tmp_path)
    assert outcomes == [None] * 3 and server.sessions == 3 > HASTE.tries
    assert server.taken == [letter.raw for letter in LETTERS]


@fault("mail server that takes few messages in a session")
@pytest.mark.parametrize("kind", [LoginRefused, CampaignError])
def test_what_was_taken_counts_though_the_next_session_does_not_open(
    tmp_path: Path, kind: type[GostKeyError]
) -> None:
    hangs_up, said = hang_up_after(1), Counter[str]()

    def fault(session: Session, verb: str) -> bool:
        said[verb] += 1
        if kind is CampaignError and verb == "END":
            (tmp_path / "word.txt").unlink()
        if kind is LoginRefused and verb == "AUTH" and said[verb] == 2:
            session.say("535 5.7.8 too many logins")
            return True
        return hangs_up(session, verb)

    outcomes, server = send(fault, tmp_path)
    assert outcomes[0] is None and server.taken == [LETTERS[0].raw]
    assert [type(one) for one in outcomes[1:]] == [kind, kind]


def test_what_a_server_says_as_it_hangs_up_is_told(tmp_path: Path) -> None:
    outcomes, server = send(hang_up_after(0), tmp_path)
    for one in outcomes:
        assert "421 4.7.0 too many messages" in str(one) and "asked 2" in str(one)
    assert server.sessions == HASTE.tries


def test_a_wrong_password_is_asked_about_once(tmp_path: Path) -> None:
    wrong = times(9, "AUTH", lambda session: session.say("535 5.7.8 no"))
    with ScriptedSMTP(wrong) as server:
        word = tmp_path / "word.txt"
        word.write_text("secret\n")
        where = Server("127.0.0.1", server.port, NONE, "office", word)
        sender = Sender(where, tmp_path / "mail.toml", HASTE)
        for _ in range(3):
            with pytest.raises(LoginRefused, match=r"'office'.*word\.txt.*535") as told:
                sender.send(LETTERS)
            assert "secret" not in str(told.value)
        assert sum(one.startswith("AUTH") for one in server.commands) == 1
    # A server that cannot look just now is another thing.
    busy = times(1, "AUTH", lambda session: session.say("454 4.7.0 later"))
    outcomes, _ = send(busy, tmp_path)
    assert outcomes == [None] * 3


def test_a_refused_connection_is_tried_a_few_times_and_told(tmp_path: Path) -> None:
    with ScriptedSMTP() as server:
        port = server.port
    sender = Sender(Server("127.0.0.1", port, NONE), tmp_path / "mail.toml", HASTE)
    for one in sender.send(LETTERS):
        assert isinstance(one, TransportError) and "refused" in str(one)
        assert f"127.0.0.1:{port}" in str(one)


# -- with the real servers --------------------------------------------------


def failure(mail: MailOffice) -> str:
    """Send one request and collect; give what is told of it."""
    if not mail.office.subscribers:
        mail.office.add()
    with pytest.raises(GostKeyError) as told:
        check(mail)
    return str(told.value)


def check(mail: MailOffice) -> None:
    """Check the files, and log in to both servers."""
    for one in mail.transport().checks:
        one()


def test_a_certificate_that_is_not_trusted_is_named(mail: MailOffice) -> None:
    pem = (mail.servers.folder / "server.pem").read_bytes()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    print_of = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()
    for where, table in (("smtp", "smtp"), ("imaps", "imap")):
        port = getattr(mail.servers, f"{where}_port")
        mail.write_office(**{table: {"ca_file": None}})
        text = failure(mail)
        assert f"localhost:{port}: its certificate is not accepted" in text
        assert print_of in text and "CN=localhost" in text
        assert f"ca_file in [{table}] of {mail.file}" in text
        # Of the right authority, but for another name.
        mail.write_office(**{table: {"host": "127.0.0.2"}})
        if table == "imap":
            break
    mail.write_office(imap={"port": mail.servers.imap_port, "tls": "starttls"})
    check(mail)


def test_tls_at_the_wrong_port_is_told(mail: MailOffice) -> None:
    mail.write_office(smtp={"tls": "implicit"})
    assert "correct port and tls in [smtp]" in failure(mail)
    mail.write_office(smtp={"tls": "implicit", "port": mail.servers.smtps_port})
    check(mail)


@fault("wrong mail password")
def test_wrong_passwords_need_a_person(mail: MailOffice) -> None:
    for user in ("nobody-here", mail.box.name):
        wrong = mail.folder / "wrong.txt"
        wrong.write_text("wrong-password\n")
        for table in ("smtp", "imap"):
            mail.write_office(**{table: {"user": user, "password_file": "wrong.txt"}})
            text = failure(mail)
            assert f"does not take the name {user!r}" in text and "wrong.txt" in text
            assert "wrong-password" not in text and "b'" not in text


@fault("silent mail server")
def test_a_silent_imap_server_is_waited_for_only_so_long(mail: MailOffice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        mail.write_office(
            imap={"port": port, "connect_seconds": 1, "answer_seconds": 1}
        )
        text = failure(mail)
    assert f"localhost:{port}" in text and "in time" in text


def test_a_folder_that_is_not_there_is_told(mail: MailOffice) -> None:
    mail.write_office(imap={"folder": "Answers"})
    text = failure(mail)
    assert "Answers" in text and "[imap]" in text


def test_smtp_without_a_recipient_of_that_name_is_exim_s_own_word(
    mail: MailOffice,
) -> None:
    """The scripted server above says what a real one says."""
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        with smtplib.SMTP("localhost", mail.servers.smtp_port) as client:
            client.sendmail(mail.box.address, [mail.box.address], b"x")
