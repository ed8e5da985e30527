"""The copies of old containers in a campaign's folder, and how long they stay.

For ever, unless a policy says otherwise.  A copy is removed only if it is older than
the policy wants and the old container itself was found in its place, every byte of it
the same, in this very moment: so it is never the only copy that is removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gostkey.errors import GostKeyError, MediumError
from gostkey.media import explain, read_container
from gostkey.media.durable import discard, flush_folder

from ..copies import unpack
from ..storage.store import Change, Clock, Item, Store, parse_moment
from ..tokens import Tokens, is_token_address

PRUNED = "archive-removed"
"""The step's name in the journal."""
_AT_ONCE = 256


@dataclass(frozen=True)
class Archive:
    """A copy of an old container."""

    item_id: int
    label: str
    path: Path
    made_at: datetime
    """When it was made, by the journal."""
    days: int
    """Its age in whole days."""
    elsewhere: bool
    """Whether the old container is in its place, the same in every byte."""
    why: str
    """Why it stays; "" if it may be removed, or was."""
    removed: bool = False


def list_archives(
    store: Store,
    now: datetime,
    tokens: Tokens,
    *,
    keep_days: int | None = None,
) -> Iterator[Archive]:
    """Look at the copies of a campaign.

    Args:
        store: the campaign's.
        now: the moment from which ages count.
        tokens: reach old containers on tokens.
        keep_days: so many days a copy stays; None: for ever.
    """
    for one in _archived(store):
        yield _look(store, one, now, tokens, keep_days)


def prune_archives(
    store: Store,
    clock: Clock,
    tokens: Tokens,
    *,
    keep_days: int,
) -> Iterator[Archive]:
    """Remove the copies that are older and are not the only ones.

    Each is journalled before and after; one whose removal was cut off is finished.

    Args:
        store: the campaign's, whose lock is held.
        clock: for ages and the journal.
        tokens: reach old containers on tokens.
        keep_days: so many days a copy stays.

    Yields:
        Each copy that was there, removed or with the reason why it stays.
    """
    for one in _archived(store):
        found = _look(store, one, clock(), tokens, keep_days)
        if found.why:
            yield found
            continue
        detail = {"archive": str(found.path), "days": found.days}
        store.record([Change(one.id, PRUNED, "before", {}, detail)], clock())
        if found.path.exists():
            try:
                discard(found.path)
                flush_folder(found.path.parent)
            except OSError as error:
                why = str(explain(error, found.path))
                yield Archive(**{**found.__dict__, "why": why})
                continue
        values = {"archive": None}
        store.record([Change(one.id, PRUNED, "after", values, detail)], clock())
        yield Archive(**{**found.__dict__, "removed": True})


def _archived(store: Store) -> Iterator[Item]:
    ids = store.archived_ids()
    for start in range(0, len(ids), _AT_ONCE):
        yield from store.items(ids[start : start + _AT_ONCE])


def _look(
    store: Store, one: Item, now: datetime, tokens: Tokens, keep_days: int | None
) -> Archive:
    assert one.archive is not None
    path = Path(one.archive)
    history = store.history(one.id)
    made = [row["at"] for row in history if row["step"] == "backed-up"]
    made_at = parse_moment(made[-1] if made else history[-1]["at"])
    begun = history[-1]["step"] == PRUNED and history[-1]["phase"] == "before"
    elsewhere, why = _compare(one, path, tokens, begun)
    days = (now - made_at) // timedelta(days=1)
    if keep_days is None:
        why = "copies are kept for ever"
    elif days < keep_days:
        why = f"it is kept for {keep_days} days, and is {max(days, 0)} old"
    elif one.state != "backed-up":
        why = "the renewal was rolled back"
    return Archive(one.id, one.label(), path, made_at, days, elsewhere, why)


def _compare(one: Item, path: Path, tokens: Tokens, begun: bool) -> tuple[bool, str]:
    """Compare a copy with the old container in its place."""
    try:
        if is_token_address(one.container):
            tokens.learn([one])
            now = dict(tokens.read(one.container))
        else:
            now = dict(read_container(one.container))
        if begun and now:
            # It was compared before its removal was begun; it may be half gone.
            return True, ""
        same = bool(now) and unpack(path) == now
    except (GostKeyError, MediumError) as error:
        return False, f"it may be the only copy of the old key: {error}"
    if same:
        return True, ""
    return False, f"it may be the only copy of the old key: {one.container} differs"
