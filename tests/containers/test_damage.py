"""Damage is found: an error, or the right key from the other pair; never a wrong key.

On the native core every bit of every file is tried, on the fallback every
few bits (it takes minutes otherwise).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import samples

import gostkey
from gostkey.containers import Container
from gostkey.errors import ContainerDamaged, ContainerError, GostKeyError
from gostkey.signing import SigningKey

RESERVE = ("primary2.key", "masks2.key")


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the data with one bit changed: each bit, or a part of them."""
    step = 1 if gostkey.backend().name == "native" else 5
    for bit in range(0, 8 * len(data), step):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(changed)


@pytest.fixture(scope="module")
def plain() -> samples.Sample:
    """A container without a certificate, so that its header is short."""
    return samples.container(with_certificate=False)


def expect_key(files: dict[str, bytes], key: SigningKey, reserve: bool) -> None:
    with Container.parse(files).open() as opened:
        assert opened.keys["primary"] == key
        assert opened.used_reserve == reserve
        assert opened.notes


def test_each_bit_of_the_header(plain: samples.Sample) -> None:
    for bit, changed in flips(plain.files["header.key"]):
        with pytest.raises(GostKeyError):
            Container.parse(plain.files | {"header.key": changed})
            pytest.fail(f"bit {bit} of header.key")


def test_bits_of_a_header_with_a_certificate(sample: samples.Sample) -> None:
    for bit, changed in flips(sample.files["header.key"][:1000]):
        if bit % 3 == 0:
            with pytest.raises(GostKeyError):
                Container.parse(sample.files | {"header.key": changed})
                pytest.fail(f"bit {bit} of header.key")


@pytest.mark.parametrize("file", ["primary.key", "masks.key"])
def test_each_bit_of_the_first_pair(plain: samples.Sample, file: str) -> None:
    for _, changed in flips(plain.files[file]):
        expect_key(plain.files | {file: changed}, plain.key, reserve=True)


@pytest.mark.parametrize("file", RESERVE)
def test_each_bit_of_the_reserve_pair(plain: samples.Sample, file: str) -> None:
    """The first pair serves; a check tells that the reserve is gone."""
    for bit, changed in flips(plain.files[file]):
        container = Container.parse(plain.files | {file: changed})
        with container.open() as opened:
            assert opened.keys["primary"] == plain.key
            assert not opened.used_reserve
        bad = [f.code for f in container.check() if f.state == "bad"]
        assert bad == ["reserve"], f"bit {bit} of {file}"


@pytest.mark.parametrize("file", ["primary.key", "masks.key"])
def test_without_a_reserve_each_bit_is_an_error(
    plain: samples.Sample, file: str
) -> None:
    alone = {n: data for n, data in plain.files.items() if n not in RESERVE}
    for bit, changed in flips(plain.files[file]):
        container = Container.parse(alone | {file: changed})
        with pytest.raises(ContainerDamaged):
            container.open()
            pytest.fail(f"bit {bit} of {file}")


def test_bits_of_a_512_bit_pair() -> None:
    """The mask's MAC covers its upper half only; the fingerprint has the rest."""
    sample = samples.container(curve="tc26-512-a", with_certificate=False)
    for file in ("primary.key", "masks.key"):
        for bit, changed in flips(sample.files[file]):
            if bit % 5 == 0:
                files = sample.files | {file: changed}
                expect_key(files, sample.key, reserve=True)


@pytest.mark.parametrize(
    "file", ["name.key", "header.key", "primary.key", "masks.key", *RESERVE]
)
def test_each_truncation_and_an_octet_too_many(
    plain: samples.Sample, file: str
) -> None:
    whole = plain.files[file]
    for changed in [whole[:n] for n in range(len(whole))] + [whole + b"\0"]:
        files = plain.files | {file: changed}
        if file in ("name.key", "header.key"):
            with pytest.raises(ContainerDamaged, match=file):
                Container.parse(files)
        else:
            expect_key(files, plain.key, reserve=file not in RESERVE)


@pytest.mark.parametrize("file", ["name.key", "header.key"])
def test_a_missing_file_is_named(plain: samples.Sample, file: str) -> None:
    files = {name: data for name, data in plain.files.items() if name != file}
    with pytest.raises(ContainerDamaged, match=f"{file}: missing"):
        Container.parse(files)


def test_both_pairs_damaged_names_both(plain: samples.Sample) -> None:
    files = plain.files | {"primary.key": b"0", "masks2.key": b""}
    container = Container.parse(files)
    with pytest.raises(ContainerDamaged, match="primary.key.*masks2.key"):
        container.open()
    bad = [f.code for f in container.check() if f.state == "bad"]
    assert bad == ["pair", "reserve"]


def test_files_swapped_between_containers(plain: samples.Sample) -> None:
    other = samples.container("another", with_certificate=False)
    for file in ("primary.key", "masks.key"):
        mixed = plain.files | {file: other.files[file]}
        expect_key(mixed, plain.key, reserve=True)
    pair = {n: other.files[n] for n in ("primary.key", "masks.key")}
    expect_key(plain.files | pair, plain.key, reserve=True)
    with pytest.raises(ContainerDamaged):
        Container.parse(plain.files | {"header.key": other.files["header.key"]}).open()


def test_foreign_folder_is_no_container() -> None:
    with pytest.raises(ContainerError, match="not a key container"):
        Container.parse({"readme.txt": b"hello"})
    with pytest.raises(ContainerError, match="not a key container"):
        Container.parse({})


def test_huge_file_is_refused_by_name(plain: samples.Sample) -> None:
    with pytest.raises(ContainerError, match="masks.key: 65537 bytes"):
        Container.parse(plain.files | {"masks.key": bytes(65537)})


def test_missing_reserve_that_the_header_names_is_told(plain: samples.Sample) -> None:
    files = {n: data for n, data in plain.files.items() if n not in RESERVE}
    container = Container.parse(files)
    assert not container.has_reserve
    with container.open() as opened:
        assert opened.keys["primary"] == plain.key
        assert "primary2.key" in opened.notes[0]
