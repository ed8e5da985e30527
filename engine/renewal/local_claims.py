"""One campaign a key: the claims of a user's campaigns on this machine.

Before a campaign makes a key it claims the old one, by the SHA-256 of its certificate,
in a small database of the user.  Another campaign's claim is judged by that campaign's
own journal, so nothing has to be cleaned up after a crash: a claim counts while that
campaign is at the key and when it has renewed it, and is void if the campaign is gone,
has rolled the key back, or failed before it chose a folder for a new one.

A claim is taken or taken over in one transaction of the database, and looked at again
before each key is made.  So two campaigns cannot both have a key, whoever comes first.
Campaigns that share a database of PostgreSQL have claims there: `stations.claims`.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gostkey.errors import GostKeyError, MediumError

from .reasons import Reason
from .storage.records import Item
from .storage.schema import STATES
from .storage.store import Store

VARIABLE = "GOSTKEY_STATE"
"""Names the folder for what this user's processes must know of each other."""
FILE_NAME = "claims.sqlite"
_HAVE_IT = STATES[STATES.index("keyed") :]
_TABLE = """
create table if not exists claim (
    key blob primary key,
    campaign text not null,
    item integer not null
) without rowid
"""


def state_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Give the folder for what this user's processes must know of each other.

    ``GOSTKEY_STATE``, else ``gostkey`` in ``XDG_STATE_HOME`` or ``~/.local/state``;
    where none of them can be written to, a folder of the user's among the temporary
    ones.  It is made if it is not there.

    Raises:
        MediumError: if there is none that can be written to.
    """
    environment = os.environ if environment is None else environment
    wanted = environment.get(VARIABLE)
    if wanted:
        folder = Path(wanted)
        if not _is_made(folder):
            raise MediumError(
                f"{folder}: cannot be written to; {VARIABLE} must name a folder of "
                "yours"
            )
        return folder
    base = environment.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        folder = Path(base).expanduser() / "gostkey"
    except RuntimeError:
        folder = Path("/nonexistent")
    if _is_made(folder):
        return folder
    who = str(os.getuid()) if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"gostkey-{who}"
    if _is_made(folder) and _is_private(folder):
        return folder
    raise MediumError(
        f"{folder}: cannot be written to; name a folder of yours in {VARIABLE}"
    )


def _is_made(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _is_private(folder: Path) -> bool:
    """Say whether nobody else can have made it: anyone may write beside it."""
    about = folder.lstat()
    if not hasattr(os, "getuid"):
        return True
    return (
        stat.S_ISDIR(about.st_mode)
        and about.st_uid == os.getuid()
        and not stat.S_IMODE(about.st_mode) & 0o077
    )


@dataclass
class LocalClaims:
    """The claims of one campaign; close them before a fork, and at the end."""

    campaign: Path
    """Its folder."""
    matter: bool = True
    _kept: sqlite3.Connection | None = field(default=None, repr=False)
    """Stays open between two claims: to open the database and to close it costs five
    more waits for the disk."""

    def claim(self, items: Sequence[Item]) -> dict[int, str]:
        """Claim the old keys of items; see `claims.Claims`.

        Raises:
            MediumError: if the claims cannot be read or written.
        """
        mine = os.path.realpath(self.campaign)
        keys = _keys_of(items)
        held: dict[int, str] = {}
        others = _Others()
        with self._keeping() as kept, _transaction(kept) as connection, closing(others):
            before = connection.total_changes
            connection.executemany(
                "insert or ignore into claim values (?, ?, ?)",
                [(key, mine, number) for number, key in keys.items()],
            )
            if connection.total_changes - before == len(keys):
                return {}  # nearly always: nobody had any of them
            for number, key in keys.items():
                row = connection.execute(
                    "select campaign, item from claim where key = ? and campaign <> ?",
                    (key, mine),
                ).fetchone()
                if row is None:
                    continue
                is_mine = _is_same(row[0], mine)
                if not is_mine and others.has(Path(row[0]), row[1], key):
                    held[number] = row[0]
                    continue
                connection.execute(
                    "update claim set campaign = ?, item = ? where key = ?",
                    (mine, number, key),
                )
        return held

    def close(self) -> None:
        """Close what is open; it is opened again when it is needed."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    @contextmanager
    def _keeping(self) -> Iterator[sqlite3.Connection]:
        """Give the connection that stays open; after an error it does not."""
        with _explained() as path:
            if self._kept is None:
                self._kept = _open(path)
            try:
                yield self._kept
            except BaseException:
                self.close()
                raise

    def release(self, items: Sequence[Item]) -> None:
        """Give back the claims of items; see `claims.Claims`.

        Those of campaigns whose folders are gone go along.
        """
        if not items:
            return
        mine = os.path.realpath(self.campaign)
        with _writing() as connection:
            connection.executemany(
                "delete from claim where key = ? and campaign = ?",
                [(key, mine) for key in _keys_of(items).values()],
            )
            rows = connection.execute("select distinct campaign from claim").fetchall()
            connection.executemany(
                "delete from claim where campaign = ?",
                [one for one in rows if not os.path.isdir(one[0])],
            )


