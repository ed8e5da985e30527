"""The text of .reg files: what is read, what is written, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey.containers import FILES
from gostkey.errors import ContainerDamaged, ContainerError, GostKeyError, MediumError
from gostkey.media.registry_text import build, key_path, parse

SID = "S-1-5-21-1004336348-1177238915-682003330-1001"
HEAD = "Windows Registry Editor Version 5.00\r\n\r\n"
ROOT = r"HKEY_LOCAL_MACHINE\SOFTWARE\Wow6432Node\Crypto Pro\Settings\Users"
KEY = rf"{ROOT}\{SID}\Keys\le-09650"
SECTION = f"[{KEY}]\r\n"


def utf16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


def fault(data: bytes) -> str:
    (entry,) = parse(data)
    with pytest.raises(ContainerDamaged) as error:
        entry.checked()
    assert KEY in str(error.value)
    return str(error.value)


# -- reading -----------------------------------------------------------------


def test_an_export_of_a_branch_gives_its_containers_only() -> None:
    text = (
        f'{HEAD}[{ROOT}]\r\n@="a"\r\n\r\n[{ROOT}\\{SID}\\Keys]\r\n\r\n{SECTION}'
        '"header.key"=hex:30,0A,\\\r\n  ff\r\n"Comment"="not, ours"\r\n'
        '; a comment\r\n"masks.key"=hex(3):00\r\n\r\n'
        f'[{KEY}\\below]\r\n"primary.key"=hex:01\r\n\r\n'
        rf"[HKEY_LOCAL_MACHINE\Dead\Crypto Pro\Settings\Users\S-1-5-9\Keys\имя]"
        '\r\n"Name.Key"=hex:\r\n'
    )
    first, second = parse(utf16(text))
    assert (first.key, first.sid, first.name, first.wow) == (KEY, SID, "le-09650", True)
    assert first.checked() == {"header.key": b"\x30\x0a\xff", "masks.key": b"\x00"}
    assert (second.sid, second.name, second.wow) == ("S-1-5-9", "имя", False)
    assert second.checked() == {"name.key": b""}


@pytest.mark.parametrize(
    "data",
    [
        utf16(f"{HEAD}[{ROOT}\\{SID}\\Keys\\имя]"),
        b"\xfe\xff" + f"{HEAD}[{ROOT}\\{SID}\\Keys\\имя]".encode("utf-16-be"),
        f"{HEAD}[{ROOT}\\{SID}\\Keys\\имя]".encode("utf-16-le"),
        f"\ufeff{HEAD}[{ROOT}\\{SID}\\Keys\\имя]".encode(),
        f"{HEAD}[{ROOT}\\{SID}\\Keys\\имя]\n".encode(),
        f"REGEDIT4\n\n[{ROOT}\\{SID}\\Keys\\имя]\n".encode("cp1251"),
    ],
)
def test_every_encoding_that_windows_or_an_editor_makes(data: bytes) -> None:
    assert [entry.name for entry in parse(data)] == ["имя"]


def test_later_lines_win_as_in_windows() -> None:
    text = (
        f'{HEAD}{SECTION}"header.key"=hex:01\r\n"masks.key"=hex:02\r\n\r\n'
        f'[{KEY.upper()}]\r\n"HEADER.KEY"=hex:03\r\n"masks.key"=-\r\n'
    )
    (entry,) = parse(utf16(text))
    assert entry.checked() == {"header.key": b"\x03"}
    assert parse(utf16(f"{text}\r\n[-{KEY}]\r\n")) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('"primary.key"=hex:30,zz,01\r\n', "value primary.key: line 4: byte 2 of it"),
        ('"primary.key"=hex:30,1\r\n', "byte 2 of it"),
        ('"primary.key"=hex:30,,31\r\n', "byte 2 of it"),
        ('"primary.key"=hex:30,31,\r\n', "ends with a comma"),
        ('"primary.key"=hex:30,31,\\', "to be continued"),
        ('"primary.key"=hex:30,31,\\\r\n\r\n"masks.key"=hex:01\r\n', "to be continued"),
        ('"primary.key"="text"\r\n', "not a binary value"),
        ('"primary.key"=dword:00000001\r\n', "not a binary value"),
        ('"primary.key\r\n', "line 4: not a value"),
        ("30,31,32\r\n", "line 4: not a value"),
        ('"primary.key"=hex:' + ",".join(["00"] * 65537), "65537 bytes"),
    ],
)
def test_a_broken_value_is_told_with_its_key_and_name(lines: str, words: str) -> None:
    text = fault(utf16(HEAD + SECTION + lines))
    assert words in text
    assert "zz" not in text


def test_a_continuation_does_not_swallow_the_next_value() -> None:
    lines = '"primary.key"=hex:30,\\\r\n"masks.key"=hex:01\r\n'
    assert "value primary.key" in fault(utf16(HEAD + SECTION + lines))


def test_a_file_cut_within_a_character() -> None:
    data = utf16(f'{HEAD}{SECTION}"masks.key"=hex:30,31')
    assert "value masks.key: the file ends in the middle" in fault(data + b"\x33")


def test_a_key_that_is_cut_short() -> None:
    (entry,) = parse(utf16(f"{HEAD}[{KEY}"))
    with pytest.raises(ContainerDamaged, match='cut short: no "]"'):
        entry.checked()


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"MZ\x90\0", utf16("[a]\r\n")])
def test_another_file_is_no_export(data: bytes) -> None:
    with pytest.raises(MediumError, match="not a registry export"):
        parse(data)


PIECES = st.sampled_from(
    [
        SECTION,
        f"[-{KEY}]\n",
        '"header.key"=',
        "hex:",
        "30,",
        "31",
        "\\",
        "\r\n",
        '"',
        "]",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=20).map("".join)


@given(
    st.one_of(
        st.binary(max_size=200),
        TEXTS.map(lambda text: utf16(HEAD) + text.encode("utf-16-le", "surrogatepass")),
        TEXTS.map(lambda text: b"REGEDIT4\n" + text.encode("utf-8", "surrogatepass")),
    )
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_containers_or_our_error(data: bytes) -> None:
    try:
        for entry in parse(data):
            assert set(entry.checked()) <= set(FILES)
    except GostKeyError:
        pass


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_cut_file_never_gives_other_bytes(data: st.DataObject) -> None:
    files = {name: bytes(range(60)) for name in FILES}
    whole = build({KEY: files})
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        entries = parse(cut)
    except MediumError:
        return
    for entry in entries:
        for name, content in entry.files.items():
            assert files[name].startswith(content)


# -- writing -----------------------------------------------------------------


def test_what_is_written_is_what_regedit_exports() -> None:
    """Lines as in regedit's exports: UTF-16 with a mark, CRLF, 25 bytes a line."""
    row = ",".join(["ab"] * 25)
    assert key_path("le-09650", SID, wow=True) == KEY
    assert build({KEY: {"masks.key": b"", "header.key": b"\xab" * 60}}) == utf16(
        f"{HEAD}[{KEY}]\r\n"
        '"header.key"=hex:' + "ab," * 20 + "\\\r\n"
        f"  {row},\\\r\n"
        "  " + ",".join(["ab"] * 15) + "\r\n"
        '"masks.key"=hex:\r\n\r\n'
    )


