"""Random bytes of a smart card: GET CHALLENGE through PC/SC (`gostkey.pcsc`).

Source of the command: ISO/IEC 7816-4, GET CHALLENGE (00 84 00 00 Le).
"""

from __future__ import annotations

from typing import Protocol

from gostkey import pcsc
from gostkey.backend import active
from gostkey.errors import HealthFailure, MediumError

__all__ = ["Card", "card_readers", "challenge", "read_card"]

_CHALLENGE = bytes.fromhex("00840000")

_LENGTHS = (32, 16, 8)
"""What is asked for in turn: every card that has the command gives 8 bytes."""

_SHORTEST = 8
"""Answers from this length on are never twice the same by chance."""

_DONE = 0x9000
_OTHER_LENGTH = (0x6700, 0x6A80, 0x6A86, 0x6B00)
_NO_SUCH_COMMAND = (0x6A81, 0x6D00, 0x6E00)


class Card(Protocol):
    """A card that takes commands."""

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        """Send a command, return its data and its two status bytes as a number.

        Raises:
            MediumError: if the card is gone.
        """
        ...


def challenge(card: Card, count: int, name: str) -> bytearray:
    """Collect answers to GET CHALLENGE until there are *count* bytes.

    Args:
        card: where to send the command.
        count: how many bytes.
        name: of the reader, for messages.

    Raises:
        MediumError: if the card is gone or offers no such command.
        HealthFailure: if it gives the same answer twice running.
    """
    data = bytearray()
    lengths = list(_LENGTHS)
    before = b""
    try:
        while len(data) < count:
            answer, status = pcsc.complete(
                card.transmit, _CHALLENGE + bytes([lengths[0]])
            )
            if status in _OTHER_LENGTH and len(lengths) > 1:
                del lengths[0]
                continue
            _check(name, answer, status)
            if answer == before and len(answer) >= _SHORTEST:
                raise HealthFailure(
                    f"random source 'token {name}' gave the same {len(answer)} bytes "
                    "twice running"
                )
            before = answer
            data += answer[: count - len(data)]
    except BaseException:
        active.generators.wipe(data)
        raise
    return data


def _check(name: str, answer: bytes, status: int) -> None:
    if status in _NO_SUCH_COMMAND or status in _OTHER_LENGTH:
        raise MediumError(
            f"token {name} offers no random bytes (GET CHALLENGE: {status:04X}); "
            "use another source"
        )
    if status != _DONE:
        raise MediumError(
            f"token {name} refused GET CHALLENGE ({status:04X}); take it out, put it "
            "in again and repeat"
        )
    if not answer:
        raise MediumError(
            f"token {name} answered GET CHALLENGE with no bytes; use another source"
        )


def card_readers() -> list[str]:
    """Return the names of readers with a card in them.

    Raises:
        MediumError: if pyscard is not installed or pcscd does not run.
    """
    return [reader for reader in pcsc.readers() if pcsc.atr_of(reader) is not None]


def read_card(name: str, count: int) -> bytearray:
    """Return *count* bytes of the card in the reader of that name.

    No PIN is asked for, the card is not reset, and no other program gets in
    between: it might be in the middle of a login that needs a challenge itself.

    Raises:
        MediumError: if there is no such card, or it goes away.
        HealthFailure: if it gives the same bytes twice running.
    """
    with pcsc.connect(name) as card:
        return challenge(card, count, name)
