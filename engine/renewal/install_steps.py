"""The steps that put the certificate in place and keep copies.

*installed*: the certificate goes into the header of the new container and is
read back.  *backed-up*: the old container is copied into the campaign's
archive and compared, the new one into its backup; the originals stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gostkey.containers import Container, with_certificate
from gostkey.errors import ContainerDamaged
from gostkey.media import FolderStore
from gostkey.pki.certificates import Certificate

from .reasons import Reason
from .steps import Context, Done, Outcome, Work, each
from .store import Item

ARCHIVE = "archive"
BACKUP = "backup"


class Install:
    """checked -> installed."""

    name = "installed"

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Settle nothing: the place is known since *keyed*."""
        return [Done({}, {"folder": work.item.new_folder}) for work in works]

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Write the certificates into the new containers."""
        return each(context, works, self._install, Reason.NEW_CONTAINER, parallel=True)

    def _install(self, work: Work) -> Outcome:
        one = work.item
        assert one.new_folder is not None and one.certificate is not None
        place = Path(one.new_folder)
        store = FolderStore(place.parent)
        public = Certificate.from_bytes(one.certificate).public_key
        files = with_certificate(store.read(place), one.certificate, public)
        store.replace_header(place, files["header.key"])
        entry = Container.parse(store.read(place)).keys[0]
        if entry.certificate != one.certificate:
            raise ContainerDamaged(f"{place}: the certificate did not read back")
        return Done()


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

        def copy(work: Work) -> Outcome:
            one = work.item
            assert one.new_folder is not None
            old, new = Path(one.container), Path(one.new_folder)
            archive = archive_of(context.folder, one)
            backup = backup_of(context.folder, one)
            for root in (archive, backup):
                root.mkdir(mode=0o700, parents=True, exist_ok=True)
            archived = FolderStore(old.parent).archive(old, archive)
            saved = FolderStore(new.parent).archive(new, backup)
            return Done({"archive": str(archived), "backup": str(saved)})

        return each(context, works, copy, Reason.MEDIUM, parallel=True)


def archive_of(folder: Path, one: Item) -> Path:
    """Give the folder of the old container's copy, below the campaign's."""
    return folder / ARCHIVE / f"{one.id:06d}"


def backup_of(folder: Path, one: Item) -> Path:
    """Give the folder of the new container's copy, below the campaign's."""
    return folder / BACKUP / f"{one.id:06d}"
