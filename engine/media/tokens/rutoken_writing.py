"""Containers written to a Rutoken, and removed from it.

First everything is looked at that can be without writing: whether there is a slot, and
room (`plan`).  Then the folder and its files are made: keys, header, name; the name's
content is written when all the others were read back, so that a container that was cut
off has no name and is not taken for one.  If anything fails, the folder is removed.

Source: OpenSC's pkcs15-rtecp.c and profiles (CREATE FILE, access rules); sizes and
slots, CryptoPro CSP's registration of these media.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gostkey.errors import (
    ContainerDamaged,
    GostKeyError,
    MediumError,
    TokenAbsent,
    TokenFull,
    TokenRefused,
    TokenSwapped,
)

from .driver import NUMBERS, SECRET, NeedsLogin
from .rules import Rules, default_rules, user_may_update
from .rutoken import FileFacts, Rutoken, slot_name
from .status import Status, refused
from .tlv import object_length, tlv

_LONGEST_WRITE = 255
_FILLING = b"\xff"

_RESERVED = {
    "masks.key": 60,
    "primary.key": 70,
    "masks2.key": 60,
    "primary2.key": 70,
    "name.key": 300,
}
"""Bytes that CryptoPro CSP reserves; header.key gets what it needs."""

_HEADER_2151 = 3072
"""What it reserves for header.key on a Rutoken 2151."""

_OVERHEAD = 32
"""Bytes of the token's own for each file and folder, as one is known to have."""

ORDER = ("masks.key", "primary.key", "masks2.key", "primary2.key", "header.key")
"""In which files are written; name.key is the last one."""

_SEVENTH = 7
"""CryptoPro CSP knows the size of a seventh file, whose meaning is not known."""

_DATA_FILE = b"\x01\x00"
_FOLDER = b"\x38\x00"


@dataclass(frozen=True)
class WritePlan:
    """What writing a container comes to; nothing is written yet."""

    slot: str
    sizes: Mapping[str, int]
    """Bytes reserved for each file."""
    needed: int
    """Bytes of the token's memory, the token's own ones estimated."""
    free: int | None
    """Bytes, if the token tells."""
    rules: Rules = field(repr=False)
    rules_from: str = ""
    """The slot whose access rules are taken over; "" for our own."""
    doubts: tuple[str, ...] = ()
    """What nobody has shown to work on a real token."""


def plan(token: Rutoken, files: Mapping[str, bytes], slot: str = "") -> WritePlan:
    """Find a slot and look whether there is room.

    Args:
        token: with nothing but its serial number asked for.
        files: the container.
        slot: where to, if that is settled.

    Raises:
        TokenFull: if there is no slot or no room.
        ContainerDamaged: if a file is not one object of DER: it could not be told
            from its filling when it is read.
        MediumError: if the slot is taken, or the token cannot be used.
    """
    for name, data in files.items():
        if object_length(data[:8]) != len(data):
            raise ContainerDamaged(
                f"{name}: not one whole object of DER, so a token could not give it "
                "back as it is; copy the container to a folder instead"
            )
    sizes = _sizes(token, files)
    needed = sum(sizes.values()) + _OVERHEAD * (len(sizes) + 1)
    free = token.free_memory()
    free_slot, taken = _slots(token, slot)
    if not free_slot:
        raise TokenFull(
            f"{token.title}: all {len(token.dialect.slots)} places for containers are "
            "taken",
            needed,
            free,
        )
    if free is not None and needed > free:
        raise TokenFull(
            f"{token.title}: the container needs {needed} bytes and {free} are free",
            needed,
            free,
        )
    rules, origin = _rules(token, taken)
    doubts = []
    if not origin:
        doubts.append(
            "no container is on it whose access rules could be taken over, and the "
            "rules that CryptoPro CSP gives are not public"
        )
    large = [name for name in SECRET if sizes.get(name, 0) > _RESERVED[name]]
    if large:
        doubts.append(
            "a key of 512 bits is larger than the files that CryptoPro CSP is known to "
            "make (" + ", ".join(large) + ")"
        )
    return WritePlan(free_slot, sizes, needed, free, rules, origin, tuple(doubts))


