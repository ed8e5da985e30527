"""The configuration file: what is read, what is found wrong, with line and cure."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.containers import build_container
from gostkey.errors import CampaignError
from gostkey.media import FolderStore
from gostkey.renewal.configuration import (
    TABLES,
    Configuration,
    Finding,
    check,
    known_keys,
    read_configuration,
    read_span,
)
from gostkey.renewal.configuration.reading import _lines
from gostkey.signing import SigningKey

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).parents[2] / "docs" / "renew.example.toml"


def read(folder: Path, text: str) -> Configuration:
    path = folder / "renew.toml"
    path.write_text(text, encoding="utf-8")
    return read_configuration(path)


def found(folder: Path, text: str) -> list[Finding]:
    return check(read(folder, text))


def one(folder: Path, text: str) -> Finding:
    (finding,) = [f for f in found(folder, text) if not f.warning]
    return finding


# -- the example --------------------------------------------------------------


def uncommented() -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.sub(r"(?m)^#(?=[a-z0-9_]+ = )", "", text)


def test_the_example_holds_every_key_and_no_other() -> None:
    content = tomllib.loads(uncommented())
    there = {f"{table}.{key}" for table, inner in content.items() for key in inner}
    assert there == set(known_keys())
    assert len(list(known_keys())) == len(set(known_keys()))


def test_every_value_of_the_example_is_of_its_kind(tmp_path: Path) -> None:
    for text in (uncommented(), EXAMPLE.read_text(encoding="utf-8")):
        assert not read(tmp_path, text).findings


def test_the_example_contradicts_itself_nowhere() -> None:
    configuration = read_configuration(EXAMPLE)
    told = [f.text for f in check(configuration)]
    assert all("there is no f" in text or "cannot be written" in text for text in told)


def test_every_key_says_a_word_about_itself() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for table in TABLES:
        begin = lines.index(f"[{table.name}]")
        assert any(line.startswith("# ") for line in lines[begin : begin + 4])


# -- reading ------------------------------------------------------------------


def test_paths_begin_at_the_files_folder(tmp_path: Path) -> None:
    inner = tmp_path / "etc"
    inner.mkdir()
    values = read(
        inner,
        '[source]\nfolder = "keys"\ndestination = "token:30DA6803"\n'
        '[authority]\nca = "/srv/ca"\n[random]\npkcs11 = ["a.so"]\n',
    ).values
    assert values == {
        "path": str(inner / "keys"),
        "destination": "token:30DA6803",
        "ca": "/srv/ca" if os.name == "posix" else values["ca"],
        "libraries": [str(inner / "a.so")],
    }


@pytest.mark.parametrize(
    ("text", "line", "key", "cure"),
    [
        ("[limits]\nrate = '1/s'\n\nkyes = 5\n", 4, "limits.kyes", "limits.keys"),
        ("[limit]\nkeys = 5\n", 1, "limit", "[limits]"),
        ("# a\n\n[source]\n\noutbox = 'o'\n", 5, "source.outbox", "authority.outbox"),
        ("rate = '1/s'\n", 1, "rate", "limits.rate"),
        ("limits.kyes = 5\n", 1, "limits.kyes", "limits.keys"),
        ("[somethingelse]\n", 1, "somethingelse", "known are source"),
        ("[limits]\nzzz = 5\n", 2, "limits.zzz", "known in [limits] are"),
        ("limits = 5\n", 1, "limits", "line of its own"),
        ("[source]\npassword = 'word-17'\n", 2, "source.password", "password_file"),
    ],
)
def test_unknown_names_are_told_with_the_nearest_one(
    tmp_path: Path, text: str, line: int, key: str, cure: str
) -> None:
    (finding,) = read(tmp_path, text).findings
    assert (finding.line, finding.key) == (line, key)
    assert cure in finding.cure
    assert "word-17" not in str(finding)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[limits]\nkeys = '5'", "a whole number from 1"),
        ("[limits]\nkeys = 0", "a whole number from 1"),
        ("[limits]\nkeys = true", "a whole number from 1"),
        ("[limits]\nkeys = 5.0", "a whole number from 1"),
        ("[limits]\nrate = 5", 'a rate such as "10/s"'),
        ("[limits]\nrate = '5/day'", 'a rate such as "10/s"'),
        ("[limits]\nquiet_hours = [8]", "a list of hours"),
        ("[limits]\nquiet_hours = ['8-9']", "a list of hours"),
        ("[limits]\nmax_failures = '120%'", 'a number such as "20"'),
        ("[source]\nexchanges_finished = 'yes'", "true or false"),
        ("[source]\ncsv = 'token:12'", "a path"),
        ("[source]\ncsv = ''", "a path"),
        ("[campaign]\nzone = 'Moscow'", "an offset"),
        ("[campaign]\nzone = '+99:99'", "an offset"),
        ("[campaign]\nzone = '+24:00'", "an offset"),
        ("[campaign]\nzone = '-03:60'", "an offset"),
        ("[campaign]\nworkers = 65", "a whole number from 1 to 64"),
        ("[random]\nentropy = 'dice'", "require-human"),
        ("[random]\npkcs11 = 'a.so'", "a list of paths"),
        ("[watch]\nreceive_every = '10'", "a span"),
        ("[watch]\nreceive_every = '0s'", "a span"),
        ("[watch]\nlook_every = '9999999d'", "a span"),
    ],
)
def test_wrong_values_are_told_with_what_is_wanted(
    tmp_path: Path, text: str, wanted: str
) -> None:
    configuration = read(tmp_path, text)
    (finding,) = configuration.findings
    assert finding.line == 2
    assert wanted in finding.text and wanted in finding.cure
    assert not configuration.values
    with pytest.raises(CampaignError, match=r"renew\.toml, line 2: "):
        configuration.refuse()


def test_hours_that_leave_no_time(tmp_path: Path) -> None:
    (finding,) = read(tmp_path, "[limits]\nquiet_hours = '00:00-24:00'").findings
    assert "leave no time" in finding.text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[source\n", r"line 1: is not TOML"),
        (b"[source]\nfolder = keys\n", r"line 2: is not TOML.*quotation marks"),
        (b"[source]\nfolder = 'a'\nfolder = 'b'\n", r"line 3: is not TOML"),
        (b"[source]\nfolder = '\xff\xfe'\n", r"line 2: .*not in UTF-8"),
        (b"a = '''\n", r"line \d: is not TOML"),
        (b"#" * (1 << 20) + b"#", "1048577 bytes"),
    ],
)
def test_what_is_no_configuration_is_told_with_its_line(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "renew.toml"
    path.write_bytes(content)
    with pytest.raises(CampaignError, match=told):
        read_configuration(path)


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"absent\.toml: .*cannot be read"):
        read_configuration(tmp_path / "absent.toml")
    with pytest.raises(CampaignError):
        read_configuration(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content: bytes) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    try:
        check(read_configuration(path))
    except CampaignError as error:
        assert str(path) in str(error)


toml_texts = st.text("[]=.\"'#\n abc_-{},1t", max_size=80)


@given(toml_texts)
def test_any_lines_have_numbers_that_are_there(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in _lines(text).values())


def test_lines_inside_of_long_texts_are_none(tmp_path: Path) -> None:
    text = 'x = """\n[limits]\nkyes = 1\n"""\n\n[limits]\nkyes = 2\n'
    findings = read(tmp_path, text).findings
    assert [(f.line, f.key) for f in findings] == [(1, "x"), (7, "limits.kyes")]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10min", 600), ("2h", 7200), ("1.5h", 5400), ("1d", 86400)],
)
def test_spans_are_read(text: str, seconds: float) -> None:
    assert read_span(text) == seconds


# -- the machine --------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with all that a good configuration names."""
    for name in ("keys", "in", "trust", "ca"):
        (tmp_path / name).mkdir()
    word = tmp_path / "word.txt"
    word.write_text("слово\n", encoding="utf-8")
    word.chmod(0o600)
    (tmp_path / "list.csv").write_text("container\nkeys\n", encoding="utf-8")
    return tmp_path


