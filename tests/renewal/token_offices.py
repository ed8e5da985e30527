"""Offices whose subscribers bring tokens: virtual cards in the test's process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cards.rutoken import RutokenLite
from renewal.offices import Office

from gostkey.containers import Container
from gostkey.containers.names import decode_name
from gostkey.media import FolderStore
from gostkey.pki.certificates import Certificate
from gostkey.renewal import Subscriber

PIN = "12345678"


def address_of(card: RutokenLite, fid: int | None = None) -> str:
    """Give the address of a card, or of a container on it."""
    token = f"token:{card.serial:08X}"
    return token if fid is None else f"{token}/{fid:04X}"


def pin_file(office: Office, pin: str = PIN, name: str = "pin.txt") -> Path:
    """Write a file with a PIN."""
    path = office.folder / name
    path.write_text(pin + "\n", encoding="ascii")
    return path


def bring(
    office: Office,
    card: RutokenLite,
    fid: int = 0x0A00,
    *,
    pin: Path | None = None,
    index: int = -1,
) -> Subscriber:
    """Put a subscriber's container onto a card, as another program would have."""
    index %= len(office.subscribers)
    who = office.subscribers[index]
    store = FolderStore(who.container.parent)
    card.add_container(fid, store.read(who.container))
    office.subscribers[index] = replace(
        who,
        container=Path(address_of(card, fid)),
        pin_file=pin_file(office) if pin is None else pin,
    )
    return office.subscribers[index]


def token_office(office: Office, cards: Iterable[RutokenLite]) -> list[Subscriber]:
    """Give each card to a new subscriber."""
    for card in cards:
        office.add()
        bring(office, card)
    return office.subscribers


def container_on(card: RutokenLite, fid: int) -> Container:
    """Read a container on a card without a command to the card."""
    files = {name: _object(data) for name, data in card.files_of(fid).items()}
    return Container.parse(files)


def certificate_on(card: RutokenLite, fid: int) -> Certificate | None:
    """Read the certificate of a container on a card."""
    der = container_on(card, fid).keys[0].certificate
    return None if der is None else Certificate.from_bytes(der)


def whole_containers(card: RutokenLite) -> dict[int, str]:
    """List what has all six files, by the number of its folder: its name."""
    return {
        fid: decode_name(_object(card.files_of(fid)["name.key"]))
        for fid in card.containers
        if len(card.files_of(fid)) == 6
        and card.files_of(fid)["name.key"][:1] == b"\x30"
    }


def _object(data: bytes) -> bytes:
    """Cut the filling off: the length of the DER object is in its head."""
    if data[1] < 0x80:
        return data[: 2 + data[1]]
    size = data[1] & 0x7F
    return data[: 2 + size + int.from_bytes(data[2 : 2 + size], "big")]
