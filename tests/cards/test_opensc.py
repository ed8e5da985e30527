"""OpenSC, which knows real Rutokens, uses the virtual ones through the real pcscd."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cards.bench import Bench
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

LITE_AND_ECP = [RutokenLite, RutokenEcp, RutokenEcpCard]


@pytest.fixture(autouse=True)
def opensc() -> None:
    for program in ("opensc-tool", "opensc-explorer", "pkcs15-init"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install opensc")


def insert(bench: Bench, card: RutokenLite) -> None:
    bench.insert(card)
    bench.wait_for(0)


def commands(card: RutokenLite, instruction: str) -> list[str]:
    """What came of that instruction, in hexadecimal."""
    found = [one.command.hex(" ").upper() for one in card.log]
    return [one for one in found if one.startswith(instruction)]


@pytest.mark.parametrize(
    ("kind", "name", "serial"),
    [
        (RutokenLite, "Rutoken Lite", "00 00 00 00 30 DA 68 03"),
        (RutokenEcp, "Rutoken ECP (DS)", "00 00 00 00 30 DA 68 03"),
        (RutokenS, "Rutoken S card", "1A 2B 3C 4D"),
    ],
)
def test_it_knows_them_by_name_and_serial(
    bench: Bench, kind: type[RutokenLite], name: str, serial: str
) -> None:
    insert(bench, kind())
    listed = bench.run(["opensc-tool", "-l"]).stdout
    assert "Yes             Virtual PCD 00 00" in listed
    atr = bench.run(["opensc-tool", "-a"]).stdout.split()[0]
    assert bytes.fromhex(atr.replace(":", "")) == kind.ATR
    assert bench.run(["opensc-tool", "-n"]).stdout.strip() == name
    assert bench.run(["opensc-tool", "--serial"]).stdout.startswith(serial)


@pytest.mark.parametrize("kind", [*LITE_AND_ECP, RutokenS])
def test_it_lists_every_file_with_its_rights(
    bench: Bench, kind: type[RutokenLite]
) -> None:
    card = kind()
    card.add_container(0x0A00, {"masks.key": b"0" * 56, "name.key": b"the name"})
    insert(bench, card)
    listed = bench.run(["opensc-tool", "-f"]).stdout
    where = "3f00" + "".join(f"{fid:04x}" for fid in kind.CONTAINERS)
    lines = [line.strip() for line in listed.splitlines()]
    masks = next(at for at, line in enumerate(lines) if where + "0a000a01" in line)
    assert lines[masks].endswith("type: wEF, ef structure: transparent, size: 60")
    assert lines[masks + 1].startswith("read[CHV2] update[CHV2]")
    name = next(at for at, line in enumerate(lines) if where + "0a000a06" in line)
    assert lines[name].endswith("size: 300")
    assert lines[name + 1].startswith("read[NONE] update[CHV2]")
    # Read, as nobody has to log in for it.
    assert "the name" in listed and lines[masks + 3] != ""
    assert len([line for line in lines if line.startswith("3f00")]) == len(
        list(card.root.walk() if card.root else ())
    )


@pytest.mark.parametrize("kind", [*LITE_AND_ECP, RutokenS])
def test_it_makes_writes_reads_and_deletes(
    bench: Bench, kind: type[RutokenLite], tmp_path: Path
) -> None:
    card = kind()
    insert(bench, card)
    given, read = tmp_path / "given", tmp_path / "read"
    given.write_bytes(bytes(range(70)))
    script = [f"cd {fid:04X}" for fid in kind.CONTAINERS] + [
        "verify CHV2 31:32:33:34:35:36:37:38",
        "mkdir 0B00 0",
        "cd 0B00",
        "create 0B02 70",
        f"put 0B02 {given}",
        f"get 0B02 {read}",
    ]
    done = bench.run(["opensc-explorer"], input="\n".join(script))
    assert "Code correct" in done.stdout, done.stdout + done.stderr
    assert read.read_bytes() == given.read_bytes()
    node = card.containers[0x0B00].children[0x0B02]
    assert bytes(node.content) == given.read_bytes()
    script = [f"cd {fid:04X}" for fid in kind.CONTAINERS] + [
        "verify CHV2 31:32:33:34:35:36:37:38",
        "cd 0B00",
        "rm 0B02",
        "cd ..",
        "rm 0B00",
    ]
    bench.run(["opensc-explorer"], input="\n".join(script))
    assert card.containers == {}


@pytest.mark.parametrize("kind", LITE_AND_ECP)
def test_what_it_sends_is_what_the_notes_have(
    bench: Bench, kind: type[RutokenLite]
) -> None:
    card = kind()
    insert(bench, card)
    script = "cd 1000\ncd 1003\nverify CHV2 31:32:33:34:35:36:37:38\n"
    script += "mkdir 0B00 0\ncd 0B00\ncreate 0B02 70\nrm 0B02\n"
    bench.run(["opensc-explorer"], input=script)
    open_rule = "86 0F 43" + " 00" * 14
    assert commands(card, "00 E0") == [
        f"00 E0 00 00 1F 6F 1D 80 02 00 00 82 02 38 00 83 02 0B 00 {open_rule}",
        f"00 E0 00 00 1F 6F 1D 80 02 00 46 82 02 01 00 83 02 0B 02 {open_rule}",
    ]
    assert commands(card, "00 E4") == ["00 E4 00 00 02 0B 02"]
    assert commands(card, "00 20") == ["00 20 00 02 08" + " 2A" * 8]


def test_to_a_rutoken_s_it_sends_the_other_byte_order(bench: Bench) -> None:
    card = RutokenS()
    insert(bench, card)
    script = "cd 0000\ncd 0000\ncd 0002\nverify CHV2 31:32:33:34:35:36:37:38\n"
    bench.run(["opensc-explorer"], input=script + "mkdir 0B00 0\n")
    assert commands(card, "00 E0") == [
        "00 E0 00 00 38 62 36 80 02 00 00 82 02 38 00 83 02 00 0B 86 28 43" + " 00" * 39
    ]
    assert "00 A4 08 00 06 00 00 00 00 02 00" in commands(card, "00 A4")


@pytest.mark.parametrize(
    ("kind", "profile"),
    [
        (RutokenLite, "rutoken_lite"),
        (RutokenEcp, "rutoken_ecp"),
        (RutokenS, "rutoken"),
    ],
)
def test_it_formats_them(bench: Bench, kind: type[RutokenLite], profile: str) -> None:
    card = kind()
    card.add_container(0x0A00, {"name.key": b"0"})
    insert(bench, card)
    done = bench.run(["pkcs15-init", "--erase-card", "-p", profile])
    assert done.returncode == 0, done.stderr
    assert not any(one.status and one.status >> 8 == 0x6F for one in card.log)
    if kind is RutokenS:
        # All is as from the factory: it is made again at once.
        assert card.root is not None and not card.formatting
        fresh = RutokenS().root
        assert fresh is not None
        assert [(node.fid, node.rule) for node in card.root.walk()] == [
            (node.fid, node.rule) for node in fresh.walk()
        ]
        assert {pin.reference: pin.value for pin in card.pins.values()} == {
            1: "87654321",
            2: "12345678",
        }
        return
    assert card.formatting and card.root is None
    more = ["--so-pin", "87654321", "--so-puk", "", "--label", "office"]
    bench.run(["pkcs15-init", "--create-pkcs15", "-p", profile, *more])
    assert card.root is not None
    containers = card.root.at(0x1000, 0x1003)
    assert containers is not None
    # "The user adds, nobody deletes", as on a token of the factory.
    assert containers.rule == kind.user_folder()
    assert card.pins[1].value == "87654321"
    created = " | ".join(commands(card, "00 E0 00 00"))
    assert "82 02 38 00 83 02 10 03 86 0F 43 02 02 00 00 00 00 FF" in created
    pin = "27 6F 25 80 02 00 08 82 02 10 00 83 02 00 01 85 06 01 08 01 AA 00 00 86 0F"
    assert f"{pin} 43 FF 01 00 00 00 00 FF" in created
