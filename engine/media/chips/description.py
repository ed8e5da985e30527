"""What a library tells of a token without a PIN."""

from __future__ import annotations

from typing import Any

from gostkey import cryptoki

from .model import ChipToken, PinTries

MADE_BY = {32: cryptoki.MAKE_256, 64: cryptoki.MAKE_512}
"""Bytes of a private key -> the mechanism that makes such a pair."""


def describe(pkcs11: Any, library: str, token: Any) -> ChipToken:
    """Describe a token of a library; inside `cryptoki.calling`."""
    label, serial = cryptoki.identity(token)
    known = {int(number) for number in token.slot.get_mechanisms()}
    flags = pkcs11.TokenFlag
    return ChipToken(
        library,
        label,
        serial,
        token.model.strip(),
        token.manufacturer_id.strip(),
        ".".join(map(str, token.firmware_version)),
        tries_of(pkcs11, token),
        bool(token.flags & flags.USER_PIN_INITIALIZED),
        bool(token.flags & flags.PROTECTED_AUTHENTICATION_PATH),
        tuple(8 * size for size, number in MADE_BY.items() if number in known),
    )


def tries_of(pkcs11: Any, token: Any) -> PinTries:
    """Return the state of the user's PIN, as it was when the token was asked for."""
    flags = pkcs11.TokenFlag
    if token.flags & flags.USER_PIN_LOCKED:
        return PinTries.NONE
    if token.flags & flags.USER_PIN_FINAL_TRY:
        return PinTries.LAST
    if token.flags & flags.USER_PIN_COUNT_LOW:
        return PinTries.FEWER
    return PinTries.ENOUGH
