"""Cards behind the real pcscd: seen, used, pulled, swapped, in both readers."""

from __future__ import annotations

import json
import time

import pytest
from cards.bench import Bench
from cards.card import VirtualCard
from cards.kinds import KINDS
from cards.rutoken import RutokenEcp, RutokenLite

LIST = """
import json
from gostkey import pcsc
found = {reader: (pcsc.atr_of(reader) or b"").hex() for reader in pcsc.readers()}
print(json.dumps(found))
"""

# Reads the serial, again and again, until it cannot; tells how often it could.
READ_ON = """
import sys
from gostkey import pcsc
from gostkey.errors import GostKeyError
done = 0
try:
    with pcsc.connect("Virtual PCD 00 00") as card:
        while done < 50:
            data, status = card.transmit(bytes.fromhex("00CA018100"))
            assert status == 0x9000, hex(status)
            done += 1
except GostKeyError as error:
    print(done, type(error).__name__, error)
else:
    print(done, data.hex())
"""


def test_an_empty_reader_is_told_from_a_full_one(bench: Bench) -> None:
    bench.insert(RutokenLite(), 1)
    bench.wait_for(1)
    assert json.loads(bench.python(LIST).stdout) == {
        "Virtual PCD 00 00": "",
        "Virtual PCD 00 01": RutokenLite.ATR.hex(),
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_is_taken_by_the_reader(
    bench: Bench, kind: type[VirtualCard]
) -> None:
    bench.insert(kind())
    bench.wait_for(0)
    found = json.loads(bench.python(LIST).stdout)
    assert found["Virtual PCD 00 00"] == kind.ATR.hex()


def test_a_command_costs_no_wait(bench: Bench) -> None:
    bench.insert(RutokenLite())
    bench.wait_for(0)
    done = bench.python(
        "import time\n"
        + READ_ON.replace("done = 0", "done, begun = 0, time.monotonic()")
        + "print(time.monotonic() - begun)"
    )
    told, seconds = done.stdout.splitlines()
    assert told == "50 0000000030da6803"
    # With the acknowledgements held back it would be 44 ms each.
    assert float(seconds) < 1.5


def test_a_card_pulled_at_a_command_is_gone(bench: Bench) -> None:
    card = RutokenLite()
    bench.insert(card)
    bench.wait_for(0)
    card.pull_at(8)
    # The virtual reader calls the command in whose midst it goes a success of no bytes.
    told = bench.python(READ_ON).stdout
    assert told.startswith("7 ") and "put it in again" in told
    assert card.count == 8 and not card.present
    bench.insert(card)
    bench.wait_for(0)
    assert bench.python(READ_ON).stdout == "50 0000000030da6803\n"


def test_another_card_after_a_swap(bench: Bench) -> None:
    card, other = RutokenLite(), RutokenEcp(serial=0x01020304)
    bench.insert(card)
    bench.wait_for(0)
    card.swap_at(3, other)
    assert bench.python(READ_ON).stdout.startswith("2 ")
    deadline = time.monotonic() + 5
    while "01020304" not in (told := bench.python(READ_ON).stdout):
        assert time.monotonic() < deadline, told
    # Put in is put in: the swapped card goes when the reader is emptied.
    bench.pull(0)
    assert not other.present


def test_two_benches_at_once_do_not_see_each_other(bench: Bench) -> None:
    with Bench(readers=4) as other:
        other.insert(RutokenEcp(), 3)
        other.wait_for(3)
        assert list(json.loads(bench.python(LIST).stdout).values()) == ["", ""]
        found = json.loads(other.python(LIST).stdout)
        assert list(found.values()) == ["", "", "", RutokenEcp.ATR.hex()]


def test_nothing_is_left_of_one_that_has_ended(bench: Bench) -> None:
    with Bench() as other:
        folder, log = other.folder, other.log()
    assert not folder.exists(), log
    told = bench.python("from gostkey import pcsc\nprint(pcsc.readers())").stdout
    assert told == "['Virtual PCD 00 00', 'Virtual PCD 00 01']\n"
    code = "from gostkey import pcsc\npcsc.readers()"
    assert "CardServiceAbsent" in other.python(code).stderr
