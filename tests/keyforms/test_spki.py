"""AlgorithmIdentifier and SubjectPublicKeyInfo."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from keyforms.key_layouts import tlv

from gostkey import curves, keyforms
from gostkey.errors import (
    EncodingError,
    LengthError,
    UnknownAlgorithm,
    UnknownCurve,
)
from gostkey.keyforms import Scheme

# RFC 9215 4.2 for keys of 2012; RFC 4491 2.3.2 for those of 2001.
WITH_DIGEST = [
    "1.2.643.2.2.35.0",
    "1.2.643.2.2.35.1",
    "1.2.643.2.2.35.2",
    "1.2.643.2.2.35.3",
    "1.2.643.2.2.36.0",
    "1.2.643.2.2.36.1",
]
WITHOUT_DIGEST = [
    "1.2.643.7.1.2.1.1.1",
    "1.2.643.7.1.2.1.1.2",
    "1.2.643.7.1.2.1.1.3",
    "1.2.643.7.1.2.1.1.4",
    "1.2.643.7.1.2.1.2.0",
    "1.2.643.7.1.2.1.2.1",
    "1.2.643.7.1.2.1.2.2",
    "1.2.643.7.1.2.1.2.3",
]


def point(bits: int) -> bytes:
    return bytes(i % 251 for i in range(bits // 4))


@pytest.mark.parametrize("oid", WITH_DIGEST + WITHOUT_DIGEST)
def test_digest_parameters_follow_the_profile_and_the_curve_keeps_its_name(
    oid: str,
) -> None:
    curve = curves.get(oid)
    bits = {256: "1.2.643.7.1.1.2.2", 512: "1.2.643.7.1.1.2.3"}[curve.bits]
    spki = keyforms.encode_spki(curve, Scheme.GOST_2012, point(curve.bits))
    found = keyforms.decode_spki(spki)
    assert found.curve.oid == oid
    assert found.digest_oid == (bits if oid in WITH_DIGEST else None)
    assert found.public_le == point(curve.bits)
    spki = keyforms.encode_spki(
        curve, Scheme.GOST_2012, point(curve.bits), digest_parameters="always"
    )
    assert keyforms.decode_spki(spki).digest_oid == bits


@pytest.mark.parametrize("oid", WITH_DIGEST)
def test_a_key_of_2001_names_the_old_hash(oid: str) -> None:
    curve = curves.get(oid)
    algorithm = keyforms.encode_algorithm(curve, Scheme.GOST_2001)
    found = keyforms.decode_algorithm(algorithm)
    assert found.scheme is Scheme.GOST_2001
    assert found.digest_oid == "1.2.643.2.2.30.1"
    assert found.curve.oid == oid


def test_encryption_parameters_of_2001_keys_are_read() -> None:
    # 1.2.643.2.2.19 { 35.1, 30.1, 31.1 } as old certificates have it.
    der = tlv(
        0x30,
        bytes.fromhex("06062a8503020213"),
        tlv(
            0x30,
            bytes.fromhex("06072a850302022301"),
            bytes.fromhex("06072a850302021e01"),
            bytes.fromhex("06072a850302021f01"),
        ),
    )
    found = keyforms.decode_algorithm(der)
    assert found.curve == curves.get("tc26-256-b")
    assert found.encryption_oid == "1.2.643.2.2.31.1"


def test_contradictions_are_refused() -> None:
    def algorithm(*oids: str) -> bytes:
        first, *rest = (tlv(6, bytes.fromhex(oid)) for oid in oids)
        return tlv(0x30, first, tlv(0x30, *rest))

    key256, key512 = "2a85030701010101", "2a85030701010102"
    set256, set512 = "2a8503070102010102", "2a8503070102010201"
    digest512 = "2a85030701010203"
    with pytest.raises(EncodingError, match="is for 256 bits"):
        keyforms.decode_algorithm(algorithm(key256, set512))
    with pytest.raises(EncodingError, match="is for 512 bits"):
        keyforms.decode_algorithm(algorithm(key512, set256))
    with pytest.raises(EncodingError, match="digestParamSet 1.2.643.7.1.1.2.3"):
        keyforms.decode_algorithm(algorithm(key256, set256, digest512))
    rsa = tlv(0x30, bytes.fromhex("06092a864886f70d010101"), tlv(5))
    with pytest.raises(UnknownAlgorithm, match="1.2.840.113549.1.1.1"):
        keyforms.decode_algorithm(rsa)


def test_points_of_the_wrong_length_are_refused() -> None:
    curve = curves.get("tc26-256-a")
    with pytest.raises(LengthError, match="has 128 bytes; tc26-256-a wants 64"):
        keyforms.encode_spki(curve, Scheme.GOST_2012, point(512))
    algorithm = keyforms.encode_algorithm(curve, Scheme.GOST_2012)
    for content in (
        b"\0" + tlv(4, bytes(63)),
        b"\0" + bytes(64),
        b"\x01" + tlv(4, bytes(64)),
        b"\0",
    ):
        with pytest.raises(EncodingError, match="public key"):
            keyforms.decode_spki(tlv(0x30, algorithm, tlv(3, content)))


def test_published_certificates_have_the_key_that_we_would_write(
    fixtures: Path,
) -> None:
    text = (fixtures / "pki_examples.json").read_text(encoding="utf-8")
    certificates = []
    for example in json.loads(text)["examples"]:
        if "certificate" in example:
            certificates.append(example["certificate"])
        certificates += [c["certificate"] for c in example.get("certificates", [])]
    assert len(certificates) >= 11
    for encoded in certificates:
        der = base64.b64decode(encoded)
        found = keyforms.certificate_public_key(der)
        rules = ("profile", "always")
        ways = [
            keyforms.encode_spki(
                found.curve, found.scheme, found.public_le, digest_parameters=rule
            )
            for rule in rules
        ]
        assert any(way in der for way in ways)


def test_real_certificates_are_read(fixtures: Path) -> None:
    schemes = {}
    for path in sorted((fixtures / "certs").glob("*.pem")):
        found = keyforms.certificate_public_key(path.read_text(encoding="utf-8"))
        schemes[path.name] = found.scheme
        assert len(found.public_le) == 2 * found.curve.size
    assert schemes["ca-2001.pem"] is Scheme.GOST_2001
    assert len(schemes) == 3


@pytest.mark.parametrize("oid", ["1.2.643.2.2.35.1", "1.2.643.7.1.2.1.2.1"])
def test_a_key_of_a_kind_that_is_known_is_read_as_strictly(oid: str) -> None:
    """What stands before the point is remembered; nothing bad may pass by it."""
    curve = curves.get(oid)
    good = keyforms.encode_spki(curve, Scheme.GOST_2012, point(curve.bits))
    known = keyforms.decode_spki(good)
    assert known.public_le == point(curve.bits)
    before = len(good) - curve.bits // 4
    for one in (*(good[:end] for end in range(2, len(good))), good + b"\x00"):
        with pytest.raises(EncodingError):
            keyforms.decode_spki(one)
    for at in range(before):
        try:
            found = keyforms.decode_spki(
                good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
            )
        except (EncodingError, UnknownAlgorithm, UnknownCurve):
            continue
        # Another octet in an OID can make another known one.
        assert (found.curve.oid, found.digest_oid) != (oid, known.digest_oid)
    other = good[:before] + point(curve.bits)[::-1]
    assert keyforms.decode_spki(other).public_le == point(curve.bits)[::-1]
