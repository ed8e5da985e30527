"""The flow of values through the functions of an object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .instructions import (
    ACCUMULATES,
    ARGUMENTS,
    GPR64,
    KEEPS_SOME_FLAGS,
    KEPT,
    NO_FLAGS,
    READS_FLAGS,
    REGISTERS,
    Function,
    Instruction,
    Operand,
    class_of,
    operand_of,
)
from .kinds import (
    A_NUMBER,
    A_SECRET,
    ANYWHERE,
    KINDS,
    NUMBER,
    PUBLIC,
    SECRET,
    SECRET_MEMORY,
    Value,
    join,
)
from .objects import ObjectCode
from .places import Places
from .state import ALL_REGISTERS, Finding, Key, Signature, Slot, State


class Analysis:
    """The data flow through an object from the functions that handle secrets."""

    def __init__(
        self,
        code: ObjectCode,
        outside: Mapping[str, Signature],
        members: Mapping[str, Mapping[int, Signature]],
    ) -> None:
        """`outside`: functions of other objects; `members`: symbol -> offset -> the
        function that a pointer there leads to."""
        self.code = code
        self.outside = outside
        self.members = members
        self.findings: dict[tuple[int, str], Finding] = {}
        self.reached: set[str] = set()
        self.jumps: set[int] = set()
        self.mnemonics: set[str] = set()
        self._done: dict[tuple[int, Key], State | None] = {}

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Analyse a function that is called from outside."""
        registers = {register: A_SECRET for register in ALL_REGISTERS}
        slots: dict[Slot, tuple[int, Value]] = {}
        for i, kind in enumerate(arguments):
            value = Value(KINDS[kind])
            if i < 6:
                registers[ARGUMENTS[i]] = value
                registers[f"{ARGUMENTS[i]} low"] = Value(value.kind)
            else:
                slots["frame", 8 + 8 * (i - 6)] = (8, value)
        registers["rsp"] = Value(SECRET_MEMORY, ("stack", "frame", 0))
        registers["escaped"] = A_NUMBER
        self._function(self.code.by_name[name], State(registers, slots))

    def _function(self, function: Function, entry: State) -> State | None:
        """Follow a function; return what is known where it returns, None if never."""
        key = (
            function.address,
            (
                *entry.registers.items(),
                *(
                    (f"{base}{at}", value[1])
                    for (base, at), value in entry.slots.items()
                ),
            ),
        )
        if key in self._done:
            return self._done[key]
        self._done[key] = None  # recursion: none in kernels, and it ends
        self.reached.add(function.name)
        whole = Flow(self, function, None)
        whole.run(entry.copy())
        # The second time with what is now known of the slots.
        second = Flow(self, function, whole.whole_slots())
        second.run(entry.copy())
        self.findings.update(second.findings)
        self._done[key] = second.returned
        return second.returned


