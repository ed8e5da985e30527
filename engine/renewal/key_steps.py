"""The steps that make the new key and the request for its certificate.

*keyed*: the old container is opened, a new key is made, noted in the journal and
written into a new container; the old one is only read.  *requested*: the request,
signed with the new key and, around it, with the old one.  Its bytes are in the store
before anything is sent.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from gostkey import batch
from gostkey.containers import build_container, build_containers
from gostkey.containers.protection import FINGERPRINT_SIZE
from gostkey.containers.writer import MONTHS_OF_USE, later
from gostkey.errors import (
    ContainerError,
    GeneratorFailure,
    GostKeyError,
    MediumError,
)
from gostkey.media import FolderStore
from gostkey.pki.renewal_batch import Built, build_many, check_built
from gostkey.signing import SigningKey, SupportsSigning

from .chips import chip_of
from .opening import open_ahead, open_new, open_old, password_of
from .places import Wanted, disk_of
from .planning.rules import Validity, judge_dates
from .planning.scan import renewed_key
from .reasons import Reason, Verdict, verdict
from .steps import (
    Context,
    Done,
    Outcome,
    Work,
    each,
    fault_of,
    one_by_one,
    place_of,
    together,
)
from .storage.store import Item, parse_moment
from .tokens import LARGEST_CERTIFICATE
from .transports import request_ids_of

Files = dict[str, bytes]


def date_verdict(one: Item, now: datetime, zone: tzinfo) -> Verdict | None:
    """Look at the calendar again: days may have passed since the plan."""
    assert one.old_begins is not None and one.old_ends is not None
    validity = Validity(parse_moment(one.old_begins), parse_moment(one.old_ends))
    return judge_dates(validity, now, zone)


class MakeKey:
    """planned -> keyed."""

    name = "keyed"
    in_memory = False

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Check dates, open the old key, choose the new container's folder.

        The new keys are made here: the journal has what they are known by before they
        are written, so that no other campaign's container is taken for one of ours.
        """
        held = context.claims.claim([work.item for work in works])
        open_ahead([work for work in works if work.item.id not in held], old=True)
        now = context.clock()

        def open_it(work: Work) -> Outcome:
            if work.item.id in held:
                return verdict(Reason.HELD, held[work.item.id])
            return self._open(context, work, now)

        outcomes = each(works, open_it, Reason.MEDIUM)
        in_folders = [
            place
            for place, one in enumerate(outcomes)
            if isinstance(one, Done)
            and not works[place].on_token
            and not works[place].in_chip
        ]
        wanted = [_wanted(works[place].item) for place in in_folders]
        chosen = context.places.choose(wanted)
        disks: dict[str, int | None] = {}
        for place, folder in zip(in_folders, chosen, strict=True):
            work = works[place]
            work.is_new_place = folder != work.item.new_folder
            outcomes[place] = _placed(context, work.item, folder)
            root = work.item.destination or ""
            if root not in disks:
                disks[root] = disk_of(root)
            work.disk = disks[root]
        going = [
            place
            for place, one in enumerate(outcomes)
            if isinstance(one, Done) and not works[place].in_chip
        ]
        _make_keys(context, [works[place] for place in going])
        for place in going:
            outcomes[place] = _with_fingerprint(outcomes[place], works[place])
        return outcomes

    def _open(self, context: Context, work: Work, now: datetime) -> Outcome:
        one = work.item
        late = date_verdict(one, now, context.zone)
        if late is not None:
            return late
        if context.is_revoked(work.old_certificate):
            return verdict(Reason.REVOKED)
        # A wrong password must be found before a new key is made, not after.
        opened = open_old(work)
        if not isinstance(opened, Done) or not (work.on_token or work.in_chip):
            return opened
        assert one.destination is not None and one.new_name is not None
        if work.in_chip:
            return _place_in_chip(work, one.destination, one.new_name)
        return _place_on_token(work, one.destination, one.new_name)

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Make the keys of a chunk together and write their containers."""
        written = [work for work in works if not work.is_new_place and is_written(work)]
        outcomes: dict[int, Outcome] = self._adopted(context, written)
        fresh = [work for work in works if work.item.id not in outcomes]
        outcomes |= one_by_one([w for w in fresh if w.in_chip], _make_in_chip)
        fresh = [work for work in fresh if not work.in_chip]
        made = self._make(context, fresh, outcomes)
        files = {work.item.id: one for work, one in made}

        def write(store: FolderStore, group: list[Work]) -> list[Path | MediumError]:
            containers = [(place_of(work), files[work.item.id]) for work in group]
            with context.turns.at(group[0].disk):
                results = store.write_many(containers)
            return _on_their_disk(store, group, results)

        def write_to_token(work: Work) -> Outcome:
            work.tokens.write(
                place_of(work), files[work.item.id], growth=LARGEST_CERTIFICATE
            )
            return _keyed(work, adopted=False)

        failed = together([work for work, _ in made if not work.on_token], write)
        for work, _ in made:
            if not work.on_token:
                failure = failed.get(work.item.id)
                outcomes[work.item.id] = self._written(context, work, failure)
        outcomes |= one_by_one([w for w, _ in made if w.on_token], write_to_token)
        return [outcomes[work.item.id] for work in works]

    def _written(
        self, context: Context, work: Work, failure: Verdict | None
    ) -> Outcome:
        """Give the outcome; who was taken for dead may have written it meanwhile."""
        if failure is None:
            return _keyed(work, adopted=False)
        if _is_on_its_disk(work) and is_written(work):
            (adopted,) = self._adopted(context, [work]).values()
            taken = isinstance(adopted, Verdict) and adopted.reason is Reason.NAME_TAKEN
            if taken or isinstance(adopted, Done):
                return adopted
        return failure

    def _adopted(self, context: Context, works: Sequence[Work]) -> dict[int, Outcome]:
        """Take over the containers that a killed run of this campaign had written."""
        ids = [work.item.id for work in works if not work.in_chip]
        known = context.store.fingerprints(ids) if ids else {}

        def adopt(work: Work) -> Outcome:
            open_new(work)
            ours = {_fingerprint(work), ""}
            if not work.in_chip and known[work.item.id].isdisjoint(ours):
                return verdict(Reason.NAME_TAKEN, place_of(work))
            return _keyed(work, adopted=True)

        outcomes = each(works, adopt, Reason.NEW_CONTAINER)
        return {work.item.id: one for work, one in zip(works, outcomes, strict=True)}

    def _make(
        self, context: Context, works: Sequence[Work], outcomes: dict[int, Outcome]
    ) -> list[tuple[Work, Files]]:
        groups: dict[tuple[object, ...], list[Work]] = {}

        def sort(work: Work) -> Outcome:
            one = work.item
            password = password_of(one.new_password_file)
            terms = (one.curve, one.usage, one.exportable, password)
            groups.setdefault(terms, []).append(work)
            return Done()

        for work, sorted_in in zip(
            works, each(works, sort, Reason.NEW_CONTAINER), strict=True
        ):
            outcomes[work.item.id] = sorted_in
        made: list[tuple[Work, Files]] = []
        for (_, _, _, password), group in groups.items():
            assert password is None or isinstance(password, str)
            made += self._make_alike(context, group, password, outcomes)
        for work in works:
            work.forget_batch()
        return made

    def _make_alike(
        self,
        context: Context,
        works: Sequence[Work],
        password: str | None,
        outcomes: dict[int, Outcome],
    ) -> list[tuple[Work, Files]]:
        """Make the containers of items that differ in their names only."""
        first = works[0].item
        assert first.curve is not None and first.usage is not None
        keys = _keys_of(works)
        try:
            built = build_containers(
                [work.item.new_name or "" for work in works],
                keys,
                curve=first.curve,
                password=password,
                exportable=bool(first.exportable),
                not_after=later(context.clock(), MONTHS_OF_USE),
                usage=first.usage,
            )
            return list(zip(works, built, strict=True))
        except ContainerError:
            return self._make_singly(context, works, password, outcomes)
        finally:
            keys.private.fill(0)

    def _make_singly(
        self,
        context: Context,
        works: Sequence[Work],
        password: str | None,
        outcomes: dict[int, Outcome],
    ) -> list[tuple[Work, Files]]:
        """Build one by one, to find out which item cannot be built."""
        made: list[tuple[Work, Files]] = []

        def build(work: Work) -> Outcome:
            one = work.item
            assert isinstance(work.new_key, SigningKey)
            files = build_container(
                one.new_name or "",
                work.new_key,
                password=password,
                exportable=bool(one.exportable),
                not_after=later(context.clock(), MONTHS_OF_USE),
                usage=one.usage or "exchange",
            )
            made.append((work, files))
            return Done()

        built = each(works, build, Reason.NEW_CONTAINER)
        for work, outcome in zip(works, built, strict=True):
            outcomes[work.item.id] = outcome
        return made


def _make_keys(context: Context, works: Sequence[Work]) -> None:
    """Make the new keys of a chunk, those of a curve together."""
    groups: dict[str, list[Work]] = {}
    for work in works:
        groups.setdefault(work.item.curve or "", []).append(work)
    for curve, group in groups.items():
        context.randomness.before_keys(len(group))
        keys = batch.generate(len(group), curve, threads=1)
        for row, work in enumerate(group):
            work.new_key = SigningKey.from_pair(
                keys.private[row].data, keys.public[row].data, curve
            )
            work.made = keys, row


def _keys_of(works: Sequence[Work]) -> batch.KeyBatch:
    """Give the keys that were made for some items of one curve; for them alone."""
    made = [work.made for work in works if work.made is not None]
    assert len(made) == len(works)
    keys = made[0][0]
    rows = [row for _, row in made]
    return batch.KeyBatch(keys.private[rows], keys.public[rows])


def _fingerprint(work: Work) -> str:
    """Give what a key container's header knows a key by, hexadecimal."""
    return _there(work.new_key).verifying_key.to_bytes()[:FINGERPRINT_SIZE].hex()


