"""PINs that makers set, and when one may be tried.

A try of a PIN is spent for good if it is wrong, and a token that has none left is
blocked.  So a factory PIN is tried only when the user asks for it, once, and never
when that could bring the token near the end.

Source: manuals of the makers; OpenSC's profiles of Rutoken.
"""

from __future__ import annotations

from gostkey.errors import PinRequired

from .model import PinState, TokenInfo

FEWEST_TRIES = 3
"""With fewer tries left than this no factory PIN is tried."""

_RUTOKEN = ("12345678", "87654321")

# Family -> PIN of the user, PIN of the administrator ("" where it is not known).
_FACTORY: dict[str, tuple[str, str]] = {
    "rutoken": _RUTOKEN,
    "rutoken-s": _RUTOKEN,
    "jacarta-lt": ("1234567890", ""),
    "etoken": ("1234567890", ""),
}


def factory_pin(info: TokenInfo, *, admin: bool = False) -> str:
    """Return the PIN that the maker set, if it may be tried on this token now.

    Args:
        info: the token, as it was asked last.
        admin: the administrator's PIN instead of the user's.

    Raises:
        PinRequired: if none is known, the token does not tell how many tries are
            left, or fewer than three are.
    """
    pin = _FACTORY.get(info.family, ("", ""))[admin]
    state = info.admin_pin if admin else info.user_pin
    fault = _fault(state) if pin else "the factory PIN of such tokens is not known"
    if fault:
        raise PinRequired(
            f"{info.address}: {fault}; the factory PIN was not tried, give the PIN"
        )
    return pin


def _fault(state: PinState) -> str:
    if state.blocked:
        return "the PIN is blocked"
    if state.tries_left is None:
        return "the token does not tell how many tries of the PIN are left"
    if state.tries_left < FEWEST_TRIES:
        return f"only {state.tries_left} of the PIN's tries left"
    return ""
