"""The steps that put the certificate in place and keep copies.

*installed*: the certificate goes into the header of the new container and is
read back; on a token the container is written anew beside itself.  *backed-up*:
the old container is copied into the campaign's archive and compared, the new one
into its backup; the originals stay.  A key inside a token has no copy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os.path import basename
from pathlib import Path

from gostkey.containers import folder_name, with_certificate
from gostkey.errors import MediumError
from gostkey.media import FolderStore

from .copies import SUFFIX, Copy, make_folders, pack, write_copies
from .opening import open_new, read_new, read_old
from .reasons import Reason, verdict
from .steps import (
    Context,
    Done,
    Outcome,
    Work,
    each,
    one_by_one,
    place_of,
    together,
)
from .storage.store import Item
from .tokens import is_token_address

ARCHIVE = "archive"
BACKUP = "backup"
HEADER = "header.key"


class Install:
    """checked -> installed."""

    name = "installed"
    in_memory = False

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Settle where on a token it goes; a folder is known since *keyed*."""
        return each(works, _place_to_install, Reason.MEDIUM)

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Write the certificates into the new containers; the medium reads back."""
        outcomes = one_by_one([w for w in works if w.on_token], _write_anew)
        outcomes |= one_by_one([w for w in works if w.in_chip], _put_beside)
        in_folders = [w for w in works if not w.on_token and not w.in_chip]
        for work, outcome in zip(in_folders, self._replace(in_folders), strict=True):
            outcomes[work.item.id] = outcome
        return [outcomes[work.item.id] for work in works]

    def _replace(self, works: Sequence[Work]) -> list[Outcome]:
        changed: dict[int, Mapping[str, bytes]] = {}

        def make_header(work: Work) -> Outcome:
            changed[work.item.id] = _certified(work)
            return Done()

        def write(store: FolderStore, group: list[Work]) -> list[Path | MediumError]:
            return store.replace_headers(
                [(place_of(work), changed[work.item.id][HEADER]) for work in group]
            )

        outcomes = each(works, make_header, Reason.NEW_CONTAINER)
        good = [work for work in works if work.item.id in changed]
        failed = together(good, write)
        for work in good:
            # A new header is read back; else the next step looks what is there.
            is_there = work.item.id not in failed
            work.new_files = changed[work.item.id] if is_there else None
        return [
            failed.get(work.item.id, outcome)
            for work, outcome in zip(works, outcomes, strict=True)
        ]


def _certified(work: Work) -> Mapping[str, bytes]:
    """Give the new container's files with the certificate in them."""
    certificate = work.item.certificate
    assert certificate is not None
    public = work.certificate.public_key
    return with_certificate(read_new(work), certificate, public)


def _place_to_install(work: Work) -> Outcome:
    one = work.item
    if not work.on_token:
        return Done({}, {"folder": one.new_folder})
    assert one.destination is not None
    into = one.moving_to
    if into is None or not work.tokens.holds(into, one.new_name):
        into = work.tokens.free_place(one.destination, into)
    return Done({"moving_to": into}, {"folder": one.new_folder, "into": into})


def _write_anew(work: Work) -> Outcome:
    """Write the container with its certificate to another slot, remove the first.

    At any moment one of the two is whole.
    """
    one = work.item
    assert one.moving_to is not None
    if work.tokens.holds(one.moving_to, one.new_name):
        # An earlier run wrote it, and had not removed the first one.
        work.new_files = work.tokens.read(one.moving_to)
        open_new(work)
    else:
        files = _certified(work)
        work.tokens.write(one.moving_to, files)
        work.new_files = files
    work.tokens.remove_replaced(place_of(work), one.new_name)
    values = {"new_folder": one.moving_to, "moving_to": None}
    return Done(values, {"folder": one.moving_to})


def _put_beside(work: Work) -> Outcome:
    """Put the certificate beside its key inside the token."""
    certificate = work.item.certificate
    assert certificate is not None
    work.tokens.chips.install(place_of(work), certificate)
    return Done({}, {"folder": work.item.new_folder})


class BackUp:
    """installed -> backed-up."""

    name = "backed-up"
    in_memory = False

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Name the folders of the copies."""
        return [
            Done(
                {},
                {
                    "archive": None
                    if work.from_chip
                    else archive_of(context.folder, work.item),
                    "backup": None
                    if work.in_chip
                    else backup_of(context.folder, work.item),
                },
            )
            for work in works
        ]

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Copy both containers and compare."""
        make_folders(context.folder / ARCHIVE, context.folder / BACKUP)
        # A key inside a token has no copy.
        copies: dict[int, dict[str, Copy]] = {}

        def read(work: Work) -> Outcome:
            one = work.item
            assert one.new_folder is not None and one.new_name is not None
            made: dict[str, Copy] = {}
            if not work.from_chip:
                old = pack(folder_of(one.container, one.container_name), read_old(work))
                made[ARCHIVE] = Copy(archive_of(context.folder, one), old)
            if not work.in_chip:
                new = pack(folder_of(one.new_folder, one.new_name), read_new(work))
                made[BACKUP] = Copy(backup_of(context.folder, one), new)
            copies[one.id] = made
            return Done()

        outcomes = each(works, read, Reason.MEDIUM)
        write_copies([copy for both in copies.values() for copy in both.values()])
        for index, work in enumerate(works):
            if work.item.id in copies:
                outcomes[index] = _copied(copies[work.item.id])
        return outcomes


def _copied(copies: Mapping[str, Copy]) -> Outcome:
    values: dict[str, str] = {}
    for column, copy in copies.items():
        if copy.error is not None:
            return verdict(Reason.MEDIUM, str(copy.error))
        values[column] = copy.place
    return Done(values, {ARCHIVE: None, BACKUP: None, **values})


def folder_of(place: str, container_name: str) -> str:
    """Name the folder that a copy is: the container's own, or one for its name."""
    return folder_name(container_name) if is_token_address(place) else basename(place)


def archive_of(folder: Path, one: Item) -> str:
    """Give the place of the old container's copy, below the campaign's folder."""
    name = f"{one.id:06d}-{folder_of(one.container, one.container_name)}{SUFFIX}"
    return os.path.join(folder, ARCHIVE, name)


def backup_of(folder: Path, one: Item) -> str:
    """Give the place of the new container's copy, below the campaign's folder."""
    assert one.new_folder is not None and one.new_name is not None
    name = f"{one.id:06d}-{folder_of(one.new_folder, one.new_name)}{SUFFIX}"
    return os.path.join(folder, BACKUP, name)