def _with_fingerprint(outcome: Outcome, work: Work) -> Outcome:
    assert isinstance(outcome, Done)
    detail = {**outcome.detail, "fingerprint": _fingerprint(work)}
    return Done(outcome.values, detail)


def _wanted(one: Item) -> Wanted:
    assert one.destination is not None and one.new_name is not None
    return Wanted(one.destination, one.new_name, one.new_folder, one.id)


def _placed(context: Context, one: Item, folder: str | Verdict) -> Outcome:
    if isinstance(folder, Verdict):
        return folder
    if folder == one.new_folder:
        return Done({}, {"folder": folder})
    detail = {"folder": folder, "name": one.new_name}
    if context.places_in_journal:
        # The item's row is changed but once, when the key is made.
        one.new_folder = folder
        return Done({}, detail)
    return Done({"new_folder": folder}, detail)


def _keyed(work: Work, *, adopted: bool) -> Done:
    assert work.new_key is not None
    public = work.new_key.verifying_key.to_bytes()
    values = {
        "new_folder": work.item.new_folder,
        "public_key": public,
        "note": "; ".join(work.notes) or None,
    }
    return Done(
        values,
        {
            "public_key": public.hex(),
            "adopted": adopted,
            "folder": work.item.new_folder,
        },
    )


def _is_on_its_disk(work: Work) -> bool:
    return work.disk is None or disk_of(work.item.destination or "") == work.disk


