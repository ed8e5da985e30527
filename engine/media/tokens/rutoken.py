"""The file system of Rutoken S, Lite and ECP, read.

A container is a folder (DF) of six files (EF) in a fixed folder of the token; the
low octet of a file's number says which it is.  Rutoken S is an older chip of the
same commands, which counts its bytes the other way round (`Dialect`).

Source: OpenSC's card-rutoken.c, card-rtecp.c, pkcs15-rutoken.c and profiles; published
traces of CryptoPro CSP; ISO/IEC 7816-4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gostkey.errors import MediumError
from gostkey.pcsc import Card

from .driver import ADMIN, NUMBERS, PUBLIC, USER, Login, NeedsLogin
from .model import PinState, TokenInfo
from .status import Status, refused, tries_in
from .tlv import object_length, read_tlv

_LONGEST_READ = 256
_LARGEST_FILE = 0x7FFF
"""The offset of READ BINARY has 15 bits."""

_REFERENCES = {ADMIN: 1, USER: 2}

_PIN_OBJECT = 0x85


@dataclass(frozen=True)
class Dialect:
    """Where the two generations of the file system differ."""

    family: str
    order: Literal["big", "little"]
    """Of file numbers, sizes and the serial number."""
    folder: tuple[int, ...]
    """Path, below the root, of the folder that has the containers' folders."""
    slots: tuple[int, ...]
    """Numbers of the containers' folders."""
    template: int
    """Tag around the description of a new file."""
    longest_pin: int
    longest_info: int
    """Bytes of the record about the token."""

    def number(self, value: int) -> bytes:
        """Return a file's number or size in two bytes."""
        return value.to_bytes(2, self.order)


BIG = Dialect(
    family="rutoken",
    order="big",
    folder=(0x1000, 0x1003),
    slots=tuple(range(0x0A00, 0x1900, 0x0100)),
    template=0x6F,
    longest_pin=32,
    longest_info=12,
)
"""Rutoken Lite and ECP."""

LITTLE = Dialect(
    family="rutoken-s",
    order="little",
    folder=(0x0000, 0x0000, 0x0002),
    slots=tuple(range(0x0A00, 0x1100, 0x0100)),
    template=0x62,
    longest_pin=16,
    longest_info=8,
)
"""Rutoken S."""

DIALECTS = {dialect.family: dialect for dialect in (BIG, LITTLE)}


@dataclass(frozen=True)
class FileFacts:
    """What a card tells of a file when it is selected (FCP)."""

    size: int
    is_folder: bool
    rule: bytes = field(repr=False)
    """Who may do what; see `rules`."""

    @property
    def is_open(self) -> bool:
        """Whether everybody may read it."""
        # The second octet says who may read, if the first says that it does.
        return len(self.rule) > 1 and bool(self.rule[0] & 1) and not self.rule[1]


def slot_name(number: int) -> str:
    """Return a slot as it stands in addresses: "0A00"."""
    return f"{number:04X}"


