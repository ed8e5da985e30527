"""The program that gives a person virtual tokens to try things out with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cards import bench as benches
from cards.kinds import load
from cards.rutoken import RutokenLite

RUN = Path(__file__).parent / "run.py"


@pytest.fixture(autouse=True)
def usable() -> None:
    lacks = benches.missing() or benches.missing_pyscard()
    if lacks:
        pytest.skip(lacks)


def run(
    *arguments: str, folder: Path, code: int = 0, given: str = ""
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, str(RUN), *arguments],
        input=given,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
        env={**os.environ, "SHELL": "/bin/sh"},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def gostkey(*arguments: str) -> str:
    """A command line of gostkey as a shell takes it, installed or not."""
    return f"{sys.executable} -m gostkey.cli " + " ".join(arguments)


def test_a_shell_sees_the_tokens_and_pulls_them(tmp_path: Path) -> None:
    script = "\n".join(
        [
            gostkey("token", "list", "--json"),
            "card pull 0",
            gostkey("token", "list", "--json"),
            "card insert 0",
            "card pull 7 || echo no such token",
            "card log 0 | tail -n 1",
            "exit 3",
        ]
    )
    kinds = ("--card", "rutoken-ecp", "--card", "rutoken-s", "--tries-left", "2")
    done = run(*kinds, folder=tmp_path, code=3, given=script)
    told = done.stdout.splitlines()
    first, second, *others = (json.loads(line) for line in told if line[0] == "{")
    assert [first["model"], second["model"]] == ["Rutoken ECP", "Rutoken S"]
    assert [first["serial"], second["serial"]] == ["30DA6803", "30DA6804"]
    assert first["user_pin"]["tries_left"] == 2
    assert [one["model"] for one in others] == ["Rutoken S"]
    assert "0  Virtual PCD 00 00: rutoken-ecp, pulled out" in told
    assert "no such token" in told and "there is no token 7" in done.stderr
    assert "-> " in told[-1]
    assert "12345678" in done.stderr


def test_tokens_are_kept_and_a_key_that_ends_soon_is_on_them(tmp_path: Path) -> None:
    run("--keep", "kept", "--due", "office", "--", "true", folder=tmp_path)
    assert (tmp_path / "office" / "ca" / "ca.crt").is_file()
    card = load(tmp_path / "kept" / "0-rutoken-lite.card")
    assert isinstance(card, RutokenLite) and list(card.containers) == [0x0A00]
    command = ("sh", "-c", gostkey("renew", "due", "token:", "--json"))
    done = run("--keep", "kept", "--", *command, folder=tmp_path)
    (due,) = (json.loads(line) for line in done.stdout.splitlines())
    assert "0A00" in json.dumps(due) and "due" in json.dumps(due)
    refused = run("--keep", "kept", "--card", "rutoken-s", folder=tmp_path, code=1)
    assert "has tokens already" in refused.stderr


@pytest.mark.slow
def test_a_key_on_a_token_is_renewed_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "pin.txt").write_text("12345678\n")
    renew = gostkey(
        *("renew", "run", "token:", "--exchanges-finished", "--campaign", "spring"),
        *("--ca", "office/ca", "--pin-file", "pin.txt"),
    )
    listing = gostkey("container", "list", "token:", "--json")
    command = ("sh", "-c", f"{renew} && {listing} >listed")
    run("--due", "office", "--", *command, folder=tmp_path)
    lines = (tmp_path / "listed").read_text().splitlines()
    old, new = (json.loads(line) for line in lines)
    assert old["item"].endswith("/0A00") and new["item"] != old["item"]
    assert old["status"] == new["status"] == "done"