def _on_their_disk(
    store: FolderStore, works: Sequence[Work], results: Sequence[Path | MediumError]
) -> list[Path | MediumError]:
    """Take back what came to lie beside the medium instead of on it.

    When a medium is pulled, the folder where it was seen may stay; what is written
    there then is on another disk, and hidden when the medium is plugged in again.
    """
    checked = list(results)
    now = {
        root: disk_of(root) for root in {work.item.destination or "" for work in works}
    }
    for row, (work, result) in enumerate(zip(works, results, strict=True)):
        if isinstance(result, MediumError) or work.disk is None:
            continue
        if now[work.item.destination or ""] == work.disk:
            continue
        why = f"{work.item.destination}: was pulled out while it was written to; "
        try:
            store.remove(result, whole=True)
        except MediumError:
            why += f"remove {result}, which holds a key and lies under the medium; "
        checked[row] = MediumError(f"{why}plug it in again, then run resume")
    return checked


def _place_on_token(work: Work, token: str, name: str) -> Outcome:
    """Choose a slot; take over what an earlier run of this campaign has written."""
    one = work.item
    there = work.tokens.names(token)
    for other, place in there.items():
        if renewed_key(other) != renewed_key(name):
            continue
        if other == name and one.new_folder == str(place):
            return Done({}, {"folder": one.new_folder})
        return verdict(Reason.NAME_TAKEN, str(place))
    # The second place is for the container with its certificate.
    chosen = work.tokens.free_place(token, one.new_folder, spare=1)
    return Done({"new_folder": chosen}, {"folder": chosen, "name": name})


