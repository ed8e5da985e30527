"""What killed and failed steps left half-written, and its removal.

A new container has its private key in it while it still has its temporary name: where a
medium was pulled in that moment, nobody could remove it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import sqlalchemy as sa

from gostkey.errors import GostKeyError, MediumError
from gostkey.media import FolderStore

from .install_steps import ARCHIVE, BACKUP
from .reasons import Reason
from .storage.schema import item, journal
from .storage.store import Store
from .tokens import Tokens

_WRITING = ("keyed", "installed", "backed-up")
"""The steps that write to media."""


def clean(store: Store, folder: Path, tokens: Tokens) -> None:
    """Remove what a killed run left half-written, or a fault of a medium.

    Another campaign that writes to the same medium in this very moment
    would have to try again; nothing that is finished is touched.
    """
    store.settle_places()
    places = _stopped_by_media(store, folder)
    for item_id, step in store.interrupted().items():
        (one,) = store.items([item_id])
        places |= _places_of(step, one.destination, one.new_folder, folder)
    half = store.begun_on_tokens()
    tokens.learn(half)
    for one in half:
        # A token that is not there fails its item, with the right words.
        with contextlib.suppress(GostKeyError):
            tokens.remove_half(one.moving_to or one.new_folder or "")
    for place in places:
        # So does a medium that is still locked; it is looked at again next time.
        with contextlib.suppress(MediumError):
            if place.is_dir():
                FolderStore(place, depth=0).clean_leftovers(older_than=0)


def _places_of(
    step: str, destination: str | None, new_folder: str | None, folder: Path
) -> set[Path]:
    """Give the places that a step of an item writes to."""
    if step == "keyed" and destination:
        return {Path(destination)}
    if step == "installed" and new_folder:
        return {Path(new_folder)}
    return {folder / ARCHIVE, folder / BACKUP} if step == "backed-up" else set()


def _stopped_by_media(store: Store, folder: Path) -> set[Path]:
    """List the places of steps that a medium's fault has stopped, until they are done.

    Not where a step stopped for another reason, such as another campaign that has the
    key: it may be writing there.
    """
    by_medium = sa.and_(
        journal.c.phase == "failed",
        journal.c.detail.like(f'%"reason": "{Reason.MEDIUM.value}"%'),
    )
    is_done = journal.c.phase == "after"
    last_fault = sa.func.max(sa.case((by_medium, journal.c.id), else_=0))
    last_done = sa.func.max(sa.case((is_done, journal.c.id), else_=0))
    stopped = (
        sa.select(journal.c.item_id, journal.c.step)
        .where(journal.c.step.in_(_WRITING), sa.or_(by_medium, is_done))
        .group_by(journal.c.item_id, journal.c.step)
        .having(last_fault > last_done)
        .subquery()
    )
    query = sa.select(stopped.c.step, item.c.destination, item.c.new_folder).join(
        item, item.c.id == stopped.c.item_id
    )
    places: set[Path] = set()
    for step, destination, new_folder in store.read(query):
        places |= _places_of(step, destination, new_folder, folder)
    return places
