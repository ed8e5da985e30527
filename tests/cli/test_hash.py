"""`gostkey hash` prints and checks digests as sha256sum does."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, command, environment

# RFC 6986, example M1 ("0123...") in the order in which Streebog returns it.
M1 = b"012345678901234567890123456789012345678901234567890123456789012"
M1_256 = "9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500"


@pytest.fixture
def message(tmp_path: Path) -> Path:
    file = tmp_path / "message"
    file.write_bytes(M1)
    return file


def test_digest_of_the_standards_example(run: Run, message: Path) -> None:
    ran = run("hash", message)
    assert (ran.code, ran.stdout, ran.stderr) == (0, f"{M1_256}  {message}\n", "")


def test_standard_input_is_hashed_without_a_file_and_with_a_dash(run: Run) -> None:
    for arguments in (["hash"], ["hash", "-"]):
        ran = run(*arguments, input=M1)
        assert ran.stdout == f"{M1_256}  -\n"


def test_every_algorithm_gives_the_published_digest(run: Run, vectors: Any) -> None:
    empty_512 = (
        "8e945da209aa869f0455928529bcae4679e9873ab707b55315f56ceb98bef0a7"
        "362f715528356ee83cda5f2aac4c6ad2ba3a715c1bcd81cb8e9f90bf4c1c1a8a"
    )
    # Empty message: RFC 6986's algorithm, and the well-known 34.11-94 values.
    known = {
        "streebog512": empty_512,
        "gostr3411-94": (
            "981e5f3ca30c841487830f84fb433e13ac1101569b9c13584ac483234cd656c0"
        ),
        "gostr3411-94-test": (
            "ce85b99cc46752fffee35cab9a7b0278abb4c2d2055cff685af4912c49490f8d"
        ),
    }
    for algorithm, digest in known.items():
        assert run("hash", "-a", algorithm, input=b"").stdout == f"{digest}  -\n"


def test_json_holds_one_object_a_file(run: Run, message: Path) -> None:
    ran = run("hash", "--json", message, message)
    assert ran.records == 2 * [
        {
            "item": str(message),
            "status": "done",
            "algorithm": "streebog256",
            "digest": M1_256,
        }
    ]


def test_one_missing_file_does_not_stop_the_others(run: Run, message: Path) -> None:
    ran = run("hash", message.with_name("absent"), message)
    assert ran.code == 2
    assert ran.stdout == f"{M1_256}  {message}\n"
    assert str(message.with_name("absent")) in ran.stderr
    only = run("hash", "--json", message.with_name("absent"))
    assert only.code == 3
    assert only.error["code"] == "not_found"


def test_a_folder_is_told_by_name(run: Run, tmp_path: Path) -> None:
    ran = run("hash", "--json", tmp_path)
    assert (ran.code, ran.error["code"]) == (3, "is_a_folder")


def test_what_is_printed_can_be_checked(run: Run, tmp_path: Path) -> None:
    odd = tmp_path / "two\nlines \\ and blanks "
    odd.write_bytes(b"x")
    plain = tmp_path / "имя файла"
    plain.write_bytes(b"y")
    for algorithm in ("streebog256", "streebog512"):
        sums = tmp_path / "sums"
        sums.write_text(
            run("hash", "-a", algorithm, odd, plain).stdout, encoding="utf-8"
        )
        ran = run("hash", "-c", sums)
        assert ran.code == 0, ran.stderr
        assert ran.stdout.count(": OK\n") == 2
        assert run("hash", "-c", "--quiet", sums).stdout == ""


def test_a_changed_file_fails_the_check(
    run: Run, message: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    sums = tmp_path / "sums"
    sums.write_text(run("hash", message, other).stdout)
    message.write_bytes(M1 + b"!")
    ran = run("hash", "-c", sums)
    assert ran.code == 2
    assert f"{message}: FAILED\n{other}: OK\n" == ran.stdout
    other.unlink()
    ran = run("hash", "--json", "-c", sums)
    assert ran.code == 3
    assert [record["error"]["code"] for record in ran.records] == [
        "digest_differs",
        "not_found",
    ]


def test_a_file_that_is_no_list_is_told(run: Run, message: Path) -> None:
    ran = run("hash", "--json", "-c", message)
    assert (ran.code, ran.error["code"]) == (3, "no_digests")
    message.write_bytes(bytes(range(128, 256)))
    assert run("hash", "-c", message).code == 3


def test_an_unknown_algorithm_is_a_usage_error(run: Run) -> None:
    ran = run("hash", "-a", "md5", "--json")
    assert ran.code == 1
    assert ran.error["code"] == "usage"
    assert "streebog256" in ran.error["message"]


def test_a_long_file_shows_a_bar_on_a_terminal_only(
    terminal: Any, shell: Run, tmp_path: Path
) -> None:
    file = tmp_path / "long"
    with file.open("wb") as stream:
        stream.truncate(33 << 20)
    import gostkey

    if gostkey.backend().name != "native":
        pytest.skip("hashing 33 MB takes minutes without the native core: build it")
    code, shown = terminal("hash", file)
    assert code == 0
    assert "━" in shown
    ran = shell("hash", file)
    assert ran.stderr == ""
    assert len(ran.stdout.splitlines()) == 1


def test_a_broken_pipe_is_quiet(tmp_path: Path) -> None:
    files = []
    for index in range(200):
        files.append(tmp_path / f"{index:0200}")
        files[-1].write_bytes(b"")
    process = subprocess.Popen(
        command("hash", *files),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(60) == 141
    assert told == b""
