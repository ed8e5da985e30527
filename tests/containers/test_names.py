"""Container names, folders and the suffix that CSP tools print."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey.containers import carrier_suffix, folder_name
from gostkey.containers.names import decode_name, encode_name
from gostkey.errors import ContainerDamaged, ContainerError


@pytest.mark.parametrize(
    "name, folder",
    [
        # Of real containers.
        ("le-09650bf3-0ca8-4bd7-adb1-11dd258d3062", "le-09650.000"),
        ("test12", "test12.000"),
        ("srv", "srv.000"),
        ("тестовое название контейнера", "obnokykb.000"),
        # Ours: what the file system would not take, or would take otherwise.
        ("a/b\\c:d", "avbocgd.000"),
        ("..", "uu.000"),
        ("con", "cog.000"),
        ("Aux", "Auq.000"),
    ],
)
def test_folder_of_a_name(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_folder_is_one_that_is_free_in_any_case_of_letters() -> None:
    assert folder_name("Test", ["test.000", "TEST.001"]) == "Test.002"
    taken = [f"test.{n:03d}" for n in range(1000)]
    assert folder_name("test", taken[:-1]) == "test.999"
    with pytest.raises(ContainerError, match="first eight characters"):
        folder_name("test", taken)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=300))
def test_folder_is_always_a_plain_file_name(name: str) -> None:
    folder = folder_name(name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,8}\.000", folder)


@pytest.mark.parametrize(
    "name, suffix",
    [
        # Printed by the vendor's tools, published by others.
        ("de2f8166-2420-4fe5-9968-cae18bd74404", "5BCD"),
        ("te-6ec6ce49-f8d5-4220-875b-fd262f7e5014", "FE30"),
    ],
)
def test_suffix_of_a_name(name: str, suffix: str) -> None:
    assert carrier_suffix(name) == suffix


@pytest.mark.parametrize("length", [1, 125, 126, 127, 128, 260])
def test_name_is_windows_1251_under_the_tag_of_ia5string(length: int) -> None:
    name = ("Ёлка № 5 «ключ»" * 20)[:length]
    der = encode_name(name)
    octets = name.encode("cp1251")
    assert der.endswith(octets)
    assert der[-len(octets) - 4 :][:4].find(b"\x16") >= 0
    assert decode_name(der) == name


def test_name_of_a_real_container() -> None:
    der = bytes.fromhex("3006160474657374")
    assert encode_name("test") == der
    assert decode_name(der) == "test"
    assert decode_name(bytes.fromhex("3009160474657374020105")) == "test"


@pytest.mark.parametrize(
    "der", ["", "30", "3000", "30060c0474657374", "300616047465737400", "0400"]
)
def test_what_is_no_name_is_refused(der: str) -> None:
    with pytest.raises(ContainerDamaged, match="name.key"):
        decode_name(bytes.fromhex(der))
