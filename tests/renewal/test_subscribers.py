"""Lists of subscribers: encodings, separators, and rows that are broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import CampaignError, GostKeyError
from gostkey.renewal.planning.csv_list import read_list
from gostkey.renewal.planning.subscribers import read_tree
from gostkey.renewal.secret_files import read_password


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


RUSSIAN = (
    "контейнер;обмены завершены;организация\n"
    "ключи/Иванов.000;да;ООО «Ёлка» № 5\n"
    'ключи/Петров.000;нет;"ООО ""Ромашка; и Ко"""\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_utf8_and_windows1251_give_the_same_list(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    path = write(tmp_path, RUSSIAN.replace("\n", line_end), encoding)
    listing = read_list(path)
    assert not listing.errors
    first, second = listing.subscribers
    assert first.container == tmp_path / "ключи/Иванов.000"
    assert first.exchanges_finished and not second.exchanges_finished
    assert first.form == {"organization": "ООО «Ёлка» № 5"}
    assert second.form == {"organization": 'ООО "Ромашка; и Ко"'}
    assert second.source == "line 3 of list.csv"


@pytest.mark.parametrize("encoding, other", [("utf-8", "cp1251"), ("cp1251", "utf-8")])
def test_the_header_tells_the_encoding_however_many_lines_have_another(
    tmp_path: Path, encoding: str, other: str
) -> None:
    path = tmp_path / "list.csv"
    header = "контейнер;обмены_завершены\n".encode(encoding)
    rows = [b"a.000;1\n", *(f"b{n}.000;да\n".encode(other) for n in range(3))]
    path.write_bytes(header + b"".join(rows))
    listing = read_list(path)
    assert [one.container.name for one in listing.subscribers] == ["a.000"]
    assert [one.line for one in listing.errors] == [3, 4, 5]


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_a_line_for_excel_names_the_separator(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    # Most lines are in another encoding than the names of the columns.
    other = "utf-8" if encoding == "cp1251" else "cp1251"
    header = f"sep={separator}\r\nконтейнер{separator}инн\r\n".encode(encoding)
    row = f"a.000{separator}\r\n".encode()
    foreign = [f"ключ.00{n}{separator}\r\n".encode(other) for n in range(3)]
    path = tmp_path / "list.csv"
    path.write_bytes(header + row + b"".join(foreign))
    listing = read_list(path)
    first = listing.subscribers[0]
    assert first.container == tmp_path / "a.000"
    assert first.source == "line 3 of list.csv"
    # In Windows-1251 these bytes are text as well.
    told = [error.line for error in listing.errors]
    assert told == ([4, 5, 6] if encoding == "utf-8" else [])


@pytest.mark.parametrize("separator", [",", ";"])
def test_comma_and_semicolon_separate(tmp_path: Path, separator: str) -> None:
    rows = [
        ["container", "password_file", "exchanges_finished", "medium"],
        ["a.000", "a.txt", "yes", "/media/usb"],
    ]
    path = write(tmp_path, "\n".join(separator.join(row) for row in rows))
    (one,) = read_list(path).subscribers
    assert one.container == tmp_path / "a.000"
    assert one.password_file == tmp_path / "a.txt"
    assert one.destination == Path("/media/usb")
    assert one.exchanges_finished and one.key_status == "ok"


@pytest.mark.parametrize("word", ["yes", "YES", "y", "1", "true", "да", "ДА", "+"])
def test_words_that_confirm(tmp_path: Path, word: str) -> None:
    path = write(tmp_path, f"container,exchanges_finished\na.000,{word}\n")
    assert read_list(path).subscribers[0].exchanges_finished


@pytest.mark.parametrize("word", ["no", "n", "0", "false", "нет", "-", ""])
def test_words_that_do_not_confirm(tmp_path: Path, word: str) -> None:
    path = write(tmp_path, f"container,exchanges_finished\na.000,{word}\n")
    assert not read_list(path).subscribers[0].exchanges_finished


def test_a_confirmation_of_the_whole_list_leaves_a_no_in_force(tmp_path: Path) -> None:
    path = write(tmp_path, "container;exchanges_finished\na.000;\nb.000;no\n")
    a, b = read_list(path, exchanges_finished=True).subscribers
    assert a.exchanges_finished and not b.exchanges_finished


BROKEN = [
    ("b.000;maybe;;", "exchanges_finished is 'maybe'", "yes or no"),
    (";yes;;", "the container is not named", "name its folder"),
    ("b.000;yes", "2 fields where the header has 4", "separate the fields"),
    ("b.000;yes;;;extra", "5 fields where the header has 4", "separate the fields"),
    ('b.000;yes;"ok;', "quotation marks", 'put a field with quotation marks as "'),
    ("b.000;yes;stolen;", "key_status is 'stolen'", "ok, compromised or lost"),
    ("b\x07.000;yes;;", "unprintable characters", "write the path anew"),
    ("b.000;yes;;" + "x" * 20000, "longer than 16384 characters", "shorten it"),
]


@pytest.mark.parametrize(("row", "text", "cure"), BROKEN)
def test_a_broken_row_is_told_with_its_line_and_the_others_go_on(
    tmp_path: Path, row: str, text: str, cure: str
) -> None:
    head = "container;exchanges_finished;key_status;city\n"
    path = write(tmp_path, f"{head}a.000;yes;;\n\n{row}\nc.000;no;lost;\n")
    listing = read_list(path)
    assert [one.container.name for one in listing.subscribers] == ["a.000", "c.000"]
    (error,) = listing.errors
    assert error.line == 4
    assert text in error.text
    assert cure in error.cure


def test_of_equal_rows_the_first_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "container\na.000\nb.000\nsub/../a.000\na.000\n")
    (tmp_path / "sub").mkdir()
    listing = read_list(path)
    assert [one.container.name for one in listing.subscribers] == ["a.000", "b.000"]
    assert [error.line for error in listing.errors] == [4, 5]
    for error in listing.errors:
        assert error.text == "the container is on line 2 already"


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
@pytest.mark.parametrize("rows", [10, 500], ids=["few", "many in a folder"])
def test_a_link_to_a_container_is_no_other_container(tmp_path: Path, rows: int) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    names = [f"{number}.000" for number in range(rows)]
    for name in names[:-1]:  # the last is not there yet
        (keys / name).mkdir()
    (keys / "link.000").symlink_to(names[-2])
    listing = read_list(write(keys, "\n".join(["container", *names, "link.000"])))
    assert [one.container.name for one in listing.subscribers] == names
    (error,) = listing.errors
    assert error.line == rows + 2
    assert error.text == f"the container is on line {rows} already"


def test_rows_that_contradict_each_other_are_all_put_aside(tmp_path: Path) -> None:
    path = write(tmp_path, "container,key_status\na.000,ok\nb.000,\na.000,lost\n")
    listing = read_list(path)
    assert [one.container.name for one in listing.subscribers] == ["b.000"]
    assert [error.line for error in listing.errors] == [2, 4]
    assert "line 4" in listing.errors[0].text
    assert "line 2" in listing.errors[1].text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"name;password_file\na;b\n", "unknown column 'name'"),
        (b"password_file\na\n", "no column 'container'"),
        (b"container;CONTAINER\na;b\n", "twice"),
        # A misspelt confirmation must not pass for an unconfirmed one.
        (b"container;exchange_finished\na;yes\n", "unknown column"),
        ("container\na\n".encode("utf-16"), "UTF-16"),
        (b"conta\x00iner\n", "not a text file"),
        (b"container\n" + b"a\0" * 50, "not a text file"),
        (b'"container;x\na;b\n', "line 1"),
        (b"sep=;\nname;password_file\na;b\n", "line 2: unknown column 'name'"),
        (b"sep=;\n", "empty"),
        (b"container\tinn\na\t\n", "as CSV with semicolons"),
        (b"sep=\t\ncontainer\tinn\na\t\n", "as CSV with semicolons"),
        (b"sep=|\ncontainer\na\n", "as CSV with semicolons"),
        (b"PK\x03\x04\x14\0\0\0", "as CSV with semicolons"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "as CSV with semicolons"),
    ],
)
def test_a_file_that_is_no_list_is_refused_as_a_whole(
    tmp_path: Path, content: bytes, text: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(CampaignError, match=r"list\.csv") as caught:
        read_list(path)
    assert text in str(caught.value)


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"no\.csv.*cannot be read"):
        read_list(tmp_path / "no.csv")


