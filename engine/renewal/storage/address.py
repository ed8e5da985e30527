"""Where a campaign's PostgreSQL database is, and under which name it lives there.

An address is a URL of libpq's kind, ``postgresql://user@host:port/database``, with
two words of our own after the ``?``: ``campaign`` and ``password_file``.  It never has
a password in it: that comes from the file, or from where libpq looks by itself
(``~/.pgpass``, ``PGPASSFILE``, ``PGPASSWORD``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from gostkey.errors import CampaignError
from gostkey.media.durable import (
    flush_file,
    flush_folder,
    temporary_beside,
    write_file,
)

from ..secret_files import read_password

ADDRESS_NAME = "campaign.store"
"""The file in the campaign's folder that remembers the address."""
SCHEMA_PREFIX = "campaign_"
SCHEMES = ("postgresql", "postgres")
_NAME = re.compile(r"\w[\w.-]*")
_LONGEST_NAME = 63 - len(SCHEMA_PREFIX)
"""Bytes: PostgreSQL cuts longer names off."""
_MAX_ADDRESS_BYTES = 4096
_EXAMPLE = "postgresql://gostkey@server/gostkey"


@dataclass(frozen=True)
class Address:
    """A database and the name of a campaign in it."""

    campaign: str
    user: str | None
    host: str | None
    port: int | None
    database: str | None
    options: Mapping[str, str]
    """More words for libpq, such as ``sslmode``."""
    password_file: Path | None = None

    @classmethod
    def parse(cls, url: str, folder: Path) -> Address:
        """Read a URL.

        Args:
            url: ``postgresql://...``
            folder: the campaign's, whose last name the campaign has unless *url*
                says another one.

        Raises:
            CampaignError: if it cannot be used; the text shows no password.
        """
        try:
            read = sa.make_url(url)
        except (sa.exc.ArgumentError, ValueError):
            raise CampaignError(
                f"the store's address cannot be read; write {_EXAMPLE}"
            ) from None
        if read.drivername not in SCHEMES:
            raise CampaignError(
                f"{read.drivername}: is no database that stations can share; write "
                f"{_EXAMPLE}, or leave the address out for a file of one station"
            )
        if read.password is not None or "password" in read.query:
            raise CampaignError(
                "the store's address has a password in it, which other users of this "
                "machine can see; put it into ~/.pgpass or a file for "
                "--store-password-file"
            )
        words = dict(read.query)
        repeated = [name for name, value in words.items() if not isinstance(value, str)]
        if repeated:
            raise CampaignError(
                f"the store's address says {repeated[0]} twice; say it once"
            )
        plain = {name: str(value) for name, value in words.items()}
        name = plain.pop("campaign", None) or folder.absolute().name
        if not _NAME.fullmatch(name) or len(name.encode()) > _LONGEST_NAME:
            raise CampaignError(
                f"{name!r} cannot be a campaign's name in a database: letters, digits, "
                f"dots, hyphens and underscores, at most {_LONGEST_NAME} bytes; add "
                "?campaign=NAME to the store's address"
            )
        file = plain.pop("password_file", None)
        return cls(
            campaign=name,
            user=read.username,
            host=read.host,
            port=read.port,
            database=read.database,
            options=plain,
            password_file=None if file is None else Path(file),
        )

    @property
    def schema(self) -> str:
        """The PostgreSQL schema of the campaign's tables."""
        return SCHEMA_PREFIX + self.campaign

    @property
    def where(self) -> str:
        """Names the place in messages."""
        host = self.host or self.options.get("host", "")
        port = f":{self.port}" if self.port else ""
        place = f"postgresql://{host}{port}/{self.database or ''}"
        return f"{place}, campaign {self.campaign}"

    def url(self) -> str:
        """Write the URL that `parse` reads, whatever the folder's name."""
        words = {**self.options, "campaign": self.campaign}
        if self.password_file is not None:
            words["password_file"] = str(self.password_file.absolute())
        made = sa.URL.create(
            SCHEMES[0],
            username=self.user,
            host=self.host,
            port=self.port,
            database=self.database,
            query=words,
        )
        return made.render_as_string()

    def for_libpq(self) -> dict[str, str | int]:
        """Give the words of a connection; the password only if it is in a file.

        Raises:
            CampaignError: if the password's file cannot be read.
        """
        words: dict[str, str | int] = dict(self.options)
        for name, value in (
            ("user", self.user),
            ("host", self.host),
            ("port", self.port),
            ("dbname", self.database),
        ):
            if value:
                words[name] = value
        if self.password_file is not None:
            words["password"] = read_password(self.password_file)
        return words


def with_password_file(url: str, file: Path) -> str:
    """Add the path of a password file to a URL.

    Raises:
        CampaignError: if *url* cannot be read.
    """
    try:
        read = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise CampaignError(
            f"the store's address cannot be read; write {_EXAMPLE}"
        ) from None
    words = {"password_file": str(file.absolute())}
    return read.update_query_dict(words).render_as_string(hide_password=False)


def remembered(folder: Path) -> str | None:
    """Read the address that a campaign's folder remembers; None if there is none.

    Raises:
        CampaignError: if the file cannot be read.
    """
    path = folder / ADDRESS_NAME
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_ADDRESS_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CampaignError(
            f"{path}: cannot be read: {error.strerror or error}; it says where the "
            "campaign's database is"
        ) from error
    text = data.decode("utf-8", "replace").strip()
    if len(data) > _MAX_ADDRESS_BYTES or not text.startswith(SCHEMES):
        raise CampaignError(
            f"{path}: is not the address of a database; name it with --store"
        )
    return text


def remember(folder: Path, address: Address) -> None:
    """Write the address into a campaign's folder.

    Raises:
        OSError: if it cannot be written.
    """
    path = folder / ADDRESS_NAME
    text = address.url() + "\n"
    if path.exists() and path.read_text("utf-8") == text:
        return
    made = Path(temporary_beside(path))
    write_file(made, text.encode())
    flush_file(made)
    made.replace(path)
    flush_folder(folder)
