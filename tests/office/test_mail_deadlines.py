"""An answer has a deadline for all of it, however its bytes come."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from office.mail_office import HASTE
from office.scripted_imap import ScriptedIMAP
from office.scripted_imap import Session as ImapSession
from office.scripted_smtp import ScriptedSMTP
from office.scripted_smtp import Session as SmtpSession
from tally import fault

from gostkey.errors import TransportError
from gostkey.renewal.transports.deadlines import Deadline
from gostkey.renewal.transports.mail import sessions
from gostkey.renewal.transports.mail.mailbox import Mailbox
from gostkey.renewal.transports.mail.sending import Letter, Sender
from gostkey.renewal.transports.mail.sessions import SLOWEST, PacedReader
from gostkey.renewal.transports.mail.settings import NONE, MailSettings, Server


def server_at(port: int, folder: Path) -> Server:
    word = folder / "word.txt"
    word.write_text("secret\n")
    return Server(
        *("127.0.0.1", port, NONE, "office", word),
        connect_seconds=0.3,
        answer_seconds=0.3,
    )


def keep_waiting(say: Callable[[bytes], object], data: bytes) -> bool:
    """Send something now and then, but not for ever; say if the other side has gone."""
    try:
        for _ in range(100):
            say(data)
            time.sleep(0.05)
    except OSError:
        return True
    return False


@fault("mail server that keeps a client waiting")
@pytest.mark.parametrize("data", [b"250-wait\r\n", b"2"])
@pytest.mark.parametrize("where", ["CONNECT", "EHLO", "AUTH", "MAIL", "END", "QUIT"])
def test_an_smtp_server_that_keeps_a_client_waiting(
    tmp_path: Path, where: str, data: bytes
) -> None:
    def slow(session: SmtpSession, verb: str) -> bool:
        return verb == where and keep_waiting(session.wfile.write, data)

    with ScriptedSMTP(slow) as scripted:
        sender = Sender(server_at(scripted.port, tmp_path), tmp_path / "m", HASTE)
        letter = Letter("a@office.test", "ca@office.test", b"Subject: x\r\n\r\nx\r\n")
        (outcome,) = sender.send([letter])
        if where == "QUIT":
            assert outcome is None
            with pytest.raises(TransportError, match="did not answer in time"):
                sender.check()
        else:
            assert isinstance(outcome, TransportError)
            assert "did not answer in time" in str(outcome)


@fault("mail server that keeps a client waiting")
@pytest.mark.parametrize("data", [b"* OK wait\r\n", b"*"])
@pytest.mark.parametrize("where", ["CONNECT", "CAPABILITY", "LOGIN", "SELECT"])
def test_an_imap_server_that_keeps_a_client_waiting(
    tmp_path: Path, where: str, data: bytes
) -> None:
    if (where, data) == ("CONNECT", b"* OK wait\r\n"):
        data = b"* OK "  # a greeting is one line

    def slow(session: ImapSession, tag: str, command: str) -> bool:
        verb = command.split()[0]
        return verb == where and keep_waiting(session.wfile.write, data)

    with ScriptedIMAP(slow) as scripted:
        imap = server_at(scripted.port, tmp_path)
        settings = MailSettings(tmp_path / "mail.toml", "a@office.test", imap, imap)
        with pytest.raises(TransportError, match="did not answer in time"):
            Mailbox(settings, HASTE).check()


@fault("mail server that keeps a client waiting")
@pytest.mark.parametrize("data", [b"* OK wait\r\n", b"* OK {900}\r\n" + bytes(900)])
def test_an_imap_server_that_says_enough_to_be_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(sessions, "_MOST_IN_LINES", 9_000)
    monkeypatch.setattr(sessions, "_MOST_IN_LITERALS", 90_000)

    def endless(session: ImapSession, tag: str, command: str) -> bool:
        if command.startswith("SELECT"):
            session.wfile.write(data * 1000)
        return False

    with ScriptedIMAP(endless) as scripted:
        imap = server_at(scripted.port, tmp_path)
        settings = MailSettings(tmp_path / "mail.toml", "a@office.test", imap, imap)
        with pytest.raises(TransportError, match="an answer of more than 90*0 bytes"):
            Mailbox(settings, HASTE).check()
        assert scripted.sessions == HASTE.tries


def test_what_comes_in_earnest_takes_the_time_that_its_size_needs() -> None:
    now = [100.0]
    deadline = Deadline(lambda: now[0])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reader = io.BufferedReader(PacedReader(ours, deadline))
        deadline.set(1)
        for _ in range(5):
            theirs.sendall(bytes(SLOWEST))
            assert len(reader.read(SLOWEST)) == SLOWEST
            now[0] += 1
        assert deadline.left() == 1
        # A byte now and then is not enough.
        with pytest.raises(TimeoutError):
            for _ in range(5):
                theirs.sendall(b"x")
                reader.read(1)
                now[0] += 0.5
        reader.close()
