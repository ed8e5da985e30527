"""Parsers take hostile input: any bytes give a result or a GostKeyError."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_pki import DAY, NOW, ORGANIZATION, Party, new_key, root

from gostkey.errors import GostKeyError
from gostkey.pki import cms, requests
from gostkey.pki import extensions as ext
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import ChainVerifier
from gostkey.pki.cms import SignedData
from gostkey.pki.crls import RevocationList, Revoked
from gostkey.pki.describe import describe, describe_crl
from gostkey.pki.names import Name
from gostkey.pki.profiles import CertificateProfile
from gostkey.pki.renewal_request import RenewalRequest, build_renewal
from gostkey.pki.requests import Request


def owner() -> Party:
    return root().subscriber(
        ORGANIZATION,
        "cryptopro-xcha",
        more=[
            ext.extended_key_usage(["1.3.6.1.5.5.7.3.2"]),
            ext.certificate_policies(["1.2.643.100.113.1"]),
            ext.subject_sign_tool("Средство"),
            ext.issuer_sign_tool("а", "б", "в", "г"),
            ext.identification_kind(1),
            ext.crl_distribution_points(["http://ca.example/ca.crl"]),
            ext.basic_constraints(False),
        ],
    )


OWNER = owner()
CHAIN = ChainVerifier(
    roots=[root().certificate], crls=[root().crl(Revoked(5, NOW - DAY, "superseded"))]
)


def certificate(data: bytes) -> None:
    found = Certificate.from_bytes(data)
    json.dumps(describe(found))
    try:
        CHAIN.verify(found, NOW)
    finally:
        repr(found)


def request(data: bytes) -> None:
    found = Request.from_bytes(data)
    repr(found)
    found.verify()


def crl(data: bytes) -> None:
    found = RevocationList.from_bytes(data)
    json.dumps(describe_crl(found))
    found.revoked(5)
    found.check_fresh(NOW)
    found.verify_signed_by(root().certificate)


def signed(data: bytes) -> None:
    found = SignedData.from_bytes(data)
    for signer in found.signers:
        _ = signer.signing_time
    found.verify(certificates=[OWNER.certificate])


def renewal(data: bytes) -> None:
    found = RenewalRequest.from_bytes(data)
    repr(found.old_certificate)
    found.check(at=NOW)


def name(data: bytes) -> None:
    found = Name.from_der(data)
    found.faults()
    assert found.owner and found.attributes is not None


RENEWAL = build_renewal(new_key(), OWNER.key, OWNER.certificate, at=NOW)
# What reads it, and a good one.
PARSERS: dict[str, tuple[Callable[[bytes], None], bytes]] = {
    "certificate": (certificate, OWNER.certificate.der),
    "request": (
        request,
        requests.build_request(
            new_key(),
            ORGANIZATION,
            extensions=[ext.key_usage()],
            attributes=[requests.csp_provider("Поставщик")],
        ),
    ),
    "crl": (crl, root().crl(Revoked(5, NOW - DAY, "superseded")).der),
    "cms": (
        signed,
        cms.sign(b"content", OWNER.key, OWNER.certificate, signing_time=NOW),
    ),
    "renewal": (renewal, RENEWAL),
    "name": (name, ORGANIZATION.der),
}


@pytest.fixture(params=PARSERS)
def parser(request: pytest.FixtureRequest) -> tuple[Callable[[bytes], None], bytes]:
    return PARSERS[request.param]


def attempt(parse: Callable[[bytes], None], data: bytes) -> None:
    try:
        parse(data)
    except GostKeyError as error:
        assert str(error)


def test_the_good_ones_pass(parser: tuple[Callable[[bytes], None], bytes]) -> None:
    parser[0](parser[1])


@pytest.mark.parametrize("kind", PARSERS)
@given(data=st.binary(max_size=400))
def test_any_bytes(kind: str, data: bytes) -> None:
    attempt(PARSERS[kind][0], data)
    attempt(PARSERS[kind][0], b"\x30" + data)


@pytest.mark.parametrize("kind", PARSERS)
@settings(max_examples=200)
@given(data=st.data())
def test_changed_octets(kind: str, data: st.DataObject) -> None:
    parse, good = PARSERS[kind]
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    attempt(parse, bytes(changed))


@pytest.mark.parametrize("kind", PARSERS)
@given(data=st.data())
def test_parts_cut_out_doubled_or_put_in(kind: str, data: st.DataObject) -> None:
    parse, good = PARSERS[kind]
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    piece = data.draw(st.sampled_from([b"", good[start:end] * 2, b"\x05\x00"]))
    attempt(parse, good[:start] + piece + good[end:])


def test_every_truncation(parser: tuple[Callable[[bytes], None], bytes]) -> None:
    parse, good = parser
    for length in range(0, len(good)):
        with pytest.raises(GostKeyError):
            parse(good[:length])


@given(st.text())
def test_any_text_is_no_pem(text: str) -> None:
    for read in (Certificate.from_bytes, Request.from_bytes, SignedData.from_bytes):
        with pytest.raises(GostKeyError):
            read(text)
    with pytest.raises(GostKeyError):
        Certificate.from_bytes(f"-----BEGIN CERTIFICATE-----\n{text}\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = [field.name for field in dataclasses.fields(CertificateProfile)]


@given(st.text() | st.dictionaries(st.sampled_from(FIELDS), JSON).map(json.dumps))
def test_any_profile(text: str) -> None:
    try:
        profile = CertificateProfile.from_json(text)
    except GostKeyError:
        return
    assert CertificateProfile.from_json(profile.to_json()) == profile
    key = root().key.verifying_key
    try:
        profile.extensions(key=key, authority_key_identifier=b"1", at=NOW, requested={})
    except GostKeyError as error:
        assert str(error)


def test_depth_does_not_matter() -> None:
    nested = b""
    for _ in range(3000):
        length = len(nested)
        size = bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
        nested = b"\x30" + size + nested
    for parse, _ in PARSERS.values():
        with pytest.raises(GostKeyError):
            parse(nested)
