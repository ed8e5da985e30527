"""Rolling a renewal back: the old container in its place, the new one out of use.

Journalled before and after like any step.  From the "before" on nothing renews the
item any more; a rollback that was cut off is finished by the next one or by `resume`.
The old container is seen to first, so that at no moment there is neither.  The new one
is copied into the campaign's folder, the copy read back and compared, and only then is
it removed from its medium: nothing is lost, whatever was encrypted for the new key.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gostkey.containers import Container
from gostkey.containers.names import decode_name
from gostkey.errors import CampaignError, GostKeyError, MediumError
from gostkey.media import FolderStore, read_container
from gostkey.pki.certificates import Certificate

from ..chips import is_chip_address
from ..copies import SUFFIX, Copy, make_folders, pack, unpack, write_copies
from ..install_steps import folder_of
from ..opening import password_of
from ..reasons import Reason, verdict
from ..stations.claims import shared
from ..storage.schema import ROLLED_BACK
from ..storage.store import Change, Clock, Item, Store
from ..tokens import Tokens, is_token_address
from .condition import Condition, condition_of

FOLDER = "rolled-back"
_INSTALLED = ("installed", "backed-up")
_NAME = "name.key"
_LONGEST_NUMBER = 9
"""Digits: more keys than that no campaign has, nor any database such numbers."""

CONFIRM = (
    "the new certificate is installed and may be in use; what was encrypted for the "
    "new key cannot be read afterwards. If it was not used, say so with "
    "--confirm-not-used"
)


class CannotRollBack(CampaignError):
    """A renewal that cannot be undone, with the reason and what to do."""


@dataclass(frozen=True)
class Undone:
    """What became of the rollback of one item."""

    item_id: int
    label: str
    state: str
    """In which the item was before."""
    already: bool = False
    """Whether it had been rolled back before."""
    moved_to: str | None = None
    """Copy of the new container in the campaign's folder."""
    restored: str | None = None
    """The old container's place, if it had to be put back."""
    request_id: str | None = None
    """The request that had been sent, for the authority to revoke."""
    serial: str | None = None
    """Serial number of the new certificate, hexadecimal."""
    error: GostKeyError | None = None


def roll_back(
    store: Store,
    folder: Path,
    clock: Clock,
    ids: Iterable[int],
    tokens: Tokens,
    *,
    not_used: bool = False,
) -> list[Undone]:
    """Roll items back, one after the other; a fault of one stops that one.

    Args:
        store: of the campaign, whose lock is held.
        folder: the campaign's.
        clock: for the journal.
        ids: of the items.
        tokens: reach tokens, and know their PINs.
        not_used: the operator's word that the new certificate was not used yet.
    """
    done = []
    for number in ids:
        (one,) = store.items([number])
        try:
            done.append(_Rollback(store, folder, clock, tokens, one).do(not_used))
        except (GostKeyError, OSError) as error:
            fault = MediumError(str(error)) if isinstance(error, OSError) else error
            done.append(Undone(one.id, one.label(), one.state, error=fault))
    return done


def finish_rollbacks(
    store: Store, folder: Path, clock: Clock, tokens: Tokens
) -> list[Undone]:
    """Finish the rollbacks that were cut off."""
    ids = store.find_ids(reason=Reason.ROLLED_BACK, state_is_not=ROLLED_BACK)
    return roll_back(store, folder, clock, ids, tokens, not_used=True)


def find_item(store: Store, text: str) -> int:
    """Find an item by its number, or by what names its key.

    Args:
        store: of the campaign.
        text: the number in the table, a container's place or name, the old one's or
            the new one's, or the name of a request.

    Raises:
        CampaignError: if it names none, or several.
    """
    if text.isdecimal() and len(text) <= _LONGEST_NUMBER:
        ids = store.find_ids(number=int(text))
    else:
        ids = store.find_ids(named=(text, os.path.abspath(text)))
    if not ids:
        raise CampaignError(
            f"{text}: names no key of this campaign; gostkey renew report shows them, "
            "and --json their numbers (id)"
        )
    if len(ids) > 1:
        numbers = ", ".join(map(str, ids[:10]))
        raise CampaignError(f"{text}: names several keys; say which number: {numbers}")
    return ids[0]


