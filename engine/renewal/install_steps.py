"""The steps that put the certificate in place and keep copies.

*installed*: the certificate goes into the header of the new container and is
read back.  *backed-up*: the old container is copied into the campaign's
archive and compared, the new one into its backup; the originals stay.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os.path import basename
from pathlib import Path

from gostkey.containers import with_certificate
from gostkey.errors import MediumError
from gostkey.media import FolderStore, read_container
from gostkey.pki.certificates import Certificate

from .copies import SUFFIX, Copy, make_folders, pack, write_copies
from .reasons import Reason, verdict
from .steps import Context, Done, Outcome, Work, each, place_of, read_new, together
from .store import Item

ARCHIVE = "archive"
BACKUP = "backup"
HEADER = "header.key"


class Install:
    """checked -> installed."""

    name = "installed"

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Settle nothing: the place is known since *keyed*."""
        return [Done({}, {"folder": work.item.new_folder}) for work in works]

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Write the certificates into the new containers; the medium reads back."""
        changed: dict[int, Mapping[str, bytes]] = {}

        def make_header(work: Work) -> Outcome:
            certificate = work.item.certificate
            assert certificate is not None
            public = Certificate.from_bytes(certificate).public_key
            files = read_new(work)
            changed[work.item.id] = with_certificate(files, certificate, public)
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


class BackUp:
    """installed -> backed-up."""

    name = "backed-up"

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Name the folders of the copies."""
        return [
            Done(
                {},
                {
                    "archive": archive_of(context.folder, work.item),
                    "backup": backup_of(context.folder, work.item),
                },
            )
            for work in works
        ]

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Copy both containers and compare."""
        make_folders(context.folder / ARCHIVE, context.folder / BACKUP)
        copies: dict[int, tuple[Copy, Copy]] = {}

        def read(work: Work) -> Outcome:
            one = work.item
            assert one.new_folder is not None
            old = pack(basename(one.container), read_container(one.container))
            new = pack(basename(one.new_folder), read_new(work))
            copies[one.id] = (
                Copy(archive_of(context.folder, one), old),
                Copy(backup_of(context.folder, one), new),
            )
            return Done()

        outcomes = each(works, read, Reason.MEDIUM)
        write_copies([copy for both in copies.values() for copy in both])
        for index, work in enumerate(works):
            if work.item.id in copies:
                outcomes[index] = _copied(*copies[work.item.id])
        return outcomes


def _copied(*copies: Copy) -> Outcome:
    values = {}
    for copy, column in zip(copies, (ARCHIVE, BACKUP), strict=True):
        if copy.error is not None:
            return verdict(Reason.MEDIUM, str(copy.error))
        values[column] = str(copy.place)
    return Done(values)


def archive_of(folder: Path, one: Item) -> str:
    """Give the place of the old container's copy, below the campaign's folder."""
    name = f"{one.id:06d}-{basename(one.container)}{SUFFIX}"
    return os.path.join(folder, ARCHIVE, name)


def backup_of(folder: Path, one: Item) -> str:
    """Give the place of the new container's copy, below the campaign's folder."""
    assert one.new_folder is not None
    name = f"{one.id:06d}-{basename(one.new_folder)}{SUFFIX}"
    return os.path.join(folder, BACKUP, name)
