"""A campaign: many renewals, begun once, interrupted at any time, ended once.

Its folder holds the store, the lock, and the copies that are made at the end.
`Campaign.begin` puts a plan into the store, `Campaign.open` finds it again; what
can be done then is in `working`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone, tzinfo
from pathlib import Path
from typing import Any

from . import collector
from .chunks import Event, OnEvent
from .lock import locked, refuse_file
from .planning.items import numbered
from .planning.plan import Plan, PlanItem, confirm, plan_items
from .planning.rules import MOSCOW
from .planning.saved import SavedPlan
from .planning.spooled import SpooledPlan
from .planning.subscribers import Listing, RowError
from .settings import new_settings
from .storage.records import Item
from .storage.store import Clock, Store
from .storage.storing import Row
from .transports import Transport
from .working import OpenCampaign

DEFAULT_FOLDER = Path("gostkey-campaign")
__all__ = [
    "DEFAULT_FOLDER",
    "Campaign",
    "Event",
    "OnEvent",
    "utc_now",
]


def utc_now() -> datetime:
    """Give the present moment; the clock of everybody who names no other."""
    return datetime.now(timezone.utc)


class Campaign(OpenCampaign):
    """One campaign, locked for this process; close it, or use it as a context."""

    @classmethod
    def begin(
        cls,
        folder: Path,
        plan: Plan | SpooledPlan | SavedPlan,
        transport: Transport,
        *,
        clock: Clock = utc_now,
        experimental: bool = False,
        store: str | None = None,
    ) -> Campaign:
        """Begin a campaign from a plan; nothing is renewed yet.

        A plan that was read from a file is confirmed first.

        Args:
            folder: of the campaign; made if it is not there.
            plan: from `make_plan`, `plan_from_json`, `SpooledPlan.of` or `SavedPlan`.
            transport: the way to the authority; `resume` will find it again.
            clock: gives the present moment.
            experimental: write to tokens also where nobody has shown that it works.
            store: URL of a PostgreSQL database that several stations share, without
                a password; the folder remembers it.  None: a file in the folder.

        Raises:
            CampaignError: if there is a campaign in the folder already.
            CampaignLocked: if another process works there.
            MediumError: if the folder cannot be written.
            StoreLost: if the database does not answer.
        """
        now = clock()
        items: Iterable[Item] | Iterable[Row]
        if isinstance(plan, SpooledPlan):
            items = plan.rows()
        elif isinstance(plan, SavedPlan):
            items = numbered(plan.confirmed(now))
        else:
            if plan.saved:
                plan = confirm(plan, now)
            items = numbered(plan.items)
        settings = new_settings(plan.zone, now, transport.settings())
        settings["experimental"] = experimental
        return cls._begin(
            folder, settings, transport, clock, now, items, plan.row_errors, store
        )

    @classmethod
    def begin_list(
        cls,
        folder: Path,
        listing: Listing,
        transport: Transport,
        *,
        zone: tzinfo = MOSCOW,
        clock: Clock = utc_now,
        experimental: bool = False,
        workers: int = 1,
        store: str | None = None,
    ) -> Campaign:
        """Plan the keys of a list and begin a campaign on them, key by key.

        What comes of it is the same as `begin` on a plan of the list, but no plan
        is held in memory: this is for lists of any length.

        Args:
            folder: of the campaign; made if it is not there.
            listing: the subscribers, as `read_tree` or `read_list` gave them.
            transport: the way to the authority; `resume` will find it again.
            zone: the office's zone, in which calendar days are counted.
            clock: gives the present moment.
            experimental: as for `begin`.
            workers: processes that read the containers.
            store: as for `begin`.

        Raises:
            CampaignError, CampaignLocked, MediumError, StoreLost: as `begin`.
            WorkerDied: if a worker process died; nothing is begun then.
        """
        items = plan_items(listing, clock(), zone, workers=workers)
        return cls.begin_items(
            folder,
            items,
            transport,
            zone=zone,
            clock=clock,
            experimental=experimental,
            errors=listing.errors,
            store=store,
        )

    @classmethod
    def begin_items(
        cls,
        folder: Path,
        items: Iterable[PlanItem],
        transport: Transport,
        *,
        zone: tzinfo = MOSCOW,
        clock: Clock = utc_now,
        experimental: bool = False,
        errors: Sequence[RowError] = (),
        store: str | None = None,
    ) -> Campaign:
        """Begin a campaign on keys that were decided on this moment, as they come.

        Arguments and errors are those of `begin` and `begin_list`.
        """
        now = clock()
        settings = new_settings(zone, now, transport.settings())
        settings["experimental"] = experimental
        return cls._begin(
            folder, settings, transport, clock, now, numbered(items), errors, store
        )

    @classmethod
    @collector.seldom()
    def _begin(
        cls,
        folder: Path,
        settings: dict[str, Any],
        transport: Transport,
        clock: Clock,
        now: datetime,
        items: Iterable[Item] | Iterable[Row],
        errors: Sequence[RowError],
        url: str | None,
    ) -> Campaign:
        lock = locked(folder)
        try:
            store = Store.create(folder, settings, now, items, errors, url=url)
            store.database.hold()
        except BaseException:
            lock.release()
            raise
        return cls(folder, store, lock, clock, transport)

    @classmethod
    def refuse_second(cls, folder: Path, store: str | None = None) -> None:
        """Raise what `begin` would if there is a campaign in *folder* or in *store*.

        For what is to be asked of a person before: nothing is made here.
        """
        refuse_file(folder)
        for url in {None, store}:
            if Store.exists(folder, url):
                # Whether somebody works on it is the better thing to say.
                cls.open(folder, store=url).close()
        Store.refuse_second(folder, store)

    @classmethod
    def begin_trial(
        cls,
        folder: Path,
        subscribers: int,
        *,
        passwords: int = 3,
        seed: int = 1,
        zone: tzinfo = MOSCOW,
        clock: Clock = utc_now,
    ) -> Campaign:
        """Begin a campaign on invented subscribers with an authority of its own.

        They are made by `prepare` or the first `run`, in the campaign's folder.

        Raises:
            CampaignError, CampaignLocked, MediumError: as `begin`.
        """
        now = clock()
        settings = new_settings(zone, now, None)
        settings["trial"] = {
            "subscribers": subscribers,
            "passwords": passwords,
            "seed": seed,
        }
        lock = locked(folder)
        try:
            store = Store.create(folder, settings, now)
        except BaseException:
            lock.release()
            raise
        return cls(folder, store, lock, clock)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        clock: Clock = utc_now,
        transport: Transport | None = None,
        store: str | None = None,
    ) -> Campaign:
        """Open a campaign that was begun, by whichever process.

        Args:
            folder: of the campaign.
            clock: gives the present moment.
            transport: another way to the authority than at the beginning.
            store: URL of its database, if the folder does not remember it.

        Raises:
            CampaignError: if there is no campaign.
            CampaignLocked: if another process works on it.
            StoreLost: if the database does not answer.
        """
        if not Store.exists(folder, store):
            Store.open(folder, store)  # raises, with the right words
        lock = locked(folder)
        try:
            opened = Store.open(folder, store)
            try:
                opened.database.hold()
                opened.database.prepare()
            except BaseException:
                opened.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(folder, opened, lock, clock, transport)