class _Rollback:
    """The rollback of one item."""

    def __init__(
        self, store: Store, folder: Path, clock: Clock, tokens: Tokens, one: Item
    ) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock
        self._tokens = tokens
        self._one = one
        self._begun = one.reason == Reason.ROLLED_BACK.value
        tokens.learn([one])

    def do(self, not_used: bool) -> Undone:
        one = self._one
        if one.state == ROLLED_BACK:
            return self._undone(already=True, moved_to=one.backup)
        self._refuse_what_cannot(not_used)
        old = self._look_at_old()
        new = self._look_at_new()
        self._refuse_installed(new.values(), not_used)
        if not self._begun:
            self._record(
                "before",
                {"state": one.state, "new": sorted(new), "restores": old is not None},
                **_texts(
                    "its rollback was begun and is not finished",
                    f"gostkey renew rollback {one.id} finishes it",
                ),
            )
        try:
            restored = self._put_back(old)
            moved = self._take_out(new)
        except (GostKeyError, OSError) as error:
            self._record("failed", {"text": str(error)})
            raise
        done = self._undone(moved_to=moved, restored=restored)
        self._record(
            "after",
            {
                "state": one.state,
                "moved_to": moved,
                "restored": restored,
                "request_id": done.request_id,
                "serial": done.serial,
            },
            state=ROLLED_BACK,
            backup=moved or one.backup,
            moving_to=None,
            **_texts(*_advice(done)),
        )
        # Another campaign may renew the key from now on.
        shared(self._store.database)[0].release([one])
        return done

    # -- what stands against it -------------------------------------------

    def _refuse_what_cannot(self, not_used: bool) -> None:
        one = self._one
        if is_chip_address(one.destination):
            raise CannotRollBack(
                f"{one.label()}: the new key was made inside a token and cannot be "
                "taken out of it, and deleting it could not be undone; the old "
                "container is in its place. Do not use the new key, have its "
                "certificate revoked, and see gostkey token keys"
            )
        if one.state not in ("planned", "keyed", "requested", "sent", "certified",
                             "checked", *_INSTALLED):  # fmt: skip
            raise CannotRollBack(
                f"{one.label()}: nothing was done for this key, so nothing is to be "
                "undone"
            )
        if one.state in _INSTALLED and not (not_used or self._begun):
            raise CannotRollBack(f"{one.label()}: {CONFIRM}")

    def _refuse_installed(
        self, containers: Iterable[Mapping[str, bytes]], not_used: bool
    ) -> None:
        """Look whether a run that was cut off had installed the certificate."""
        if not_used or self._begun:
            return
        for files in containers:
            if any(key.certificate for key in Container.parse(files).keys):
                raise CannotRollBack(f"{self._one.label()}: {CONFIRM}")

    # -- the old container ------------------------------------------------

    def _look_at_old(self) -> Mapping[str, bytes] | None:
        """Give the files to put back; None if the old container is as it was.

        Raises:
            CannotRollBack: if it is not and cannot be put back.
        """
        one = self._one
        try:
            now = self._read(one.container)
        except GostKeyError:
            now = {}
        copy, why_not = self._copy()
        if now and now == copy:
            return None
        there = self._condition(now) if now else None
        kept = self._condition(copy) if copy else None
        if there is not None and there.is_known:
            if there.holds_key and (kept is None or there.faults <= kept.faults):
                return None
        elif there is not None:
            if one.archive is None:
                return None
            if why_not is None:
                raise CannotRollBack(
                    f"{one.container}: is not as its copy {one.archive} is, and which "
                    "of them is good cannot be told without its password; put the "
                    "password file back, or move away the one that is not good"
                )
        self._refuse_to_put_back(now)
        if why_not is not None:
            raise why_not
        if copy is None:
            raise CannotRollBack(
                f"{one.container}: the old container is not there as it was, and the "
                "campaign has no copy of it yet; take it from a backup first"
            )
        if kept is None or not kept.holds_key:
            raise CannotRollBack(
                f"{one.archive}: the copy of the old container does not hold its key "
                "any more, and neither does the container's place; take it from a "
                "backup first"
            )
        return copy

    def _copy(self) -> tuple[Mapping[str, bytes] | None, MediumError | None]:
        """Give the files of the old container's copy, or why it cannot be read."""
        if self._one.archive is None:
            return None, None
        try:
            return unpack(Path(self._one.archive)), None
        except MediumError as error:
            return None, error

    def _condition(self, files: Mapping[str, bytes]) -> Condition | None:
        one = self._one
        try:
            password = password_of(one.password_file)
        except GostKeyError:
            password = None
        return condition_of(files, one.old_certificate, password)

    def _refuse_to_put_back(self, now: Mapping[str, bytes]) -> None:
        """Say why nothing can be written in the old container's place."""
        one = self._one
        if is_token_address(one.container):
            raise CannotRollBack(
                f"{one.container}: the old container is not there as it was, and is "
                "not written back to a token by itself; put the token in, or write "
                f"the copy {one.archive or 'from a backup'} to it with gostkey "
                "container copy"
            )
        parent = Path(one.container).parent
        if not parent.is_dir():
            raise MediumError(f"{parent}: is not there; insert the medium")
        if now and self._is_another(now):
            raise CannotRollBack(
                f"{one.container}: holds the container of another key now; move it "
                "elsewhere first"
            )

    def _is_another(self, files: Mapping[str, bytes]) -> bool:
        """Say whether a good container of another key is there."""
        try:
            keys = Container.parse(files).keys
        except GostKeyError:
            return False
        known = [one.certificate for one in keys if one.certificate]
        return bool(known) and self._one.old_certificate not in known

    def _put_back(self, files: Mapping[str, bytes] | None) -> str | None:
        if files is None:
            return None
        place = self._one.container
        there = Path(place)
        if there.is_dir():
            # What is there is no good any more, and is kept all the same.
            now = read_container(place)
            if {name.lower() for name in os.listdir(place)}.difference(now):
                raise MediumError(
                    f"{place}: other files are in this folder; move them elsewhere"
                )
            if now:
                data = pack(there.name, now)
                self._keep(Copy(self._place_of(place, "-changed"), data))
                FolderStore(there.parent).remove(there, whole=True)
            else:
                there.rmdir()
        FolderStore(there.parent).write(there.name, files, there)
        return place

    # -- the new container ------------------------------------------------

    def _look_at_new(self) -> dict[str, Mapping[str, bytes]]:
        """Read what is to be taken out of use: place to files.

        Raises:
            CannotRollBack: if another container is in its place.
            MediumError: if its medium is not there.
        """
        one = self._one
        places = [place for place in (one.new_folder, one.moving_to) if place]
        found: dict[str, Mapping[str, bytes]] = {}
        for place in places:
            if is_token_address(place):
                if self._tokens.holds(place, one.new_name):
                    found[place] = self._tokens.read(place)
                continue
            parent = Path(place).parent
            if not parent.is_dir():
                raise MediumError(f"{parent}: is not there; insert the medium")
            if not Path(place).is_dir():
                continue
            files = read_container(place)
            if self._begun and self._is_rest_of(place, files):
                continue
            self._must_be_ours(place, files)
            found[place] = files
        return found

    def _must_be_ours(self, place: str, files: Mapping[str, bytes]) -> None:
        one = self._one
        try:
            container = Container.parse(files)
            ours = container.name == one.new_name and all(
                (one.public_key or b"").startswith(key.fingerprint or b"")
                for key in container.keys
                if one.public_key is not None
            )
        except GostKeyError as error:
            raise CannotRollBack(
                f"{place}: the new container cannot be read ({error}); check the medium"
            ) from error
        if not ours:
            raise CannotRollBack(
                f"{place}: holds another container than this campaign made; it is left "
                "alone"
            )

    def _is_rest_of(self, place: str, files: Mapping[str, bytes]) -> bool:
        """Say whether a rollback that was cut off was removing this container."""
        name = self._place_of(place)
        try:
            kept = unpack(Path(name))
        except GostKeyError:
            return False
        return files != kept and files.get(_NAME, kept[_NAME]) in (
            kept[_NAME],
            bytes(len(kept[_NAME])),
        )

    def _take_out(self, new: Mapping[str, Mapping[str, bytes]]) -> str | None:
        """Copy the new container into the campaign's folder, then remove it."""
        one = self._one
        moved: str | None = None
        for place, files in new.items():
            name = decode_name(files[_NAME])
            copy = Copy(self._place_of(place), pack(folder_of(place, name), files))
            moved = self._keep(copy)
            if is_token_address(place):
                self._tokens.remove_replaced(place, one.new_name)
        for there in (one.new_folder, one.moving_to):
            if not there or is_token_address(there) or not os.path.isdir(there):
                continue
            moved = moved or self._place_of(there)
            if read_container(there):
                FolderStore(Path(there).parent).remove(Path(there), whole=True)
            elif not os.listdir(there):
                os.rmdir(there)
        if moved is None and one.new_folder:
            earlier = self._place_of(one.new_folder)
            return earlier if os.path.isfile(earlier) else None
        return moved

    def _keep(self, copy: Copy) -> str:
        make_folders(self._folder / FOLDER)
        write_copies([copy])
        if copy.error is not None:
            raise copy.error
        return copy.place

    def _place_of(self, place: str, more: str = "") -> str:
        folder = folder_of(place, self._one.new_name or "")
        name = f"{self._one.id:06d}-{folder}{more}{SUFFIX}"
        return os.path.join(self._folder, FOLDER, name)

    # -- all of it --------------------------------------------------------

    def _read(self, place: str) -> Mapping[str, bytes]:
        if is_token_address(place):
            return self._tokens.read(place)
        return read_container(place)

    def _undone(
        self,
        *,
        already: bool = False,
        moved_to: str | None = None,
        restored: str | None = None,
    ) -> Undone:
        one = self._one
        sent = one.request_id if one.sent_at is not None else None
        if sent is None and one.request_id is not None:
            # Cut off while it was sent, it may have gone all the same.
            steps = {row["step"] for row in self._store.history(one.id)}
            sent = one.request_id if "sent" in steps else None
        serial = None
        if one.certificate is not None:
            serial = f"{Certificate.from_bytes(one.certificate).serial:x}"
        return Undone(
            one.id, one.label(), one.state, already, moved_to, restored, sent, serial
        )

    def _record(self, phase: str, detail: Mapping[str, Any], **values: Any) -> None:
        change = Change(self._one.id, ROLLED_BACK, phase, values, detail)
        self._store.record([change], self._clock())


def _texts(text: str, cure: str) -> dict[str, str]:
    why = verdict(Reason.ROLLED_BACK, text, cure=cure)
    return {"reason": why.reason.value, "text": why.text, "cure": why.cure}


def _advice(done: Undone) -> tuple[str, str]:
    """Say for the table what was done, and what is still to be done."""
    said = [f"the new container is in {done.moved_to}" if done.moved_to else
            "no new container was made"]  # fmt: skip
    if done.restored:
        said.append("the old one was put back")
    cure = ""
    if done.serial:
        cure = (
            f"have the new certificate revoked: serial number {done.serial}, request "
            f"{done.request_id}"
        )
    elif done.request_id:
        cure = (
            f"tell the authority that request {done.request_id} is not wanted, or have "
            "its certificate revoked"
        )
    return "; ".join(said), cure