class Rutoken:
    """One card with this file system; a `Driver`, without what writes."""

    cannot_write = ""

    def __init__(self, card: Card, dialect: Dialect, model: str) -> None:
        self.card = card
        self.dialect = dialect
        self.model = model
        self.title = f"token in {card.reader}"
        self.longest_pin = dialect.longest_pin
        self.logged_in = ""
        self._serial = ""
        self._serial_length = 0

    # -- who it is -------------------------------------------------------

    def start(self) -> str:
        """Return the serial number; see `Driver.start`."""
        length = bytes([self._serial_length])
        data, status = self.card.transmit(bytes.fromhex("00CA0181") + length)
        if status != Status.DONE or not data:
            raise refused(self.title, "telling its serial number", status)
        # A card of T=0 wants the exact length the next time, or sends it back.
        self._serial_length = len(data)
        number = int.from_bytes(data, self.dialect.order)
        self._serial = f"{number:08X}"
        return self._serial

    def describe(self, *, fully: bool) -> TokenInfo:
        """Say who the token is; see `Driver.describe`."""
        serial = self._serial or self.start()
        info = self._get_data(0x0189, self.dialect.longest_info) if fully else None
        total = free = used = None
        model, firmware = self.model, ""
        if info is not None and len(info) >= 6:
            firmware = f"{info[4]}.{info[5]:02d}" if info[5] else f"{info[4]}.0"
            total = info[2] * 8192 or None
        slots: int | None = None
        if fully:
            free = self.free_memory()
            slots = len(self.dialect.slots)
            try:
                used = len(self.slots())
            except MediumError:
                slots = None  # not formatted for containers; the check says so
        return TokenInfo(
            address=f"token:{serial}",
            reader=self.card.reader,
            atr=self.card.atr,
            family=self.dialect.family,
            model=model,
            serial=serial,
            firmware=firmware,
            memory_total=total,
            memory_free=free,
            user_pin=self.pin_state(USER) if fully else PinState(),
            admin_pin=self.pin_state(ADMIN) if fully else PinState(),
            slots_total=slots,
            slots_free=None if slots is None or used is None else slots - used,
        )

    def free_memory(self) -> int | None:
        """Return the free bytes; None if the token does not tell."""
        data = self._get_data(0x018A, 4)
        # Big-endian on Rutoken S as well, where everything else is not.
        return None if data is None or len(data) != 4 else int.from_bytes(data, "big")

    def _get_data(self, tag: int, length: int) -> bytes | None:
        data, status = self.card.transmit(
            b"\x00\xca" + tag.to_bytes(2, "big") + bytes([length])
        )
        return data if status == Status.DONE else None

    # -- files -----------------------------------------------------------

    def select(self, *path: int) -> FileFacts | None:
        """Select a file by its path below the root; None if it is not there."""
        octets = b"".join(self.dialect.number(number) for number in path)
        command = b"\x00\xa4\x08\x00" + bytes([len(octets)]) + octets + b"\0"
        data, status = self.card.transmit(command)
        if status == Status.NOT_FOUND:
            return None
        if status != Status.DONE:
            name = "/".join(map(slot_name, path))
            raise refused(self.title, f"selecting {name}", status)
        template = read_tlv(data)
        facts = read_tlv(template.get(0x62) or template.get(0x6F) or b"")
        return FileFacts(
            size=int.from_bytes(facts.get(0x80, b""), self.dialect.order),
            is_folder=facts.get(0x82, b"")[:1] == b"\x38",
            rule=facts.get(0x86, b""),
        )

    def select_slot(self, slot: str) -> FileFacts | None:
        """Select a container's folder."""
        return self.select(*self.dialect.folder, int(slot, 16))

    def select_file(self, slot: str, name: str) -> FileFacts | None:
        """Select a file of a container."""
        number = int(slot, 16)
        return self.select(*self.dialect.folder, number, number + NUMBERS[name])

    def slots(self) -> list[str]:
        """Return the slots whose folder is there; see `Driver.slots`."""
        found = [
            slot_name(number)
            for number in self.dialect.slots
            if self.select_slot(slot_name(number)) is not None
        ]
        if not found:
            self.select_folder()
        return found

    def select_folder(self) -> None:
        """Select the folder that has the containers' folders.

        Raises:
            MediumError: if the token was not formatted so that it has one.
        """
        if self.select(*self.dialect.folder) is None:
            folder = "/".join(map(slot_name, self.dialect.folder))
            raise MediumError(
                f"{self.title}: it has no folder {folder}, in which containers are "
                "kept; it must be formatted with its maker's program, which removes "
                "everything on it"
            )

    def read_file(self, slot: str, name: str) -> bytes | None:
        """Read a file of a container; see `Driver.read_file`."""
        facts = self.select_file(slot, name)
        if facts is None:
            return None
        if name not in PUBLIC and not facts.is_open and not self.logged_in:
            raise NeedsLogin
        return self.read_selected(slot, name, facts)

    def read_selected(self, slot: str, name: str, facts: FileFacts) -> bytes:
        """Read the file that is selected up to the end of its object."""
        size = min(facts.size, _LARGEST_FILE)
        data = b""
        wanted = size
        while len(data) < wanted:
            length = min(_LONGEST_READ, wanted - len(data))
            piece, status = self._read(len(data), length)
            if status == Status.NOT_ALLOWED:
                raise NeedsLogin
            if status == Status.NO_FILE_SELECTED and not data:
                # A login may have taken the selection away.
                self.select_file(slot, name)
                piece, status = self._read(0, length)
            if status not in (Status.DONE, Status.END_OF_FILE):
                raise refused(self.title, f"reading {slot} {name}", status)
            if not piece:
                break
            if not data:
                wanted = min(size, object_length(piece) or size)
            data += piece
        if object_length(data) is None:
            return data.rstrip(b"\xff").rstrip(b"\0")
        return data[:wanted]

    def _read(self, offset: int, length: int) -> tuple[bytes, int]:
        command = b"\x00\xb0" + offset.to_bytes(2, "big") + bytes([length & 0xFF])
        return self.card.transmit(command)

    # -- PINs ------------------------------------------------------------

    def login_state(self, who: str) -> Login:
        """Ask for the state of a PIN; see `Driver.login_state`."""
        command = bytes([0x00, 0x20, 0x00, _REFERENCES[who]])
        _, status = self.card.transmit(command)
        if status == Status.DONE:
            return Login(logged_in=True)
        if status == Status.PIN_BLOCKED:
            return Login(tries_left=0, blocked=True)
        tries = tries_in(status)
        return Login(tries_left=tries, blocked=tries == 0)

    def verify(self, who: str, pin: bytearray) -> int:
        """Send a PIN; see `Driver.verify`."""
        head = bytes([0x00, 0x20, 0x00, _REFERENCES[who], len(pin)])
        _, status = self.card.transmit(head + pin)
        return status

    def logout(self) -> None:
        """Take all rights back; see `Driver.logout`."""
        self.card.transmit(bytes.fromhex("80400000"))

    def pin_state(self, who: str) -> PinState:
        """Return what the token tells of a PIN; see `Driver.pin_state`."""
        data = self._get_data(0x0100 + _REFERENCES[who], 0)
        template = read_tlv(data or b"")
        properties = read_tlv(template.get(0x62) or template.get(0x6F) or b"")
        pin = properties.get(_PIN_OBJECT, b"")
        if len(pin) >= 4 and pin[3] >> 4:
            left = pin[3] & 0x0F
            return PinState(left, pin[3] >> 4, pin[1] or None, blocked=left == 0)
        state = self.login_state(who)
        return PinState(state.tries_left, blocked=state.blocked)

    def change_pin(self, who: str, new: bytearray) -> None:
        """Give a PIN another value; who may do it must be logged in."""
        head = bytes([0x00, 0x24, 0x01, _REFERENCES[who]])
        body = bytes(new)
        if self.dialect is BIG:
            body = (
                b"\x80\x02"
                + len(new).to_bytes(2, "big")
                + b"\xa5"
                + bytes([len(new)])
                + body
            )
        _, status = self.card.transmit(head + bytes([len(body)]) + body)
        if status != Status.DONE:
            raise refused(self.title, f"changing the {who} PIN", status)

    def unblock(self) -> None:
        """Give the user's PIN its tries back; the administrator must be logged in."""
        _, status = self.card.transmit(bytes.fromhex("002C0302"))
        if status != Status.DONE:
            raise refused(self.title, "unblocking the user PIN", status)
