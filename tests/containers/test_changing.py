"""Another name, another password: the keys stay, and a reader of others agrees."""

from __future__ import annotations

import pytest
import samples
from cryptography.hazmat import asn1
from hypothesis import given
from hypothesis import strategies as st
from oracles import container_reader
from real_containers import Real

from gostkey.containers import (
    Container,
    renamed,
    schemas,
    with_certificate,
    with_password,
)
from gostkey.containers.header import HEADER, put_elements, read_header, seal
from gostkey.errors import (
    ContainerDamaged,
    ContainerError,
    GostKeyError,
    PasswordRequired,
    WrongPassword,
)

KEY_FILES = ("primary.key", "masks.key", "primary2.key", "masks2.key")
NEW = "Another_1"


def keys_of(files: dict[str, bytes], password: str | None) -> dict[str, bytes]:
    with Container.parse(files).open(password) as opened:
        assert not opened.notes
        return {slot: key.to_bytes() for slot, key in opened.keys.items()}


# -- real containers ---------------------------------------------------------


def test_a_real_container_takes_a_password_and_gives_it_up(real: Real) -> None:
    expected = {slot: private for slot, (private, _) in real.expected.items()}
    closed = with_password(real.files, real.password, NEW)
    assert keys_of(closed, NEW) == expected
    before, after = Container.parse(real.files), Container.parse(closed)
    assert after.has_password and after.keys == before.keys
    with pytest.raises(WrongPassword):
        after.open(real.password or "")
    with pytest.raises(PasswordRequired):
        after.open()
    for name in KEY_FILES:
        assert closed[name] != real.files[name]
        assert len(closed[name]) == len(real.files[name])
    opened = with_password(closed, NEW, None)
    assert keys_of(opened, None) == expected
    assert not Container.parse(opened).has_password
    # The header is what a container without a password has (82 04 00000000).
    assert b"\x82\x04\0\0\0\0" in opened[HEADER]


def test_a_real_container_takes_another_name(real: Real) -> None:
    changed = renamed(real.files, "Новое имя")
    assert Container.parse(changed).name == "Новое имя"
    # 30 LL 16 NN and Windows-1251, of the sample with a Cyrillic name.
    assert changed["name.key"] == bytes.fromhex("300b1609cdeee2eee520e8ecff")
    assert {name: changed[name] for name in KEY_FILES} == {
        name: real.files[name] for name in KEY_FILES
    }
    assert changed[HEADER] == real.files[HEADER]


# -- ours, read by another program -------------------------------------------


def test_an_independent_reader_opens_it_with_the_new_password() -> None:
    sample = samples.container("with-password", password="old-1")
    changed = with_password(sample.files, "old-1", NEW)
    found = container_reader.read(changed, NEW, quick=True)
    assert found.private == [sample.key.to_bytes()]
    assert found.certificate == sample.certificate
    assert found.tags == container_reader.read(sample.files, "old-1", quick=True).tags


def test_an_independent_reader_opens_it_without_a_password() -> None:
    sample = samples.container("with-password", password="old-1")
    found = container_reader.read(with_password(sample.files, "old-1", None))
    assert found.private == [sample.key.to_bytes()] * 2


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("curve", ["tc26-256-a", "tc26-512-a"])
def test_set_change_and_remove(curve: str) -> None:
    sample = samples.container(curve=curve)
    one = with_password(sample.files, None, "first")
    two = with_password(one, "first", "second")
    three = with_password(two, "second", None)
    for files, password in ((one, "first"), (two, "second"), (three, None)):
        assert keys_of(files, password) == {"primary": sample.key.to_bytes()}
    assert len({files["masks.key"] for files in (sample.files, one, two, three)}) == 4


def test_the_two_pairs_have_masks_and_salts_of_their_own() -> None:
    files = with_password(samples.container().files, None, NEW)
    first, second = (
        schemas.decode(schemas.MasksFile, files[name], name)
        for name in ("masks.key", "masks2.key")
    )
    assert first.mask != second.mask and first.salt != second.salt