def test_windows_of_32_bits_has_no_node() -> None:
    assert "Wow6432Node" not in key_path("a", SID, wow=False)


def test_the_first_line_is_broken_where_wine_breaks_it() -> None:
    """The name.key of a real container, as Wine's regedit exported it again."""
    hexes = (
        "30,1e,16,1c,f2,e5,f1,f2,ee,e2,ee,e5,20,ed,e0,e7,e2,e0,ed,e8,e5,",
        "20,ea,ee,ed,f2,e5,e9,ed,e5,f0,e0",
    )
    data = bytes.fromhex("".join(hexes).replace(",", ""))
    lines = build({KEY: {"name.key": data}}).decode("utf-16").split("\r\n")[3:5]
    assert lines == [f'"name.key"=hex:{hexes[0]}\\', f"  {hexes[1]}"]


@pytest.mark.parametrize("name", ["a\\b", "", "a\nb", "ж" * 256])
def test_names_that_no_key_can_have(name: str) -> None:
    with pytest.raises(ContainerError, match="name"):
        key_path(name, SID, wow=True)


@pytest.mark.parametrize("sid", ["", "ivanov", "S-1", "S-1-5-21\\..", "s-1-5-21-1"])
def test_a_sid_is_checked(sid: str) -> None:
    with pytest.raises(MediumError, match="whoami"):
        key_path("a", sid, wow=True)


@given(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=300)))
@settings(deadline=None)
def test_what_is_written_is_read(files: dict[str, bytes]) -> None:
    (entry,) = parse(build({KEY: files}))
    assert entry.checked() == files
