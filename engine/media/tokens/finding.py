"""Which tokens there are, and which one an address means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from gostkey import pcsc
from gostkey.errors import MediumError, TokenAbsent, TokenAmbiguous, TokenUnknown

from . import atrs
from .addresses import is_serial
from .model import TokenInfo, TokenList
from .sessions import Session, hold


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
    return TokenList(tuple(found), tuple(problems))


@contextmanager
def hold_token(token: str) -> Iterator[Session]:
    """Hold the token that an address means.

    Args:
        token: its serial number, its reader, or "" for the only one.

    Raises:
        TokenAbsent, TokenAmbiguous, TokenUnknown, TokenBusy, MediumError
    """
    kinds = _cards()
    usable = [name for name, kind in kinds.items() if kind.family in atrs.FAMILIES]
    if token in kinds or (not token and len(usable) == 1):
        with hold(token or usable[0]) as session:
            yield session
        return
    there: list[str] = []
    problems: list[MediumError] = []
    for reader in usable:
        with ExitStack() as stack:
            try:
                session = stack.enter_context(hold(reader))
            except MediumError as error:
                problems.append(error)
                continue
            if token and is_serial(token, session.serial):
                yield session
                return
            there.append(f"{session.address} ({kinds[reader].model}, in {reader})")
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
