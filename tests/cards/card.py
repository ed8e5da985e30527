"""What all virtual cards share: the wire, faults, the record, the file they live in.

A card is an object in the test's own process:

    card = RutokenLite()
    card.transmit(bytes.fromhex("00CA018100"))   # -> (data, status word)

`exchange` is one command as it goes over the wire (61xx and 6Cxx are seen), and
`transmit` the same for a caller who wants the answer (`gostkey.pcsc.Card`).
`cards.vpcd` puts the same object into a reader of the real pcscd.

Faults count commands as `exchange` gets them, from the moment they are ordered:
1 is the next one.  The record and the file keep no secret of the caller's, but
the file has the card's own PINs in it: virtual cards are for tests.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cards.commands import (
    DONE,
    MEMORY_FAILURE,
    NO_CONDITIONS,
    NO_SUCH_CLASS,
    Command,
    Exchange,
    Refused,
    blanked,
    need,
    parse,
)

from gostkey.errors import TokenAbsent


class CardGone(TokenAbsent):
    """The card is not in the reader (any more)."""


@dataclass
class Fault:
    """What is to happen at one command, counted from the beginning of the card."""

    number: int
    kind: str
    """pulled, failure (6581) or swapped."""
    after: bool = False
    """The command is still carried out; only its answer is lost."""
    torn: bool = False
    """Of what the command writes, the first half is written."""
    other: VirtualCard | None = None


class VirtualCard:
    """A card: its families say what the commands do (`run`)."""

    KIND: ClassVar[str]
    ATR: ClassVar[bytes]
    T0: ClassVar[bool] = False
    GIVES_UNASKED: ClassVar[bool] = False
    """Its ATR says T=0, but the reader's driver fetches what waits (61xx)."""

    def __init__(self, *, t0: bool | None = None) -> None:
        self.atr = self.ATR
        self.reader = "Virtual PCD 00 00"
        self.t0 = self.T0 if t0 is None else t0
        """Answers to commands with data wait for GET RESPONSE (61xx), and a wrong
        Le is told (6Cxx)."""
        self.present = True
        self.log: list[Exchange] = []
        self.instructions: Counter[int] = Counter()
        """How often each class and instruction came, as one number."""
        self.power_offs: list[int] = []
        """How many commands the card had had when its power was cut, each time."""
        self.kept_in: Path | None = None
        """Where the card is written after each command that changed it."""
        self.on_swap: Callable[[VirtualCard], None] | None = None
        """Told by a reader: what to do when another card takes this one's place."""
        self.torn = False
        self.changed = False
        self._faults: list[Fault] = []
        self._waiting = b""
        self._instead: VirtualCard | None = None
        self._lock = threading.RLock()

    # -- what the families have of their own ----------

    def run(self, command: Command) -> bytes:
        """Carry out a command, return its data; refusals are raised."""
        raise NotImplementedError

    def forget_session(self) -> None:
        """What a loss of power makes the card forget: login, selected file."""
        raise NotImplementedError

    def selection(self) -> Any:
        """What a command that is refused for its Le must not have changed."""
        return None

    def select_again(self, selection: Any) -> None:
        pass

    def state(self) -> dict[str, Any]:
        """All that the card remembers without power, for a file of JSON."""
        raise NotImplementedError

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `state`."""
        raise NotImplementedError

    # -- faults ----------

    def pull_at(self, number: int, *, after: bool = False, torn: bool = False) -> None:
        """Pull the card out at the command of that number (1: the next one).

        Args:
            number: counted from now.
            after: the command is carried out, and its answer lost.
            torn: half of what it writes is written.
        """
        self._faults.append(Fault(self.count + number, "pulled", after, torn))

    def fail_at(self, number: int, *, torn: bool = False) -> None:
        """Let the memory fail (6581) at the command of that number, once."""
        self._faults.append(Fault(self.count + number, "failure", torn=torn))

    def swap_at(self, number: int, other: VirtualCard, *, silent: bool = False) -> None:
        """Have another card in the reader from the command of that number on.

        Args:
            number: counted from now.
            other: the card that takes the place.
            silent: the reader does not notice, and the other card gets this
                command and all later ones; else the command ends as with a
                card that is pulled.
        """
        kind = "silently swapped" if silent else "swapped"
        self._faults.append(Fault(self.count + number, kind, other=other))

    def no_faults(self) -> None:
        self._faults.clear()

    def pull(self) -> None:
        """Pull it out between two commands."""
        self.present = False
        self.power(0)

    def insert(self) -> None:
        """Put it in (again): with power, and with no login."""
        self.present = True
        self._instead = None
        self.power(1)

    def power(self, what: int) -> None:
        """Power off (0), on (1) or a reset (2): login and selection are gone."""
        with self._lock:
            if what == 0:
                self.power_offs.append(self.count)
            self._waiting = b""
            self.forget_session()

    # -- the wire ----------

    @property
    def count(self) -> int:
        """How many commands the card has had."""
        return len(self.log)

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        """Send a command and fetch all of its answer.

        Raises:
            CardGone: if the card is not there (any more).
        """
        answer, status = self.exchange(command)
        if status >> 8 == 0x6C:
            answer, status = self.exchange(
                command[: 5 + command[4] if len(command) > 5 else 4]
                + bytes([status & 0xFF])
            )
        data = answer
        while status >> 8 == 0x61:
            answer, status = self.exchange(
                bytes.fromhex("00C00000") + bytes([status & 0xFF])
            )
            data += answer
        return data, status

    def exchange(self, command: bytes) -> tuple[bytes, int]:
        """One command over the wire: its data and its status word.

        Raises:
            CardGone: if the card is not there (any more).
        """
        with self._lock:
            if self._instead is not None:
                return self._instead.exchange(command)
            if not self.present:
                raise CardGone(f"there is no card in the reader {self.reader}")
            return self._exchange(bytes(command))

    def _exchange(self, command: bytes) -> tuple[bytes, int]:
        number = self.count + 1
        fault = next((one for one in self._faults if one.number == number), None)
        if fault and fault.kind == "silently swapped":
            assert fault.other is not None
            self.pull()
            fault.other.insert()
            self._instead = fault.other
            return fault.other.exchange(command)
        self.torn = bool(fault and fault.torn)
        if fault is None or fault.after or fault.torn:
            answer, status = self._answer(command)
        else:
            answer, status = b"", MEMORY_FAILURE
        self.torn = False
        self.instructions[int.from_bytes(command[:2], "big")] += 1
        gone = fault is not None and fault.kind in ("pulled", "swapped")
        if fault is not None and not gone:
            answer, status = b"", MEMORY_FAILURE
        self.log.append(
            Exchange(
                blanked(command), 0 if gone else len(answer), None if gone else status
            )
        )
        self._keep()
        if not gone:
            return answer, status
        self.pull()
        if fault is not None and fault.other is not None:
            fault.other.reader = self.reader
            fault.other.insert()
            if self.on_swap:
                self.on_swap(fault.other)
        raise CardGone(f"the card in {self.reader} went away")

    def _answer(self, command: bytes) -> tuple[bytes, int]:
        before = self.selection()
        try:
            parsed = parse(command)
            if parsed.head == 0x00C0:
                return self._response(parsed)
            self._waiting = b""
            need(parsed.cla in (0x00, 0x80), NO_SUCH_CLASS)
            data = self.run(parsed)
        except Refused as refusal:
            return b"", refusal.status
        if not data:
            return b"", DONE
        if self.t0 and parsed.data:
            self._waiting = data
            return b"", 0x6100 | len(data) & 0xFF
        if parsed.expected is None:
            # In T=1, who does not ask for data gets none.
            if not self.t0:
                return data if self.GIVES_UNASKED else b"", DONE
            self.select_again(before)
            return b"", 0x6C00 | len(data) & 0xFF
        wrong = parsed.expected != len(data) if self.t0 else parsed.expected < len(data)
        if wrong:
            self.select_again(before)
            return b"", 0x6C00 | len(data) & 0xFF
        return data, DONE

    def _response(self, parsed: Command) -> tuple[bytes, int]:
        need(bool(self._waiting), NO_CONDITIONS)
        if parsed.expected != len(self._waiting):
            return b"", 0x6C00 | len(self._waiting) & 0xFF
        data, self._waiting = self._waiting, b""
        return data, DONE

    # -- the file it lives in ----------

    def keep_in(self, path: Path) -> None:
        """Write the card there, now and after each command that changes it."""
        self.kept_in = path
        self.changed = True
        self._keep()

    def _keep(self) -> None:
        if self.kept_in is None or not self.changed:
            return
        text = json.dumps({"kind": self.KIND, **self.state()})
        beside = self.kept_in.with_name(self.kept_in.name + ".new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self.kept_in)
        self.changed = False