def write(
    token: Rutoken,
    plan: WritePlan,
    files: Mapping[str, bytes],
    same_token: Callable[[], None],
) -> None:
    """Write a container after its plan, and read it back; the user is logged in.

    Args:
        same_token: raises an error if another token is in the reader.

    Raises:
        TokenFull, MediumError: nothing is left behind then; if the token was taken
            out, a half-written container may be, and the text says so.
    """
    number = int(plan.slot, 16)
    # From now on another token is one to which nobody is logged in.
    same_token()
    token.select_folder()
    # What fails until the folder is there leaves nothing to be removed: if it exists
    # by now, it is another program's.
    try:
        _create(token, number, _FOLDER, 0, plan.rules.folder)
    except TokenAbsent as error:
        error.args = (f"{error}{_left(token, plan)}",)
        raise
    try:
        _fill_folder(token, plan, files)
        for name in ORDER:
            if name in files:
                _compare(token, plan.slot, name, files[name], selected=False)
        if token.select_file(plan.slot, "name.key") is None:
            raise _failing(token, "name.key")
        _fill(token, plan, "name.key", files["name.key"])
        _compare(token, plan.slot, "name.key", files["name.key"], selected=True)
    except BaseException as error:
        # Ctrl-C, too, must not leave half a container.
        _undo(token, plan, error, same_token)
        raise


def remove(token: Rutoken, slot: str, *, overwrite: bool) -> None:
    """Remove a container's folder with its files, the name first.

    What a removal that is cut off leaves is recognised, as it has no name any more.

    Args:
        overwrite: fill the key files with FF before, where that is allowed.

    Raises:
        MediumError: if the token refuses.
    """
    number = int(slot, 16)
    if token.select_slot(slot) is None:
        return
    _delete(token, number + NUMBERS["name.key"])
    _delete(token, number + NUMBERS["header.key"])
    if overwrite:
        for name in SECRET:
            facts = token.select_file(slot, name)
            if facts is not None:
                # If it may be deleted only, it is.
                with contextlib.suppress(TokenRefused):
                    _update(token, _FILLING * facts.size, f"overwriting {slot} {name}")
        token.select_slot(slot)
    for name in SECRET:
        _delete(token, number + NUMBERS[name])
    _delete(token, number + _SEVENTH)
    token.select_folder()
    _delete(token, number)


# -- inside ------------------------------------------------------------------


def _sizes(token: Rutoken, files: Mapping[str, bytes]) -> dict[str, int]:
    sizes = {
        name: max(len(data), _RESERVED.get(name, 0)) for name, data in files.items()
    }
    if "2151" in token.model and "header.key" in sizes:
        sizes["header.key"] = max(sizes["header.key"], _HEADER_2151)
    return sizes


def _slots(token: Rutoken, wanted: str) -> tuple[str, dict[str, FileFacts]]:
    """Return a free slot, and the taken ones before the first free one."""
    if wanted and token.select_slot(wanted) is not None:
        raise MediumError(
            f"{token.title}/{wanted}: exists already; a container is never "
            "overwritten, choose another place"
        )
    taken: dict[str, FileFacts] = {}
    for number in token.dialect.slots:
        slot = slot_name(number)
        facts = token.select_slot(slot)
        if facts is None:
            return wanted or slot, taken
        taken[slot] = facts
    return "", taken


def _rules(token: Rutoken, taken: Mapping[str, FileFacts]) -> tuple[Rules, str]:
    """Take over the rules of a whole container, or give our own."""
    for slot, folder in taken.items():
        found = [
            token.select_file(slot, name)
            for name in ("name.key", "header.key", "primary.key")
        ]
        rules = [facts.rule for facts in found if facts is not None]
        if len(rules) == len(found) and all(
            user_may_update(token.dialect, rule) for rule in rules
        ):
            name, header, secret = rules
            return Rules(folder.rule, secret, header, name), slot
    return default_rules(token.dialect), ""


def _fill_folder(token: Rutoken, plan: WritePlan, files: Mapping[str, bytes]) -> None:
    """Make the files and write them; the name's is made and not written."""
    # Whether a new folder is where the next file goes is not known: ask for it.
    if token.select_slot(plan.slot) is None:
        raise _failing(token, "its folder")
    number = int(plan.slot, 16)
    current = True
    for name in (*ORDER, "name.key"):
        if name not in files:
            continue
        rule = plan.rules.of(name)
        _create(token, number + NUMBERS[name], _DATA_FILE, plan.sizes[name], rule)
        if name == "name.key":
            break
        current = _fill_new(token, plan, name, files[name], current)


