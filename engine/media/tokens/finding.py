"""Which tokens there are, and which one an address means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from gostkey import pcsc
from gostkey.errors import MediumError, TokenAbsent, TokenAmbiguous, TokenUnknown

from . import atrs
from .addresses import is_serial
from .model import TokenInfo, TokenList
from .sessions import Session, address_of, hold, serial_in


def list_tokens() -> TokenList:
    """Return every card that is in a reader, known or not; spends no try of a PIN.

    A card that cannot be talked to is among the problems, and in the list without its
    serial number.
    """
    found: list[TokenInfo] = []
    problems: list[MediumError] = []
    try:
        names = pcsc.readers()
    except MediumError as error:
        return TokenList((), (error,))
    for reader in names:
        try:
            atr = pcsc.atr_of(reader)
        except MediumError as error:
            problems.append(error)
            continue
        if atr is None:
            continue
        kind = atrs.identify(atr)
        nameless = TokenInfo(
            f"token:{reader}", reader, atr, kind.family, kind.model, serial=""
        )
        if kind.family not in atrs.FAMILIES:
            problems.append(TokenUnknown(f"{kind.model} in {reader}: {kind.note}"))
            found.append(nameless)
            continue
        try:
            with hold(reader) as session:
                found.append(session.driver.describe(fully=True))
        except MediumError as error:
            problems.append(error)
            found.append(nameless)
    known = Counter(one.serial for one in found if one.serial)
    told = [
        replace(one, address=address_of("", one.reader))
        if known[one.serial] > 1
        else one
        for one in found
    ]
    return TokenList(tuple(told), tuple(problems))


@contextmanager
def hold_token(token: str) -> Iterator[Session]:
    """Hold the token that an address means.

    Args:
        token: its serial number, its reader, or "" for the only one.

    Raises:
        TokenAbsent, TokenUnknown, TokenBusy, MediumError
        TokenAmbiguous: if several are there and none is named, or several have that
            serial number.
    """
    kinds = _cards()
    usable = [name for name, kind in kinds.items() if kind.family in atrs.FAMILIES]
    serials: dict[str, str] = {}
    if len(usable) == 1:
        with hold(usable[0]) as session:
            if token in ("", usable[0]) or is_serial(token, session.serial):
                yield session
                return
            serials[usable.pop()] = session.serial
    # Before one is held: two threads must not wait for each other's tokens.
    problems: list[MediumError] = []
    for reader in usable:
        try:
            serials[reader] = serial_in(reader)
        except MediumError as error:
            problems.append(error)
    if token in kinds:
        serial = serials.pop(token, "")
        with hold(token) as session:
            session.by_reader = bool(serial) and serial in serials.values()
            session.driver.title = session.address
            yield session
        return
    fitting = [
        one for one, serial in serials.items() if token and is_serial(token, serial)
    ]
    if len(fitting) > 1:
        raise TokenAmbiguous(
            f"token:{token}: {len(fitting)} tokens have this serial number; take one "
            "out, or name one by its reader: "
            + ", ".join(f'"{address_of("", one)}"' for one in fitting)
        )
    if fitting:
        with hold(fitting[0]) as session:
            if is_serial(token, session.serial):
                yield session
                return
    there = [
        f"{address_of(serial, one)} ({kinds[one].model}, in {one})"
        for one, serial in serials.items()
    ]
    raise _not_found(token, there, problems, kinds)


def _not_found(
    token: str,
    there: list[str],
    problems: list[MediumError],
    kinds: Mapping[str, atrs.Kind],
) -> MediumError:
    """Say why there is no token of an address."""
    if there and not token:
        return TokenAmbiguous(
            f"{len(there)} tokens are there; name one: {', '.join(there)}"
        )
    if problems:
        return problems[0]
    others = [
        f"{kind.model} in {reader}: {kind.note}"
        for reader, kind in kinds.items()
        if kind.note
    ]
    if others and not there:
        return TokenUnknown(f"token:{token}: no token to work with; {others[0]}")
    found = f"there are: {', '.join(there)}" if there else "no reader has one"
    return TokenAbsent(f"token:{token}: no such token; {found}; put it in and repeat")


def _cards() -> dict[str, atrs.Kind]:
    """Return what is in each reader that is not empty."""
    kinds = {}
    for reader in pcsc.readers():
        atr = pcsc.atr_of(reader)
        if atr is not None:
            kinds[reader] = atrs.identify(atr)
    return kinds
