"""A token as a medium.

What each verb does stands in `medium.Medium`; how a family does it, in its driver.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from gostkey.containers import FILES
from gostkey.errors import (
    ContainerDamaged,
    ContainerError,
    ExperimentalOnly,
    GostKeyError,
    MediumError,
    TokenFull,
    TokenSwapped,
)

from . import pin_changes, pins, rutoken_writing
from .addresses import is_token_address, place_of, split_address
from .contents import find_slot, is_slot, unfinished, writable
from .driver import ADMIN, PUBLIC, SECRET, USER, NeedsLogin
from .finding import hold_token
from .model import PinSource, TokenInfo
from .rutoken import Rutoken, slot_name
from .rutoken_writing import WritePlan
from .sessions import Session


def open_token(
    address: str | os.PathLike[str],
    *,
    pin: PinSource | None = None,
    experimental: bool = False,
    risk_last_try: bool = False,
) -> TokenStore:
    """Return the token of an address as a medium.

    The token is looked for when it is used first.

    Args:
        address: of a token or of a container on it, which is then the only one found.
        pin: asks for the user's PIN; called only when the token wants it.
        experimental: allow writing where nobody has shown that it works.
        risk_last_try: log in even if a wrong PIN would block the token.

    Raises:
        MediumError: if that is no address of a token.
    """
    return TokenStore(
        address, pin=pin, experimental=experimental, risk_last_try=risk_last_try
    )


class TokenStore:
    """The containers of one token; a `Medium[Path]` with places "token:SERIAL/SLOT".

    As a context manager it holds the token, and the login, until the block ends;
    otherwise every method does so for itself.  Every method raises TokenAbsent,
    TokenAmbiguous, TokenUnknown, TokenBusy or another MediumError if the token cannot
    be used, and those that need the PIN PinRequired, WrongPin and PinBlocked.
    """

    def __init__(
        self,
        address: str | os.PathLike[str],
        *,
        pin: PinSource | None = None,
        experimental: bool = False,
        risk_last_try: bool = False,
    ) -> None:
        if not is_token_address(address):
            raise MediumError(
                f"{os.fspath(address)}: not a token's address; `gostkey token list` "
                "shows them"
            )
        self._token, self.wanted = split_address(address)
        self._pin = pin
        self._experimental = experimental
        self._risk_last_try = risk_last_try
        self._address = ""
        self._serial: str | None = None
        self._held = ExitStack()
        self._depth = 0
        self._current: Session | None = None

    def __repr__(self) -> str:
        return f"TokenStore({self._address or 'token:' + self._token!r})"

    def __enter__(self) -> TokenStore:
        if not self._depth:
            self._current = self._held.enter_context(self._session())
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._current = None
            self._held.close()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Hold the token; once found, the same one and no other."""
        if self._current is not None:
            yield self._current
            return
        token = self._address.removeprefix("token:") or self._token
        with hold_token(token) as session:
            if self._serial not in (None, session.serial):
                raise TokenSwapped(
                    f"{self._address}: another token ({session.serial}) is in its "
                    "place; put the first one in again and repeat"
                )
            self._address, self._serial = session.address, session.serial
            yield session

    # -- who it is -------------------------------------------------------

    @property
    def info(self) -> TokenInfo:
        """Who the token is, asked for each time."""
        with self._session() as session:
            info = session.driver.describe(fully=True)
            return replace(info, address=session.address)

    @property
    def identity(self) -> str:
        """The address of the token: "token:SERIAL"."""
        if not self._address:
            with self._session():
                pass
        return self._address

    def free_space(self) -> int:
        """Return the bytes that can still be written.

        Raises:
            MediumError: if the token does not tell.
        """
        with self._session() as session:
            free = session.driver.free_memory()
            if free is None:
                raise MediumError(
                    f"{session.address}: it does not tell how much memory is free"
                )
            return free

    # -- looking ---------------------------------------------------------

    def find(self, unreadable: list[MediumError] | None = None) -> Iterator[Path]:
        """Yield the places of containers, in order of slots; needs no PIN.

        Args:
            unreadable: gets an error for each half-written container.
        """
        with self._session() as session:
            if self.wanted:
                yield place_of(session.address, self._slot(session, self.wanted))
                return
            found = []
            for slot in session.driver.slots():
                fault = unfinished(session, slot)
                if not fault:
                    found.append(place_of(session.address, slot))
                elif unreadable is not None:
                    unreadable.append(
                        MediumError(
                            f"{session.address}/{slot}: half-written ({fault}); it is "
                            "not usable and can be removed"
                        )
                    )
        yield from found

    def unfinished(self) -> list[Path]:
        """Return the places of half-written containers."""
        with self._session() as session:
            return [
                place_of(session.address, slot)
                for slot in session.driver.slots()
                if unfinished(session, slot)
            ]

    def free_places(self) -> list[Path]:
        """Return the places where nothing is, in their order; needs no PIN.

        Raises:
            MediumError: if the token is of a kind to which nothing is written.
        """
        with self._session() as session:
            driver = writable(session)
            taken = set(driver.slots())
            return [
                place_of(session.address, slot)
                for slot in map(slot_name, driver.dialect.slots)
                if slot not in taken
            ]

    def read_public(self, place: Path) -> dict[str, bytes]:
        """Read name.key and header.key, which need no PIN on the tokens known.

        Should one need it after all, it is asked for.
        """
        with self._session() as session:
            return self._read(session, self._slot(session, place), PUBLIC)

    def read(self, place: Path) -> dict[str, bytes]:
        """Read all files of a container, asking for the PIN if that is needed."""
        with self._session() as session:
            return self._read(session, self._slot(session, place), FILES)

    def read_own(self, place: Path) -> dict[str, bytes]:
        """Read all files of a container; there are no links on a token.

        While the token is held, files that were read before are given again, when its
        serial number shows that it is the same.
        """
        with self._session() as session:
            slot = self._slot(session, place)
            if session.has_read(slot, FILES):
                session.same_token()
            return self._read(session, slot, FILES)

    def _read(
        self, session: Session, slot: str, names: tuple[str, ...]
    ) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        for name in names:
            if files and name in SECRET and not session.has_read(slot, (name,)):
                # Without somebody to ask it is found out whether it is needed.
                if self._pin is not None:
                    self._log_in(session)
            try:
                data = session.read_file(slot, name)
            except NeedsLogin:
                self._log_in(session)
                try:
                    data = session.read_file(slot, name)
                except NeedsLogin:
                    raise MediumError(
                        f"{session.address}/{slot}: the token lets its user not read "
                        f"{name}"
                    ) from None
            if data:
                files[name] = data
        if not files:
            raise ContainerError(
                f"{session.address}/{slot}: no container there; `gostkey container "
                f"list {session.address}` shows what is on the token"
            )
        return files

    def _log_in(self, session: Session) -> None:
        pins.log_in_as_user(session, self._pin, risk_last_try=self._risk_last_try)

    def _slot(self, session: Session, place: str | os.PathLike[str]) -> str:
        text = os.fspath(place)
        if is_token_address(text):
            _, text = split_address(text)
        return find_slot(session, text or self.wanted)

    # -- writing ---------------------------------------------------------

    def plan(self, files: Mapping[str, bytes], place: Path | None = None) -> WritePlan:
        """Say what writing a container would come to; writes nothing, needs no PIN.

        Raises:
            TokenFull: if there is no room or no slot.
            MediumError: if the token is of a kind to which nothing is written.
        """
        with self._session() as session:
            return rutoken_writing.plan(
                writable(session), files, self._target(session, place)
            )

    def write(
        self, name: str, files: Mapping[str, bytes], place: Path | None = None
    ) -> Path:
        """Write a new container whole or not at all, and read it back.

        Raises:
            TokenFull: before anything is written.
            ExperimentalOnly: if nothing shows that it works on such a token.
        """
        with self._session() as session:
            return self._write(session, files, self._target(session, place))

    def _write(
        self, session: Session, files: Mapping[str, bytes], slot: str = ""
    ) -> Path:
        driver = writable(session)
        missing = [one for one in PUBLIC if one not in files]
        if missing:
            raise ContainerDamaged(f"{missing[0]}: missing; it is not written without")
        plan = rutoken_writing.plan(driver, files, slot)
        if plan.doubts and not self._experimental:
            raise ExperimentalOnly(
                f"{session.address}: writing is experimental here: "
                + "; ".join(plan.doubts)
                + "; try it on a token with nothing else on it, with --experimental"
            )
        self._log_in(session)
        session.forget(plan.slot)
        rutoken_writing.write(driver, plan, files, session.same_token)
        session.wrote(plan.slot, {one: files[one] for one in FILES if one in files})
        return place_of(session.address, plan.slot)

    @staticmethod
    def _target(session: Session, place: Path | None) -> str:
        if place is None:
            return ""
        slot = split_address(place)[1] if is_token_address(place) else os.fspath(place)
        driver = session.driver
        if isinstance(driver, Rutoken) and slot and not is_slot(driver, slot):
            raise MediumError(
                f"{session.address}/{slot}: new containers are put into "
                f"{driver.dialect.slots[0]:04X} to {driver.dialect.slots[-1]:04X}"
            )
        return slot.upper()

    def replace_header(self, place: Path, header: bytes) -> Path:
        """Replace header.key of a container, whole or not at all.

        Returns:
            The container's place, which is another slot: see `rewrite`.
        """
        with self._session() as session:
            slot = self._slot(session, place)
            old = self._read(session, slot, FILES)
            return self._rewrite(session, slot, old, {**old, "header.key": header})

    def rewrite(
        self, place: Path, old: Mapping[str, bytes], new: Mapping[str, bytes]
    ) -> Path:
        """Replace a container's files, all of them or none.

        The new ones are written into another slot and read back; then the old
        slot is removed.  Until then the old container can be read.

        Args:
            old: what was read there; must still be there.

        Returns:
            The place of the new container.

        Raises:
            TokenFull: if there is no room for both.
        """
        with self._session() as session:
            slot = self._slot(session, place)
            if self._read(session, slot, FILES) != dict(old):
                raise MediumError(
                    f"{session.address}/{slot}: changed while it was worked on; was "
                    "the token swapped? look at it and try again"
                )
            return self._rewrite(session, slot, old, new)

    def _rewrite(
        self,
        session: Session,
        slot: str,
        old: Mapping[str, bytes],
        new: Mapping[str, bytes],
    ) -> Path:
        if dict(new) == dict(old):
            return place_of(session.address, slot)
        try:
            place = self._write(session, new)
        except TokenFull as error:
            raise TokenFull(
                f"{error}; a container is changed by writing it anew beside the old "
                "one, which needs room for both",
                error.needed,
                error.free,
            ) from None
        try:
            session.same_token()
            session.forget(slot)
            rutoken_writing.remove(writable(session), slot, overwrite=True)
        except (GostKeyError, OSError) as error:
            raise MediumError(
                f"{place}: the new container is in place, but the old one in {slot} is "
                f"not removed yet ({error}); remove it"
            ) from error
        return place

    def remove(self, place: Path, *, whole: bool = False) -> None:
        """Remove a half-written container, or a whole one if *whole* says so.

        Raises:
            MediumError: if it is a whole one, or the token refuses.
        """
        with self._session() as session:
            driver = writable(session)
            slot = self._slot(session, place)
            if driver.select_slot(slot) is None:
                raise ContainerError(f"{session.address}/{slot}: nothing is there")
            if not whole and not unfinished(session, slot):
                raise MediumError(
                    f"{session.address}/{slot}: a whole container; make a backup "
                    "first, then say that it shall be removed although it is whole"
                )
            self._log_in(session)
            session.forget(slot)
            rutoken_writing.remove(driver, slot, overwrite=True)

    # -- PINs ------------------------------------------------------------

    def change_pin(self, old: str, new: str) -> None:
        """Give the user's PIN another value, and log in with it."""
        self._change(USER, old, new)

    def change_admin_pin(self, old: str, new: str) -> None:
        """Give the administrator's PIN another value, and log in with it."""
        self._change(ADMIN, old, new)

    def _change(self, who: str, old: str, new: str) -> None:
        with self._session() as session:
            pin_changes.change(
                session, who, old, new, risk_last_try=self._risk_last_try
            )

    def unblock(self, admin_pin: str, new_user_pin: str | None = None) -> None:
        """Give the user's PIN its tries back, and another value if one is given."""
        with self._session() as session:
            pin_changes.unblock(
                session, admin_pin, new_user_pin, risk_last_try=self._risk_last_try
            )
