"""The steps that put the certificate in place and keep copies.

*installed*: the certificate goes into the header of the new container and is
read back.  *backed-up*: the old container is copied into the campaign's
archive and compared, the new one into its backup; the originals stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gostkey.containers import with_certificate
from gostkey.errors import MediumError
from gostkey.media import FolderStore

from .copies import SUFFIX, Copy, make_folders, pack, write_copies
from .reasons import Reason, verdict
from .steps import Context, Done, Outcome, Work, each, parsed, together
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
        headers: dict[int, bytes] = {}

        def make_header(work: Work) -> Outcome:
            place, certificate = _installed(work)
            files = FolderStore(place.parent).read(place)
            public = parsed(certificate).public_key
            headers[work.item.id] = with_certificate(files, certificate, public)[HEADER]
            return Done()

        def write(store: FolderStore, group: list[Work]) -> list[Path | MediumError]:
            return store.replace_headers(
                [(_installed(work)[0], headers[work.item.id]) for work in group]
            )

        outcomes = each(works, make_header, Reason.NEW_CONTAINER)
        good = [work for work in works if work.item.id in headers]
        failed = together(good, lambda work: _installed(work)[0].parent, write)
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
                    "archive": str(archive_of(context.folder, work.item)),
                    "backup": str(backup_of(context.folder, work.item)),
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
            copies[one.id] = (
                _copy(Path(one.container), archive_of(context.folder, one)),
                _copy(Path(one.new_folder), backup_of(context.folder, one)),
            )
            return Done()

        outcomes = each(works, read, Reason.MEDIUM)
        write_copies([copy for both in copies.values() for copy in both])
        for index, work in enumerate(works):
            if work.item.id in copies:
                outcomes[index] = _copied(*copies[work.item.id])
        return outcomes


def _copy(source: Path, place: Path) -> Copy:
    files = FolderStore(source.parent).read(source)
    return Copy(place, pack(source.name, files))


def _copied(*copies: Copy) -> Outcome:
    values = {}
    for copy, column in zip(copies, (ARCHIVE, BACKUP), strict=True):
        if copy.error is not None:
            return verdict(Reason.MEDIUM, str(copy.error))
        values[column] = str(copy.place)
    return Done(values)


def _installed(work: Work) -> tuple[Path, bytes]:
    """Give the new container's folder and its certificate."""
    assert work.item.new_folder is not None and work.item.certificate is not None
    return Path(work.item.new_folder), work.item.certificate


def archive_of(folder: Path, one: Item) -> Path:
    """Give the place of the old container's copy, below the campaign's folder."""
    return folder / ARCHIVE / f"{one.id:06d}-{Path(one.container).name}{SUFFIX}"


def backup_of(folder: Path, one: Item) -> Path:
    """Give the place of the new container's copy, below the campaign's folder."""
    assert one.new_folder is not None
    return folder / BACKUP / f"{one.id:06d}-{Path(one.new_folder).name}{SUFFIX}"