def _fill_new(
    token: Rutoken, plan: WritePlan, name: str, data: bytes, current: bool
) -> bool:
    """Fill a file that was just made; say whether new files are the selected ones.

    Before the first one no file was selected, so if it can be written to, the card
    selects what it makes; else every file is selected before it is written to.
    """
    if current:
        try:
            _fill(token, plan, name, data)
            return True
        except TokenRefused as refusal:
            if refusal.status == Status.MEMORY_FAILURE:
                raise
    if token.select_file(plan.slot, name) is None:
        raise _failing(token, name)
    _fill(token, plan, name, data)
    return False


def _create(token: Rutoken, number: int, kind: bytes, size: int, rule: bytes) -> None:
    dialect = token.dialect
    facts = (
        tlv(0x80, dialect.number(size))
        + tlv(0x82, kind)
        + tlv(0x83, dialect.number(number))
        + tlv(0x86, rule)
    )
    body = tlv(dialect.template, facts)
    command = bytes.fromhex("00E00000") + bytes([len(body)]) + body
    _, status = token.card.transmit(command)
    if status != Status.DONE:
        raise refused(token.title, f"making {slot_name(number)}", status)


def _fill(token: Rutoken, plan: WritePlan, name: str, data: bytes) -> None:
    """Write a file that is selected, its filling included."""
    filled = data.ljust(plan.sizes[name], _FILLING)
    _update(token, filled, f"writing {plan.slot} {name}")


def _update(token: Rutoken, data: bytes, what: str) -> None:
    for offset in range(0, len(data), _LONGEST_WRITE):
        piece = data[offset : offset + _LONGEST_WRITE]
        head = b"\x00\xd6" + offset.to_bytes(2, "big") + bytes([len(piece)])
        _, status = token.card.transmit(head + piece)
        if status != Status.DONE:
            raise refused(token.title, what, status)


def _compare(
    token: Rutoken, slot: str, name: str, expected: bytes, *, selected: bool
) -> None:
    facts: FileFacts | None
    if selected:
        facts = FileFacts(len(expected), False, b"")
    else:
        facts = token.select_file(slot, name)
    try:
        same = facts and token.read_selected(slot, name, facts) == expected
    except NeedsLogin:
        raise refused(
            token.title, f"reading {slot} {name} back", Status.NOT_ALLOWED
        ) from None
    if not same:
        raise _failing(token, name)


def _failing(token: Rutoken, what: str) -> MediumError:
    return MediumError(
        f"{token.title}: {what} does not read back as it was written; the token is "
        "failing, use another one"
    )


def _delete(token: Rutoken, number: int) -> None:
    """Delete a file or folder in the one that is selected, if it is there."""
    command = bytes.fromhex("00E4000002") + token.dialect.number(number)
    _, status = token.card.transmit(command)
    if status not in (Status.DONE, Status.NOT_FOUND):
        raise refused(token.title, f"removing {slot_name(number)}", status)


def _left(token: Rutoken, plan: WritePlan) -> str:
    return (
        f"; what was there before is unchanged, but a half-written container may be "
        f"left in {plan.slot} of {token.title}, to be removed"
    )


def _undo(
    token: Rutoken,
    plan: WritePlan,
    error: BaseException,
    same_token: Callable[[], None],
) -> None:
    """Remove what was begun; if that fails, add to the error what is left."""
    left = _left(token, plan)
    try:
        # Nothing is ever removed from another token than the one that was begun on.
        same_token()
    except TokenSwapped as swapped:
        raise TokenSwapped(f"{swapped}{left}") from error
    except (GostKeyError, OSError):
        error.args = (f"{error}{left}",)
        return
    try:
        remove(token, plan.slot, overwrite=False)
    except (GostKeyError, OSError):
        error.args = (f"{error}{left}",)
        return
    if isinstance(error, TokenFull):
        error.needed, error.free = plan.needed, plan.free
