"""Passwords: what a server says again is not told, a file that is gone is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from office.mail_office import HASTE
from office.scripted_imap import ScriptedIMAP
from office.scripted_imap import Session as ImapSession
from office.scripted_smtp import ScriptedSMTP, times
from office.scripted_smtp import Session as SmtpSession

from gostkey.errors import CampaignError, GostKeyError, LoginRefused, TransportError
from gostkey.renewal.transports.mail.mailbox import Mailbox
from gostkey.renewal.transports.mail.sending import Letter, Sender
from gostkey.renewal.transports.mail.settings import NONE, MailSettings, Server

WORDS = [
    "long-qjx-zvk",
    'qjx"zvk',
    "qjx\\zvk",
    "qjx's \"zvk\\qjx",
    "qjx  zvk",
    "qjx" * 90,
]
"""With what is quoted on the line, by Python, and made shorter for people."""


def server_at(port: int, folder: Path, word: str) -> Server:
    file = folder / "word.txt"
    file.write_text(word + "\n")
    return Server("127.0.0.1", port, NONE, "office", file)


def told_by_imap(folder: Path, word: str, answer: str) -> GostKeyError:
    """Log in to a server that answers the login in its way."""

    def echo(session: ImapSession, tag: str, command: str) -> bool:
        if command.startswith("LOGIN"):
            session.say(answer.format(tag=tag, line=f"{tag} {command}"))
        return command.startswith("LOGIN")

    with ScriptedIMAP(echo) as scripted:
        where = server_at(scripted.port, folder, word)
        settings = MailSettings(folder / "mail.toml", "a@office.test", where, where)
        with pytest.raises(GostKeyError) as told:
            Mailbox(settings, HASTE).check()
    return told.value


def told_by_smtp(
    folder: Path, word: str, verb: str, say: Callable[[SmtpSession, str], object]
) -> GostKeyError | None:
    """Send a message to a server that answers in its way, knowing the login."""
    login: list[str] = []

    def echo(session: SmtpSession, said: str) -> bool:
        if said == "AUTH":
            login[:] = [session.server.commands[-1]]
        if said == verb:
            say(session, login[0])
        return said == verb

    with ScriptedSMTP(echo) as scripted:
        where = server_at(scripted.port, folder, word)
        sender = Sender(where, folder / "mail.toml", HASTE)
        letter = Letter("a@office.test", "ca@office.test", b"Subject: x\r\n\r\nx\r\n")
        try:
            (outcome,) = sender.send([letter])
        except LoginRefused as error:
            return error
    return outcome


def assert_blanked(error: GostKeyError | None, word: str) -> None:
    text = str(error)
    assert "***" in text
    assert "qjx" not in text and "zvk" not in text
    for part in (word, f"\0office\0{word}"):
        assert base64.b64encode(part.encode()).decode()[:12] not in text


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("{tag} NO rejected: {line}", LoginRefused),
        ("{tag} NO [UNAVAILABLE] later: {line}", TransportError),
        ("{tag} BAD unknown: {line}", LoginRefused),
        ("?{line}", TransportError),
    ],
)
def test_an_imap_server_that_says_the_login_again(
    tmp_path: Path, word: str, answer: str, kind: type[GostKeyError]
) -> None:
    error = told_by_imap(tmp_path, word, answer)
    assert type(error) is kind
    assert_blanked(error, word)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    ("verb", "code"),
    [
        *(("AUTH", code) for code in (535, 454)),
        *(("MAIL", code) for code in (550, 451, 421)),
    ],
)
def test_an_smtp_server_that_says_the_login_again(
    tmp_path: Path, word: str, verb: str, code: int
) -> None:
    error = told_by_smtp(
        tmp_path, word, verb, lambda session, login: session.say(f"{code} {login}")
    )
    assert type(error) is (LoginRefused if code == 535 else TransportError)
    assert_blanked(error, word)


@pytest.mark.parametrize("word", WORDS)
def test_an_smtp_server_that_says_what_it_has_decoded(
    tmp_path: Path, word: str
) -> None:
    def decoded(session: SmtpSession, login: str) -> None:
        plain = base64.b64decode(login.split()[-1]).decode().replace("\0", " ")
        alone = base64.b64encode(word.encode()).decode()
        session.say(f"535-no such login: {plain}")
        session.say(f"535 no such password: {alone}")

    error = told_by_smtp(tmp_path, word, "AUTH", decoded)
    assert_blanked(error, word)


def test_without_a_password_nothing_is_blanked(tmp_path: Path) -> None:
    no = times(1, "MAIL", lambda session: session.say("550 5.7.1 no mail from here"))
    with ScriptedSMTP(no) as scripted:
        where = Server("127.0.0.1", scripted.port, NONE)
        sender = Sender(where, tmp_path / "mail.toml", HASTE)
        (error,) = sender.send([Letter("a@office.test", "ca@office.test", b"x\r\n")])
    assert "550 5.7.1 no mail from here" in str(error)


def test_a_password_file_that_is_gone_is_told_alike_by_both_ways(
    tmp_path: Path,
) -> None:
    where = server_at(1, tmp_path, "word")
    settings = MailSettings(tmp_path / "mail.toml", "a@office.test", where, where)
    (tmp_path / "word.txt").unlink()
    told = []
    for check in (Mailbox(settings, HASTE).check, Sender(where, settings.file).check):
        with pytest.raises(CampaignError) as error:
            check()
        told.append(str(error.value))
    assert told[0] == told[1] and str(tmp_path / "word.txt") in told[0]
