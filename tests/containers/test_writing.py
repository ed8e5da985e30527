"""What the writer makes is read by an oracle that shares no code with it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import samples
from oracles import container_reader
from real_containers import read_real

from gostkey import batch, random
from gostkey.containers import (
    Container,
    build_container,
    build_containers,
    with_certificate,
)
from gostkey.containers.writer import later
from gostkey.errors import (
    CertificateMismatch,
    ContainerError,
    EncodingError,
    GostKeyError,
    LengthError,
    UnknownAlgorithm,
    WrongPassword,
)
from gostkey.signing import Scheme, SigningKey

END = datetime(2027, 4, 15, 9, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "curve",
    [
        "1.2.643.2.2.36.0",
        "1.2.643.2.2.35.1",
        "tc26-256-a",
        "tc26-256-b",
        "tc26-256-c",
        "tc26-256-d",
        "tc26-512-a",
        "tc26-512-b",
        "tc26-512-c",
    ],
)
@pytest.mark.usefixtures("each_backend")
def test_oracle_reads_the_key(curve: str) -> None:
    with SigningKey.generate(curve) as key:
        certificate = samples.certificate_of(key)
        files = build_container("проба 1", key, certificate=certificate, not_after=END)
        read = container_reader.read(files)
        assert read.private == [key.to_bytes(), key.to_bytes()]
        assert read.public == key.verifying_key.to_bytes()
        bits = key.curve.bits
        assert read.curve_oid == key.curve.oid
        assert read.key_oid == f"1.2.643.7.1.1.6.{bits // 256}"
        assert read.digest_oid == f"1.2.643.7.1.1.2.{1 + bits // 256}"
        assert read.name == "проба 1"
        assert read.certificate == certificate
        assert read.not_after == {"1.2.643.2.2.37.3.10": "20270415093000Z"}
        assert read.exportable and read.exchange


@pytest.mark.parametrize(
    "curve, quick",
    [
        ("tc26-256-b", True),
        pytest.param("tc26-256-b", False, marks=pytest.mark.slow),
        pytest.param("tc26-512-a", True, marks=pytest.mark.slow),
    ],
)
def test_oracle_reads_the_key_with_a_password(curve: str, quick: bool) -> None:
    with SigningKey.generate(curve) as key:
        files = build_container("sample", key, password="Pa ss!1", not_after=END)
        read = container_reader.read(files, "Pa ss!1", quick=quick)
        assert set(read.private) == {key.to_bytes()}
        container = Container.parse(files)
        with container.open("Pa ss!1") as opened:
            assert opened.keys["primary"] == key
        with pytest.raises(WrongPassword):
            container.open("Pa ss!2")


@pytest.mark.parametrize(
    "usage, exportable, oid, period",
    [
        ("exchange", True, "1.2.643.7.1.1.6.1", "1.2.643.2.2.37.3.10"),
        ("exchange", False, "1.2.643.7.1.1.6.1", "1.2.643.2.2.37.3.10"),
        ("signature", True, "1.2.643.7.1.1.1.1", "1.2.643.2.2.37.3.9"),
        ("signature", False, "1.2.643.7.1.1.1.1", "1.2.643.2.2.37.3.9"),
    ],
)
def test_usage_and_exportable_are_written_and_read(
    usage: str, exportable: bool, oid: str, period: str
) -> None:
    with SigningKey.generate() as key:
        files = build_container(
            "sample", key, usage=usage, exportable=exportable, not_after=END
        )
    read = container_reader.read(files)
    assert (read.exchange, read.exportable) == (usage == "exchange", exportable)
    assert read.key_oid == oid
    assert list(read.not_after) == [period]
    (entry,) = Container.parse(files).keys
    assert (entry.usage, entry.exportable) == (usage, exportable)
    assert entry.not_after == END


@pytest.mark.parametrize("password, header_size", [(None, 110), ("12345678", 116)])
def test_sizes_and_elements_are_those_of_real_containers(
    password: str | None, header_size: int
) -> None:
    """The sizes of real ones of the same kind, whose names have 39 characters."""
    name = "le-22951583-0ef1-49f0-bafa-aa503c789aa8"
    with SigningKey.generate("CryptoPro-XchA") as key:
        files = build_container(name, key, password=password, not_after=END)
    assert {file: len(data) for file, data in files.items()} == {
        "name.key": 43,
        "header.key": header_size,
        "primary.key": 36,
        "masks.key": 56,
        "primary2.key": 36,
        "masks2.key": 56,
    }
    start = "a00a06082a8503020225020103020640302503"
    if password:
        start = start.replace("03020640", "030206c0")
    assert files["header.key"][4:].hex().startswith(start)


def test_pairs_and_containers_share_no_mask_and_no_salt() -> None:
    with SigningKey.generate() as key:
        made = [build_container("sample", key, not_after=END) for _ in range(4)]
    masks = {files[f"masks{n}.key"][4:50] for files in made for n in ("", "2")}
    salts = {files[f"masks{n}.key"][38:50] for files in made for n in ("", "2")}
    assert len(masks) == len(salts) == 8


def test_usage_period_is_fifteen_months_if_not_given() -> None:
    with SigningKey.generate() as key:
        files = build_container("sample", key)
    end = Container.parse(files).keys[0].not_after
    assert end is not None
    now = datetime.now(timezone.utc)
    assert timedelta(days=450) < end - now < timedelta(days=462)


@pytest.mark.parametrize(
    "start, end",
    [
        ("2019-02-12", "2020-05-12"),
        ("2021-12-31", "2023-03-31"),
        ("2022-11-30", "2024-02-29"),
        ("2021-11-30", "2023-02-28"),
        ("2024-02-29", "2025-05-29"),
    ],
)
def test_fifteen_months_later_is_a_day_of_the_calendar(start: str, end: str) -> None:
    assert later(datetime.fromisoformat(start), 15) == datetime.fromisoformat(end)


def test_many_containers_are_like_single_ones() -> None:
    keys = batch.generate(5, "tc26-256-b")
    names = [f"subscriber-{n}" for n in range(5)]
    made = build_containers(names, keys, curve="tc26-256-b", not_after=END)
    for n, files in enumerate(made):
        read = container_reader.read(files)
        assert read.name == names[n]
        assert read.private == [keys.private[n].tobytes()] * 2
        assert read.public == keys.public[n].tobytes()
    salts = {files[f"masks{n}.key"][38:50] for files in made for n in ("", "2")}
    assert len(salts) == 10
    assert build_containers([], batch.generate(0), curve="tc26-256-b") == []


def test_many_containers_of_512_bits() -> None:
    keys = batch.generate(2, "tc26-512-c")
    made = build_containers(["a", "b"], keys, curve="tc26-512-c", not_after=END)
    for n, files in enumerate(made):
        assert len(files["primary.key"]) == 68 and len(files["masks.key"]) == 88
        assert container_reader.read(files).private == [keys.private[n].tobytes()] * 2


def test_many_keys_must_fit_names_and_each_other() -> None:
    keys = batch.generate(2, "tc26-256-b")
    with pytest.raises(LengthError, match="keys.private"):
        build_containers(["one"], keys, curve="tc26-256-b")
    with pytest.raises(LengthError, match="keys.private"):
        build_containers(["one", "two"], keys, curve="tc26-512-a")
    swapped = batch.KeyBatch(keys.private, keys.public[::-1].copy())
    with pytest.raises(ContainerError, match="not of the private keys"):
        build_containers(["one", "two"], swapped, curve="tc26-256-b")


def test_certificate_is_installed_and_replaced() -> None:
    sample = samples.container(with_certificate=False)
    first = samples.certificate_of(sample.key)
    second = samples.certificate_of(sample.key, serial=7)
    files = with_certificate(sample.files, first, sample.key.verifying_key)
    assert container_reader.read(files).certificate == first
    again = with_certificate(files, second)
    assert container_reader.read(again).certificate == second
    for changed in (files, again):
        assert changed.keys() == sample.files.keys()
        for name in changed:
            if name != "header.key":
                assert changed[name] == sample.files[name]
    # The same element at the same place as if it had been there at once.
    direct = build_container(
        sample.name,
        sample.key,
        certificate=first,
        not_after=samples.MADE + timedelta(days=samples.DAYS),
    )
    assert direct["header.key"] == files["header.key"]


def test_certificate_of_another_key_is_refused(sample: samples.Sample) -> None:
    with SigningKey.generate() as other:
        foreign = samples.certificate_of(other)
        with pytest.raises(CertificateMismatch, match="sample-0001"):
            with_certificate(sample.files, foreign)
        with pytest.raises(CertificateMismatch):
            build_container("sample", sample.key, certificate=foreign)
        assert sample.certificate is not None
        with pytest.raises(CertificateMismatch):
            with_certificate(sample.files, sample.certificate, other.verifying_key)
    with pytest.raises(EncodingError):
        with_certificate(sample.files, b"no certificate")


def test_certificate_naming_another_curve_is_refused() -> None:
    """The same point on a curve with the same field but other numbers."""
    sample = samples.container(with_certificate=False)
    assert sample.certificate is None
    good = samples.certificate_of(sample.key)
    other_oid = good.replace(
        bytes.fromhex("06092a8503070102010102"), bytes.fromhex("06092a8503070102010103")
    )
    assert other_oid != good
    with pytest.raises(CertificateMismatch):
        with_certificate(sample.files, other_oid)


@pytest.mark.parametrize(
    "options, error, says",
    [
        ({"name": ""}, ContainerError, "1 to 260"),
        ({"name": "x" * 261}, ContainerError, "1 to 260"),
        ({"name": "ключ 日本"}, ContainerError, "Windows-1251"),
        ({"name": "a\nb"}, ContainerError, "control"),
        ({"password": ""}, ContainerError, "empty"),
        ({"password": "пароль"}, ContainerError, "ASCII"),
        ({"password": "x" * 257}, ContainerError, "256"),
        ({"usage": "both"}, ContainerError, "'exchange' or 'signature'"),
        ({"not_after": datetime(2027, 1, 1)}, ContainerError, "time zone"),
    ],
)
def test_what_cannot_be_written_is_named(
    options: dict[str, object], error: type[GostKeyError], says: str
) -> None:
    with SigningKey.generate() as key, pytest.raises(error, match=says):
        build_container(**({"name": "sample", "key": key} | options))  # type: ignore[arg-type]


def test_old_keys_are_not_written_unless_they_only_move() -> None:
    with SigningKey.generate(scheme=Scheme.GOST_2001) as key:
        with pytest.raises(UnknownAlgorithm, match="2001"):
            build_container("sample", key)
        for password in (None, "secret"):
            files = build_container(
                "sample", key, password=password, usage="signature", old_scheme=True
            )
            container = Container.parse(files)
            assert container.keys[0].scheme is Scheme.GOST_2001
            with container.open(password) as opened:
                assert opened.keys["primary"] == key


@pytest.mark.parametrize("label", ["dbfun-pin", "selenoid-2001"])
def test_a_container_of_the_vendors_is_made_again_to_the_byte(
    fixtures: Path, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = read_real(fixtures, label)
    container = Container.parse(real.files)
    (entry,) = container.keys
    masks = b"".join(pair.mask + bytes(8) for pair in container.pairs)
    drawn = iter([masks, b"".join(pair.salt for pair in container.pairs)])

    def fill(buffer: bytearray, *, reseed: bool = True) -> None:
        buffer[:] = next(drawn)

    with container.open(real.password) as opened:
        monkeypatch.setattr(random, "fill", fill)
        files = build_container(
            container.name,
            opened.keys["primary"],
            password=real.password,
            certificate=entry.certificate,
            exportable=entry.exportable,
            not_after=entry.not_after,
            usage=entry.usage,
            old_scheme=True,
        )
    assert files == real.files