def _place_in_chip(work: Work, token: str, name: str) -> Outcome:
    """Choose the label of the new key; take over what an earlier run has made."""
    one = work.item
    place = f"{chip_of(token)}/{name}"
    for label in work.tokens.chips.labels(token):
        if renewed_key(label) != renewed_key(name):
            continue
        if label == name and one.new_folder == place:
            return Done({}, {"folder": place})
        return verdict(Reason.NAME_TAKEN, f"{chip_of(token)}/{label}")
    return Done({"new_folder": place}, {"folder": place, "name": name})


def _make_in_chip(work: Work) -> Outcome:
    """Let the token make the key; it never leaves it."""
    assert work.item.curve is not None
    work.new_key = work.tokens.chips.make(place_of(work), work.item.curve)
    return _keyed(work, adopted=False)


def is_written(work: Work) -> bool:
    """Say whether the new container is in its place, written by an earlier run."""
    place = work.item.new_folder or ""
    if work.in_chip:
        try:
            return work.item.new_name in work.tokens.chips.labels(place)
        except GostKeyError:
            return False  # making it will tell why
    if not work.on_token:
        return os.path.exists(place)
    try:
        return work.tokens.holds(place, work.item.new_name)
    except GostKeyError:
        return False  # writing will tell why


class MakeRequest:
    """keyed -> requested."""

    name = "requested"
    in_memory = True

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Check the dates."""
        now = context.clock()
        return [date_verdict(work.item, now, context.zone) or Done() for work in works]

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Build the requests, check them as the authority will, wipe the old keys."""
        now = context.clock()
        open_ahead([work for work in works if work.old_key is None], old=True)
        open_ahead([work for work in works if work.new_key is None], old=False)
        outcomes = dict(
            zip(works, each(works, self._open, Reason.REQUEST), strict=True)
        )
        built = self._build(works, outcomes, now)
        if not context.transport.checks_requests:
            self._check(built, outcomes, now)
        good = [work for work in built if isinstance(outcomes[work], Done)]
        names = request_ids_of([built[work].der for work in good])
        for work, name in zip(good, names, strict=True):
            values = {"request": built[work].der, "request_id": name}
            outcomes[work] = Done(values, {"request_id": name})
        return [outcomes[work] for work in works]

    def _open(self, work: Work) -> Outcome:
        if work.old_key is None:
            opened = open_old(work)
            if not isinstance(opened, Done):
                return opened
        if work.new_key is None:
            open_new(work)
        return Done()

    def _build(
        self, works: Sequence[Work], outcomes: dict[Work, Outcome], now: datetime
    ) -> dict[Work, Built]:
        """Build together, or one by one to find out which cannot be built."""
        built: dict[Work, Built] = {}

        def build(some: Sequence[Work]) -> None:
            requests = build_many(
                [_there(work.new_key) for work in some],
                [_there(work.old_key) for work in some],
                [work.old_certificate for work in some],
                at=now,
            )
            built.update(zip(some, requests, strict=True))

        def build_one(work: Work) -> Outcome:
            build([work])
            return Done()

        open_works = [work for work in works if isinstance(outcomes[work], Done)]
        try:
            try:
                build(open_works)
            except GeneratorFailure:
                raise
            except Exception:
                singly = each(open_works, build_one, Reason.REQUEST)
                outcomes.update(zip(open_works, singly, strict=True))
        finally:
            for work in works:
                if isinstance(work.old_key, SigningKey):
                    work.old_key.wipe()
                work.old_key = None
        return built

    def _check(
        self, built: dict[Work, Built], outcomes: dict[Work, Outcome], now: datetime
    ) -> None:
        """Check as the authority will, all signatures together."""

        def check(some: Sequence[Work]) -> None:
            refusals = check_built([built[work] for work in some], at=now)
            for work, refusal in zip(some, refusals, strict=True):
                if refusal is not None:
                    outcomes[work] = fault_of(refusal, Reason.REQUEST)

        def check_one(work: Work) -> Outcome:
            check([work])
            return outcomes[work]

        try:
            check(list(built))
        except Exception:
            singly = each(list(built), check_one, Reason.REQUEST)
            outcomes.update(zip(built, singly, strict=True))


def _there(key: SupportsSigning | None) -> SupportsSigning:
    assert key is not None
    return key
