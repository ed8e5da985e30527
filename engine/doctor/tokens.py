"""Tokens: known, answering, with tries and memory left, and what is on them.

No PIN is sent unless the caller gives one for the containers' key files; how many
tries are left is asked in the ways that spend none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gostkey import pcsc
from gostkey.errors import (
    ContainerError,
    GostKeyError,
    MediumError,
    PinBlocked,
    PinRequired,
    TokenAbsent,
    TokenBusy,
    TokenUnknown,
    WrongPin,
)
from gostkey.media.tokens import PinState, TokenInfo, TokenStore, atrs, open_token
from gostkey.media.tokens.addresses import is_serial, split_address
from gostkey.media.tokens.model import PinSource

from .catalogue import found
from .findings import Finding, right
from .sizes import size_text

SUPPORTED = "Rutoken Lite, ECP and S; JaCarta LT and eToken PRO (Java) to read"

_FEW = 3
"""With fewer tries left nobody should guess."""

_NEEDED = 60 + 70 + 2600 + 60 + 70 + 300 + 7 * 32
"""Bytes: the six files as CryptoPro CSP sizes them, the header with a certificate of
a qualified authority, and what the token itself needs for a folder and six files."""


@dataclass(frozen=True)
class Token:
    """A token in a reader, with what was found; `store` is None if it is of no use."""

    item: str
    name: str
    findings: tuple[Finding, ...]
    store: TokenStore | None = None
    serial: str = ""


def look_at_tokens(
    readers: list[str], address: str = "", pin: PinSource | None = None
) -> Iterator[Token]:
    """Look at the tokens in some readers.

    Args:
        readers: their names.
        address: only the token of this address; "" for all.
        pin: asks for the PIN when the key files are read.
    """
    wanted = split_address(address)[0] if address else ""
    seen = []
    there = 0
    matched = False
    for reader in readers:
        token = _look(reader, pin)
        if token is None:
            continue
        there += 1
        seen.append(token.item)
        if not wanted or _is(token, wanted, reader):
            yield token
            matched = True
            # Two with one serial number are both meant by it.
            if wanted and not (token.serial and token.item == f"token:{reader}"):
                return
    if not there:
        text = "all readers are empty" if len(readers) > 1 else "the reader is empty"
        error: MediumError = TokenAbsent(f"{', '.join(readers)}: {text}")
        told = found("token-absent", ", ".join(readers), text, error=error)
        yield Token(address or "token:", "", (told,))
    elif wanted and not matched:
        text = f"it is not there; there is {', '.join(seen)}"
        error = TokenAbsent(f"{address}: {text}")
        yield Token(
            address, "", (found("token-not-found", address, text, error=error),)
        )


def _is(token: Token, wanted: str, reader: str) -> bool:
    serial = token.serial or split_address(token.item)[0]
    return wanted == reader or wanted == serial or is_serial(wanted, serial)


def _look(reader: str, pin: PinSource | None) -> Token | None:
    """Look at what is in a reader; None if it is empty."""
    item = f"token:{reader}"
    try:
        atr = pcsc.atr_of(reader)
    except TokenBusy as error:
        told = found("token-busy", reader, str(error), error=error)
        return Token(item, "", (told,))
    except MediumError as error:
        told = found("token-silent", reader, str(error), error=error)
        return Token(item, "", (told,))
    if atr is None:
        return None
    kind = atrs.identify(atr)
    text = f"the ATR is {atr.hex().upper()}"
    if not atr:
        text = "something is in it that gives no answer to reset"
        silent = MediumError(f"{reader}: {text}")
        return Token(item, "", (found("token-silent", reader, text, error=silent),))
    if kind.family not in atrs.FAMILIES:
        return Token(item, kind.model, (_of_no_use(reader, kind, text),))
    store = open_token(item, pin=pin)
    try:
        info = store.info
    except TokenBusy as error:
        told = found("token-busy", kind.model, str(error), error=error)
        return Token(item, kind.model, (told,))
    except TokenUnknown:
        # One of several models with this ATR: without an applet that has files.
        kind = replace(kind, note=atrs.KEYS_IN_CHIP)
        return Token(item, kind.model, (_of_no_use(reader, kind, text),))
    except MediumError as error:
        told = found("token-damaged", kind.model, str(error), error=error)
        return Token(item, kind.model, (told,))
    findings = [right("token", reader, f"it is a {kind.model} ({info.address})")]
    findings += _user_pin(info)
    findings += _admin_pin(info.admin_pin)
    findings += _memory(info)
    store = open_token(info.address, pin=pin)
    usable: TokenStore | None = store
    try:
        findings += _containers(store)
    except MediumError as error:
        findings.append(found("token-damaged", kind.model, str(error), error=error))
        usable = None
    title = info.label or info.model
    return Token(info.address, title, tuple(findings), usable, info.serial)


def _of_no_use(reader: str, kind: atrs.Kind, text: str) -> Finding:
    error = MediumError(f"{kind.model} in {reader}: {text}")
    if kind.family == atrs.UNKNOWN:
        code = "token-unknown"
    elif "iBank2Key" in kind.model:
        code = "token-other-driver"
    else:
        code = "token-not-supported"
    return found(
        code,
        reader,
        text,
        error=error,
        why=kind.note,
        model=kind.model,
        supported=SUPPORTED,
    )


def _user_pin(info: TokenInfo) -> Iterator[Finding]:
    state = info.user_pin
    if state.blocked or state.tries_left == 0:
        error = PinBlocked(f"{info.address}: no try of the user's PIN is left")
        yield found("pin-blocked", "user", "blocked", error=error, address=info.address)
    elif state.tries_left is None:
        yield found("pin-not-told", "user", "the tries left are not told")
    elif state.tries_left < _FEW or state.tries_left < (state.tries_total or 0):
        yield found("pin-last-tries", "user", tries_text(state))
    else:
        yield right("pin", "user", tries_text(state))


def _admin_pin(state: PinState) -> Iterator[Finding]:
    if state.blocked or state.tries_left == 0:
        yield found("admin-pin-blocked", "administrator", "blocked")
    elif state.tries_left is None:
        return
    elif state.tries_left < (state.tries_total or 0):
        yield found("admin-pin-last-tries", "administrator", tries_text(state))
    else:
        yield right("admin-pin", "administrator", tries_text(state))


def tries_text(state: PinState) -> str:
    """Say how many tries of a PIN are left."""
    if state.blocked or state.tries_left == 0:
        return "no try is left"
    if state.tries_left is None:
        return "the tries left are not told"
    total = f" of {state.tries_total}" if state.tries_total else ""
    return f"{state.tries_left}{total} tries are left"


def _memory(info: TokenInfo) -> Iterator[Finding]:
    if info.slots_free == 0:
        text = "no place is free"
        yield found("slots-full", "places", text, total=info.slots_total or 0)
    elif info.slots_free is not None:
        text = f"{info.slots_free} of {info.slots_total} are free"
        yield right("memory", "places", text)
    if info.memory_free is None:
        yield found("memory-not-told", "memory", "the free memory is not told")
        return
    free, needed = size_text(info.memory_free), size_text(_NEEDED)
    if info.memory_free < _NEEDED:
        text = f"{free} are free"
        yield found("memory-full", "memory", text, needed=needed, free=free)
    else:
        text = f"{free} are free; a container needs about {needed}"
        yield right("memory", "memory", text)


def _containers(store: TokenStore) -> Iterator[Finding]:
    with store:
        places = list(store.find())
        unfinished = store.unfinished()
    for place in unfinished:
        yield found(
            "container-unfinished", os.fspath(place), "it has no name or no header"
        )
    if not places:
        yield found("token-empty", "containers", "there is no container on it")
    else:
        count = f"{len(places)} container" + ("s" if len(places) > 1 else "")
        yield right("containers", "containers", count + " on it")


def not_there(item: str, error: Exception) -> Finding:
    """Return the finding that a token has no such container."""
    token = f"token:{split_address(item)[0]}"
    text = "there is no such container on it"
    return found("container-not-there", item, text, error=error, token=token)


def read_files(
    store: TokenStore, place: Path, *, with_keys: bool
) -> tuple[dict[str, bytes], list[Finding]]:
    """Read a container of a token: all of it, or what needs no PIN.

    Returns:
        The files; without the key files if no PIN was to be had, as is told then.
    """
    item = os.fspath(place)
    try:
        with store:
            tries = tries_text(store.info.user_pin)
            public = store.read_public(place)
    except ContainerError as error:
        return {}, [not_there(item, error)]
    except GostKeyError as error:
        return {}, [found("token-damaged", item, str(error), error=error)]
    told = found(
        "pin-needed",
        item,
        "only the name and the header were read",
        address=item,
        tries=tries,
    )
    if not with_keys:
        return public, [told]
    try:
        return store.read(place), [right("files", item, "all files can be read")]
    except PinRequired as error:
        text = "only the name and the header were read"
        told = found("pin-needed", item, text, error=error, address=item, tries=tries)
    except WrongPin as error:
        left = PinState(tries_left=error.tries_left)
        text = "the token refuses the PIN"
        told = found("pin-wrong", item, text, error=error, tries=tries_text(left))
    except PinBlocked as error:
        told = found("pin-blocked", item, str(error), error=error, address=item)
    except GostKeyError as error:
        told = found("token-damaged", item, str(error), error=error)
    return public, [told]
