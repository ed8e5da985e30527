"""JaCarta LT: containers in the Datastore applet, read.

The applet has a table of objects; an object's code says which file of a container it
is, and the files of one container follow each other in the table.

Source: a published trace of CryptoPro CSP with such a token, repeated by its author.
How objects are made is not public, so nothing is written.
"""

from __future__ import annotations

from gostkey.errors import MediumError, TokenUnknown
from gostkey.pcsc import Card

from .atrs import KEYS_IN_CHIP
from .driver import NUMBERS, PUBLIC, NeedsLogin
from .model import TokenInfo
from .status import Status, as_refused_pin, refused
from .tlv import object_length
from .untold import MISSING, UntoldToken

_SELECT = bytes.fromhex("00A4040008A000000448000301")
_LIST = bytes.fromhex("8020600002")
_READ = bytes.fromhex("8020300006")
_LOGIN = bytes.fromhex("80101000")

_ROW = 7
_MOST_ROWS = 4096
_LONGEST_READ = 240
_LARGEST_FILE = 0xFFFF

_CODES = {0xF0 + number: name for name, number in NUMBERS.items()}


class JacartaLt(UntoldToken):
    """One JaCarta LT; a `Driver`."""

    cannot_write = (
        "how containers are written to a JaCarta LT is not public; copy them with "
        "CryptoPro CSP, or to another medium"
    )

    def __init__(self, card: Card, model: str) -> None:
        super().__init__(card, model)
        self._containers: dict[str, dict[str, int]] | None = None

    def start(self) -> str:
        """Select the applet; which command tells a serial number is not known."""
        _, status = self.card.transmit(_SELECT)
        if status in MISSING:
            raise TokenUnknown(f"{self.model} in {self.card.reader}: {KEYS_IN_CHIP}")
        if status != Status.DONE:
            raise refused(self.title, "selecting the Datastore applet", status)
        return ""

    def describe(self, *, fully: bool) -> TokenInfo:
        """Say who the token is; see `Driver.describe`."""
        return TokenInfo(
            address=f"token:{self.card.reader}",
            reader=self.card.reader,
            atr=self.card.atr,
            family="jacarta-lt",
            model=self.model,
            serial="",
        )

    def slots(self) -> list[str]:
        """Return the containers by type and first object: "0301"."""
        return list(self._table())

    def read_file(self, slot: str, name: str) -> bytes | None:
        """Read a file of a container; see `Driver.read_file`."""
        index = self._table().get(slot, {}).get(name)
        if index is None:
            return None
        if name not in PUBLIC and not self.logged_in:
            raise NeedsLogin
        return self._read_object(index)

    def verify(self, who: str, pin: bytearray) -> int:
        """Send the PIN; see `Driver.verify`."""
        body = bytes([0, len(pin)]) + pin
        _, status = self.card.transmit(_LOGIN + bytes([len(body)]) + body)
        return as_refused_pin(status)

    def logout(self) -> None:
        """Select the applet again, which forgets who was logged in."""
        self.card.transmit(_SELECT)

    def _table(self) -> dict[str, dict[str, int]]:
        """Return the objects of every container: slot, file, index."""
        if self._containers is None:
            self._containers = group(self._rows())
        return self._containers

    def _rows(self) -> list[tuple[int, int, int]]:
        rows: list[tuple[int, int, int]] = []
        while len(rows) < _MOST_ROWS:
            command = _LIST + len(rows).to_bytes(2, "big") + b"\0"
            data, status = self.card.transmit(command)
            if status not in (Status.DONE, Status.NOT_FOUND, Status.PAST_THE_END):
                raise refused(self.title, "listing its objects", status)
            if not data:
                break
            if len(data) % _ROW:
                raise MediumError(
                    f"{self.title}: its list of objects has {len(data)} bytes, not "
                    f"rows of {_ROW}"
                )
            rows += [
                (data[at + 1], data[at + 2], data[at + 3])
                for at in range(0, len(data), _ROW)
            ]
        return rows

    def _read_object(self, index: int) -> bytes:
        data = b""
        wanted = _LONGEST_READ
        while len(data) < wanted:
            length = min(_LONGEST_READ, wanted - len(data))
            piece, status = self._read(index, len(data), length)
            if status == Status.NOT_ALLOWED:
                raise NeedsLogin
            if status not in (Status.DONE, Status.END_OF_FILE):
                raise refused(self.title, f"reading object {index:02X}", status)
            if not piece:
                break
            if not data:
                wanted = min(object_length(piece) or len(piece), _LARGEST_FILE)
            data += piece
        return data[:wanted]

    def _read(self, index: int, offset: int, length: int) -> tuple[bytes, int]:
        place = bytes([0, index]) + offset.to_bytes(2, "big")
        return self.card.transmit(_READ + place + length.to_bytes(2, "big") + b"\0")


def group(rows: list[tuple[int, int, int]]) -> dict[str, dict[str, int]]:
    """Put the objects that are files of one container together.

    Args:
        rows: index, type and code of every object.

    Returns:
        By slot (type and index of its first object), each file's index.
    """
    containers: dict[str, dict[str, int]] = {}
    current: dict[int, dict[str, int]] = {}
    for index, kind, code in rows:
        name = _CODES.get(code)
        if name is None:
            continue
        if kind not in current or name in current[kind]:
            current[kind] = containers[f"{kind:02X}{index:02X}"] = {}
        current[kind][name] = index
    return containers
