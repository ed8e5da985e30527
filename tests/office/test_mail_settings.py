"""The settings file: every mistake is named, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey.errors import CampaignError
from gostkey.renewal.campaign import utc_now
from gostkey.renewal.transports import MailTransport
from gostkey.renewal.transports.mail import read_settings
from gostkey.renewal.transports.mail.settings import settings_of

GOOD = """
from = "keys@office.test"
to = "ca@office.test"
trusted = "authority"
[smtp]
host = "mail.office.test"
user = "keys"
password_file = "word.txt"
[imap]
host = "mail.office.test"
user = "keys"
password_file = "word.txt"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mail.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_not_said_is_what_is_usual(tmp_path: Path) -> None:
    found = read_settings(write(tmp_path, GOOD))
    assert (found.smtp.port, found.imap.port) == (465, 993)
    assert found.smtp.tls == found.imap.tls == "implicit"
    assert found.require_signed and found.folder == "INBOX"
    assert found.smtp.password_file == tmp_path / "word.txt"
    starttls = GOOD.replace("[smtp]\n", "[smtp]\ntls='starttls'\n")
    starttls = starttls.replace("[imap]\n", "[imap]\ntls='starttls'\n")
    found = read_settings(write(tmp_path, starttls))
    assert (found.smtp.port, found.imap.port) == (587, 143)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('from = "keys@office.test"', "", "from is missing"),
        ("keys@office.test", "keys at office", "an address such as"),
        ("keys@office.test", "a@b.c\\nBcc: x@y.z", "not a text of one line"),
        ("keys@office.test", "a@b.c>,<x@y.z", "an address such as"),
        ("[smtp]", "[smpt]", "smtp is missing"),
        ("[smtp]", "[smtp]\nport = 0", "[smtp] port is 0; right is a number from 1"),
        ("[smtp]", "[smtp]\nport = '25'", "[smtp] port is '25'"),
        ("[smtp]", "[smtp]\nport = true", "[smtp] port is True"),
        ("[smtp]", "[smtp]\ntls = 'ssl'", "right is implicit or starttls"),
        ("[smtp]", "[smtp]\ntls = 'none'", "passwords would be read on the way"),
        ("[smtp]", "[smtp]\npassword = 'x'", "[smtp] password is unknown"),
        ('user = "keys"\n', "", "user is missing"),
        ('host = "mail.office.test"\n', "", "[smtp] host is missing"),
        ("[smtp]", "smpt = 3\n[smtp]", "smpt is unknown"),
        ("[smtp]", "clients = 'a@b.c'\n[smtp]", "clients is not a list"),
        ("[smtp]", "clients = ['x']\n[smtp]", "clients holds 'x'"),
        ("[smtp]", "require_signed = 'no'\n[smtp]", "right is true or false"),
        ("[imap]", "[imap]\ndone_folder = 'INBOX'", "is the folder itself"),
        ("[smtp]", "signature = 3\n[smtp]", "signature is not a table"),
        ("[smtp]", "[signature]\ncertificate = 'x'\n[smtp]", "[signature] key"),
        ("[smtp]", "[smtp", "is not TOML"),
        ("[smtp]", "to = 'x@y.z'\n[smtp]", "is not TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    file = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(CampaignError) as error:
        read_settings(file)
    assert told in str(error.value) and str(file) in str(error.value)


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    for data in (b"\xff\xfe\x00", b"#" * (1 << 19), b"a=[" * 9999):
        file = tmp_path / "mail.toml"
        file.write_bytes(data)
        with pytest.raises(CampaignError, match="mail.toml"):
            read_settings(file)
    with pytest.raises(CampaignError, match="docs/mail.md has an example"):
        read_settings(tmp_path / "absent.toml")


@pytest.mark.parametrize("lacks", ["to", "trusted"])
def test_an_office_needs_an_authority(tmp_path: Path, lacks: str) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{lacks} ")]
    file = write(tmp_path, "\n".join(lines))
    with pytest.raises(CampaignError, match=f"{lacks} is missing"):
        MailTransport.open(file, utc_now)


def test_passwords_are_read_when_needed_and_never_shown(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, GOOD))
    with pytest.raises(CampaignError, match=r"word\.txt: cannot be read"):
        settings.smtp.password()
    (tmp_path / "word.txt").write_text("пароль\n", encoding="utf-8")
    with pytest.raises(CampaignError, match="Latin letters") as told:
        settings.smtp.password()
    assert "пароль" not in str(told.value)
    (tmp_path / "word.txt").write_text("right one\n")
    assert settings.smtp.password() == "right one"
    assert "right one" not in repr(settings)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["host", "port", "tls", "user", "key", "x"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["from", "to", "smtp", "imap", "clients", "signature", "x"]),
        VALUES,
    )
)
def test_any_table_is_taken_or_refused_with_words(table: dict[str, object]) -> None:
    try:
        settings_of(table, Path("/x/mail.toml"))
    except CampaignError as error:
        assert str(error).startswith("/x/mail.toml: ")