@given(st.binary(max_size=400))
def test_any_bytes_give_a_list_or_an_error(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"container;exchanges_finished\n" + data)
    try:
        listing = read_list(path)
    except GostKeyError:
        return
    assert all(error.line > 1 for error in listing.errors)


# -- folder trees ------------------------------------------------------------


def container_like(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "header.key").write_bytes(b"x")
    return folder


def test_a_tree_gives_its_containers_without_the_campaigns_own(tmp_path: Path) -> None:
    a = container_like(tmp_path / "one" / "a.000")
    b = container_like(tmp_path / "two" / "b.000")
    container_like(tmp_path / "campaign" / "archive" / "000001" / "a.000")
    (tmp_path / "three").mkdir()
    listing = read_tree(
        tmp_path, exchanges_finished=True, outside=[tmp_path / "campaign"]
    )
    assert [one.container for one in listing.subscribers] == [a, b]
    assert all(one.exchanges_finished for one in listing.subscribers)


def test_a_tree_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="no such folder"):
        read_tree(tmp_path / "nowhere")


# -- password files ----------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"secret 1", b"secret 1\n", b"secret 1\r\n", b"\xef\xbb\xbfsecret 1\nmore\n"],
)
def test_a_password_is_the_first_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(content)
    assert read_password(path) == "secret 1"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "empty"),
        (b"\nsecret", "empty"),
        (b"\xff\xfes3cr3t", "not UTF-8"),
        (b"s3cr3t" * 1000, "longer than 4096"),
    ],
)
def test_a_bad_password_file_is_named_and_not_shown(
    tmp_path: Path, content: bytes, text: str
) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(content)
    with pytest.raises(CampaignError, match=text) as caught:
        read_password(path)
    assert str(path) in str(caught.value)
    assert "s3cr3t" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a user whom file permissions bind: run as another user than root",
)
def test_a_password_file_without_the_right_to_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(b"s3cr3t")
    path.chmod(0)
    with pytest.raises(CampaignError, match="cannot be read"):
        read_password(path)
