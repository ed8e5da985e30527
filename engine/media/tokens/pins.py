"""Logging in to a token without ever losing a try for nothing.

How many tries are left is asked for first.  A PIN that was refused is not sent a second
time, the last try is not risked, and a PIN that cannot be one is not sent at all.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import replace

from gostkey.backend import active
from gostkey.errors import PinBlocked, PinRequired, WrongPin

from .driver import ADMIN, USER, Login
from .model import PinSource, PinState, TokenInfo
from .sessions import Session
from .status import Status, refused, tries_in

FACTORY_PINS = {
    "rutoken": {USER: "12345678", ADMIN: "87654321"},
    "rutoken-s": {USER: "12345678", ADMIN: "87654321"},
    "jacarta-lt": {USER: "1234567890"},
    "etoken": {USER: "1234567890"},
}
"""PINs that tokens have when they leave the factory, by family."""

FEWEST_FOR_FACTORY_PIN = 3
"""With fewer tries left nothing is guessed."""

LONGEST_IDLE_SECONDS = 3.0
"""Windows ends a transaction after five idle ones; then it is begun anew.

For sources that do not say that they wait: see `waiting_for_a_person`.
"""

_SALT = os.urandom(16)
_sent_in_vain: set[tuple[str, str, bytes]] = set()
"""Token, whose PIN, and a digest of what was refused; while the process runs."""


_asking: ContextVar[Session | None] = ContextVar("_asking", default=None)
"""The token whose PIN is asked for."""


def waiting_for_a_person() -> AbstractContextManager[None]:
    """Let the token go that a PIN is asked for, until the block ends.

    A `PinSource` has a person type the PIN in such a block, so that no transaction is
    held meanwhile: other programs would wait, and Windows ends it after five seconds.
    """
    session = _asking.get()
    return nullcontext() if session is None else session.let_go()


def factory_pin(info: TokenInfo, who: str = USER) -> str:
    """Return the PIN that a token had when it was new, if one may try it.

    Args:
        info: with the state of its PINs.
        who: "user" or "admin".

    Raises:
        PinRequired: if none is known, or fewer than three tries are left.
    """
    pin = FACTORY_PINS.get(info.family, {}).get(who)
    if pin is None:
        raise PinRequired(f"{info.address}: no factory {who} PIN of it is known")
    left = (info.user_pin if who == USER else info.admin_pin).tries_left
    if left is None or left < FEWEST_FOR_FACTORY_PIN:
        known = "it is not known how many" if left is None else f"only {left}"
        raise PinRequired(
            f"{info.address}: the factory PIN is not tried, as {known} tries of the "
            f"{who} PIN are left; ask the owner for the PIN"
        )
    return pin


def log_in_as_user(
    session: Session, source: PinSource | None, *, risk_last_try: bool
) -> None:
    """Log in as the user, asking for the PIN if that is needed.

    Raises:
        PinRequired, WrongPin, PinBlocked, MediumError
    """
    if session.logged_in == USER:
        return
    state = _look(session, USER, risk_last_try=risk_last_try)
    if source is None:
        raise PinRequired(f"{session.address}: its PIN is needed for that")
    pin_state = PinState(state.tries_left, blocked=state.blocked)
    info = replace(
        session.driver.describe(fully=False),
        address=session.address,
        user_pin=pin_state,
    )
    began, renewed = time.monotonic(), session.renewed
    asking = _asking.set(session)
    try:
        pin = source(info)
    finally:
        _asking.reset(asking)
    if session.renewed == renewed and time.monotonic() - began > LONGEST_IDLE_SECONDS:
        session.renew()
    if session.renewed != renewed:
        # Another program may have spent tries meanwhile.
        _look(session, USER, risk_last_try=risk_last_try)
    _send(session, USER, pin)


def log_in(
    session: Session, who: str, pin: str, *, risk_last_try: bool = False
) -> None:
    """Log in with a PIN that is known; whoever was logged in is not any more.

    Raises:
        WrongPin, PinBlocked, MediumError
    """
    _look(session, who, risk_last_try=risk_last_try)
    _send(session, who, pin)


def forget_refusals(session: Session, who: str) -> None:
    """Allow every PIN to be sent again: it was given another value."""
    for key in [key for key in _sent_in_vain if key[:2] == _owner(session, who)]:
        _sent_in_vain.discard(key)


def _look(session: Session, who: str, *, risk_last_try: bool) -> Login:
    """Ask how many tries are left, and refuse to lose the last one."""
    driver = session.driver
    state = driver.login_state(who)
    if state.logged_in or session.logged_in:
        # Whoever it is may have logged in with another PIN, or in another program.
        session.logged_in = ""
        driver.logout()
        if state.logged_in:
            state = driver.login_state(who)
    if state.blocked:
        raise PinBlocked(_blocked(session, who))
    if state.tries_left is not None and state.tries_left <= 1 and not risk_last_try:
        raise PinBlocked(
            f"{session.address}: one try of the {who} PIN is left, and it is not "
            "risked; a wrong PIN would block the token"
        )
    return state


def _send(session: Session, who: str, pin: str) -> None:
    driver = session.driver
    address = session.address
    if not 1 <= len(pin) <= driver.longest_pin or not can_be_pin(pin):
        raise WrongPin(
            f"{address}: that cannot be its PIN, which has at most "
            f"{driver.longest_pin} Latin letters, digits and signs; it was not sent "
            "and no try is lost"
        )
    octets = bytearray(pin.encode("ascii"))
    try:
        mark = (*_owner(session, who), hashlib.sha256(_SALT + octets).digest())
        if mark in _sent_in_vain:
            raise WrongPin(
                f"{address}: the token has refused this {who} PIN already; it was not "
                "sent again and no try is lost"
            )
        status = driver.verify(who, octets)
        if status == Status.LOGGED_IN_ALREADY:
            driver.logout()
            status = driver.verify(who, octets)
    finally:
        active.generators.wipe(octets)
    if status == Status.DONE:
        session.logged_in = who
        return
    if status == Status.PIN_BLOCKED:
        raise PinBlocked(_blocked(session, who))
    left = tries_in(status)
    if left is None and status not in (Status.WRONG_PIN, Status.WRONG_LENGTH):
        raise refused(address, f"logging in with the {who} PIN", status)
    _sent_in_vain.add(mark)
    if left is None:
        left = driver.login_state(who).tries_left
    if left == 0:
        raise PinBlocked(_blocked(session, who))
    tries = "" if left is None else f", tries left: {left}"
    raise WrongPin(f"{address}: wrong {who} PIN{tries}", left)


def can_be_pin(pin: str) -> bool:
    """Say whether a token could have a PIN of these characters."""
    return pin.isascii() and pin.isprintable()


def _owner(session: Session, who: str) -> tuple[str, str]:
    return session.address, who


def _blocked(session: Session, who: str) -> str:
    if who == ADMIN:
        return (
            f"{session.address}: the administrator's PIN is blocked; only formatting "
            "with the maker's program makes the token usable again, and removes "
            "everything on it"
        )
    return (
        f"{session.address}: the user PIN is blocked; the administrator's PIN gives it "
        "its tries back, and nothing on the token is lost"
    )
