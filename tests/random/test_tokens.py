"""Tokens as a source: by a card of a few lines, by a virtual card in a virtual
reader behind the real pcscd, and by the PKCS #11 tokens of SoftHSM."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soft_tokens
from cards.bench import Bench
from cards.rutoken import RutokenEcp, RutokenLite

from gostkey import random
from gostkey.backend import active
from gostkey.errors import HealthFailure, LengthError, MediumError
from gostkey.random import tokens
from gostkey.random.token_cards import challenge

Added = list[tuple[str, bytes, int]]


class CounterCard:
    """Answers GET CHALLENGE with hashes of a counter."""

    def __init__(
        self,
        *,
        most: int = 256,
        refusal: int = 0x6700,
        leaves_after: int = -1,
        answer: Callable[[int, int], bytes] | None = None,
    ) -> None:
        self.most = most
        self.refusal = refusal
        self.leaves_after = leaves_after
        self.commands: list[bytes] = []
        self.given = bytearray()
        self._answer = answer or (
            lambda number, length: hashlib.sha256(b"card %d" % number).digest()[:length]
        )

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        self.commands.append(command)
        if len(self.commands) - 1 == self.leaves_after:
            raise MediumError("token card went away while it was read")
        assert command[:4] == bytes.fromhex("00840000")
        assert len(command) == 5
        if command[4] > self.most:
            return b"", self.refusal
        answer = self._answer(len(self.commands), command[4])
        self.given += answer
        return answer, 0x9000


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Added:
    """What was given to the pool."""
    seen: Added = []
    monkeypatch.setattr(
        random,
        "add_input",
        lambda name, data, bits: seen.append((name, bytes(data), bits)),
    )
    return seen


def test_challenges_are_collected_and_cut_to_what_was_asked() -> None:
    card = CounterCard()
    data = tokens.read(card, 100)
    assert data == card.given[:100]
    assert card.commands == [bytes.fromhex("0084000020")] * 4


@pytest.mark.parametrize("refusal", [0x6700, 0x6A86, 0x6A80, 0x6B00])
def test_a_card_that_gives_eight_bytes_at_a_time_is_asked_for_eight(
    refusal: int,
) -> None:
    card = CounterCard(most=8, refusal=refusal)
    data = tokens.read(card, 20)
    assert data == card.given[:20]
    assert [command[4] for command in card.commands] == [32, 16, 8, 8, 8]


def test_a_card_that_says_the_right_length_is_asked_for_that() -> None:
    class Card(CounterCard):
        def transmit(self, command: bytes) -> tuple[bytes, int]:
            if command[4] != 12:
                return b"", 0x6C0C
            return super().transmit(command)

    card = Card()
    assert tokens.read(card, 30) == card.given[:30]
    assert {command[4] for command in card.commands} == {12}


def test_an_answer_that_waits_is_fetched() -> None:
    class Card(CounterCard):
        waiting = b""

        def transmit(self, command: bytes) -> tuple[bytes, int]:
            if command[1] == 0xC0:
                assert command == bytes([0, 0xC0, 0, 0, len(self.waiting)])
                return self.waiting, 0x9000
            self.waiting, _ = super().transmit(command)
            return b"", 0x6100 | len(self.waiting)

    card = Card()
    assert tokens.read(card, 64) == card.given


@pytest.mark.parametrize("status", [0x6D00, 0x6A81, 0x6E00])
def test_a_card_without_the_command_is_told(status: int) -> None:
    with pytest.raises(MediumError, match=f"offers no random bytes.*{status:04X}"):
        tokens.read(CounterCard(most=0, refusal=status), 8)


def test_other_refusals_are_told_with_their_number() -> None:
    with pytest.raises(MediumError, match="refused GET CHALLENGE .6F86"):
        tokens.read(CounterCard(most=0, refusal=0x6F86), 8)
    with pytest.raises(MediumError, match="with no bytes"):
        tokens.read(CounterCard(answer=lambda number, length: b""), 8)


def test_a_card_pulled_in_the_middle_is_told_and_nothing_is_mixed_in(
    added: Added,
) -> None:
    with pytest.raises(MediumError, match="went away"):
        tokens.mix_in(CounterCard(leaves_after=3))
    assert added == []


def test_its_bytes_are_mixed_in_with_no_credit_by_default(added: Added) -> None:
    card = CounterCard()
    reading = tokens.mix_in(card)
    assert added == [("token", bytes(card.given), 0)]
    assert (reading.bytes_read, reading.credited_bits, reading.failure) == (512, 0, "")
    assert json.loads(json.dumps(reading.record()))["token"] == "card"


def test_the_policy_may_raise_the_credit(added: Added) -> None:
    assert tokens.mix_in(CounterCard(), bits_per_byte=0.5).credited_bits == 256
    assert tokens.mix_in(CounterCard(), count=33, bits_per_byte=8).credited_bits == 264
    assert [credit for _, _, credit in added] == [256, 264]
    for wrong in (-0.1, 8.1):
        with pytest.raises(LengthError, match="bits_per_byte"):
            tokens.mix_in(CounterCard(), bits_per_byte=wrong)


def few_values(number: int, length: int) -> bytes:
    """Ten values only: each comes 51 times in 512, 16 are too many."""
    digest = hashlib.sha256(b"few %d" % number).digest()
    return bytes(byte % 10 for byte in digest)[:length]


def runs(number: int, length: int) -> bytes:
    return hashlib.sha256(b"runs %d" % number).digest()[: length - 5] + bytes(5)


@pytest.mark.parametrize("answer", [few_values, runs])
def test_bytes_that_fail_a_test_are_named_and_lose_the_credit(
    answer: Callable[[int, int], bytes], added: Added
) -> None:
    with pytest.raises(HealthFailure, match="token card"):
        tokens.read(CounterCard(answer=answer), 512)
    reading = tokens.mix_in(CounterCard(answer=answer), bits_per_byte=8)
    assert "token card" in reading.failure
    assert reading.credited_bits == 0
    # They are mixed in all the same: they can only add.
    assert [(name, len(data), bits) for name, data, bits in added] == [
        ("token", 512, 0)
    ]


def test_a_card_that_repeats_itself_is_named_and_not_used(added: Added) -> None:
    same = hashlib.sha256(b"same").digest()
    card = CounterCard(answer=lambda number, length: same[:length])
    with pytest.raises(HealthFailure, match="same 32 bytes twice"):
        tokens.read(card, 64)
    reading = tokens.mix_in(card, bits_per_byte=8)
    assert (reading.credited_bits, added) == (0, [])
    assert "twice" in reading.failure


@pytest.mark.parametrize("count", [0, -1, 65537])
def test_only_so_many_bytes_can_be_asked(count: int) -> None:
    with pytest.raises(LengthError, match="1 to 65536"):
        tokens.read(CounterCard(), count)


def test_nothing_secret_is_in_what_is_said() -> None:
    card = CounterCard()
    reading = tokens.mix_in(card)
    assert card.given[:4].hex() not in f"{reading!r} {reading.record()}"


def test_the_extras_are_named_when_they_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # None is what makes an import of that name fail.
    monkeypatch.setitem(sys.modules, "smartcard", None)
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    found = tokens.list_token_sources([tmp_path / "library.so"])
    assert found.sources == ()
    assert [one for one in found.problems if "gostkey[token]" in one]
    assert [one for one in found.problems if "gostkey[pkcs11]" in one]
    for kind, extra in (("pcsc", "token"), ("pkcs11", "pkcs11")):
        with pytest.raises(MediumError, match=rf"gostkey\[{extra}\]"):
            tokens.read(tokens.TokenSource(kind, "some token", "library.so"), 8)


def test_a_token_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(tokens, "read_card", lambda name, count: time.sleep(2))
    with pytest.raises(MediumError, match="reader 1: no answer"):
        tokens.read(tokens.TokenSource("pcsc", "reader 1"), 8)


def test_challenge_wipes_what_it_had_when_the_card_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wiped: list[int] = []
    wipe = active.generators.wipe

    def noted(buffer: bytearray) -> None:
        wiped.append(len(buffer))
        wipe(buffer)

    monkeypatch.setattr(active.generators, "wipe", noted)
    with pytest.raises(MediumError):
        challenge(CounterCard(leaves_after=3), 512, "card")
    assert wiped == [96]


# -- the real service, with a virtual reader ----------------------------------


READ = """
import json
from gostkey.errors import GostKeyError
from gostkey.random import tokens

