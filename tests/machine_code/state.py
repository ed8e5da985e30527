"""What is known at one place of a program, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .instructions import GPR64
from .kinds import A_SECRET, Value, join


@dataclass(frozen=True)
class Signature:
    """Kinds of the arguments in their order, and of what is returned."""

    arguments: tuple[str, ...]
    returns: str = "number"


def signature(arguments: str, returns: str = "number") -> Signature:
    return Signature(tuple(arguments.split()), returns)


@dataclass(frozen=True)
class Finding:
    function: str
    what: str
    instruction: str
    source: tuple[str, int]

    def line(self) -> str:
        """The line of the program that it came from."""
        path, number = self.source
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
            return lines[number - 1].strip()
        except (OSError, IndexError):
            return ""

    def __str__(self) -> str:
        path, number = self.source
        return (
            f"{self.function}: {self.what}: {self.instruction}"
            f"   [{Path(path).name}:{number}: {self.line()}]"
        )


Slot = tuple[str, int]  # base, offset
Key = tuple[tuple[str, Value], ...]


class State:
    """Kinds of all registers and of the stack's known slots."""

    __slots__ = ("registers", "slots")

    def __init__(
        self, registers: dict[str, Value], slots: dict[Slot, tuple[int, Value]]
    ) -> None:
        self.registers = registers
        self.slots = slots

    def copy(self) -> State:
        return State(dict(self.registers), dict(self.slots))

    def merge(self, other: State, whole: set[Slot] | None) -> bool:
        """Take in what another way here knows less; True if that changed something.

        A whole slot that was never written on one of the ways is only read after
        the other, or the program would read what it never wrote.
        """
        changed = False
        for name, value in self.registers.items():
            joined = join(value, other.registers[name])
            if joined != value:
                self.registers[name] = joined
                changed = True
        for slot in {*self.slots, *other.slots}:
            ours, theirs = self.slots.get(slot), other.slots.get(slot)
            if ours is None or theirs is None:
                joined_slot = ours or theirs
                assert joined_slot is not None
                if whole is not None and slot not in whole:
                    joined_slot = (joined_slot[0], A_SECRET)
            else:
                joined_slot = (min(ours[0], theirs[0]), join(ours[1], theirs[1]))
            if joined_slot != ours:
                self.slots[slot] = joined_slot
                changed = True
        return changed


ALL_REGISTERS = (
    *GPR64,
    *(f"{name} low" for name in GPR64),
    *(f"zmm{i}" for i in range(32)),
    *(f"k{i}" for i in range(8)),
    "flags",
    "escaped",  # SECRET once a pointer to the stack was stored elsewhere
)