GOOD = """[source]
folder = "keys"
password_file = "word.txt"
[authority]
outbox = "out/new"
inbox = "in"
trusted = "trust"
[campaign]
folder = "campaign"
"""


def test_a_good_configuration_has_no_findings(place: Path) -> None:
    assert found(place, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('"keys"', '"nowhere"', 2, "there is no folder"),
        ('"keys"', '"word.txt"', 2, "is a file"),
        ('"word.txt"', '"no.txt"', 3, "there is no file"),
        ('"word.txt"', '"keys"', 3, "is a folder"),
        ('"out/new"', '"word.txt/x"', 5, "is a file"),
        ('"in"', '"no"', 6, "there is no folder"),
        ('trusted = "trust"\n', "", 4, "trusted is missing"),
        ("[campaign]", 'ca = "ca"\n[campaign]', 5, "authority.ca names"),
        ("[campaign]", 'url = "https://x"\n[campaign]', 5, "authority.url names"),
        ("[campaign]", '[report]\nmetrics = "no/x.prom"\n[campaign]', 9, "no folder"),
        ("[campaign]", "[report]\naudit_key = 'no'\n[campaign]", 9, "is no file"),
        ("[campaign]", 'url_root = ["ab"]\n[campaign]', 8, "without url"),
        ("[campaign]", '[campaign]\nstore = "a://b:c@d/e"', 9, "has a password in"),
        (
            "[campaign]",
            '[campaign]\nstore_password_file = "word.txt"',
            9,
            "without store",
        ),
        ("[campaign]", 'ca_password_file = "word.txt"\n[campaign]', 8, "without ca"),
        ("[campaign]", '[campaign]\nstore = "nonsense"', 9, "cannot be read"),
        ("[campaign]", '[campaign]\nstore = "mysql://a/b"', 9, "that stations can"),
        (
            "[campaign]",
            '[report]\naudit_certificate = "word.txt"\n[campaign]',
            9,
            "without audit_key",
        ),
        (
            "[campaign]",
            '[report]\naudit_key_password_file = "word.txt"\n[campaign]',
            9,
            "without audit_key",
        ),
        ("[campaign]", '[report]\naudit_key = "word.txt"\n[campaign]', 9, "word.txt"),
        ("[campaign]", '[report]\naudit_key = "keys"\n[campaign]', 9, "keys"),
    ],
)  # fmt: skip
def test_what_is_not_on_the_disk_or_contradicts_itself_is_told(
    place: Path, old: str, new: str, line: int, told: str
) -> None:
    finding = one(place, GOOD.replace(old, new, 1))
    assert finding.line == line and told in finding.text
    assert finding.cure


