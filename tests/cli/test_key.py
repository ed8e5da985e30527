"""`gostkey key` makes key files, gives public keys and never shows a private one."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from gostkey import curves, keyforms

from .conftest import Run

# What the vectors call tc26-256-b: it is the curve A of CryptoPro.
B = ("tc26-256-b", "cpA")
SECRET = "Пароль 123"


@pytest.fixture
def known(vectors: Any) -> tuple[bytes, bytes]:
    """A private key (little-endian) and its public key, from the vectors."""
    case = next(one for one in vectors("gost3410")["random"] if one["curve"] in B)
    turned = [bytes.fromhex(case[name])[::-1] for name in ("d", "qx", "qy")]
    return turned[0], turned[1] + turned[2]


@pytest.fixture
def key_file(tmp_path: Path, known: tuple[bytes, bytes]) -> Path:
    file = tmp_path / "known.pem"
    der = keyforms.encode_pkcs8(
        curves.get("tc26-256-b"), keyforms.Scheme.GOST_2012, known[0]
    )
    file.write_text(keyforms.pem(der, "PRIVATE KEY"))
    return file


def test_a_new_key_file_is_the_owners_alone(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    ran = run("key", "generate", "--no-password", "--out", file)
    assert ran.code == 0, ran.stderr
    assert ran.stdout == ""
    assert "it has no password" in ran.stderr
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("curve", [one.name for one in curves.ALL])
def test_every_curve_can_be_generated_and_read_back(
    run: Run, tmp_path: Path, curve: str
) -> None:
    file = tmp_path / "key.pem"
    made = run(
        "key", "generate", "--curve", curve, "--no-password", "--out", file, "--json"
    )
    seen = run("key", "inspect", "--json", file)
    assert made.record["curve"] == seen.record["curve"] == curve
    assert made.record["public_key"] == seen.record["public_key"]


def test_a_curve_is_known_by_alias_and_oid(run: Run, tmp_path: Path) -> None:
    for number, (name, curve, oid) in enumerate(
        [
            ("1.2.643.2.2.36.0", "tc26-256-b", "1.2.643.2.2.36.0"),
            ("CryptoPro-XchB", "tc26-256-d", "1.2.643.2.2.36.1"),
        ]
    ):
        file = tmp_path / f"{number}.pem"
        run("key", "generate", "--curve", name, "--no-password", "--out", file)
        record = run("key", "inspect", "--json", file).record
        assert (record["curve"], record["curve_oid"]) == (curve, oid)


def test_an_existing_file_is_not_replaced_without_force(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    file.write_text("precious")
    ran = run("key", "generate", "--no-password", "--out", file, "--json")
    assert (ran.code, ran.error["code"]) == (3, "already_exists")
    assert file.read_text() == "precious"
    ran = run("key", "generate", "--no-password", "--out", file, "--force")
    assert ran.code == 0
    assert "PRIVATE KEY" in file.read_text()


def test_the_public_key_is_the_published_one(
    run: Run, key_file: Path, known: tuple[bytes, bytes], tmp_path: Path
) -> None:
    printed = run("key", "public", key_file)
    assert printed.code == 0
    der = keyforms.unpem(printed.stdout.encode(), "PUBLIC KEY")
    assert der.endswith(known[1])
    saved = tmp_path / "public.der"
    assert run("key", "public", key_file, "--der", "--out", saved).stdout == ""
    assert saved.read_bytes() == der
    for file in (saved, key_file):
        assert run("key", "inspect", "--json", file).record["public_key"] == (
            known[1].hex()
        )


def test_nothing_that_is_printed_holds_the_private_key(
    run: Run, key_file: Path, known: tuple[bytes, bytes]
) -> None:
    for arguments in (["inspect"], ["inspect", "--json"], ["public"]):
        ran = run("key", *arguments, key_file)
        assert ran.code == 0
        for text in (ran.stdout, ran.stderr):
            assert known[0].hex() not in text.lower()
            assert known[0][::-1].hex() not in text.lower()


def test_a_password_comes_from_file_variable_or_descriptor(
    shell: Run, tmp_path: Path
) -> None:
    word = tmp_path / "word"
    word.write_bytes(b"\xef\xbb\xbf" + SECRET.encode() + b"\r\n")
    file = tmp_path / "key.pem"
    made = shell("key", "generate", "--out", file, "--password-file", word)
    assert made.code == 0, made.stderr
    assert file.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    by_variable = shell(
        "key", "inspect", "--json", file, "--password-env", "WORD", env={"WORD": SECRET}
    )
    assert by_variable.code == 0, by_variable.stderr
    reading, writing = os.pipe()
    os.write(writing, SECRET.encode() + b"\n")
    os.close(writing)
    by_descriptor = shell(
        "key",
        "inspect",
        "--json",
        file,
        "--password-fd",
        reading,
        pass_fds=(reading,),
    )
    os.close(reading)
    assert by_descriptor.stdout == by_variable.stdout
    by_input = shell(
        "key", "inspect", "--json", file, "--password-fd", 0, input=SECRET.encode()
    )
    assert by_input.stdout == by_variable.stdout
    for ran in (made, by_variable, by_descriptor, by_input):
        assert SECRET not in ran.stdout + ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal (POSIX)")
def test_a_password_is_asked_on_the_terminal_and_not_shown(
    terminal: Any, shell: Run, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    code, shown = terminal(
        "key",
        "generate",
        "--out",
        file,
        answers=[
            ("new password", "first"),
            ("again", "other"),
            ("new password", SECRET),
            ("again", SECRET),
        ],
    )
    assert code == 0, shown
    assert "the two differ" in shown
    assert SECRET not in shown and "first" not in shown
    code, shown = terminal("key", "inspect", file, answers=[("password of", SECRET)])
    assert code == 0 and SECRET not in shown
    assert "tc26-256-b" in shown


def test_without_terminal_and_option_a_person_is_needed(
    shell: Run, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    ran = shell("key", "generate", "--json", "--out", file)
    assert (ran.code, ran.error["code"]) == (4, "password_required")
    assert "--no-password" in ran.stderr
    assert not file.exists()
    word = tmp_path / "word"
    word.write_text(SECRET, encoding="utf-8")
    shell("key", "generate", "--out", file, "--password-file", word)
    ran = shell("key", "inspect", "--json", file)
    assert (ran.code, ran.error["code"]) == (4, "password_required")
    assert str(file) in ran.error["message"]
    assert "--password-file" in ran.error["hint"]


def test_a_wrong_password_is_told_without_showing_it(run: Run, tmp_path: Path) -> None:
    file, right, wrong = (tmp_path / name for name in ("key.pem", "right", "wrong"))
    right.write_text(SECRET, encoding="utf-8")
    wrong.write_text("Guess 42", encoding="utf-8")
    run("key", "generate", "--out", file, "--password-file", right)
    ran = run("key", "inspect", "--json", file, "--password-file", wrong)
    assert (ran.code, ran.error["code"]) == (4, "wrong_password")
    assert "Guess" not in ran.stdout + ran.stderr


def test_a_bad_password_source_is_told(run: Run, key_file: Path) -> None:
    absent = key_file.with_name("absent")
    ran = run("key", "inspect", key_file, "--password-file", absent)
    assert ran.code == 4 and str(absent) in ran.stderr
    ran = run("key", "inspect", key_file, "--password-env", "NO_SUCH_NAME")
    assert ran.code == 4 and "NO_SUCH_NAME" in ran.stderr
    absent.write_bytes("пароль".encode("cp1251"))
    ran = run("key", "inspect", key_file, "--password-file", absent)
    assert ran.code == 3 and "UTF-8" in ran.stderr
    absent.write_text("one\ntwo\n")
    ran = run("key", "inspect", key_file, "--password-file", absent)
    assert ran.code == 3 and "more than one line" in ran.stderr
    both = ["--password-file", absent, "--password-env", "NAME"]
    assert run("key", "inspect", key_file, *both).code == 1


def test_an_unknown_curve_is_a_usage_error_that_lists_the_curves(
    run: Run, tmp_path: Path
) -> None:
    ran = run("key", "generate", "--curve", "p-256", "--out", tmp_path / "k", "--json")
    assert (ran.code, ran.error["code"]) == (1, "unknown_curve")
    assert "p-256" in ran.error["message"] and "tc26-256-b" in ran.error["message"]


@pytest.mark.parametrize("number", ["zero", "q"])
def test_a_private_key_out_of_range_is_refused(
    run: Run, tmp_path: Path, number: str
) -> None:
    curve = curves.get("tc26-256-b")
    value = 0 if number == "zero" else curve.q
    good = keyforms.encode_pkcs8(
        curve, keyforms.Scheme.GOST_2012, (5).to_bytes(32, "little")
    )
    bad = good.replace((5).to_bytes(32, "little"), value.to_bytes(32, "little"))
    assert bad != good
    file = tmp_path / "bad.der"
    file.write_bytes(bad)
    ran = run("key", "inspect", "--json", file)
    assert (ran.code, ran.error["code"]) == (3, "private_key_range")


def test_a_point_off_the_curve_is_refused(
    run: Run, key_file: Path, known: tuple[bytes, bytes], tmp_path: Path
) -> None:
    good = keyforms.unpem(run("key", "public", key_file).stdout.encode(), "PUBLIC KEY")
    bad = bytearray(good)
    bad[-1] ^= 1
    file = tmp_path / "bad.der"
    file.write_bytes(bad)
    ran = run("key", "inspect", "--json", file)
    assert (ran.code, ran.error["code"]) == (3, "invalid_point")


def test_what_is_no_key_is_told_by_name(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear colleagues")
    for verb in ("inspect", "public"):
        ran = run("key", verb, file)
        assert ran.code == 3
        assert str(file) in ran.stderr
        assert "Traceback" not in ran.stderr
    missing = tmp_path / "missing.pem"
    ran = run("key", "inspect", "--json", missing)
    assert (ran.code, ran.error["code"]) == (3, "not_found")
    ran = run("key", "inspect", "--json", tmp_path)
    assert ran.code == 3 and json.dumps(str(tmp_path))[1:-1] in ran.stdout
