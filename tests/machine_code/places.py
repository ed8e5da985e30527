"""Registers and places of the stack in one function: reading and writing them."""

from __future__ import annotations

from .instructions import GPR64, HIGH_BYTES, REGISTERS, Function, Instruction, Operand
from .kinds import (
    A_NUMBER,
    A_SECRET,
    ANYWHERE,
    LOADED,
    NUMBER,
    PUBLIC,
    SECRET,
    Value,
    Where,
)
from .objects import ObjectCode
from .state import Finding, Slot, State


class Places:
    """The values of one function, and what is found as they are used."""

    def __init__(
        self, code: ObjectCode, function: Function, whole: set[Slot] | None
    ) -> None:
        self.code = code
        self.function = function
        self.whole = whole
        self.findings: dict[tuple[int, str], Finding] = {}
        self.accesses: set[tuple[Slot, int, str]] = set()
        self.returned: State | None = None

    def whole_slots(self) -> set[Slot]:
        """Slots that are only accessed from their beginning, directly."""
        ranges: dict[str, list[tuple[int, int, str]]] = {}
        for (base, offset), size, how in self.accesses:
            ranges.setdefault(base, []).append((offset, size, how))
        found = set()
        for base, accesses in ranges.items():
            accesses.sort()
            for offset, size, how in accesses:
                if how == "direct" and all(
                    other == offset and way == "direct"
                    for other, extent, way in accesses
                    if other < offset + size and offset < other + extent
                ):
                    found.add((base, offset))
        return found

    def _find(self, instruction: Instruction, what: str) -> None:
        key = (instruction.address, what)
        self.findings.setdefault(
            key,
            Finding(self.function.name, what, instruction.text, instruction.source),
        )

    # --- values

    def _register(self, state: State, name: str) -> Value:
        full, size = REGISTERS[name]
        if size == 1 and name not in HIGH_BYTES:
            return state.registers[f"{full} low"]
        value = state.registers[full]
        if size < 8 and value.where is not None:
            return Value(value.kind)
        return value

    def _set(self, state: State, name: str, value: Value) -> None:
        full, size = REGISTERS[name]
        if size <= 4:
            value = Value(value.kind)
        if full in GPR64 and name not in HIGH_BYTES:
            state.registers[f"{full} low"] = Value(value.kind)
        if size < 4:
            value = Value(max(value.kind, state.registers[full].kind))
        state.registers[full] = value

    def _address(
        self, instruction: Instruction, operand: Operand, state: State, check: bool
    ) -> Value:
        if operand.base == "rip" or (instruction.symbol and not operand.base):
            value = Value(PUBLIC)
            if instruction.symbol:
                where = ("symbol", instruction.symbol, instruction.symbol_offset)
                if instruction.loads_symbol_address:
                    # The place in the table of addresses.
                    where = ("content of", instruction.symbol, 0)
                value = Value(PUBLIC, where)
        elif operand.base:
            value = self._register(state, operand.base)
            value = value.moved(operand.offset)
        else:
            value = A_NUMBER
        if operand.index:
            index = state.registers[REGISTERS[operand.index][0]]
            if index.kind > value.kind or value.where is None:
                value = Value(max(value.kind, index.kind), index.where).moved(None)
            else:
                value = value.moved(None)
        if check and value.kind == SECRET:
            self._find(instruction, "address from a secret")
        return value

    def _base_slot(self, operand: Operand, state: State) -> Slot | None:
        """Where an indexed access of the stack begins."""
        if not operand.base or operand.base == "rip":
            return None
        where = self._register(state, operand.base).where
        if where is None or not where[0].startswith("stack"):
            return None
        return where[1], (where[2] or 0) + operand.offset

    def _load(self, instruction: Instruction, operand: Operand, state: State) -> Value:
        address = self._address(instruction, operand, state, True)
        where = address.where
        size = operand.size or 8
        if where is not None and where[0] == "stack from":
            self._note_indexed(operand, state)
            return A_SECRET
        if where is not None and where[0] == "stack":
            slot = (where[1], where[2] or 0)
            self._note(slot, size)
            return self._slot(state, slot, size)
        if where is not None and where[0] == "content of":
            return Value(PUBLIC, ("symbol", where[1], where[2]))
        if where is not None and where[0] == "symbol" and where[2] is not None:
            return Value(PUBLIC, ("content of", where[1], where[2]))
        return Value(LOADED[address.kind])

    def _note(self, slot: Slot, size: int) -> None:
        self.accesses.add((slot, size, "direct"))

    def _note_indexed(self, operand: Operand, state: State) -> None:
        if (slot := self._base_slot(operand, state)) is not None:
            self.accesses.add((slot, operand.size or 8, "indexed"))

    def _slot(self, state: State, slot: Slot, size: int) -> Value:
        exact = state.slots.get(slot)
        if exact is not None and exact[0] >= size:
            return exact[1] if exact[0] == size else exact[1].without_place()
        base, offset = slot
        # Parts of one that was stored larger, or several that cover it.
        kind, covered, place = NUMBER, 0, None
        for (other, at), (extent, value) in state.slots.items():
            if other == base and at < offset + size and offset < at + extent:
                kind = max(kind, value.kind)
                place = ANYWHERE if value.on_stack else place
                covered += min(offset + size, at + extent) - max(offset, at)
        if covered < size:
            return A_SECRET
        return Value(kind, place)

    def _store(
        self,
        instruction: Instruction,
        operand: Operand,
        state: State,
        value: Value,
        size: int = 0,
    ) -> None:
        size = operand.size or size or 8
        if operand.mask and state.registers[operand.mask].kind == SECRET:
            own = operand.base == "rsp" and not operand.index
            stack = " to the stack" if own else ""
            self._find(instruction, f"store{stack} with a secret mask")
        address = self._address(instruction, operand, state, True)
        where = address.where
        if not address.on_stack:
            if value.on_stack:
                state.registers["escaped"] = A_SECRET
            if address.kind < SECRET and value.kind > LOADED[address.kind]:
                self._find(instruction, "a secret is stored in public memory")
            return
        assert where is not None
        if where[0] == "stack from":
            self._note_indexed(operand, state)
            self._forget(state, where)
            return
        slot = (where[1], where[2] or 0)
        self._note(slot, size)
        if operand.mask:
            value = Value(max(value.kind, self._slot(state, slot, size).kind))
        self._put(state, slot, size, value)

    def _put(self, state: State, slot: Slot, size: int, value: Value) -> None:
        base, offset = slot
        for other in list(state.slots):
            extent = state.slots[other][0]
            if (
                other[0] == base
                and other[1] < offset + size
                and offset < other[1] + extent
                and other != slot
            ):
                del state.slots[other]
        state.slots[slot] = (size, value)

    def _forget(self, state: State, where: Where | None) -> None:
        """Something may have been stored from that place of the stack on.

        Compilers index from a little before an array, too.
        """
        if self.whole is None or where is None or not where[0].startswith("stack"):
            return
        what, base, lowest = where
        lowest = (lowest or 0) - (63 if what == "stack from" else 0)
        for slot in list(state.slots):
            beyond = slot[0] == base and slot[1] >= lowest
            if slot not in self.whole and (base == "?" or beyond):
                state.slots[slot] = (state.slots[slot][0], A_SECRET)

    def _read(self, instruction: Instruction, operand: Operand, state: State) -> Value:
        if operand.memory:
            return self._load(instruction, operand, state)
        if operand.register:
            return self._register(state, operand.register)
        if instruction.symbol and not instruction.loads_symbol_address:
            where = ("symbol", instruction.symbol, instruction.symbol_offset)
            return Value(PUBLIC, where)
        return A_NUMBER

    def _write(
        self,
        instruction: Instruction,
        operand: Operand,
        state: State,
        value: Value,
        size: int = 0,
    ) -> None:
        if operand.memory:
            self._store(instruction, operand, state, value, size)
            return
        if operand.mask:
            value = Value(max(value.kind, state.registers[operand.mask].kind))
            if not operand.zeroing:
                old = state.registers[REGISTERS[operand.register][0]]
                value = Value(max(value.kind, old.kind))
        self._set(state, operand.register, value)
