"""Real mail servers, and an office and an authority that write to each other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from office import mail_servers
from office.mail_office import USERS, MailOffice, new_mail_office
from office.mail_servers import MailServers


@pytest.fixture(scope="session")
def servers() -> Iterator[MailServers]:
    """Run Exim and Dovecot as long as the tests."""
    why = mail_servers.missing()
    if why:
        pytest.skip(why)
    with (
        tempfile.TemporaryDirectory(prefix="gostkey-mail-") as folder,
        MailServers(Path(folder), USERS) as running,
    ):
        yield running


@pytest.fixture
def mail(servers: MailServers, tmp_path: Path) -> Iterator[MailOffice]:
    """Give an office and an authority with mailboxes of their own."""
    with new_mail_office(tmp_path, servers) as one:
        yield one
