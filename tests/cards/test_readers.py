"""The readers of the test's process do to a card what pcscd does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenLite

from gostkey import pcsc
from gostkey.errors import TokenAbsent

InReaders = Callable[..., VirtualReaders]
SERIAL = bytes.fromhex("00CA018100")


def test_cards_are_seen_and_answer(in_readers: InReaders) -> None:
    in_readers(RutokenLite(), None)
    first, second = pcsc.readers()
    assert pcsc.atr_of(first) == RutokenLite.ATR
    assert pcsc.atr_of(second) is None
    with pcsc.connect(first) as card:
        assert (card.reader, card.atr) == (first, RutokenLite.ATR)
        assert card.transmit(SERIAL) == (bytes.fromhex("0000000030DA6803"), 0x9000)
    with pytest.raises(TokenAbsent), pcsc.connect(second):
        pass


def test_a_card_is_pulled_and_put_in_again(in_readers: InReaders) -> None:
    token = RutokenLite()
    readers = in_readers(token)
    (reader,) = pcsc.readers()
    with pcsc.connect(reader) as card:
        token.pull_at(1)
        for _ in range(2):
            with pytest.raises(TokenAbsent):
                card.transmit(SERIAL)
        assert pcsc.atr_of(reader) is None
        readers.put(reader, token)
        # This connection does not come back.
        with pytest.raises(TokenAbsent):
            card.transmit(SERIAL)
    with pcsc.connect(reader) as card:
        assert card.transmit(SERIAL)[1] == 0x9000


def test_another_card_is_there_after_a_swap(in_readers: InReaders) -> None:
    token, other = RutokenLite(), RutokenEcp(serial=1)
    in_readers(token)
    (reader,) = pcsc.readers()
    token.swap_at(1, other)
    with pcsc.connect(reader) as card, pytest.raises(TokenAbsent):
        card.transmit(SERIAL)
    assert pcsc.atr_of(reader) == RutokenEcp.ATR
    with pcsc.connect(reader) as card:
        assert card.transmit(SERIAL)[0][-1] == 1


def test_a_login_that_is_left_is_counted(in_readers: InReaders) -> None:
    readers = in_readers(RutokenLite())
    (reader,) = pcsc.readers()
    with pcsc.connect(reader) as card:
        card.transmit(bytes.fromhex("0020000208") + b"12345678")
    assert readers.left_logged_in == 1
