"""PINs of Rutoken tokens given another value, or their tries back."""

from __future__ import annotations

from gostkey.backend import active
from gostkey.errors import LengthError

from . import pins
from .contents import writable
from .driver import ADMIN, USER
from .sessions import Session


def change(
    session: Session, who: str, old: str, new: str, *, risk_last_try: bool
) -> None:
    """Give a PIN another value, and log in with it once to see that it has it.

    Args:
        session: of the token.
        who: "user" or "admin".
        old: the PIN that it has.
        new: the one that it shall have.
        risk_last_try: send the old one even if it may be the last try.

    Raises:
        LengthError: if the token would not take the new one; nothing was sent.
        WrongPin, PinBlocked, MediumError
    """
    driver = writable(session)
    octets = _octets(session, who, new)
    try:
        pins.log_in(session, who, old, risk_last_try=risk_last_try)
        driver.change_pin(who, octets)
    finally:
        active.generators.wipe(octets)
    pins.forget_refusals(session, who)
    pins.log_in(session, who, new)
    session.logout()


def unblock(
    session: Session, admin_pin: str, new: str | None, *, risk_last_try: bool
) -> None:
    """Give the user's PIN its tries back, and another value if one is given.

    Raises:
        LengthError: if the token would not take the new one; nothing was sent.
        WrongPin, PinBlocked, MediumError: of the administrator's PIN.
    """
    driver = writable(session)
    octets = bytearray() if new is None else _octets(session, USER, new)
    try:
        pins.log_in(session, ADMIN, admin_pin, risk_last_try=risk_last_try)
        driver.unblock()
        if octets:
            driver.change_pin(USER, octets)
    finally:
        active.generators.wipe(octets)
    pins.forget_refusals(session, USER)
    session.logout()


def _octets(session: Session, who: str, pin: str) -> bytearray:
    """Return a new PIN's octets; the caller wipes them.

    Raises:
        LengthError: if the token would not take it.
    """
    state = session.driver.pin_state(who)
    shortest = state.min_length or 1
    longest = session.driver.longest_pin
    if not shortest <= len(pin) <= longest or not pins.can_be_pin(pin):
        raise LengthError(
            f"{session.address}: a new {who} PIN has {shortest} to {longest} Latin "
            "letters, digits and signs; nothing was changed"
        )
    return bytearray(pin.encode("ascii"))
