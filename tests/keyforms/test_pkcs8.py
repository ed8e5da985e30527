"""PKCS#8 without a password: one layout written, every known one read."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Literal

import pytest
from keyforms.key_layouts import integer, layouts, masked, pkcs8, tlv

from gostkey import curves, keyforms
from gostkey.backend import active
from gostkey.curves import Curve
from gostkey.errors import (
    EncodingError,
    LengthError,
    PrivateKeyRange,
    UnknownAlgorithm,
    UnknownCurve,
)
from gostkey.keyforms import Scheme

pytestmark = pytest.mark.usefixtures("each_backend")

CURVES = [
    "test-256",
    "tc26-256-a",
    "1.2.643.2.2.36.0",
    "tc26-256-c",
    "tc26-256-d",
    "test-512",
    "tc26-512-a",
    "tc26-512-b",
    "tc26-512-c",
]


def key_of(curve: Curve) -> tuple[int, bytes, bytes]:
    """Return d, the same little-endian, and the public key."""
    d = int.from_bytes(bytes(range(1, curve.size + 1)), "little") * 3 % curve.q
    private_le = d.to_bytes(curve.size, "little")
    return d, private_le, active.elliptic.public_key(curve.index, private_le)


@pytest.mark.parametrize("name", CURVES)
def test_every_layout_gives_the_same_key(name: str) -> None:
    curve = curves.get(name)
    d, private_le, public_le = key_of(curve)
    for layout, der in layouts(curve, d, public_le):
        found = keyforms.decode_pkcs8(der)
        assert found.private_le == private_le, layout
        assert found.public_le == public_le, layout
        assert (found.curve, found.curve.oid) == (curve, curve.oid), layout
        assert found.scheme is Scheme.GOST_2012
        assert keyforms.decode_pkcs8(keyforms.pem(der, "PRIVATE KEY")) == found


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("scheme", Scheme)
def test_what_is_written_is_the_raw_layout(name: str, scheme: Scheme) -> None:
    curve = curves.get(name)
    _, private_le, _ = key_of(curve)
    if scheme is Scheme.GOST_2001 and curve.bits == 512:
        with pytest.raises(UnknownAlgorithm, match="2001 has no keys of 512 bits"):
            keyforms.encode_pkcs8(curve, scheme, private_le)
        return
    der = keyforms.encode_pkcs8(curve, scheme, private_le)
    assert der == pkcs8(curve, private_le, scheme=scheme)
    assert keyforms.decode_pkcs8(der).scheme is scheme


def test_the_repr_of_a_key_does_not_show_it() -> None:
    curve = curves.get("tc26-256-a")
    _, private_le, _ = key_of(curve)
    found = keyforms.decode_pkcs8(
        keyforms.encode_pkcs8(curve, Scheme.GOST_2012, private_le)
    )
    for text in (repr(found), str(found), f"{found}"):
        assert private_le.hex() not in text and "bytearray" not in text


@pytest.mark.parametrize("name", ["tc26-256-b", "tc26-512-c"])
def test_keys_out_of_range_are_refused_in_every_layout(name: str) -> None:
    curve = curves.get(name)
    size = curve.size
    for d in (0, curve.q, curve.q + 1, (1 << 8 * size) - 1):
        little = d.to_bytes(size, "little")
        for content in (little, tlv(4, little)):
            with pytest.raises(PrivateKeyRange, match="not in 1..q-1"):
                keyforms.decode_pkcs8(pkcs8(curve, content))
    with pytest.raises(PrivateKeyRange):
        keyforms.decode_pkcs8(pkcs8(curve, integer(curve.q)))
    zero = bytes(size) + (5).to_bytes(size, "little")
    with pytest.raises(PrivateKeyRange):
        keyforms.decode_pkcs8(pkcs8(curve, zero))


@pytest.mark.parametrize("layout", range(2))
def test_a_public_key_of_another_is_noticed(layout: int) -> None:
    curve = curves.get("tc26-256-b")
    d, private_le, _ = key_of(curve)
    other = active.elliptic.public_key(curve.index, bytes([7, *bytes(31)]))
    content = [private_le, masked(curve, d, 3)][layout]
    der = pkcs8(curve, content, version=1, tail=tlv(0x81, b"\0", other))
    with pytest.raises(EncodingError, match="public key is not that of its private"):
        keyforms.decode_pkcs8(der)


@pytest.mark.parametrize(("tag", "order"), [(b"\x02", "big"), (b"\x04", "little")])
def test_octets_that_could_be_two_layouts_are_settled_by_the_public_key(
    tag: bytes, order: Literal["big", "little"]
) -> None:
    # 32 octets that are a good raw key and, read as DER, an INTEGER or an OCTET STRING
    # of 30 octets.
    curve = curves.get("tc26-256-b")
    content = tag + b"\x1e\x11" + bytes(range(28)) + b"\x05"
    raw = int.from_bytes(content, "little")
    number = int.from_bytes(content[2:], order)
    assert 0 < raw < curve.q and 0 < number < curve.q
    assert keyforms.decode_pkcs8(pkcs8(curve, content)).private_le == content
    for d in (raw, number):
        private_le = d.to_bytes(32, "little")
        public_le = active.elliptic.public_key(curve.index, private_le)
        tail = tlv(0x81, b"\0", public_le)
        found = keyforms.decode_pkcs8(pkcs8(curve, content, version=1, tail=tail))
        assert found.private_le == private_le


def test_a_key_of_gnutls_without_its_most_significant_octet_is_read() -> None:
    """Made by certtool 3.7.9, which told the numbers; one key in 256 is so short."""
    key = keyforms.decode_pkcs8(
        "-----BEGIN PRIVATE KEY-----\n"
        "MD8CAQAwFwYIKoUDBwEBAQEwCwYJKoUDBwECAQECBCEEH1V6w1rKCGlYTebX1fEw\n"
        "8D1QusKQ3p8vqd9LMmofVIY=\n"
        "-----END PRIVATE KEY-----\n"
    )
    private_be = "86541f6a324bdfa92f9fde90c2ba503df030f1d5d7e64d586908ca5ac37a55"
    x_be = "111da2150358fd5d5abc3bfa6a5ae5e3808a997f5423fe58d289326df617077b"
    y_be = "d0f78adfa28fafef4d0d5127bdf378dc30c04f168725421c6f597865543ada4d"
    assert key.private_le == bytes.fromhex(private_be)[::-1] + b"\0"
    assert key.public_le == bytes.fromhex(x_be)[::-1] + bytes.fromhex(y_be)[::-1]


@pytest.mark.parametrize(("name", "size"), [("tc26-256-b", 5), ("tc26-512-a", 32)])
def test_a_key_that_is_far_too_short_for_its_curve_is_refused(
    name: str, size: int
) -> None:
    content = tlv(0x04, bytes(range(1, size + 1)))
    with pytest.raises(EncodingError, match="no known layout"):
        keyforms.decode_pkcs8(pkcs8(curves.get(name), content))


@pytest.mark.parametrize("size", [0, 1, 31, 33, 63, 65, 96 + 1, 17 * 32])
def test_contents_of_no_known_layout_are_refused(size: int) -> None:
    curve = curves.get("tc26-256-b")
    with pytest.raises(EncodingError, match="no known layout"):
        keyforms.decode_pkcs8(pkcs8(curve, b"\x01" * size))


def test_what_is_wrong_is_named() -> None:
    curve = curves.get("tc26-256-b")
    _, private_le, _ = key_of(curve)
    der = pkcs8(curve, private_le)
    with pytest.raises(LengthError, match="has 31 bytes; tc26-256-b wants 32"):
        keyforms.encode_pkcs8(curve, Scheme.GOST_2012, private_le[1:])
    with pytest.raises(EncodingError, match="version 2"):
        keyforms.decode_pkcs8(pkcs8(curve, private_le, version=2))
    with pytest.raises(EncodingError, match="not the DER structure"):
        keyforms.decode_pkcs8(der[:-1])
    with pytest.raises(EncodingError, match="not the DER structure"):
        keyforms.decode_pkcs8(der + b"\0")
    with pytest.raises(EncodingError, match="too long"):
        keyforms.decode_pkcs8(bytes(70000))
    # Other numbers in the OIDs of the curve and of the algorithm.
    set_b, key256 = (bytes.fromhex(f"2a850307010{n}") for n in ("2010102", "10101"))
    with pytest.raises(UnknownCurve, match="1.2.643.7.1.2.1.1.9"):
        keyforms.decode_pkcs8(der.replace(set_b, set_b[:-1] + b"\x09"))
    with pytest.raises(UnknownAlgorithm, match="1.2.643.7.1.1.1.5 is not a GOST"):
        keyforms.decode_pkcs8(der.replace(key256, key256[:-1] + b"\x05"))


def test_published_keys_are_read(fixtures: Path) -> None:
    text = (fixtures / "pki_examples.json").read_text(encoding="utf-8")
    seen = 0
    for example in json.loads(text)["examples"]:
        if "private_key_info" not in example:
            continue
        found = keyforms.decode_pkcs8(base64.b64decode(example["private_key_info"]))
        assert found.private_le[::-1].hex() == example["d"], example["name"]
        der = base64.b64decode(example["certificate"])
        assert keyforms.certificate_public_key(der).public_le == found.public_le
        seen += 1
    assert seen == 2
