"""The way to cards: what is sent as it is, what the service's answers mean.

The service here is a stand-in for `smartcard.scard` with the codes of the PC/SC
specification; the real one is used by the tests of tokens behind pcscd.
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey import pcsc
from gostkey.errors import (
    CardServiceAbsent,
    CardServiceDenied,
    MediumError,
    PyscardMissing,
    TokenAbsent,
    TokenBusy,
)

CODES = {
    "SCARD_S_SUCCESS": 0,
    "SCARD_E_NO_SERVICE": 0x8010001D,
    "SCARD_E_SERVICE_STOPPED": 0x8010001E,
    "SCARD_E_NO_READERS_AVAILABLE": 0x8010002E,
    "SCARD_E_UNKNOWN_READER": 0x80100009,
    "SCARD_E_NO_SMARTCARD": 0x8010000C,
    "SCARD_E_SHARING_VIOLATION": 0x8010000B,
    "SCARD_E_READER_UNAVAILABLE": 0x80100017,
    "SCARD_E_NO_ACCESS": 0x80100027,
    "SCARD_E_TIMEOUT": 0x8010000A,
    "SCARD_W_REMOVED_CARD": 0x80100069,
    "SCARD_W_RESET_CARD": 0x80100068,
    "SCARD_W_SECURITY_VIOLATION": 0x8010006A,
    "SCARD_W_UNPOWERED_CARD": 0x80100067,
    "SCARD_W_UNRESPONSIVE_CARD": 0x80100066,
    "SCARD_SCOPE_USER": 0,
    "SCARD_STATE_UNAWARE": 0,
    "SCARD_STATE_PRESENT": 0x20,
    "SCARD_STATE_EMPTY": 0x10,
    "SCARD_SHARE_SHARED": 2,
    "SCARD_PROTOCOL_T0": 1,
    "SCARD_PROTOCOL_T1": 2,
    "SCARD_PCI_T0": 101,
    "SCARD_PCI_T1": 102,
    "SCARD_LEAVE_CARD": 0,
}

ATR = bytes.fromhex("3B8B015275746F6B656E6C697465C2")


class Scard(ModuleType):
    """One reader with a card that answers each command with itself and 9000."""

    def __init__(self) -> None:
        super().__init__("smartcard.scard")
        self.__dict__.update(CODES)
        self.codes: dict[str, list[int]] = {}
        self.calls: list[str] = []
        self.sent: list[bytes] = []
        self.protocol = CODES["SCARD_PROTOCOL_T1"]
        self.readers = ["Reader 00 00", "Reader 00 01"]
        self.free = threading.Event()
        self.free.set()

    def _code(self, name: str) -> int:
        self.calls.append(name)
        codes = self.codes.get(name)
        return codes.pop(0) if codes else 0

    def SCardEstablishContext(self, scope: int) -> tuple[int, str]:
        return self._code("establish"), "context"

    def SCardReleaseContext(self, context: str) -> int:
        return self._code("release")

    def SCardListReaders(self, context: str, groups: list[str]) -> Any:
        return self._code("list"), self.readers

    def SCardGetStatusChange(self, context: str, timeout: int, states: Any) -> Any:
        ((name, _),) = states
        state = 0x20 if name == self.readers[0] else 0x10
        atr = list(ATR) if state & 0x20 else []
        return self._code("status change"), [(name, state, atr)]

    def SCardConnect(self, *_: Any) -> Any:
        return self._code("connect"), "handle", self.protocol

    def SCardReconnect(self, *_: Any) -> Any:
        return self._code("reconnect"), self.protocol

    def SCardBeginTransaction(self, handle: str) -> int:
        self.free.wait()
        return self._code("begin")

    def SCardStatus(self, handle: str) -> Any:
        return self._code("status"), "Reader 00 00", 0, self.protocol, list(ATR)

    def SCardTransmit(self, handle: str, header: int, command: list[int]) -> Any:
        self.sent.append(bytes(command))
        code = self._code("transmit")
        return code, [*command, 0x90, 0x00]

    def SCardEndTransaction(self, handle: str, disposition: int) -> int:
        assert disposition == CODES["SCARD_LEAVE_CARD"]
        return self._code("end")

    def SCardDisconnect(self, handle: str, disposition: int) -> int:
        assert disposition == CODES["SCARD_LEAVE_CARD"]
        return self._code("disconnect")

    def SCardGetErrorMessage(self, code: int) -> str:
        return f"code {code:X}"


@pytest.fixture
def scard(monkeypatch: pytest.MonkeyPatch) -> Scard:
    module, package = Scard(), ModuleType("smartcard")
    package.scard = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "smartcard", package)
    monkeypatch.setitem(sys.modules, "smartcard.scard", module)
    return module


def test_readers_and_what_is_in_them(scard: Scard) -> None:
    assert pcsc.readers() == ["Reader 00 00", "Reader 00 01"]
    assert pcsc.atr_of("Reader 00 00") == ATR
    assert pcsc.atr_of("Reader 00 01") is None
    # Nobody was disturbed: a card is not connected to for that.
    assert "connect" not in scard.calls
    scard.codes["list"] = [CODES["SCARD_E_NO_READERS_AVAILABLE"]]
    assert pcsc.readers() == []
    assert scard.calls.count("establish") == scard.calls.count("release")


def test_a_card_is_held_and_left_under_power(scard: Scard) -> None:
    with pcsc.connect("Reader 00 00") as card:
        assert (card.reader, card.atr) == ("Reader 00 00", ATR)
        command = bytes.fromhex("00A4000002 3F00 00")
        assert card.transmit(command) == (command, 0x9000)
    assert scard.calls == [
        "establish",
        "connect",
        "begin",
        "status",
        "transmit",
        "end",
        "disconnect",
        "release",
    ]


# ISO/IEC 7816-3, 12.2: in T=0 five bytes of header, and no length of the answer.
T0 = [
    ("00200002", "0020000200"),
    ("00B0000010", "00B0000010"),
    ("00D6000002AABB", "00D6000002AABB"),
    ("00A40000023F0000", "00A40000023F00"),
]


@pytest.mark.parametrize(("command", "on_the_wire"), T0)
def test_t0_gets_its_own_form(scard: Scard, command: str, on_the_wire: str) -> None:
    for protocol, expected in ((1, on_the_wire), (2, command)):
        scard.protocol = protocol
        with pcsc.connect("Reader 00 00") as card:
            card.transmit(bytes.fromhex(command))
        assert scard.sent[-1] == bytes.fromhex(expected)


FAULTS = [
    ("establish", "SCARD_E_NO_SERVICE", CardServiceAbsent, "pcscd"),
    ("establish", "SCARD_E_SERVICE_STOPPED", CardServiceAbsent, "pcscd"),
    ("establish", "SCARD_W_SECURITY_VIOLATION", CardServiceDenied, "polkit"),
    ("connect", "SCARD_E_NO_ACCESS", CardServiceDenied, "may not"),
    ("connect", "SCARD_E_UNKNOWN_READER", TokenAbsent, "no card reader"),
    ("connect", "SCARD_E_NO_SMARTCARD", TokenAbsent, "no card in the reader"),
    ("connect", "SCARD_E_SHARING_VIOLATION", TokenBusy, "another program"),
    ("connect", "SCARD_W_UNRESPONSIVE_CARD", MediumError, "no answer"),
    ("begin", "SCARD_W_REMOVED_CARD", TokenAbsent, "went away"),
    ("status", "SCARD_W_REMOVED_CARD", TokenAbsent, "went away"),
    ("transmit", "SCARD_W_REMOVED_CARD", TokenAbsent, "went away"),
    ("transmit", "SCARD_E_READER_UNAVAILABLE", TokenAbsent, "went away"),
    ("transmit", "SCARD_W_RESET_CARD", MediumError, "reset by another"),
    ("transmit", "SCARD_E_TIMEOUT", MediumError, "8010000A"),
]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("call", "name", "kind", "words"), FAULTS)
def test_what_a_code_means_is_said(
    scard: Scard,
    call: str,
    name: str,
    kind: type[MediumError],
    words: str,
    signed: bool,
) -> None:
    code = CODES[name]
    # Some versions of pyscard give the codes as negative numbers.
    scard.codes[call] = [code - (1 << 32) if signed and words != "8010000A" else code]
    with pytest.raises(kind, match=words):
        with pcsc.connect("Reader 00 00") as card:
            card.transmit(bytes(5))
    calls = scard.calls
    assert calls.count("release") == (call != "establish")
    assert calls.count("disconnect") == (call not in ("establish", "connect"))


def test_without_pyscard_its_installation_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    for ask in (pcsc.readers, lambda: pcsc.atr_of("r")):
        with pytest.raises(PyscardMissing, match=r"pip install 'gostkey\[token\]'"):
            ask()


def test_a_card_that_another_program_reset_is_taken_up_again(scard: Scard) -> None:
    scard.codes["begin"] = [CODES["SCARD_W_RESET_CARD"]]
    with pcsc.connect("Reader 00 00"):
        pass
    assert scard.calls[2:5] == ["begin", "reconnect", "begin"]


def test_another_programs_transaction_is_not_waited_for_for_ever(
    scard: Scard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcsc, "LONGEST_WAIT_SECONDS", 0.05)
    scard.free.clear()
    with pytest.raises(TokenBusy, match="another program"):
        with pcsc.connect("Reader 00 00"):
            pass
    assert "disconnect" not in scard.calls
    scard.free.set()
    for thread in threading.enumerate():
        if thread.name == "gostkey-pcsc":
            thread.join(5)
    # Who waited in vain lets the card go all the same.
    assert scard.calls[-3:] == ["end", "disconnect", "release"]


def test_a_transaction_is_begun_anew(scard: Scard) -> None:
    with pcsc.connect("Reader 00 00") as card:
        card.renew()  # type: ignore[attr-defined]
    assert scard.calls.count("begin") == scard.calls.count("end") == 2


def test_a_transaction_is_let_go_and_begun_again(scard: Scard) -> None:
    with pcsc.connect("Reader 00 00") as card:
        card.pause()  # type: ignore[attr-defined]
        assert scard.calls[-1] == "end"
        card.renew()  # type: ignore[attr-defined]
        assert scard.calls[-1] == "begin"
    assert scard.calls.count("begin") == scard.calls.count("end") == 2
    before = len(scard.calls)
    with pcsc.connect("Reader 00 00") as card:
        card.pause()  # type: ignore[attr-defined]
    # Whoever is interrupted there has no transaction to end.
    assert scard.calls[before:].count("end") == 1
    assert scard.calls[-2:] == ["disconnect", "release"]


def test_another_service_takes_the_place_of_pyscard() -> None:
    class None_:
        def readers(self) -> list[str]:
            return ["mine"]

        def atr_of(self, reader: str) -> bytes | None:
            return None

        def connect(self, reader: str) -> Any:
            raise TokenAbsent(reader)

    with pcsc.using(None_()):
        assert pcsc.readers() == ["mine"] and pcsc.atr_of("mine") is None
        with pytest.raises(TokenAbsent), pcsc.connect("mine"):
            pass


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("00CA018100", "00CA018108"),
        ("00A4030000", "00A4030008"),
        ("00CA0181", "00CA018108"),
        ("00A40000023F0000", "00A40000023F0008"),
        ("00A40000023F00", "00A40000023F0008"),
    ],
)
def test_a_length_that_the_card_corrects_is_sent_again(
    command: str, again: str
) -> None:
    sent: list[bytes] = []

    def transmit(octets: bytes) -> tuple[bytes, int]:
        sent.append(octets)
        return (b"", 0x6C08) if len(sent) == 1 else (bytes(8), 0x9000)

    assert pcsc.complete(transmit, bytes.fromhex(command)) == (bytes(8), 0x9000)
    assert sent == [bytes.fromhex(command), bytes.fromhex(again)]


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(0, 0x60FF))
def test_an_answer_that_waits_is_fetched_to_its_end(
    pieces: list[bytes], last: int
) -> None:
    waiting = list(pieces)
    sent: list[bytes] = []

    def transmit(octets: bytes) -> tuple[bytes, int]:
        sent.append(octets)
        piece = waiting.pop(0) if waiting else b""
        return piece, 0x6100 | len(waiting[0]) if waiting else last

    data, status = pcsc.complete(transmit, bytes.fromhex("00A40000"))
    assert (data, status) == (b"".join(pieces), last)
    assert all(one[:4] == bytes.fromhex("00C00000") for one in sent[1:])
