"""Certificates and requests: what is written, and what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from small_pki import DAY, NOW, PERSON, SETS, new_key, root

from gostkey.errors import CertificateError, EncodingError, InvalidSignature
from gostkey.keyforms import Scheme
from gostkey.pki import coding, oids, requests, schemas
from gostkey.pki import extensions as ext
from gostkey.pki.certificates import Certificate, build_certificate, spki_of
from gostkey.pki.extensions import Extension
from gostkey.pki.names import Name
from gostkey.pki.requests import Request, build_request
from gostkey.signing import SigningKey

SUBJECT = Name.build([("CN", "Проба")])


def made(**options: object) -> bytes:
    key = new_key()
    settings: dict[str, object] = {
        "issuer": SUBJECT,
        "signing_key": key,
        "subject": SUBJECT,
        "public_key": key.verifying_key,
        "serial": 7,
        "not_before": NOW,
        "not_after": NOW + DAY,
    }
    return build_certificate(**{**settings, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SETS)
def test_the_key_keeps_the_name_of_its_set(name: str, each_backend: str) -> None:
    owner = root(name).subscriber(PERSON, name)
    certificate = owner.certificate
    certificate.verify_signed_by(root(name).certificate)
    assert certificate.public_key == owner.key.verifying_key
    assert certificate.public_key.curve.oid == SETS[name]
    old = name.startswith("2001 ")
    assert certificate.public_key.scheme is (
        Scheme.GOST_2001 if old else Scheme.GOST_2012
    )
    request = Request.from_bytes(build_request(owner.key, PERSON))
    request.verify()
    assert request.public_key_info == certificate.public_key_info


def test_signature_parameters_are_absent_inside_and_outside() -> None:
    certificate = Certificate.from_bytes(made())
    algorithm = coding.encode(coding.algorithm(oids.SIGNATURE_2012_256))
    assert algorithm == bytes.fromhex("300a06082a85030701010302")
    assert certificate.der.count(algorithm) == 2


def test_null_parameters_are_read_but_must_be_equal_inside_and_outside() -> None:
    key = new_key()
    certificate = Certificate.from_bytes(
        made(signing_key=key, public_key=key.verifying_key)
    )
    outer = coding.decode(schemas.Signed, certificate.der, "test")
    tbs = coding.decode(schemas.TBSCertificate, certificate.signed, "test")
    null = coding.tlv(bytes.fromhex("300c06082a850307010103020500"))
    outer.algorithm = null
    with pytest.raises(EncodingError, match="they must be equal"):
        Certificate.from_bytes(coding.encode(outer))
    tbs.signature = null
    content = coding.encode(tbs)
    outer.content = coding.tlv(content)
    outer.signature = type(outer.signature)(key.sign(content), 0)
    read = Certificate.from_bytes(coding.encode(outer))
    read.verify_signed_by(read)


def test_dates_are_utctime_until_2049() -> None:
    end = datetime(2050, 1, 1, tzinfo=timezone.utc)
    for not_after, tag in ((end - timedelta(seconds=1), 0x17), (end, 0x18)):
        certificate = Certificate.from_bytes(made(not_after=not_after))
        assert certificate.not_after == not_after
        tbs = coding.decode(schemas.TBSCertificate, certificate.signed, "test")
        value = coding.tlv(coding.encode(tbs.validity.not_after))
        assert value.tag_bytes[0] == tag


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"serial": 0}, "serial"),
        ({"serial": -1}, "serial"),
        ({"serial": 1 << 160}, "20 octets"),
        ({"not_after": NOW}, "not after begin"),
        ({"extensions": [ext.key_usage(), ext.key_usage()]}, "occurs twice"),
    ],
)
def test_what_cannot_be_is_not_made(options: dict[str, object], words: str) -> None:
    with pytest.raises(EncodingError, match=words):
        made(**options)


@pytest.mark.parametrize("serial", [1, 0x7F, 0x80, (1 << 159) - 1])
def test_serials_come_back(serial: int) -> None:
    assert Certificate.from_bytes(made(serial=serial)).serial == serial


def test_key_period_bounds_signing() -> None:
    period = ext.private_key_usage_period(NOW + DAY, NOW + 2 * DAY)
    certificate = Certificate.from_bytes(
        made(not_after=NOW + 9 * DAY, extensions=[period])
    )
    assert certificate.key_period == (NOW + DAY, NOW + 2 * DAY)
    assert certificate.signing_begins == NOW + DAY
    assert certificate.signing_ends == NOW + 2 * DAY
    bare = Certificate.from_bytes(made())
    assert bare.key_period == (None, None)
    assert (bare.signing_begins, bare.signing_ends) == (NOW, NOW + DAY)


def test_extensions_that_are_made_are_read() -> None:
    tools = ("Средство", "УЦ", "Сертификат 1", "Сертификат 2")
    certificate = Certificate.from_bytes(
        made(
            extensions=[
                ext.basic_constraints(True, 3),
                ext.key_usage(["cRLSign", "keyAgreement", "decipherOnly"]),
                ext.extended_key_usage([oids.CLIENT_AUTH, "1.2.643.2.2.34.6"]),
                ext.issuer_sign_tool(*tools),
                ext.subject_key_identifier(b"\1\2"),
                ext.authority_key_identifier(b"\3"),
            ]
        )
    )
    assert certificate.basic_constraints == (True, 3)
    assert certificate.key_usage == {"cRLSign", "keyAgreement", "decipherOnly"}
    assert certificate.subject_key_identifier == b"\1\2"
    assert certificate.authority_key_identifier == b"\3"
    assert ext.read_issuer_sign_tool(
        certificate.extension(oids.ISSUER_SIGN_TOOL) or b""
    ) == (tools)
    assert coding.decode_oids(
        certificate.extension(oids.EXTENDED_KEY_USAGE) or b"", "test"
    ) == [oids.CLIENT_AUTH, "1.2.643.2.2.34.6"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ext.subject_sign_tool("я" * 201), "must have 1 to 200"),
        (lambda: ext.issuer_sign_tool("a", "b", "c" * 101, "d"), "1 to 100"),
        (lambda: ext.identification_kind(4), "0, 1, 2 or 3"),
        (lambda: ext.key_usage(["sign"]), "choose of digitalSignature"),
        (lambda: ext.key_usage(["decipherOnly"]), "key_agreement"),
        (lambda: ext.extended_key_usage(["client"]), "numbers with dots"),
        (lambda: ext.crl_reason("because"), "keyCompromise"),
    ],
)
def test_wrong_extensions_are_refused(make: object, words: str) -> None:
    with pytest.raises(EncodingError, match=words):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("octet", [b"\x01", b"\x00"])
def test_booleans_that_are_not_der_are_read(octet: bytes) -> None:
    # Both stand in real certificates: TRUE as 01, and FALSE though it is the default.
    usage = ext.key_usage()
    key = new_key()
    good = Certificate.from_bytes(
        made(signing_key=key, public_key=key.verifying_key, extensions=[usage])
    )
    content = good.signed.replace(b"\x01\x01\xff\x04", b"\x01\x01" + octet + b"\x04")
    outer = coding.decode(schemas.Signed, good.der, "test")
    outer.content = coding.tlv(content)
    outer.signature = type(outer.signature)(key.sign(content), 0)
    read = Certificate.from_bytes(coding.encode(outer))
    assert read.extensions[usage.oid].critical is (octet == b"\x01")
    assert read.key_usage == good.key_usage
    read.verify_signed_by(read)


def test_a_signature_of_another_algorithm_is_not_tried() -> None:
    big = SigningKey.generate("tc26-512-a")
    issuer = Certificate.from_bytes(made())
    other = Certificate.from_bytes(made(signing_key=big))
    with pytest.raises(CertificateError, match=oids.SIGNATURE_2012_256):
        other.verify_signed_by(issuer)


def test_pem_and_der_are_the_same_certificate() -> None:
    certificate = Certificate.from_bytes(made())
    text = "a note before\n" + certificate.to_pem()
    assert Certificate.from_bytes(text) == certificate
    assert Certificate.from_bytes(text.encode()) == certificate
    with pytest.raises(EncodingError, match="CERTIFICATE"):
        Certificate.from_bytes("-----BEGIN NOTHING-----\n")


def test_request_attributes_come_back() -> None:
    key = new_key()
    asked = [ext.key_usage(), ext.subject_sign_tool("Средство")]
    renewed = made()
    der = build_request(
        key,
        PERSON,
        extensions=asked,
        attributes=[
            requests.renewal_certificate(renewed),
            requests.os_version("10.0.19045.2"),
            requests.name_value(("CpRaCertPeriod", "12"), ("Имя", "Значение")),
        ],
    )
    request = Request.from_bytes(der)
    request.verify()
    assert request.subject == PERSON
    assert request.extensions == {e.oid: e for e in asked}
    assert request.renewal_certificate == renewed
    assert len(request.attributes) == 4
    pairs = next(a for a in request.attributes if a.oid == oids.MS_NAME_VALUE)
    assert len(pairs.values) == 2


def test_microsofts_older_extension_attribute_is_read() -> None:
    wanted = ext.key_usage()
    value = coding.encode_extensions(ext.to_schema([wanted]))
    der = build_request(
        new_key(),
        SUBJECT,
        attributes=[requests.Attribute(oids.MS_EXTENSION_REQUEST, (value,))],
    )
    assert Request.from_bytes(der).extensions == {wanted.oid: wanted}


def test_an_attribute_that_occurs_twice_is_refused() -> None:
    twice = [requests.renewal_certificate(made()) for _ in range(2)]
    request = Request.from_bytes(build_request(new_key(), SUBJECT, attributes=twice))
    with pytest.raises(EncodingError, match="has 2 values"):
        _ = request.renewal_certificate


def test_a_changed_request_does_not_verify() -> None:
    der = build_request(new_key(), PERSON)
    changed = bytearray(der)
    changed[der.index("Иванов".encode()) + 1] ^= 1
    with pytest.raises(InvalidSignature):
        Request.from_bytes(bytes(changed)).verify()


@pytest.mark.parametrize("name", ["tc26-512-a", "tc26-256-a", "cryptopro-xcha"])
def test_digest_parameters_can_be_forced(name: str) -> None:
    key = new_key(name).verifying_key
    short, long = spki_of(key), spki_of(key, always_digest=True)
    digest = coding.encode(
        schemas.OID(oids.DIGEST_512 if "512" in name else oids.DIGEST_256)
    )
    assert digest in long
    assert (digest in short) is (name == "cryptopro-xcha")


def test_twin_extensions_in_a_certificate_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ext, "_refuse_twins", lambda *arguments: None)
    twins = [Extension("1.2.3", False, b"\x05\x00")] * 2
    der = made(extensions=twins)
    monkeypatch.undo()
    with pytest.raises(EncodingError, match=r"1\.2\.3 occurs twice"):
        Certificate.from_bytes(der)
