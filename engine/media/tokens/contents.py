"""What is on a token: which slot an address means, what in it is a whole container."""

from __future__ import annotations

from gostkey.containers.names import decode_name
from gostkey.errors import ContainerError, GostKeyError, MediumError

from .driver import PUBLIC, NeedsLogin
from .rutoken import Rutoken
from .sessions import Session


def find_slot(session: Session, text: str) -> str:
    """Return the slot that a text names: by its number or by the container's name.

    Args:
        session: of the token.
        text: "" for the only container.

    Raises:
        ContainerError: if there is none, or several.
    """
    slots: list[str] | None = None
    if not isinstance(session.driver, Rutoken):
        slots = session.driver.slots()
        if text.upper() in slots:
            return text.upper()
    elif is_slot(session.driver, text):
        return text.upper()
    names = {
        slot: name_of(session, slot)
        for slot in slots or session.driver.slots()
        if not unfinished(session, slot)
    }
    fitting = [slot for slot, name in names.items() if not text or name == text]
    if not fitting:
        folded = text.casefold()
        fitting = [slot for slot, name in names.items() if name.casefold() == folded]
    if len(fitting) == 1:
        return fitting[0]
    address = session.address
    shown = ", ".join(f"{address}/{slot} ({names[slot]})" for slot in names)
    if not names:
        raise ContainerError(f"{address}: no key containers on it")
    if fitting:
        raise ContainerError(
            f"{address}/{text}: {len(fitting)} containers; name one: {shown}"
        )
    raise ContainerError(f"{address}/{text}: no such container; there are: {shown}")


def name_of(session: Session, slot: str) -> str:
    """Return a container's name as far as it can be told."""
    try:
        return decode_name(session.read_file(slot, "name.key") or b"")
    except (NeedsLogin, GostKeyError):
        return ""


def unfinished(session: Session, slot: str) -> str:
    """Say what a half-written container lacks; "" if it is a whole one."""
    for name in PUBLIC:
        try:
            data = session.read_file(slot, name)
        except NeedsLogin:
            continue
        if data is None:
            return f"no {name}"
        if data[:1] != b"\x30":
            return f"nothing in {name}"
    return ""


def is_slot(driver: Rutoken, text: str) -> bool:
    """Say whether a text is the number of a slot."""
    try:
        return len(text) == 4 and int(text, 16) in driver.dialect.slots
    except ValueError:
        return False


def writable(session: Session) -> Rutoken:
    """Return the driver of a token that can be changed.

    Raises:
        MediumError: saying why another one cannot.
    """
    driver = session.driver
    if isinstance(driver, Rutoken):
        return driver
    raise MediumError(f"{session.address}: {driver.cannot_write}")
