"""Keys out of containers into files, and back into new containers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import samples
from real_containers import Real, read_real
from real_pfx import PASSWORDS, read_real_pfx

from gostkey.containers import (
    FORMS,
    Container,
    TransferKey,
    add_certificates,
    container_of,
    exported,
    read_transfer,
    write_transfer,
)
from gostkey.errors import (
    CertificateMismatch,
    ContainerError,
    EncodingError,
    ExportRefused,
    PasswordRequired,
    UnknownAlgorithm,
    WrongPassword,
)
from gostkey.keyforms import CIPHERS
from gostkey.signing import SigningKey

PASSWORD = "secret"


@pytest.mark.parametrize("form", FORMS)
def test_real_containers_go_into_files_and_back(real: Real, form: str) -> None:
    container = Container.parse(real.files)
    for entry in container.keys:
        if not entry.exportable:
            with pytest.raises(ExportRefused, match="not exportable"):
                with exported(container, real.password, entry.slot):
                    pass
            continue
        with exported(container, real.password, entry.slot) as key:
            data = write_transfer(key, form, PASSWORD)
        with read_transfer(data, PASSWORD) as read:
            (back,) = read.keys
            assert back.key.to_bytes() == real.expected[entry.slot][0]
            assert back.certificate == entry.certificate
            name, files = container_of(back, name=None, password="new")
        again = Container.parse(files)
        (written,) = again.keys
        assert (written.scheme, written.curve) == (entry.scheme, entry.curve)
        assert written.curve.oid == entry.curve.oid
        assert written.certificate == entry.certificate
        if form == "cryptopro":
            assert (written.usage, written.not_after) == (entry.usage, entry.not_after)
        if form != "pkcs8":
            assert again.name == container.name
        with again.open("new") as opened:
            assert opened.keys["primary"].to_bytes() == real.expected[entry.slot][0]
        assert all(one.state in ("good", "warning") for one in again.check("new"))


def test_a_key_that_is_not_exportable_stays(fixtures: Path) -> None:
    container = Container.parse(read_real(fixtures, "the4ups-two-keys").files)
    for slot in ("primary", "secondary"):
        with pytest.raises(ExportRefused, match=f"{slot} key is marked"):
            with exported(container, None, slot):
                pass
    with pytest.raises(ContainerError, match="two keys"):
        with exported(container, None):
            pass


@pytest.mark.parametrize("label", PASSWORDS)
@pytest.mark.parametrize("form", FORMS)
def test_real_pfx_go_into_containers_and_out_again(
    fixtures: Path, label: str, form: str
) -> None:
    real = read_real_pfx(fixtures, label)
    with read_transfer(real.data, real.password) as read:
        name, files = container_of(read.keys[0], name=None, password=None)
        assert name == read.keys[0].name
        chain = read.certificates
    container = Container.parse(files)
    assert container.keys[0].exportable
    assert {one.state for one in container.check()} <= {"good", "warning"}
    with exported(container, None) as key:
        data = write_transfer(key, form, PASSWORD, chain=chain[1:])
    with read_transfer(data, PASSWORD) as back:
        assert back.keys[0].key.to_bytes() == real.private_le
        assert back.keys[0].certificate == chain[0]


def key_of(sample: samples.Sample) -> TransferKey:
    return TransferKey(sample.key, certificate=sample.certificate, name=sample.name)


def test_the_slot_must_be_named_and_be_there(sample: samples.Sample) -> None:
    container = Container.parse(sample.files)
    with pytest.raises(ContainerError, match="no secondary key"):
        with exported(container, None, "secondary"):
            pass


def test_the_mark_is_kept_or_changed_on_import(sample: samples.Sample) -> None:
    for exportable in (True, False):
        key = replace(key_of(sample), exportable=exportable)
        _, files = container_of(key, name="другое имя", password=None)
        container = Container.parse(files)
        assert container.name == "другое имя"
        assert container.keys[0].exportable is exportable
    with pytest.raises(ExportRefused):
        with exported(container, None):
            pass


@pytest.mark.parametrize("name", ["", "漢字", "x" * 300, "a\nb"])
def test_a_name_that_no_container_can_have(sample: samples.Sample, name: str) -> None:
    key = replace(key_of(sample), name=name)
    made, _ = container_of(key, name=None, password=None)
    assert made.startswith("pfx-") and len(made) == 40
    if name:
        with pytest.raises(ContainerError):
            container_of(key, name=name, password=None)


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("form", ["standard", "pkcs8"])
def test_every_cipher(sample: samples.Sample, form: str, cipher: str) -> None:
    data = write_transfer(key_of(sample), form, "пароль", cipher=cipher)
    with read_transfer(data, "пароль") as read:
        assert read.keys[0].key == sample.key
    for wrong in ("парол", ""):
        with pytest.raises(WrongPassword):
            read_transfer(data, wrong)
    with pytest.raises(PasswordRequired):
        read_transfer(data)


def test_forms_and_ciphers_that_are_not_there(sample: samples.Sample) -> None:
    with pytest.raises(UnknownAlgorithm, match="form"):
        write_transfer(key_of(sample), "jks", PASSWORD)
    for form in FORMS:
        with pytest.raises(UnknownAlgorithm, match="cipher"):
            write_transfer(key_of(sample), form, PASSWORD, cipher="rc4")


def test_pkcs8_carries_the_certificates_behind_the_key(sample: samples.Sample) -> None:
    chain = [samples.certificate_of(sample.key, serial=7)]
    data = write_transfer(key_of(sample), "pkcs8", None, chain=chain)
    assert data.count(b"BEGIN CERTIFICATE") == 2
    with read_transfer(data) as read:
        assert read.keys[0].certificate == sample.certificate


def test_a_certificate_from_a_file_of_its_own(sample: samples.Sample) -> None:
    assert sample.certificate is not None
    bare = TransferKey(sample.key)
    with read_transfer(write_transfer(bare, "pkcs8", None)) as read:
        assert read.keys[0].certificate is None
        add_certificates(read, [sample.certificate])
        assert read.keys[0].certificate == sample.certificate
        with SigningKey.generate() as other:
            with pytest.raises(CertificateMismatch):
                add_certificates(read, [samples.certificate_of(other)])


def test_what_is_neither_pfx_nor_key() -> None:
    for data in (b"", b"hello", bytes(3 << 20), b"\x30\x03\x02\x01\x03"):
        with pytest.raises(EncodingError):
            read_transfer(data, PASSWORD)
    with pytest.raises(EncodingError, match="BER"):
        read_transfer(b"\x30\x80\x02\x01\x03", PASSWORD)
