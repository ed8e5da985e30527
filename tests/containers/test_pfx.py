"""PFX files: other people's open to the published keys; ours have their form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pytest
import samples
from cryptography.hazmat import asn1
from real_pfx import PASSWORDS, RealPfx, read_published_pfx, read_real_pfx

from gostkey import random
from gostkey.containers import (
    TransferKey,
    pfx_cryptopro,
    pfx_protection,
    pfx_reader,
    read_pfx,
    write_cryptopro_pfx,
    write_standard_pfx,
)
from gostkey.containers import pfx_schemas as schemas
from gostkey.errors import (
    CertificateMismatch,
    ContainerError,
    EncodingError,
    LengthError,
    PasswordRequired,
    WrongPassword,
)
from gostkey.keyforms import Scheme
from gostkey.keyforms.der import decode, encode
from gostkey.signing import SigningKey

PASSWORD = "Пароль для PFX"

# Salt, transport key, UKM and key encryption key of the files, as published.
STEPS = {
    "pycades-256-empty": (
        "96ae5e2529e2397f2fbf636d85d5790d",
        "04b88b7014212c3b079ac50a77477de4a2a9580bc9761daa97112f2b34e785e1",
        "aa3eb01a3b881b4f",
        "0042ec2ae4687dd4006fd7c5a88462d405628c81df5cef38cae9487116cbb500",
    ),
    "corefx-2001-empty": (
        "3f588be82bd21666c690d5d57d8fe789",
        "8a842d369a9c16df47dd46e428484764131b9bb315ad823888ea6febf06d7d7d",
        "3f2f442e1129a729",
        "0936a02a75884b50b1e2a9d101b856d2ef8bca6a54f012f54b911818e193bb40",
    ),
    "corefx-512-empty": (
        "9a105a72785e62a0f8f2ad349696d6f7",
        "3050a998c386463a81ad25e4246bfd90e325e0331e9b9a17ce473c6ee88635d7",
        "0126f0692b55f3ef",
        "94fbbe8333bda634a8d9a6c0e14d7b3ef2fac17011c02ea0472ae8d73944bd49",
    ),
    "loadtesting-pfx2-256": (
        "ef19d8c71e381a05b1d14e5fb8603ac3",
        "b5b6fc5e7caba0f781b20f0398f2d6b0e4f286da98e28016c5623dca6b31190f",
        "cbc723237aa2c780",
        "c738922763b87fe331e6ef968cfeb96f815507a9cdb7e5a300a71c540ab893b6",
    ),
}


@pytest.fixture(params=PASSWORDS)
def real(request: pytest.FixtureRequest, fixtures: Path) -> RealPfx:
    """Each of the real CryptoPro PFX files."""
    return read_real_pfx(fixtures, request.param)


@pytest.fixture
def key() -> TransferKey:
    """A key of ours with its certificate."""
    sample = samples.container()
    return TransferKey(sample.key, certificate=sample.certificate, name="Иванов И. И.")


@pytest.mark.parametrize("label", STEPS)
def test_transport_and_encryption_keys(label: str, each_backend: str) -> None:
    salt, transport, ukm, kek = map(bytes.fromhex, STEPS[label])
    scheme = Scheme.GOST_2001 if "2001" in label else Scheme.GOST_2012
    assert pfx_cryptopro.encryption_key(scheme, transport, ukm) == kek
    derived = pfx_cryptopro.transport_key(PASSWORDS[label], salt, 2000)
    assert derived == transport


def test_real_files_open_to_the_published_keys(
    real: RealPfx, each_backend: str
) -> None:
    with read_pfx(real.data, real.password) as read:
        (key,) = read.keys
        assert read.kind == "cryptopro" and read.skipped == []
        assert key.key.to_bytes() == real.private_le
        assert key.key.verifying_key.to_bytes() == real.public_le
        assert (key.usage, key.exportable) == ("exchange", True)
        assert key.certificate == read.certificates[0]
        sha1 = hashlib.sha1(key.certificate, usedforsecurity=False).hexdigest()
        assert sha1 == real.certificate_sha1


def test_dates_and_names_of_real_files(fixtures: Path) -> None:
    found = {}
    for label, password in PASSWORDS.items():
        with read_pfx(read_real_pfx(fixtures, label).data, password) as read:
            key = read.keys[0]
            found[label] = (key.name, key.not_after and f"{key.not_after:%Y%m%d}")
            assert len(read.certificates) == (2 if password else 1)
    assert found["pycades-256-empty"] == ("pycades-test", "20500101")
    assert found["corefx-2001-empty"][1] is None
    assert found["loadtesting-pfx2-256"] == (
        "4fa52a35b-20e7-4038-7160-49b254b7f1f",
        "20241220",
    )


def test_published_examples_open(fixtures: Path) -> None:
    examples = read_published_pfx(fixtures)
    assert len(examples) == 2
    for real in examples:
        with read_pfx(real.data, real.password) as read:
            (key,) = read.keys
            assert (read.kind, read.skipped) == ("standard", [])
            assert key.key.to_bytes() == real.private_le
            assert read.certificates == [real.certificate]
            assert key.certificate == real.certificate


def test_a_key_bag_of_ours_is_that_of_the_vendor_to_the_byte(
    real: RealPfx, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, attributes = _key_bag(real.data)
    salt, _, ukm, _ = map(bytes.fromhex, STEPS[real.label])
    drawn = iter([salt, ukm])
    with read_pfx(real.data, real.password) as read:
        key = read.keys[0]
        monkeypatch.setattr(random, "token", lambda size: next(drawn))
        ours = pfx_cryptopro.make_key_bag(
            key.key,
            real.password,
            usage=key.usage,
            exportable=key.exportable,
            not_after=key.not_after,
        )
        assert ours == theirs
        monkeypatch.undo()
        again = write_cryptopro_pfx(key, real.password, chain=read.certificates[1:])
        with read_pfx(again, real.password) as back:
            assert back.certificates == read.certificates
            assert back.keys[0] == key
    ours_named = _key_bag(again)[1]
    if "pycades" in real.label:  # made by a provider with another name
        del attributes[schemas.PROVIDER_NAME], ours_named[schemas.PROVIDER_NAME]
    assert ours_named == attributes


def _key_bag(pfx: bytes) -> tuple[bytes, dict[str, list[bytes]]]:
    """Return the content and the attributes of the first bag."""
    content = _content(pfx)
    info = schemas.content_infos(content, "test")[0]
    (bag,) = schemas.safe_bags(schemas.octets(info.content, "test"), "test")
    attributes = {
        oid: [encode(value) for value in values]
        for oid, values in bag.attributes.items()
    }
    return bag.value, attributes


def _content(pfx: bytes) -> bytes:
    return schemas.octets(decode(schemas.Pfx, pfx, "test").content.content, "test")


@pytest.mark.parametrize("curve", ["tc26-256-a", "1.2.643.2.2.36.0", "tc26-512-b"])
@pytest.mark.parametrize("usage", ["exchange", "signature"])
@pytest.mark.parametrize("exportable", [True, False])
def test_what_a_cryptopro_pfx_says_of_a_key(
    curve: str, usage: str, exportable: bool
) -> None:
    with SigningKey.generate(curve) as key:
        ours = TransferKey(key, usage, exportable, samples.MADE, "name")
        for password in ("secret", ""):
            with read_pfx(write_cryptopro_pfx(ours, password), password) as read:
                assert read.keys == [ours]
                assert read.keys[0].key.curve.oid == key.curve.oid


@pytest.mark.parametrize("password", ["wrong", "", PASSWORD + " ", "ПАРОЛЬ"])
def test_a_wrong_password_is_named_so(key: TransferKey, password: str) -> None:
    for pfx in (write_cryptopro_pfx(key, "secret"), write_standard_pfx(key, PASSWORD)):
        with pytest.raises(WrongPassword):
            read_pfx(pfx, password)
        with pytest.raises(PasswordRequired):
            read_pfx(pfx)


def test_a_wrong_password_of_real_files(real: RealPfx, fixtures: Path) -> None:
    for one in (real, *read_published_pfx(fixtures)):
        with pytest.raises(WrongPassword):
            read_pfx(one.data, one.password + "1")
        if one.password:
            with pytest.raises(WrongPassword):
                read_pfx(one.data, "")
            with pytest.raises(PasswordRequired):
                read_pfx(one.data)


def test_an_octet_that_is_no_text_is_no_password(key: TransferKey) -> None:
    with pytest.raises(EncodingError, match="not text"):
        read_pfx(write_standard_pfx(key, PASSWORD), "\udcff")


def test_passwords_that_a_new_file_cannot_have(key: TransferKey) -> None:
    with pytest.raises(ContainerError, match="ASCII"):
        write_cryptopro_pfx(key, PASSWORD)
    with pytest.raises(LengthError, match="empty"):
        write_standard_pfx(key, "")


def test_nothing_is_decrypted_under_a_wrong_mac(
    key: TransferKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    pfx = write_cryptopro_pfx(key, "secret")
    start = pfx.index(_content(pfx))
    for place in (start + 3, start + 100, start + 400, len(pfx) - 40):
        changed = bytearray(pfx)
        changed[place] ^= 1

        def never(*_: object) -> None:
            raise AssertionError("decrypted before the MAC was checked")

        monkeypatch.setattr(pfx_reader, "decrypt", never)
        monkeypatch.setattr(pfx_reader, "open_key_bag", never)
        with pytest.raises(WrongPassword):
            read_pfx(bytes(changed), "secret")


def remade(contents: list[schemas.ContentInfo], **changes: object) -> bytes:
    """Make a PFX of these contents, with a good MAC unless *changes* say other."""
    safe = schemas.encode_content_infos(contents)
    pfx = schemas.Pfx(
        version=3,
        content=_octets(safe),
        mac=pfx_protection.make_mac(pfx_protection.SHA_1, safe, "secret"),
    )
    return encode(replace(pfx, **changes))  # type: ignore[arg-type]


def _octets(content: bytes) -> schemas.ContentInfo:
    return schemas.ContentInfo(
        content_type=schemas.OID(schemas.DATA), content=schemas.tlv(encode(content))
    )


def _bag(oid: str, value: bytes) -> schemas.SafeBag:
    return schemas.SafeBag(
        oid=schemas.OID(oid), value=schemas.tlv(value), attributes=None
    )


def test_attributes_that_are_not_sorted_or_none_at_all(key: TransferKey) -> None:
    contents = schemas.content_infos(_content(write_cryptopro_pfx(key, "secret")), "")
    (bag,) = schemas.safe_bags(schemas.octets(contents[0].content, ""), "")
    good = b"".join(
        encode(schemas.Attribute(oid=schemas.OID(oid), values=asn1.SetOf(values)))
        for oid, values in reversed(bag.attributes.items())
    )
    for body, name in ((good, key.name), (b"\x05\x00" * 70, ""), (bytes(140), "")):
        length = len(body).to_bytes(2 if len(body) > 255 else 1, "big")
        header = b"\x31" + bytes([0x80 + len(length)]) + length
        safe = encode(
            _AnyBag(
                oid=schemas.OID(bag.oid),
                value=schemas.tlv(bag.value),
                attributes=schemas.tlv(header + body),
            )
        )
        wrapped = encode(_Bags(bag=schemas.tlv(safe)))
        with read_pfx(remade([_octets(wrapped), *contents[1:]]), "secret") as read:
            assert read.keys[0].key == key.key
            assert read.keys[0].name == name


@asn1.sequence
class _AnyBag:
    oid: schemas.OID
    value: Annotated[asn1.TLV, asn1.Explicit(0)]
    attributes: asn1.TLV


@asn1.sequence
class _Bags:
    bag: asn1.TLV


def test_unknown_parts_are_told_and_passed_over(key: TransferKey) -> None:
    contents = schemas.content_infos(_content(write_cryptopro_pfx(key, "secret")), "")
    null = b"\x05\x00"
    certificate = encode(
        schemas.CertificateBag(
            oid=schemas.OID("1.2.840.113549.1.9.22.2"), value=schemas.tlv(null)
        )
    )
    rsa = schemas.AnyKeyInfo(
        version=0,
        algorithm=schemas.make_algorithm("1.2.840.113549.1.1.1", null),
        key=b"\x30\x00",
        attributes=None,
        public_key=None,
    )
    strange = schemas.encode_safe_bags(
        [
            _bag("1.2.840.113549.1.12.10.1.5", null),
            _bag("1.2.3.4", null),
            _bag(schemas.CERTIFICATE_BAG, certificate),
            _bag(schemas.KEY_BAG, encode(rsa)),
        ]
    )
    odd = schemas.EncryptedContentInfo(
        content_type=schemas.OID(schemas.DATA),
        algorithm=schemas.make_algorithm("1.2.840.113549.1.12.1.6", null),
        content=b"12345678",
    )
    encrypted = schemas.EncryptedData(version=0, content=odd, attributes=None)
    contents += [
        _octets(strange),
        schemas.ContentInfo(
            content_type=schemas.OID(schemas.ENCRYPTED_DATA),
            content=schemas.tlv(encode(encrypted)),
        ),
        schemas.ContentInfo(
            content_type=schemas.OID("1.2.840.113549.1.7.3"), content=schemas.tlv(null)
        ),
    ]
    with read_pfx(remade(contents), "secret") as read:
        assert read.keys[0].key == key.key
        assert read.keys[0].certificate == key.certificate
        told = "\n".join(read.skipped)
        assert len(read.skipped) == 6
    for word in ("secret bag", "1.2.3.4", "9.22.2", "1.1.1", "12.1.6", "7.3"):
        assert word in told


def test_numbers_that_would_only_do_harm_are_refused(key: TransferKey) -> None:
    pfx = decode(schemas.Pfx, write_cryptopro_pfx(key, "secret"), "test")
    assert pfx.mac is not None
    for changes in (
        {"iterations": 1 << 62},
        {"iterations": 1 << 200},
        {"iterations": 0},
        {"iterations": -1},
        {"salt": bytes(5000)},
    ):
        try:
            der = encode(replace(pfx, mac=replace(pfx.mac, **changes)))
        except (OverflowError, ValueError):
            continue
        with pytest.raises(EncodingError, match="iterations|salt"):
            read_pfx(der, "secret")
    many = [_octets(schemas.encode_safe_bags([]))] * 65
    with pytest.raises(EncodingError, match="parts"):
        read_pfx(remade(many), "secret")
    for oid, iterations in (("12.1.80", 70_000), ("12.1.3", 2_000_000)):
        parameters = schemas.SaltAndIterations(salt=bytes(16), iterations=iterations)
        algorithm = schemas.make_algorithm(
            f"1.2.840.113549.1.{oid}", encode(parameters)
        )
        bag = schemas.EncryptedKey(algorithm=algorithm, data=bytes(64))
        bags = schemas.encode_safe_bags([_bag(schemas.SHROUDED_KEY_BAG, encode(bag))])
        with pytest.raises(EncodingError, match="iterations"):
            read_pfx(remade([_octets(bags)]), "secret")


def test_a_pfx_without_mac_or_of_another_version_is_refused(key: TransferKey) -> None:
    for changes, word in (({"mac": None}, "MAC"), ({"version": 4}, "version")):
        with pytest.raises(EncodingError, match=word):
            read_pfx(remade([], **changes), "secret")
    with pytest.raises(EncodingError, match="bytes"):
        read_pfx(bytes(2 << 20), "secret")


def test_a_key_bag_under_another_password_than_the_mac(key: TransferKey) -> None:
    for made in (
        write_cryptopro_pfx(key, "other"),
        write_standard_pfx(key, "other"),
    ):
        contents = schemas.content_infos(_content(made), "test")
        with pytest.raises(WrongPassword):
            read_pfx(remade(contents[:1]), "secret")
        with pytest.raises((WrongPassword, EncodingError)):
            read_pfx(remade(contents[1:]), "secret")


def test_a_certificate_of_another_key_is_refused(key: TransferKey) -> None:
    with SigningKey.generate() as other:
        wrong = replace(key, key=other)
        for write in (write_cryptopro_pfx, write_standard_pfx):
            with pytest.raises(CertificateMismatch):
                write(wrong, "secret")


def test_keys_are_wiped_at_the_end(key: TransferKey) -> None:
    with read_pfx(write_standard_pfx(key, PASSWORD), PASSWORD) as read:
        one = read.keys[0].key
    with pytest.raises(Exception, match="wiped"):
        one.to_bytes()
    assert repr(one).find(key.key.to_bytes().hex()) < 0


def test_every_layer_of_the_vendors_form(key: TransferKey) -> None:
    """The shape of 10.1: key bag in the clear, certificates under 3DES, SHA-1."""
    pfx = decode(schemas.Pfx, write_cryptopro_pfx(key, "secret"), "test")
    assert pfx.mac is not None
    assert (pfx.version, pfx.mac.iterations, len(pfx.mac.salt)) == (3, 2000, 20)
    assert schemas.oid_of(pfx.mac.mac.algorithm) == "1.3.14.3.2.26"
    contents = schemas.content_infos(schemas.octets(pfx.content.content, ""), "")
    kinds = [info.content_type.dotted_string for info in contents]
    assert kinds == [schemas.DATA, schemas.ENCRYPTED_DATA]
    inner = decode(schemas.EncryptedData, encode(contents[1].content), "").content
    assert schemas.oid_of(inner.algorithm) == "1.2.840.113549.1.12.1.3"


def values() -> Iterator[asn1.TLV]:
    yield schemas.bmp_string("Имя")
    yield schemas.tlv(encode("Имя"))


def test_bmp_strings() -> None:
    assert [schemas.bmp_text(value) for value in values()] == ["Имя", None]