def _is_same(folder: str, mine: str) -> bool:
    """Say whether a claim's campaign is this one, under whatever path it was made."""
    try:
        return os.path.samefile(folder, mine)
    except OSError:
        return False


def _keys_of(items: Sequence[Item]) -> dict[int, bytes]:
    return {
        one.id: hashlib.sha256(one.old_certificate).digest()
        for one in items
        if one.old_certificate is not None
    }


class _Others:
    """The stores of other campaigns, opened when they are needed."""

    def __init__(self) -> None:
        self._stores: dict[Path, Store | None] = {}

    def has(self, campaign: Path, number: int, key: bytes) -> bool:
        """Say whether a campaign has a key, by its own journal."""
        try:
            store = self._store(campaign)
            items = [] if store is None else store.items([number])
        except GostKeyError:
            # It is there and cannot be read: it may well have it.
            return True
        for one in items:
            certificate = one.old_certificate
            if certificate is None or hashlib.sha256(certificate).digest() != key:
                continue
            if one.state in _HAVE_IT:
                return True
            if one.state != "planned":
                return False
            # Where a folder was chosen the new key may be: a medium that is away, for
            # which the item has failed, does not tell.
            goes_on = one.reason is None or one.reason == Reason.ROLLED_BACK.value
            return goes_on or one.new_folder is not None
        return False

    def _store(self, campaign: Path) -> Store | None:
        if campaign not in self._stores:
            there = campaign.is_dir() and Store.exists(campaign)
            self._stores[campaign] = Store.open(campaign) if there else None
        return self._stores[campaign]

    def close(self) -> None:
        for store in self._stores.values():
            if store is not None:
                store.close()


@contextmanager
def _writing() -> Iterator[sqlite3.Connection]:
    """Open the database for one transaction."""
    with (
        _explained() as path,
        closing(_open(path)) as opened,
        _transaction(opened) as connection,
    ):
        yield connection


def _open(path: Path) -> sqlite3.Connection:
    """Open the database; make it if it is not there."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    one = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        one.execute("pragma journal_mode = wal")
        # A claim must be on the disk before the journal tells of its key: else a
        # power cut could take the claim alone, and another campaign the key.
        one.execute("pragma synchronous = full")
    except BaseException:
        one.close()
        raise
    return one


@contextmanager
def _transaction(one: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Begin a transaction, which no other process comes into, and commit it.

    After an error it is undone when the connection is closed.
    """
    one.execute("begin immediate")
    one.execute(_TABLE)
    yield one
    one.execute("commit")


@contextmanager
def _explained() -> Iterator[Path]:
    """Give the path of the database; say what is wrong with it."""
    path = state_folder() / FILE_NAME
    try:
        yield path
    except (sqlite3.Error, OSError) as error:
        raise MediumError(
            f"{path}: the claims of campaigns cannot be read or written: {error}; if "
            "it is damaged, remove it while no campaign runs"
        ) from error
