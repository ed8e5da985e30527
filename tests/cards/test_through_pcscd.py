"""gostkey and OpenSC on one virtual token, through the real smart card service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import samples
from cards.bench import Bench
from cards.rutoken import FILES, RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

PIN = "12345678"


def gostkey(bench: Bench, *arguments: str) -> subprocess.CompletedProcess[str]:
    return bench.python(
        "import sys\nfrom gostkey.cli import main\nsys.exit(main())", *arguments
    )


MEND = """
import contextlib, io, json, sys
from gostkey.cli import main

def run(*arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main(list(arguments))
    return out.getvalue()

source, *pin = sys.argv[1:]
for half in json.loads(run("token", "show", "--json"))["unfinished"]:
    run("container", "remove", half, *pin)
print(run("container", "copy", source, "token:", "--json", *pin))
"""


@pytest.fixture
def pin(tmp_path: Path) -> tuple[str, str]:
    """The option that gives the PIN."""
    (tmp_path / "pin").write_text(PIN)
    return "--pin-file", str(tmp_path / "pin")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return samples.container("Иванов Иван").write(tmp_path / "ivanov.000")


def put(bench: Bench, card: RutokenLite, reader: int = 0) -> None:
    bench.insert(card, reader)
    bench.wait_for(reader)


def need_opensc() -> None:
    if shutil.which("opensc-explorer") is None:
        pytest.skip("needs opensc-explorer: apt-get install opensc")


@pytest.mark.parametrize("kind", [RutokenEcpCard, RutokenS])
def test_opensc_reads_what_gostkey_has_written(
    bench: Bench,
    kind: type[RutokenLite],
    source: Path,
    pin: tuple[str, str],
    tmp_path: Path,
) -> None:
    need_opensc()
    card = kind()
    put(bench, card)
    done = gostkey(
        bench, "container", "copy", str(source), "token:", "--experimental", *pin
    )
    assert done.returncode == 0, done.stdout + done.stderr
    script = [f"cd {fid:04X}" for fid in kind.CONTAINERS] + ["cd 0A00"]
    # Name and header first, as nobody has to log in for them.
    script += [f"get 0A0{number} {tmp_path / str(number)}" for number in (3, 6)]
    script += ["verify CHV2 " + ":".join(f"{ord(digit):02X}" for digit in PIN)]
    script += [f"get 0A0{number} {tmp_path / str(number)}" for number in (1, 2, 4, 5)]
    told = bench.run(["opensc-explorer"], input="\n".join(script)).stdout
    assert told.index("0A06 and saved") < told.index("Code correct")
    for name, (number, _) in FILES.items():
        data = (source / name).read_bytes()
        read = (tmp_path / str(number)).read_bytes()
        assert read[: len(data)] == data and set(read[len(data) :]) <= {0xFF}, name
    # The service has nothing to tell of it, least of all the PIN.
    assert PIN not in bench.log() and PIN.encode().hex() not in bench.log().lower()


@pytest.mark.parametrize("kind", [RutokenLite, RutokenS])
def test_gostkey_reads_what_opensc_has_written(
    bench: Bench, kind: type[RutokenLite], source: Path, pin: tuple[str, str]
) -> None:
    need_opensc()
    put(bench, kind())
    script = [f"cd {fid:04X}" for fid in kind.CONTAINERS]
    script += ["verify CHV2 " + ":".join(f"{ord(digit):02X}" for digit in PIN)]
    script += ["mkdir 1000 0", "cd 1000"]
    for name, (number, least) in FILES.items():
        size = max(least, (source / name).stat().st_size)
        script += [f"create 100{number} {size}", f"put 100{number} {source / name}"]
    bench.run(["opensc-explorer"], input="\n".join(script))
    listed = gostkey(bench, "container", "list", "token:", "--json")
    (one,) = (json.loads(line) for line in listed.stdout.splitlines())
    assert one["item"].endswith("/1000") and "Иванов Иван" in listed.stdout
    back = source.parent / "back"
    back.mkdir()
    done = gostkey(bench, "container", "copy", one["item"], str(back), *pin)
    assert done.returncode == 0, done.stdout + done.stderr
    (copied,) = back.iterdir()
    assert samples.read(copied) == samples.read(source)


@pytest.mark.parametrize(
    "number",
    [
        27,
        *(pytest.param(one, marks=pytest.mark.slow) for one in (1, 9, 13, 18, 33, 40)),
    ],
)
def test_a_real_pull_in_the_midst_of_a_copy(
    bench: Bench, source: Path, pin: tuple[str, str], number: int
) -> None:
    card = RutokenLite()
    old = samples.container("the old one").files
    card.add_container(0x0A00, old)
    before = card.files_of(0x0A00)
    put(bench, card)
    card.pull_at(number, after=bool(number % 2))
    done = gostkey(bench, "container", "copy", str(source), "token:", *pin, "--json")
    assert done.returncode in (3, 4), done.stdout + done.stderr
    assert PIN not in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert card.files_of(0x0A00) == before
    # The same token, in the other reader.
    bench.pull(0)
    put(bench, card, 1)
    done = bench.python(MEND, str(source), *pin)
    assert json.loads(done.stdout)["status"] == "done", done.stdout + done.stderr
    assert len(card.containers) == 2
    assert card.files_of(0x0A00) == before


def test_a_real_swap_in_the_midst_of_a_copy(
    bench: Bench, source: Path, pin: tuple[str, str]
) -> None:
    card, stranger = RutokenLite(), RutokenLite(serial=7)
    for one in (card, stranger):
        one.add_container(0x0A00, samples.container("there").files)
    as_it_was = stranger.state()
    put(bench, card)
    card.swap_at(20, stranger)
    done = gostkey(bench, "container", "copy", str(source), "token:", *pin)
    assert done.returncode in (3, 4), done.stdout + done.stderr
    deadline = time.monotonic() + 10
    while "0000000000000007" not in (told := bench.python(SERIAL).stdout):
        assert time.monotonic() < deadline, told
    assert stranger.state() == as_it_was


SERIAL = """
from gostkey import pcsc
with pcsc.connect("Virtual PCD 00 00") as card:
    print(card.transmit(bytes.fromhex("00CA018100"))[0].hex())
"""

WORK = """
import sys, time
from gostkey import pcsc
serial = bytes.fromhex("00CA018100")
with pcsc.connect("Virtual PCD 00 00") as card:
    print("in", flush=True)
    for _ in range(20):
        assert card.transmit(serial)[1] == 0x9000
        time.sleep(0.05)
print("out", flush=True)
"""


def test_another_program_waits_for_its_turn(
    bench: Bench, source: Path, pin: tuple[str, str]
) -> None:
    card = RutokenEcp()
    card.add_container(0x0A00, samples.container("there").files)
    put(bench, card)
    told: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", WORK],
        env=bench.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        asked = card.count
        reader = threading.Thread(target=lambda: told.append(other.stdout.read()))
        reader.start()
        done = gostkey(bench, "container", "copy", str(source), "token:", *pin)
        reader.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert told == ["out\n"]
    # Its commands are not mixed with ours.
    heads = [one.command[:4].hex() for one in card.log[asked:]]
    runs = re.findall("(?:00ca0181,?)+", ",".join(heads))
    assert len(runs[0].rstrip(",").split(",")) >= 19, heads
