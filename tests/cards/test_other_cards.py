"""The virtual JaCarta LT and eToken PRO."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cards.card import VirtualCard
from cards.etoken import EtokenPro, key_of_pin
from cards.jacarta_lt import JacartaLt
from cards.kinds import load

SELECT_LT = "00A4040008 A000000448000301"
LOGIN_LT = "801010000C 000A" + b"1234567890".hex()
SELECT_PRO = "00A4040007 A0000003120202 00"
FILES = {
    "masks.key": b"\x30\x36" + bytes(54),
    "primary.key": b"\x30\x22" + bytes(34),
    "header.key": b"\x30\x82\x01\x00" + bytes(256),
    "name.key": b"\x30\x03\x16\x01A",
}


def send(card: VirtualCard, command: str) -> tuple[str, int]:
    data, status = card.transmit(bytes.fromhex(command.replace(" ", "")))
    return data.hex().upper(), status


def done(card: VirtualCard, *commands: str) -> str:
    data = ""
    for command in commands:
        data, status = send(card, command)
        assert status == 0x9000, (command, f"{status:04X}")
    return data


@pytest.fixture
def lt() -> JacartaLt:
    card = JacartaLt(rows_at_once=3)
    card.add_container(0x03, FILES)
    return card


def test_the_table_comes_in_pages_of_rows(lt: JacartaLt) -> None:
    assert send(lt, "8020600002 0000 00") == ("", 0x6985)
    done(lt, SELECT_LT)
    first, second, third = (done(lt, f"8020600002 {row:04X} 00") for row in (0, 3, 4))
    assert first == "000103F1000000 000203F2000000 000303F3000000".replace(" ", "")
    assert (second, third) == ("000403F6000000", "")


def test_keys_are_read_after_the_pin(lt: JacartaLt) -> None:
    done(lt, SELECT_LT)
    assert done(lt, "8020300006 00 04 0000 0005 00") == "3003160141"
    assert send(lt, "8020300006 00 01 0000 0038 00") == ("", 0x6982)
    assert send(lt, LOGIN_LT[:-2] + "31") == ("", 0x63C9)
    done(lt, LOGIN_LT)
    assert done(lt, "8020300006 00 01 0000 0038 00").startswith("3036")
    assert len(done(lt, "8020300006 00 03 00F0 00F0 00")) == 2 * (260 - 240)
    assert send(lt, "8020300006 00 03 0000 00F1 00") == ("", 0x6700)
    assert send(lt, "8020300006 00 03 0104 0001 00") == ("", 0x6B00)
    assert send(lt, "8020300006 00 09 0000 0001 00") == ("", 0x6A88)


def test_ten_wrong_pins_block_it(lt: JacartaLt) -> None:
    done(lt, SELECT_LT)
    for left in range(9, -1, -1):
        assert send(lt, LOGIN_LT[:-2] + "31") == ("", 0x63C0 | left)
    assert send(lt, LOGIN_LT) == ("", 0x6983)


def test_it_is_no_rutoken(lt: JacartaLt) -> None:
    assert send(lt, "00A4080404 1000 1003 00") == ("", 0x6A86)
    assert send(lt, "00CA018100") == ("", 0x6D00)
    assert send(lt, SELECT_PRO) == ("", 0x6A82)


# -- eToken PRO ----------


def openssl(*arguments: str) -> bytes:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl: apt-get install openssl")
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def key_by_openssl(pin: str, salt: bytes) -> str:
    told = openssl(
        *("kdf", "-keylen", "24", "-kdfopt", "digest:SHA1", "-kdfopt", "iter:999"),
        *("-kdfopt", "hexpass:" + (pin + "\0").encode("utf-16-be").hex()),
        *("-kdfopt", "hexsalt:" + salt.hex(), "-kdfopt", "id:3", "PKCS12KDF"),
    )
    return told.decode().strip().replace(":", "")


@pytest.mark.parametrize("pin", ["1234567890", "пароль", "x" * 40])
def test_the_key_of_a_pin_is_that_of_openssl(pin: str) -> None:
    salt = bytes(range(20))
    assert key_of_pin(pin, salt).hex().upper() == key_by_openssl(pin, salt)


@pytest.fixture
def pro() -> EtokenPro:
    card = EtokenPro()
    card.add_container(0xCC00, FILES)
    return card


PATH = "6666 5000 E00E 0B00 CC00"
KEY_FILE = f"00A4080C0C {PATH} F002"
READ = "8018000004 0E02 0000 24"


def answer(card: EtokenPro, pin: str = "1234567890") -> str:
    """The command that answers the next challenge, encrypted by OpenSSL."""
    challenge = bytes.fromhex(done(card, "8017000008"))
    key = key_by_openssl(pin, bytes(range(1, 21)))
    done_ = subprocess.run(
        ["openssl", "enc", "-des-ede3-cbc", "-K", key, "-iv", "00" * 8, "-nopad"],
        input=challenge,
        capture_output=True,
        check=True,
    )
    return "801100110A 1008" + done_.stdout.hex()


def test_open_files_are_read_without_a_pin(pro: EtokenPro) -> None:
    assert done(pro, SELECT_PRO) == "6F108407A0000003120202A5059F65020212"
    told = done(pro, f"00A408040C {PATH} F006 00")
    assert "03020005" in told
    assert done(pro, "8018000004 0E02 0000 00") == "3003160141"
    assert done(pro, "8018000004 0E02 0003 00") == "0141"
    assert send(pro, "8018000004 0E02 0005 00") == ("", 0x6B00)
    assert send(pro, "00A408040A 6666 5000 E00E 0B00 CC01 00") == ("", 0x6A82)


def test_one_answer_opens_one_read(pro: EtokenPro) -> None:
    done(pro, SELECT_PRO, KEY_FILE)
    assert send(pro, READ) == ("", 0x6982)
    done(pro, answer(pro))
    assert done(pro, READ).startswith("3022")
    assert send(pro, READ) == ("", 0x6982)


def test_a_wrong_answer_costs_a_try_and_a_right_one_does_not_serve_twice(
    pro: EtokenPro,
) -> None:
    done(pro, SELECT_PRO)
    assert send(pro, answer(pro, "0000000000")) == ("", 0x63CE)
    right = answer(pro)
    done(pro, right)
    assert send(pro, right) == ("", 0x6985)
    pro.left = 0
    assert send(pro, answer(pro)) == ("", 0x6983)


@pytest.mark.parametrize("kind", [JacartaLt, EtokenPro])
def test_they_live_on_in_their_files(kind: type[VirtualCard], tmp_path: Path) -> None:
    card = kind()
    card.left = 3  # type: ignore[attr-defined]
    card.keep_in(tmp_path / "card")
    again = load(tmp_path / "card")
    assert type(again) is kind and again.state() == card.state()