def test_a_certificate_can_be_installed_after_the_change() -> None:
    sample = samples.container(with_certificate=False)
    changed = with_password(sample.files, None, NEW)
    certificate = samples.certificate_of(sample.key)
    files = with_certificate(changed, certificate)
    with Container.parse(files).open(NEW) as opened:
        assert opened.certificates == {"primary": certificate}


# -- refusals ----------------------------------------------------------------


def test_a_wrong_or_missing_password_changes_nothing() -> None:
    files = samples.container(password="right").files
    with pytest.raises(WrongPassword):
        with_password(files, "wrong", NEW)
    with pytest.raises(PasswordRequired):
        with_password(files, None, NEW)


@pytest.mark.parametrize(
    ("password", "why"),
    [("", "empty"), ("пароль", "ASCII"), ("x" * 257, "257 characters")],
)
def test_a_new_password_that_cannot_be_used_is_refused(password: str, why: str) -> None:
    with pytest.raises(ContainerError, match=why):
        with_password(samples.container().files, None, password)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "0 characters"),
        ("x" * 261, "261"),
        ("漢", "Windows-1251"),
        ("a\nb", "contr"),
    ],
)
def test_a_new_name_that_cannot_be_used_is_refused(name: str, why: str) -> None:
    with pytest.raises(ContainerError, match=why):
        renamed(samples.container().files, name)


@pytest.mark.parametrize("tag", [0x83, 0x87, 0x8D])
def test_what_is_encrypted_in_an_unknown_way_is_not_left_behind(tag: int) -> None:
    files = samples.container().files
    header = read_header(files[HEADER])
    # 30 05 <tag> 03 "abc": one element that no real container has.
    one = bytes([0x30, 5, tag, 3]) + b"abc"
    unknown = schemas.element_of(one)
    elements = [*header.elements, unknown]
    content = schemas.Elements(element=elements)
    strange = files | {HEADER: seal(header.profile, asn1.encode_der(content))}
    Container.parse(strange)
    with pytest.raises(ContainerError, match="CryptoPro CSP"):
        with_password(strange, None, NEW)
    if tag == 0x83:
        assert Container.parse(renamed(strange, "other")).name == "other"
    else:
        with pytest.raises(ContainerError, match="CryptoPro CSP"):
            renamed(strange, "other")


def test_a_name_repeated_in_the_header_is_changed_there_too() -> None:
    files = samples.container("old name").files
    header = read_header(files[HEADER])
    element = schemas.decode(schemas.NameFile, files["name.key"], "name.key").name
    repeated = files | {HEADER: put_elements(header, element)}
    assert b"old name" in repeated[HEADER]
    changed = renamed(repeated, "new name")
    assert b"\x16\x08new name" in changed[HEADER]
    assert b"old name" not in changed[HEADER] + changed["name.key"]
    Container.parse(changed).open().close()


# -- damage ------------------------------------------------------------------


def test_a_damaged_pair_is_made_good_from_the_other() -> None:
    sample = samples.container()
    damaged = {name: data for name, data in sample.files.items() if name[7:8] != "2"}
    damaged["primary2.key"] = b"\x30\x00"
    changed = with_password(damaged, None, NEW)
    assert keys_of(changed, NEW) == {"primary": sample.key.to_bytes()}


def test_a_container_without_any_good_pair_is_refused() -> None:
    files = dict(samples.container().files)
    files["primary.key"] = files["primary2.key"] = b"\x30\x00"
    with pytest.raises(ContainerDamaged):
        with_password(files, None, NEW)


@given(st.sampled_from([HEADER, "name.key", *KEY_FILES]), st.binary(max_size=200))
def test_any_bytes_are_changed_or_refused(name: str, data: bytes) -> None:
    files = _SAMPLE.files | {name: data}
    for change in (
        lambda: with_password(files, None, None),
        lambda: renamed(files, "other"),
    ):
        try:
            changed = change()
        except GostKeyError:
            continue
        with Container.parse(changed).open() as opened:
            assert opened.keys["primary"] == _SAMPLE.key


_SAMPLE = samples.container("any-bytes")
