"""Tokens of a PKCS #11 library: listed, and one of them chosen."""

from __future__ import annotations

from typing import Any

from gostkey import cryptoki
from gostkey.errors import TokenAbsent, TokenAmbiguous

from .chip import Chip
from .description import describe
from .model import ChipToken, PinSource


def list_chips(library: str) -> list[ChipToken]:
    """List the tokens that a library sees and that are set up; needs no PIN.

    Args:
        library: path of the maker's PKCS #11 library.

    Raises:
        MediumError: if python-pkcs11 is not installed or the library cannot be used.
    """
    return [info for info, _ in _chips(library)]


def open_chip(
    library: str,
    token: str = "",
    *,
    pin: PinSource | None = None,
    force: bool = False,
) -> Chip:
    """Return a token, to be used as a context manager.

    Args:
        library: path of the maker's PKCS #11 library.
        token: serial number or label; may be left out where there is only one.
        pin: asks for the user's PIN.
        force: use the last try of the PIN too.

    Raises:
        TokenAbsent: if there is no such token.
        TokenAmbiguous: if there are several.
        MediumError: as `list_chips`.
    """
    chips = _chips(library)
    wanted = token.strip().lower()
    fitting = [one for one in chips if one[0].serial.lower() == wanted] or [
        one for one in chips if not wanted or one[0].label.lower() == wanted
    ]
    seen = ", ".join(f"{info.label} ({info.serial})" for info, _ in chips)
    if not fitting:
        if not chips:
            raise TokenAbsent(
                f"{library}: the library sees no token; put it in, and see that the "
                "smart card service runs and that the library is its maker's"
            )
        raise TokenAbsent(f"{library}: there is no token {token}; there is {seen}")
    if len(fitting) > 1:
        raise TokenAmbiguous(
            f"{library}: several tokens; name one by its serial number: {seen}"
        )
    info, handle = fitting[0]
    return Chip(info, handle, pin=pin, force=force)


def _chips(library: str) -> list[tuple[ChipToken, Any]]:
    with cryptoki.calling(library, "cannot be used") as pkcs11:
        return [
            (describe(pkcs11, library, token), token)
            for token in cryptoki.tokens(pkcs11, library)
            if token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED
        ]
