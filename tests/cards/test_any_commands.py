"""Whatever is sent to a virtual card, it answers, and gives away no secret."""

from __future__ import annotations

import pytest
from cards.card import VirtualCard
from cards.etoken import EtokenPro
from cards.jacarta_lt import JacartaLt
from cards.kinds import KINDS
from cards.rutoken import RutokenLite
from hypothesis import given
from hypothesis import strategies as st

SECRET = bytes(range(0x60, 0x90))
HEADS = [0x00A4, 0x00B0, 0x00D6, 0x00E0, 0x00E4, 0x0020, 0x0024, 0x002C, 0x00CA]
HEADS += [0x00C0, 0x0084, 0x8040, 0x8020, 0x8010, 0x8017, 0x8011, 0x8018]
PATHS = ["10001003", "100010030A00", "100010030A000A01", "000000000200000A010A"]
PATHS += ["A000000448000301", "A0000003120202", "66665000E00E0B00CC00F001", "3F00"]


def with_secret(kind: type[VirtualCard]) -> VirtualCard:
    card = kind()
    files = {"masks.key": SECRET, "name.key": b"\x30\x03\x16\x01A"}
    if isinstance(card, RutokenLite):
        card.add_container(0x0A00, files)
    elif isinstance(card, JacartaLt):
        card.add_container(3, files)
    elif isinstance(card, EtokenPro):
        card.add_container(0xCC00, files)
    return card


def command(head: int, parameters: int, data: bytes, expected: int | None) -> bytes:
    start = head.to_bytes(2, "big") + parameters.to_bytes(2, "big")
    body = bytes([len(data)]) + data if data else b""
    return start + body + (b"" if expected is None else bytes([expected]))


commands = st.builds(
    command,
    st.sampled_from(HEADS),
    st.sampled_from([0, 0x0400, 0x0800, 0x0804, 0x080C, 0x0002, 0x0300, 0x0181, 0x0102])
    | st.integers(0, 0xFFFF),
    st.sampled_from([bytes.fromhex(path) for path in PATHS]) | st.binary(max_size=40),
    st.none() | st.integers(0, 255),
)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@given(sent=st.lists(commands | st.binary(max_size=24), max_size=12))
def test_any_commands_without_a_pin(kind: type[VirtualCard], sent: list[bytes]) -> None:
    card = with_secret(kind)
    for one in sent:
        data, status = card.exchange(one)
        assert 0x6000 < status <= 0x9000 and len(data) <= 256
        assert SECRET[:8] not in data
    # What it would be after a loss of power can be written down and read again.
    again = kind()
    again.restore(card.state())
    assert again.state() == card.state()
