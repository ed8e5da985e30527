"""Elements of header.key that we do not write ourselves, and certificates in it."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
import samples
from cryptography.hazmat import asn1
from oracles import container_reader

from gostkey.containers import Container, protection, schemas, with_certificate
from gostkey.containers import header as header_module
from gostkey.errors import (
    CertificateMismatch,
    ContainerDamaged,
    ContainerError,
    PrivateKeyRange,
    UnknownAlgorithm,
    UnknownCurve,
)
from gostkey.signing import Scheme, SigningKey

PROFILE = protection.profile_of(Scheme.GOST_2012)


def rebuilt(
    files: dict[str, bytes],
    *,
    drop: tuple[int, ...] = (),
    put: dict[int, bytes] | None = None,
    replace: tuple[bytes, bytes] | None = None,
) -> dict[str, bytes]:
    """Change elements of the header and give it a new, right MAC.

    Args:
        files: a container.
        drop: tags to leave out.
        put: DER to put in, by the number of elements before it.
        replace: bytes and what to put in their place.
    """
    ((_, content, _), _) = container_reader.walk(
        container_reader.only(files["header.key"], 0x30)
    )
    elements = [
        whole for tag, _, whole in container_reader.walk(content) if tag not in drop
    ]
    for index, element in sorted((put or {}).items(), reverse=True):
        elements.insert(index, element)
    body = b"".join(elements)
    if replace:
        assert replace[0] in body
        body = body.replace(*replace)
    content = sequence(body)
    header = sequence(content + b"\x04\x04" + container_reader.mac(bytes(32), content))
    return files | {"header.key": header}


def sequence(body: bytes) -> bytes:
    return b"\x30" + asn1.encode_der(body)[1:]


# containerName, secondaryEncKey, encContainerName, primaryCertLink, a policy, a
# security level, secondaryEncName, and numbers that nobody knows.
UNKNOWN = [
    bytes.fromhex("1603414243"),
    bytes.fromhex("a30404020102"),
    bytes.fromhex("8703414243"),
    bytes.fromhex("a80a16034142430403010203"),
    bytes.fromhex("3003020105"),
    bytes.fromhex("020101"),
    bytes.fromhex("8d03414243"),
    bytes.fromhex("9e00"),
    bytes.fromhex("be020500"),
]


@pytest.mark.parametrize("size", [0, 1, 4, 100, 127, 128, 200, 256, 70_000])
@pytest.mark.parametrize("mac_size", [0, 4, 127, 128, 300])
def test_the_mac_is_of_the_content_as_it_stands(size: int, mac_size: int) -> None:
    """Whatever the lengths are, which in DER have one to four octets."""
    element = asn1.encode_der(bytes(size))
    content = asn1.encode_der(
        schemas.Elements(element=[asn1.decode_der(asn1.TLV, element)])
    )
    content = schemas.encode_element(schemas.element_of(content))
    der = asn1.encode_der(
        schemas.HeaderFile(
            content=asn1.decode_der(asn1.TLV, content), mac=bytes(range(200))[:mac_size]
        )
    )
    sealed = header_module._Sealed.of(der)
    assert sealed.content == content
    assert sealed.mac == bytes(range(200))[:mac_size]


@pytest.mark.parametrize("element", UNKNOWN, ids=lambda der: der[:2].hex())
def test_unknown_elements_are_kept_on_rewriting(element: bytes) -> None:
    sample = samples.container(with_certificate=False)
    certificate = samples.certificate_of(sample.key)
    index = {0x16: 1, 0xA3: 3}.get(element[0], 5)
    if element[0] == 0x87:
        index = 3
    files = rebuilt(sample.files, put={index: element})
    with Container.parse(files).open() as opened:
        assert opened.keys["primary"] == sample.key
    before = _elements(files)
    after = _elements(with_certificate(files, certificate))
    new = b"\x85" + asn1.encode_der(certificate)[1:]
    assert element in after
    assert [e for e in after if e != new] == before
    tags = [e[0] for e in after]
    assert tags.index(0x30) < tags.index(0x85) < tags.index(0x8A)


def _elements(files: dict[str, bytes]) -> list[bytes]:
    ((_, content, _), _) = container_reader.walk(
        container_reader.only(files["header.key"], 0x30)
    )
    return [whole for _, _, whole in container_reader.walk(content)]


def test_certificate_at_the_other_place_is_matched_by_its_key(
    sample: samples.Sample,
) -> None:
    """[6] instead of [5]: the place is not what counts."""
    assert sample.certificate is not None
    der = b"\x86" + asn1.encode_der(sample.certificate)[1:]
    files = rebuilt(sample.files, drop=(0x85,), put={3: der})
    (entry,) = Container.parse(files).keys
    assert entry.certificate == sample.certificate
    with Container.parse(files).open() as opened:
        assert opened.certificates == {"primary": sample.certificate}


def test_certificate_of_another_key_is_found_out(sample: samples.Sample) -> None:
    with SigningKey.generate() as other:
        foreign = samples.certificate_of(other)
    der = b"\x85" + asn1.encode_der(foreign)[1:]
    files = rebuilt(sample.files, drop=(0x85,), put={3: der})
    container = Container.parse(files)
    with pytest.raises(CertificateMismatch, match="sample-0001"):
        container.open()
    bad = [f for f in container.check(at=samples.MADE) if f.state == "bad"]
    assert [(f.code, f.text) for f in bad] == [("certificate", "is for another key")]


def test_certificate_that_is_none_is_found_out(sample: samples.Sample) -> None:
    files = rebuilt(sample.files, drop=(0x85,), put={3: bytes.fromhex("85021234")})
    container = Container.parse(files)
    with pytest.raises(CertificateMismatch):
        container.open()
    assert [f.code for f in container.check() if f.state == "bad"] == ["certificate"]
    assert "error" in container.describe()["keys"][0]["certificate"]


def test_without_a_fingerprint_the_certificate_tells(sample: samples.Sample) -> None:
    files = rebuilt(sample.files, drop=(0x8A,))
    with Container.parse(files).open() as opened:
        assert opened.keys["primary"] == sample.key
    wrong = bytearray(files["primary.key"])
    wrong[10] ^= 1
    with pytest.raises(CertificateMismatch):
        Container.parse(files | {"primary.key": bytes(wrong)}).open()


def test_without_fingerprint_and_certificate_no_key_is_given(
    sample: samples.Sample,
) -> None:
    files = rebuilt(sample.files, drop=(0x8A, 0x85))
    with pytest.raises(ContainerError, match="neither a fingerprint nor"):
        Container.parse(files).open()


def test_unknown_curve_and_algorithm_are_named(sample: samples.Sample) -> None:
    curve = bytes.fromhex("06092a8503070102010102")
    files = rebuilt(sample.files, drop=(0x85,), replace=(curve, curve[:-1] + b"\x09"))
    with pytest.raises(UnknownCurve, match=r"1\.2\.643\.7\.1\.2\.1\.1\.9"):
        Container.parse(files)
    key = bytes.fromhex("06082a85030701010601")
    files = rebuilt(sample.files, drop=(0x85,), replace=(key, key[:-1] + b"\x09"))
    with pytest.raises(UnknownAlgorithm, match=r"1\.2\.643\.7\.1\.1\.6\.9"):
        Container.parse(files)
    files = rebuilt(sample.files, drop=(0x85,), replace=(key, key[:-1] + b"\x02"))
    with pytest.raises(ContainerDamaged, match="512-bit"):
        Container.parse(files)


@pytest.mark.parametrize(
    "attributes, says", [("03020450", "FKN"), ("03020560", "no primary key")]
)
def test_kinds_without_a_key_in_the_files_are_refused(
    sample: samples.Sample, attributes: str, says: str
) -> None:
    change = (bytes.fromhex("03020640"), bytes.fromhex(attributes))
    with pytest.raises(ContainerError, match=says):
        Container.parse(rebuilt(sample.files, replace=change))


def test_an_element_twice_is_refused(sample: samples.Sample) -> None:
    twice = bytes.fromhex("8a080102030405060708")
    with pytest.raises(ContainerDamaged, match="twice"):
        Container.parse(rebuilt(sample.files, put={3: twice}))


def test_mac_of_the_other_kind_of_key_is_refused(sample: samples.Sample) -> None:
    """A header of a 2012 key with the MAC that a 2001 key would have."""
    old = protection.profile_of(Scheme.GOST_2001)
    parsed = header_module.read_header(sample.files["header.key"])
    one = asn1.encode_der(schemas.Elements(element=list(parsed.elements)))
    assert header_module.seal(PROFILE, one) == sample.files["header.key"]
    with pytest.raises(ContainerDamaged, match="kind of key"):
        header_module.read_header(header_module.seal(old, one))


def test_dates_are_findings(sample: samples.Sample) -> None:
    container = Container.parse(sample.files)

    def states(at: datetime) -> dict[str, str]:
        found = container.check(at=at)
        return {f.code: f.state for f in found if f.code.endswith("dates")}

    good = {"certificate-dates": "good", "key-dates": "good"}
    assert states(samples.MADE) == good
    late = states(datetime(2027, 1, 15, 9, 31, tzinfo=timezone.utc))
    assert late == {"certificate-dates": "warning", "key-dates": "warning"}
    early = states(datetime(2026, 1, 15, 9, 29, tzinfo=timezone.utc))
    assert early == good | {"certificate-dates": "warning"}


def test_closing_wipes_the_keys(sample: samples.Sample) -> None:
    with Container.parse(sample.files).open() as opened:
        key = opened.keys["primary"]
        key.sign(b"message")
    with pytest.raises(PrivateKeyRange):
        key.sign(b"message")


def test_description_and_findings_are_plain_json(sample: samples.Sample) -> None:
    container = Container.parse(sample.files)
    described = json.loads(json.dumps(container.describe()))
    assert described["name"] == "sample-0001"
    assert described["keys"][0]["not_after"] == "2027-01-15T09:30:00Z"
    assert described["keys"][0]["certificate"]["serial"] == "1d7f00"
    findings = [finding.as_dict() for finding in container.check(at=samples.MADE)]
    assert json.loads(json.dumps(findings)) == findings
    assert {finding["state"] for finding in findings} == {"good"}


def test_no_secret_shows(sample: samples.Sample) -> None:
    container = Container.parse(sample.files)
    secret = sample.key.to_bytes()
    with container.open() as opened:
        shown = f"{container!r} {opened!r} {container.check()!r} {container.describe()}"
    assert secret.hex() not in shown
    assert repr(secret)[2:-1] not in shown
