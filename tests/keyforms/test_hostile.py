"""Whatever the bytes, the readers give a result or a GostKeyError."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from keyforms.key_layouts import layouts, tlv
from keyforms.test_encrypted import gost28147_form

from gostkey import curves, keyforms
from gostkey.backend import active
from gostkey.errors import GostKeyError
from gostkey.keyforms import Scheme

CURVE = curves.get("tc26-256-b")
D = 0x1234567890ABCDEF << 100 | 1
PUBLIC = active.elliptic.public_key(CURVE.index, D.to_bytes(32, "little"))
SPKI = keyforms.encode_spki(CURVE, Scheme.GOST_2012, PUBLIC)
CERTIFICATE = tlv(
    0x30,
    tlv(0x30, tlv(2, b"\1"), *(tlv(0x30) for _ in range(4)), SPKI),
    tlv(0x30),
    tlv(3, b"\0"),
)
GOOD = [
    *(der for _, der in layouts(CURVE, D, PUBLIC)),
    gost28147_form("x"),
    SPKI,
    CERTIFICATE,
    keyforms.encode_algorithm(CURVE, Scheme.GOST_2012),
    keyforms.pem(SPKI, "PUBLIC KEY").encode(),
]

READERS: list[Callable[[bytes], object]] = [
    keyforms.decode_spki,
    keyforms.certificate_public_key,
    keyforms.decode_algorithm,
    keyforms.decode_pkcs8,
    keyforms.is_encrypted,
    lambda data: keyforms.decrypt_pbes2(data, None),
    lambda data: keyforms.unpem(data, "PUBLIC KEY"),
]


def read(data: bytes) -> int:
    """Give the bytes to every reader; return how many take them."""
    taken = 0
    for reader in READERS:
        try:
            reader(data)
            taken += 1
        except GostKeyError:
            pass
    return taken


def test_the_samples_are_good() -> None:
    for data in GOOD:
        assert read(data) >= 2, data.hex()


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    read(data)


@given(st.binary(max_size=200))
def test_any_sequence(data: bytes) -> None:
    read(tlv(0x30, data))


@given(st.text(max_size=200))
def test_any_text(data: str) -> None:
    for reader in (keyforms.decode_spki, keyforms.decode_pkcs8):
        try:
            reader(data)
        except GostKeyError:
            pass


@settings(max_examples=400)
@given(
    sample=st.sampled_from(GOOD),
    changes=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3
    ),
    cut=st.one_of(st.none(), st.integers(0, 400)),
)
def test_any_change_of_something_good(
    sample: bytes, changes: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray(sample)
    for place, value in changes:
        data[place % len(data)] = value
    read(bytes(data[:cut]))


@settings(max_examples=100)
@given(places=st.lists(st.integers(0, 200), max_size=2), value=st.integers(0, 255))
def test_any_change_of_an_encrypted_key_and_its_password(
    places: list[int], value: int
) -> None:
    data = bytearray(gost28147_form("x"))
    # The iteration count stays one: a large one would take its time.
    count = data.find(b"\x02\x01\x01")
    for place in places:
        if place % len(data) not in range(count - 1, count + 3):
            data[place % len(data)] = value
    try:
        keyforms.decode_pkcs8(bytes(data), "x")
    except GostKeyError:
        pass
