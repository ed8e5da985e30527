"""Readers with virtual cards in them, in the test's own process.

    readers = VirtualReaders(RutokenLite(), None)   # two readers, one empty
    with pcsc.using(readers):
        ...

What pcscd does for real is done here in a few lines: one user of a card at a time,
a card that is pulled is gone for who holds it, and no login is dropped at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cards.card import CardGone, VirtualCard


class HeldCard:
    """A card as one connection sees it: pulled once, it is gone for good."""

    def __init__(self, card: VirtualCard, reader: str) -> None:
        self.reader = reader
        self.atr = card.atr
        self._card = card
        self._gone = False
        self.paused = False

    def pause(self) -> None:
        self.paused = True

    def renew(self) -> None:
        self.paused = False

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        assert not self.paused, "another program may use the card now"
        if self._gone:
            raise CardGone(f"the card in {self.reader} went away")
        try:
            return self._card.transmit(command)
        except CardGone:
            self._gone = True
            raise


class VirtualReaders:
    """Readers "Virtual PCD 00 00", "... 00 01" and on (`gostkey.pcsc.Service`)."""

    def __init__(self, *cards: VirtualCard | None) -> None:
        self._cards: dict[str, VirtualCard | None] = {}
        self._held: set[str] = set()
        self.given: list[HeldCard] = []
        """What is held now."""
        self.left_logged_in = 0
        """How often a card was let go while somebody was logged in to it."""
        for number, card in enumerate(cards):
            self.put(f"Virtual PCD 00 {number:02}", card)

    def put(self, reader: str, card: VirtualCard | None) -> None:
        """Put a card into a reader; None: take out what is there."""
        before = self._cards.get(reader)
        if before is not None and before is not card:
            before.pull()
        self._cards[reader] = card
        if card is not None:
            card.reader = reader
            card.on_swap = lambda other: self.put(reader, other)
            card.insert()

    def readers(self) -> list[str]:
        return list(self._cards)

    def atr_of(self, reader: str) -> bytes | None:
        if reader not in self._cards:
            raise CardGone(f"there is no card reader {reader!r}")
        card = self._cards[reader]
        return card.atr if card is not None and card.present else None

    @contextmanager
    def connect(self, reader: str) -> Iterator[HeldCard]:
        if self.atr_of(reader) is None:
            raise CardGone(f"there is no card in the reader {reader}")
        assert reader not in self._held, "a second transaction would wait for ever"
        card = self._cards[reader]
        assert card is not None
        self._held.add(reader)
        given = HeldCard(card, reader)
        self.given.append(given)
        try:
            yield given
        finally:
            self.given.remove(given)
            self._held.discard(reader)
            now = self._cards[reader]
            if now is not None and now.present:
                self.left_logged_in += getattr(now, "logged_in", None) is not None