def test_two_programs_and_a_folder_are_a_way(place: Path) -> None:
    text = GOOD.replace('outbox = "out/new"\ninbox = "in"\n', PROGRAMS)
    assert found(place, text) == []
    for gone, told in (
        ('trusted = "trust"\n', "trusted is missing"),
        (PROGRAMS.splitlines(True)[1], "fetch_command is missing"),
        (PROGRAMS.splitlines(True)[0], "is missing"),
    ):
        assert any(told in each.text for each in found(place, text.replace(gone, "")))
    both = text.replace("trusted =", 'url = "https://x"\ntrusted =')
    assert any("the authority already" in each.text for each in found(place, both))


PROGRAMS = """\
submit_command = "send {request} --id {id}"
fetch_command = "fetch {id} {answer}"
"""


def test_one_folder_for_both_ways_is_told(place: Path) -> None:
    (place / "out").mkdir()
    text = GOOD.replace('"out/new"', '"out"').replace('"in"', '"out"')
    assert "same folder as the outbox" in one(place, text).text


@pytest.mark.parametrize(
    ("more", "line", "told"),
    [
        ('[random]\nno_input = true\nentropy = "require-human"', 11, "nobody is asked"),
        ("[random]\ntrust_gamma = true\n", 11, "without gamma"),
        ('[limits]\nkeys = 10\nmax_failures = "20"\n', 12, "never come together"),
        ('[limits]\nkeys = 100\nrate = "1/h"\n', 12, "24 requests go in a day"),
        ('[watch]\nreceive_every = "2h"\nreceive_at_most = "1h"\n', 12, "is shorter"),
    ],
)  # fmt: skip
def test_limits_that_contradict_each_other_are_told(
    place: Path, more: str, line: int, told: str
) -> None:
    finding = one(place, GOOD + more)
    assert finding.line == line and told in finding.text


def test_a_list_and_its_broken_rows(place: Path) -> None:
    text = GOOD.replace('folder = "keys"', 'csv = "list.csv"', 1)
    assert "stands in the list" in one(place, text).text
    text = text.replace('password_file = "word.txt"\n', "")
    assert found(place, text) == []
    (place / "list.csv").write_text("container\nkeys\na,b\n", encoding="utf-8")
    (finding,) = found(place, text)
    assert finding.warning and "first on line 3" in finding.text
    (place / "list.csv").write_text("nothing\nkeys\n", encoding="utf-8")
    assert "unknown column" in one(place, text).text
    both = text.replace("[authority]", 'folder = "keys"\n[authority]')
    assert any("keep one" in f.cure for f in found(place, both))


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's: run there")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_password_that_others_can_read_is_told(place: Path, mode: int) -> None:
    (place / "word.txt").chmod(mode)
    finding = one(place, GOOD)
    assert (finding.line, finding.key) == (3, "source.password_file")
    assert f"{mode:04o}" in finding.text and "chmod 600" in finding.cure