class Flow(Places):
    """One function, once."""

    def __init__(
        self, analysis: Analysis, function: Function, whole: set[Slot] | None
    ) -> None:
        super().__init__(analysis.code, function, whole)
        self.analysis = analysis
        self.parts = self._parts()

    def run(self, entry: State) -> None:
        starts: dict[int, State] = {self.function.address: entry}
        work = [self.function.address]
        while work:
            address = work.pop()
            state = starts[address].copy()
            for following, after in self._block(address, state):
                known = starts.get(following)
                if known is None:
                    starts[following] = after.copy()
                elif not known.merge(after, self.whole):
                    continue
                if following not in work:
                    work.append(following)

    def _block(self, address: int, state: State) -> Iterable[tuple[int, State]]:
        """Follow instructions up to a jump; return where it goes on."""
        code = self.code
        while True:
            instruction = code.at.get(address)
            if instruction is None:
                self._find(code.at[self.function.address], "runs out of the code")
                return []
            following = code.following.get(address, -1)
            name = class_of(instruction.mnemonic)
            self.analysis.mnemonics.add(instruction.mnemonic)
            if name == "":
                self._find(instruction, "an instruction that is on no list")
                return [(following, state)]
            if instruction.mnemonic == "ud2":
                return []
            if instruction.mnemonic == "ret":
                self._return(state)
                return []
            if instruction.mnemonic == "jmp":
                if instruction.target is not None and self._inside(instruction.target):
                    return [(instruction.target, state)]
                self._call(instruction, state, tail=True)
                return []
            if name == "jump":
                self.analysis.jumps.add(instruction.address)
                condition = state.registers[
                    "rcx" if instruction.mnemonic.endswith("cxz") else "flags"
                ]
                if condition.kind == SECRET:
                    self._find(instruction, "jump on a secret")
                if instruction.target is None or not self._inside(instruction.target):
                    self._call(instruction, state.copy(), tail=True)
                    return [(following, state)]
                return [(instruction.target, state.copy()), (following, state)]
            if instruction.mnemonic == "call":
                if not self._call(instruction, state, tail=False):
                    return []
            else:
                self._step(name, instruction, state)
            address = following

    def _parts(self) -> list[Function]:
        """The function and what a compiler has moved out of it."""
        name = self.function.name
        cold = [
            other
            for other in self.code.functions.values()
            if other.name.startswith(f"{name}.cold")
        ]
        return [self.function, *cold]

    def _inside(self, address: int) -> bool:
        return any(
            part.address <= address <= part.instructions[-1].address
            for part in self.parts
        )

    # --- calls

    def _call(self, instruction: Instruction, state: State, tail: bool) -> bool:
        """Follow a call; False if it does not come back."""
        target: Function | None = None
        known: Signature | None = None
        name = instruction.symbol
        if instruction.target is not None:
            target = self.code.function_of(instruction.target)
            name = target.name if target else hex(instruction.target)
        elif instruction.operands:
            value = self._read(instruction, instruction.operands[0], state)
            if value.kind == SECRET:
                self._find(instruction, "target from a secret")
            if value.where is not None and value.where[0] == "content of":
                _, base, offset = value.where
                known = self.analysis.members.get(base, {}).get(offset or 0)
                name = f"{base}+{offset:#x}"
                if known is None and base not in self.analysis.members:
                    name = base
            elif value.where is not None and value.where[0] == "symbol":
                name = value.where[1]
        if target is None and known is None:
            known = self.analysis.outside.get(name)
        if target is None and known is None:
            self._find(instruction, f"call of {name or 'what is not known'}")
            return False
        places = [state.registers[name].where for name in ARGUMENTS]
        if state.registers["escaped"].kind == SECRET:
            places.append(ANYWHERE)
        after: State | None
        if target is not None:
            after = self._local(target, state, tail)
        else:
            assert known is not None
            after = self._outside(instruction, known, name, state)
        if after is None:
            return False
        rsp = state.registers["rsp"]
        for register in ALL_REGISTERS:
            if register in ("rsp", "escaped"):
                continue
            if register.split()[0] not in KEPT or tail:
                state.registers[register] = after.registers[register]
        state.registers["rsp"] = rsp
        for place in places:
            self._forget(state, place)
        if tail:
            self._return(state)
        return True

    def _local(self, target: Function, state: State, tail: bool) -> State | None:
        registers = {
            name: Value(value.kind) if value.on_stack else value
            for name, value in state.registers.items()
        }
        slots: dict[Slot, tuple[int, Value]] = {}
        where = state.registers["rsp"].where
        if where is not None and where[0] == "stack" and where[2] is not None:
            # Arguments on the stack; a tail call finds them where its caller did.
            for i in range(1 if tail else 0, 6):
                slot = (where[1], where[2] + 8 * i)
                if slot in state.slots:
                    value = state.slots[slot][1]
                    if value.on_stack:
                        value = Value(value.kind)
                    slots["frame", 8 * i + (0 if tail else 8)] = (8, value)
                    self.accesses.add((slot, 8, "direct"))
        registers["rsp"] = Value(SECRET_MEMORY, ("stack", "frame", 0))
        registers["escaped"] = A_NUMBER
        return self.analysis._function(target, State(registers, slots))

    def _outside(
        self, instruction: Instruction, known: Signature, name: str, state: State
    ) -> State:
        for i, kind in enumerate(known.arguments):
            if i < 6:
                value = state.registers[ARGUMENTS[i]]
            else:
                operand = Operand(memory=True, size=8, base="rsp", offset=8 * (i - 6))
                value = self._load(instruction, operand, state)
            if value.kind == SECRET and kind != "SECRET":
                self._find(instruction, f"argument {i + 1} of {name} from a secret")
            if kind in ("public", "pointers") and value.kind > KINDS[kind]:
                self._find(instruction, f"argument {i + 1} of {name} is not {kind}")
        after = state.copy()
        escaped = state.registers["escaped"]
        for register in ALL_REGISTERS:
            if register.split()[0] not in KEPT:
                after.registers[register] = A_SECRET
        after.registers["escaped"] = escaped
        self._set(after, "rax", Value(KINDS[known.returns]))
        return after

    def _return(self, state: State) -> None:
        end = State(dict(state.registers), {})
        for name, value in end.registers.items():
            if value.on_stack:
                end.registers[name] = Value(value.kind)
        if self.returned is None:
            self.returned = end
        else:
            self.returned.merge(end, None)

    # --- one instruction

    def _step(self, name: str, instruction: Instruction, state: State) -> None:
        mnemonic, operands = instruction.mnemonic, instruction.operands
        flags = state.registers["flags"]
        if name == "nothing":
            return
        if mnemonic == "lea":
            value = self._address(instruction, operands[1], state, False)
            if value.where is not None and value.where[0] == "content of":
                value = Value(PUBLIC)
            where = value.where
            if where and value.on_stack and operands[0].register not in ("rsp", "rbp"):
                self.accesses.add(((where[1], where[2] or 0), 1, "taken"))
            self._set(state, operands[0].register, value)
            return
        if name == "stack":
            self._stack(instruction, state)
            return
        if name == "exchange":
            if len(operands) == 2 and not any(o.memory for o in operands):
                values = [self._read(instruction, o, state) for o in operands]
                self._set(state, operands[0].register, values[1])
                self._set(state, operands[1].register, values[0])
            else:
                self._find(instruction, "exchange with memory")
            return
        if name == "move":
            sources = operands[1:] or operands
            value = self._read(instruction, sources[0], state)
            size = sources[0].size if sources[0].register else 0
            if len(operands) > 2 and operands[1].register and operands[2].register:
                second = self._read(instruction, operands[2], state)
                value = Value(max(value.kind, second.kind))  # vmovsd with three
            if (
                value.where
                and value.where[0] == "stack"
                and operands[0].register not in ("rsp", "rbp")
                and not sources[0].memory
            ):
                self.accesses.add(((value.where[1], value.where[2] or 0), 1, "taken"))
            value = self._plain(value, operands)
            self._write(instruction, operands[0], state, value, size)
            return
        if name in ("compare", "vector flags"):
            kind = max(self._read(instruction, o, state).kind for o in operands)
            state.registers["flags"] = Value(max(kind, NUMBER))
            return
        if name == "string":
            for register in ("rcx", "rdi", "rsi"):
                if register == "rsi" and "stos" in mnemonic:
                    continue
                if register == "rcx" and not mnemonic.startswith("rep"):
                    continue
                if state.registers[register].kind == SECRET:
                    self._find(instruction, f"{register} from a secret")
                value = state.registers[register]
                if register == "rdi":
                    self._forget(state, value.moved(None).where)
                if register != "rcx":
                    state.registers[register] = value.moved(None)
            if mnemonic.startswith("rep"):
                self._set(state, "rcx", A_NUMBER)
            return
        if name == "varying" and mnemonic in ("div", "idiv"):
            kinds = [self._read(instruction, operands[0], state).kind]
            kinds += [state.registers[register].kind for register in ("rax", "rdx")]
            if SECRET in kinds:
                self._find(instruction, "time depends on a secret")
            for register in ("rax", "rdx"):
                self._set(state, register, Value(max(kinds)))
            state.registers["flags"] = Value(max(kinds))
            return
        if name == "gather":
            self._gather(instruction, state)
            return
        self._compute(name, instruction, state, flags)

    def _plain(self, value: Value, operands: Sequence[Operand]) -> Value:
        """Between a vector or mask and a general register all but the kind is lost."""
        if not operands[0].register:
            return value
        wide = REGISTERS[operands[0].register][0]
        source = operands[1].register if len(operands) > 1 else ""
        if wide in GPR64 and (not source or REGISTERS[source][0] in GPR64):
            return value
        return value.without_place()

    def _stack(self, instruction: Instruction, state: State) -> None:
        rsp = state.registers["rsp"]
        if instruction.mnemonic == "push":
            value = self._read(instruction, instruction.operands[0], state)
            rsp = state.registers["rsp"] = rsp.moved(-8)
            if rsp.where is not None and rsp.where[0] == "stack":
                slot = (rsp.where[1], rsp.where[2] or 0)
                self._note(slot, 8)
                self._put(state, slot, 8, value)
            return
        if instruction.mnemonic == "leave":
            rsp = state.registers["rbp"]
            instruction = Instruction(
                instruction.address, "pop", [operand_of("rbp", False)], "", ("", 0)
            )
        value = A_SECRET
        if rsp.where is not None and rsp.where[0] == "stack":
            slot = (rsp.where[1], rsp.where[2] or 0)
            self._note(slot, 8)
            value = self._slot(state, slot, 8)
        state.registers["rsp"] = rsp.moved(8)
        self._write(instruction, instruction.operands[0], state, value)

    def _gather(self, instruction: Instruction, state: State) -> None:
        memory = next(o for o in instruction.operands if o.memory)
        kinds = [state.registers[REGISTERS[r][0]].kind for r in (memory.index,) if r]
        if memory.base and memory.base != "rip":
            kinds.append(self._register(state, memory.base).kind)
        kinds += [state.registers[o.mask].kind for o in instruction.operands if o.mask]
        if SECRET in kinds:
            self._find(instruction, "lanes of a vector address memory")
        for operand in instruction.operands:
            if operand.register:
                self._set(state, operand.register, A_SECRET)

    def _compute(
        self, name: str, instruction: Instruction, state: State, flags: Value
    ) -> None:
        mnemonic, operands = instruction.mnemonic, instruction.operands
        if mnemonic in ("cwde", "cdqe"):
            self._set(state, "rax", Value(state.registers["rax"].kind))
            return
        if mnemonic in ("cdq", "cqo"):
            self._set(state, "rdx", Value(state.registers["rax"].kind))
            return
        vector = name in ("vector", "permute", "vector compare", "mask")
        accumulates = (
            ACCUMULATES.fullmatch(mnemonic) is not None
            or len(operands) == 1
            or (not vector and len(operands) == 2 and name != "select")
            or (vector and mnemonic[0] not in "vk")
            or mnemonic in ("shld", "shrd", "adcx", "adox")
            or mnemonic.startswith("cmov")
        )
        two_results = mnemonic == "mulx"
        if mnemonic in ("lzcnt", "tzcnt", "popcnt", "bsf", "bsr") or (
            mnemonic.startswith("bls")
        ):
            accumulates = False
        if mnemonic.startswith("set"):
            accumulates = False
        sources = list(operands if accumulates else operands[2 if two_results else 1 :])
        values = [self._read(instruction, source, state) for source in sources]
        if two_results:
            values.append(state.registers["rdx"])
        if READS_FLAGS.fullmatch(mnemonic):
            values.append(Value(flags.kind))
        one_operand = mnemonic in ("mul", "imul") and len(operands) == 1
        if one_operand:
            values.append(state.registers["rax"])
        if name == "shift" and len(operands) > 1 and operands[-1].register:
            if values[-1 if mnemonic not in ("rcl", "rcr") else -2].kind == SECRET:
                self._find(instruction, "shift by a secret")
        if name == "varying" and any(value.kind == SECRET for value in values):
            self._find(instruction, "time depends on a secret")
        result = self._combine(mnemonic, operands, values, vector, name)
        new_flags = Value(result.kind if not vector else flags.kind)
        if KEEPS_SOME_FLAGS.fullmatch(mnemonic):
            new_flags = Value(max(result.kind, flags.kind))
        if not vector and name != "select" and not NO_FLAGS.fullmatch(mnemonic):
            state.registers["flags"] = new_flags
        if one_operand:
            self._set(state, "rax", result)
            self._set(state, "rdx", result)
            return
        if not operands:
            return
        self._write(instruction, operands[0], state, result)
        if two_results:
            self._write(instruction, operands[1], state, result)

    def _combine(
        self,
        mnemonic: str,
        operands: Sequence[Operand],
        values: Sequence[Value],
        vector: bool,
        name: str,
    ) -> Value:
        if self._is_constant(mnemonic, operands):
            kind = NUMBER
            if mnemonic == "sbb":
                kind = values[-1].kind
            return Value(kind)
        kind = max((value.kind for value in values), default=NUMBER)
        place = ANYWHERE if any(value.on_stack for value in values) else None
        if mnemonic in ("add", "sub") and len(operands) == 2:
            left, right = values[0], values[1]
            if operands[1].number is not None:
                by = operands[1].number
                by = by - (1 << 64) if by >> 63 else by
                return left.moved(by if mnemonic == "add" else -by)
            if mnemonic == "add" and right.where and not left.where:
                return Value(kind, right.where).moved(None)
            if left.where and not right.where:
                return Value(kind, left.where).moved(None)
            return Value(kind, place if mnemonic == "add" else None)
        if mnemonic == "and" and operands[0].register == "rsp" and values[0].where:
            # Rounded down: from here on the stack is counted from this place.
            _, base, offset = values[0].where
            return Value(SECRET_MEMORY, ("stack", f"{base}{offset}/", 0))
        if mnemonic.startswith("cmov"):
            return join(Value(kind, values[0].where), Value(kind, values[1].where))
        return Value(kind, place)

    @staticmethod
    def _is_constant(mnemonic: str, operands: Sequence[Operand]) -> bool:
        """The result is the same for all operands: x ^ x, x - x, all ones."""
        same = len(operands) >= 2 and all(
            o.register and o.register == operands[-1].register for o in operands[-2:]
        )
        if re.fullmatch(
            r"xor|sub|sbb|v?pxor[dq]?|v?xorp[sd]|v?psub[bwdq]|kxor[bwdq]|kxnor[bwdq]"
            r"|v?pcmpeq[bwdq]|v?pandn[dq]?",
            mnemonic,
        ):
            return same
        if mnemonic.startswith("vpternlog"):
            return operands[-1].number in (0, 0xFF)
        return mnemonic in ("and", "imul") and operands[-1].number == 0