found = tokens.list_token_sources()
told = {
    "sources": [[one.kind, one.name] for one in found.sources],
    "problems": found.problems,
    "read": "",
    "error": "",
}
source = tokens.TokenSource("pcsc", "Virtual PCD 00 00")
try:
    told["read"] = tokens.read(source, 512).hex()
    told["reading"] = tokens.mix_in(source).record()
except GostKeyError as error:
    told["error"] = str(error)
print(json.dumps(told))
"""


def read_in(bench: Bench) -> dict[str, Any]:
    done = bench.python(READ)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_card_behind_the_real_service_gives_its_bytes(bench: Bench) -> None:
    card = RutokenEcp()
    name = bench.insert(card)
    bench.wait_for(0)
    told = read_in(bench)
    assert told["sources"] == [["pcsc", name]]
    assert told["read"] == bytes(card.given[:512]).hex()
    assert told["reading"] == {
        "token": name,
        "bytes": 512,
        "credited_bits": 0,
        "failure": "",
    }
    # Nobody else is logged out: the card's power is not cut between the two uses.  (The
    # service does that to a card that nobody has used for seconds.)
    assert not [at for at in card.power_offs if 0 < at < card.count]


def test_a_card_pulled_from_the_real_reader_is_told(bench: Bench) -> None:
    card = RutokenEcp()
    bench.insert(card)
    bench.wait_for(0)
    card.pull_at(3)
    assert "put it in again" in read_in(bench)["error"]


def test_a_rutoken_lite_has_no_random_bytes(bench: Bench) -> None:
    bench.insert(RutokenLite())
    bench.wait_for(0)
    assert "offers no random bytes" in read_in(bench)["error"]


def test_an_empty_reader_gives_no_source(bench: Bench) -> None:
    told = read_in(bench)
    assert (told["sources"], told["problems"]) == ([], [])
    assert "there is no card in the reader" in told["error"]


def test_a_service_that_does_not_run_is_told(bench: Bench) -> None:
    bench.stop()
    assert "pcscd" in str(read_in(bench)["problems"])


# -- PKCS #11 -----------------------------------------------------------------


@pytest.fixture
def soft_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Path]]:
    """The library of SoftHSM with one token, and the folder where it lives."""
    library, folder, settings = soft_tokens.soft_token(tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    yield library, folder
    import pkcs11

    pkcs11.unload(str(library))


def test_softhsm_gives_random_bytes_without_a_pin(
    soft_token: tuple[Path, Path], added: Added
) -> None:
    library, _ = soft_token
    found = [
        source
        for source in tokens.list_token_sources([library]).sources
        if source.kind == "pkcs11"
    ]
    # SoftHSM always shows one more token, which was not set up yet.
    (source,) = (one for one in found if one.name == "office token")
    assert source.library == str(library) and source.serial
    first, second = tokens.read(source, 512), tokens.read(source, 512)
    assert len(first) == len(second) == 512
    assert first != second
    reading = tokens.mix_in(source)
    assert reading.record() == {
        "token": "office token",
        "bytes": 512,
        "credited_bits": 0,
        "failure": "",
    }
    assert [(name, len(data), bits) for name, data, bits in added] == [
        ("token", 512, 0)
    ]


def test_a_pkcs11_token_that_is_not_there_is_told(
    soft_token: tuple[Path, Path],
) -> None:
    library, _ = soft_token
    gone = tokens.TokenSource("pkcs11", "another token", str(library), "0123")
    with pytest.raises(MediumError, match="another token.*0123.*not there"):
        tokens.read(gone, 16)


def test_what_is_no_pkcs11_library_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pkcs11", reason="needs: pip install 'gostkey[pkcs11]'")
    wrong = tmp_path / "library.so"
    problems = tokens.list_token_sources([wrong]).problems
    assert any("no such PKCS #11 library" in one for one in problems)
    wrong.write_bytes(b"not a library")
    problems = tokens.list_token_sources([wrong]).problems
    assert any(f"{wrong} cannot be used" in one for one in problems)