def test_a_password_file_without_a_password_is_told(place: Path) -> None:
    (place / "word.txt").write_bytes(b"\xff\xff\n")
    assert "first line" in one(place, GOOD).cure


MAIL = """from = "keys@office.example"
to = "renewals@authority.example"
trusted = "trust"
[smtp]
host = "mail.office.example"
user = "keys"
password_file = "word.txt"
[imap]
host = "mail.office.example"
user = "keys"
password_file = "word.txt"
[signature]
key = "keys"
"""
BY_MAIL = '[source]\nfolder = "keys"\n[authority]\nmail = "mail.toml"\n'


def test_good_mail_settings_have_no_findings(place: Path) -> None:
    (place / "mail.toml").write_text(MAIL)
    assert found(place, BY_MAIL) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('trusted = "trust"', 'trusted = "nowhere"', "there is no folder"),
        ('trusted = "trust"', 'trusted = "word.txt"', "word.txt is a file"),
        ('trusted = "trust"\n', "", "trusted is missing"),
        ("word.txt", "no.txt", "no.txt"),
        ("[imap]", 'ca_file = "no.pem"\n[imap]', "no file"),
        ('key = "keys"', 'key = "no.pem"', "no.pem"),
        ("from =", "form =", "from is missing"),
        ("[smtp]", "[smtp", "is not TOML"),
    ],
)
def test_faults_of_the_mail_settings_are_told(
    place: Path, old: str, new: str, told: str
) -> None:
    (place / "mail.toml").write_text(MAIL.replace(old, new))
    finding = one(place, BY_MAIL)
    assert (finding.line, finding.key) == (4, "authority.mail")
    assert told in finding.text and "mail.toml" in finding.text and finding.cure


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's: run there")
def test_a_mail_password_that_others_can_read_is_told(place: Path) -> None:
    (place / "mail.toml").write_text(MAIL)
    (place / "word.txt").chmod(0o644)
    assert "0644" in one(place, BY_MAIL).text


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="root may do everything; run the tests as another user",
)
def test_folders_that_are_closed_are_told(place: Path) -> None:
    (place / "keys").chmod(0)
    try:
        assert "cannot be read" in one(place, GOOD).text
    finally:
        (place / "keys").chmod(0o700)


def test_no_source_is_only_a_warning(place: Path) -> None:
    text = GOOD.replace('folder = "keys"\npassword_file = "word.txt"\n', "", 1)
    (finding,) = found(place, text)
    assert finding.warning and "whose keys" in finding.text
    assert finding.line == 1


def test_a_store_is_not_for_a_watch(place: Path) -> None:
    text = GOOD + 'store = "postgresql://gostkey@server/renewal"\n'
    assert found(place, text) == []
    (finding,) = found(place, text + '[watch]\nlook_every = "1h"\n')
    assert finding.warning and "--watch" in finding.text
    assert (finding.line, finding.key) == (10, "campaign.store")


@pytest.mark.parametrize("form", ["file", "container"])
@pytest.mark.parametrize("password", [None, "word"])
def test_a_key_for_the_audit_log_is_one(
    place: Path, form: str, password: str | None
) -> None:
    with SigningKey.generate("1.2.643.2.2.36.0") as key:
        if form == "file":
            data = key.to_pkcs8(password=password)
            (place / "audit").write_bytes(data)
        else:
            files = build_container("audit", key, password=password)
            FolderStore(place).write("audit", files).rename(place / "audit")
    text = GOOD + '[report]\naudit_key = "audit"\n'
    if password is None:
        assert found(place, text) == []
        return
    (finding,) = found(place, text)
    assert finding.warning and "has a password" in finding.text
    text += 'audit_key_password_file = "word.txt"\n'
    (place / "word.txt").write_text("word\n", encoding="utf-8")
    assert found(place, text) == []
    # What is wrong with the file of the password is told once.
    (place / "word.txt").unlink()
    assert {each.key for each in found(place, text)} == {
        *("source.password_file", "report.audit_key_password_file")
    }
    (place / "word.txt").write_text("other\n", encoding="utf-8")
    (place / "word.txt").chmod(0o600)
    assert one(place, text).key == "report.audit_key"


def test_no_authority_is_only_a_warning(place: Path) -> None:
    (finding,) = found(place, '[source]\nfolder = "keys"\n')
    assert finding.warning and "no authority" in finding.text
