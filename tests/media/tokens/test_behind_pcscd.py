"""Tokens behind the real smart card service: written to, held, pulled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from cards.bench import Bench
from cards.card import VirtualCard
from cards.etoken import EtokenPro
from cards.jacarta_lt import JacartaLt
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

# Copies what is on the token to itself under another name, and reads both again.
COPY = """
import json, sys
from gostkey.errors import GostKeyError
from gostkey.media import TokenUse, copy_container
from gostkey.media.tokens import list_tokens, open_token
tokens = TokenUse(pin=lambda info: sys.argv[1], experimental=True)
try:
    (place,) = open_token("token:").find()
    copied = copy_container(place, "token:", name="copy", tokens=tokens)
    with tokens.open("token:") as store:
        files = [
            {name: data.hex() for name, data in store.read(one).items()}
            for one in store.find()
        ]
    print(json.dumps([copied.compared, files, list_tokens().tokens[0].serial]))
except GostKeyError as error:
    print(type(error).__name__, error)
"""

READ = """
import json, sys
from gostkey.media.tokens import open_token
store = open_token("token:", pin=lambda info: sys.argv[1])
(place,) = store.find()
print(json.dumps({name: data.hex() for name, data in store.read(place).items()}))
"""

HOLD = """
import sys, time
from gostkey import pcsc
from gostkey.errors import TokenBusy
pcsc.LONGEST_WAIT_SECONDS = 0.5
with pcsc.connect("Virtual PCD 00 00") as card:
    import subprocess
    code = sys.argv[1]
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True))
    assert card.transmit(bytes.fromhex("00CA018100"))[1] == 0x9000
with pcsc.connect("Virtual PCD 00 00") as card:
    card.renew()
    print(hex(card.transmit(bytes.fromhex("00CA018100"))[1]))
"""

WAIT = """
from gostkey import pcsc
pcsc.LONGEST_WAIT_SECONDS = 0.5
try:
    with pcsc.connect("Virtual PCD 00 00"):
        print("held")
except pcsc.TokenBusy as error:
    print("busy", error)
"""


def as_read(files: dict[str, bytes]) -> dict[str, str]:
    return {name: data.hex() for name, data in files.items()}


@pytest.mark.parametrize("kind", [RutokenLite, RutokenEcpCard, RutokenS])
def test_a_copy_on_a_token(bench: Bench, kind: type[RutokenLite]) -> None:
    sample = samples.container()
    card = kind()
    card.add_container(0x0A00, sample.files)
    bench.insert(card)
    bench.wait_for(0)
    done = bench.python(COPY, "12345678")
    compared, (first, second), serial = json.loads(done.stdout or done.stderr)
    assert compared == "keys" and first == as_read(sample.files)
    assert second["primary.key"] == first["primary.key"]
    assert second["name.key"] == (b"\x30\x06\x16\x04copy").hex()
    assert int(serial, 16) == card.serial
    assert card.logged_in is None


@pytest.mark.parametrize("kind", [JacartaLt, EtokenPro])
def test_other_families_are_read(bench: Bench, kind: type[VirtualCard]) -> None:
    sample = samples.container()
    card = kind()
    assert isinstance(card, JacartaLt | EtokenPro)
    card.add_container(0xCC00 if kind is EtokenPro else 3, sample.files)
    bench.insert(card)
    bench.wait_for(0)
    done = bench.python(READ, "1234567890")
    assert json.loads(done.stdout or done.stderr) == as_read(sample.files)


def test_a_token_pulled_while_it_is_written_keeps_the_old_container(
    bench: Bench,
) -> None:
    sample = samples.container()
    card = RutokenLite()
    card.add_container(0x0A00, sample.files)
    bench.insert(card)
    bench.wait_for(0)
    card.pull_at(75, torn=True)
    told = bench.python(COPY, "12345678").stdout
    assert told.startswith("TokenAbsent") and "half-written" in told
    assert "0B00" in told
    bench.insert(card)
    bench.wait_for(0)
    done = bench.python(READ, "12345678")
    assert json.loads(done.stdout or done.stderr) == as_read(sample.files)


def test_a_token_that_another_program_holds_is_told(bench: Bench) -> None:
    bench.insert(RutokenLite())
    bench.wait_for(0)
    done = bench.python(HOLD, WAIT)
    assert "busy token in Virtual PCD 00 00 is held by another program" in done.stdout
    assert done.stdout.endswith("0x9000\n"), done.stderr
    assert bench.python(WAIT).stdout == "held\n"


# -- OpenSC, which knows real Rutokens, as a second opinion ---------------------


@pytest.fixture
def explorer(bench: Bench) -> Callable[[type[RutokenLite], list[str]], str]:
    """Run opensc-explorer with commands, in the folder of the containers."""
    if shutil.which("opensc-explorer") is None:
        pytest.skip("needs opensc-explorer: apt-get install opensc")

    def run(kind: type[RutokenLite], commands: list[str]) -> str:
        script = [f"cd {fid:04X}" for fid in kind.CONTAINERS]
        script += ["verify CHV2 31:32:33:34:35:36:37:38", *commands]
        done = bench.run(["opensc-explorer"], input="\n".join(script) + "\n")
        return done.stdout + done.stderr

    return run


NUMBERS = {
    "masks.key": 1,
    "primary.key": 2,
    "header.key": 3,
    "masks2.key": 4,
    "primary2.key": 5,
    "name.key": 6,
}


@pytest.mark.parametrize("kind", [RutokenEcp, RutokenS])
def test_opensc_reads_what_was_written(
    bench: Bench,
    explorer: Callable[[type[RutokenLite], list[str]], str],
    kind: type[RutokenLite],
    tmp_path: Path,
) -> None:
    sample = samples.container()
    source = sample.write(tmp_path / "source.000")
    bench.insert(kind())
    bench.wait_for(0)
    done = bench.python(
        "import sys\n"
        "from gostkey.media import TokenUse, copy_container\n"
        "tokens = TokenUse(lambda info: '12345678', experimental=True)\n"
        "print(copy_container(sys.argv[1], 'token:', tokens=tokens).place.name)",
        str(source),
    )
    assert done.stdout == "0A00\n", done.stderr
    got = {name: tmp_path / name for name in NUMBERS}
    said = explorer(
        kind,
        ["cd 0A00", *(f"get 0A0{NUMBERS[name]} {path}" for name, path in got.items())],
    )
    for name, path in got.items():
        data = path.read_bytes() if path.exists() else said.encode()
        assert data.rstrip(b"\xff") == sample.files[name].rstrip(b"\xff"), name


@pytest.mark.parametrize("kind", [RutokenEcp, RutokenS])
def test_what_opensc_wrote_is_read(
    bench: Bench,
    explorer: Callable[[type[RutokenLite], list[str]], str],
    kind: type[RutokenLite],
    tmp_path: Path,
) -> None:
    sample = samples.container(with_certificate=False)
    bench.insert(kind())
    bench.wait_for(0)
    commands = ["mkdir 0B00 0", "cd 0B00"]
    for name, number in NUMBERS.items():
        path = tmp_path / name
        path.write_bytes(sample.files[name])
        size = len(sample.files[name])
        commands += [f"create 0B0{number} {size}", f"put 0B0{number} {path}"]
    said = explorer(kind, commands)
    done = bench.python(READ, "12345678")
    assert json.loads(done.stdout or done.stderr + said) == as_read(sample.files)
