"""Where secrets go in compiled code: a data flow over what objdump prints.

Valgrind, which watches the portable code, does not know AVX-512.  So for kernels
the machine code itself is read.  Every register and every place on the stack
has, at each instruction, one of these kinds:

    number    public, and no pointer
    public    public; points to public memory (tables, curve parameters)
    pointers  public; points to public memory that has pointers to secrets
    secret    public itself; points to memory that has secrets
    SECRET    a secret, or what was computed from one

What is loaded through a pointer to public memory is public, everything else that
is loaded is a SECRET; what is computed has the highest kind of what it is computed
from.  Vector and mask registers have kinds like the others.  The arguments of
the functions where the analysis starts have the kinds that the table says; calls
inside the object are followed with the kinds that the registers then have.

A finding is a SECRET in one of these places: the condition of a jump; an address,
or the index of a gather; the target of a jump or call; an operand of an instruction
whose time depends on it (division; a shift count, to be careful); the mask of a
store; an argument of a function outside.  Also an instruction that is on no list:
see INSTRUCTIONS, which has the reason for each class.

What this believes and does not prove: that the program is correct C (no store goes
outside its object), that memory is of the kind that the table says, and that a
stack slot only ever accessed whole and by its own address is not also an element of
an array.  Linux on x86-64, System V calls, objects compiled with GNU tools.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# --- kinds ----------------------------------------------------------------------

NUMBER, PUBLIC, POINTERS, SECRET_MEMORY, SECRET = range(5)
KINDS = {
    "number": NUMBER,
    "public": PUBLIC,
    "pointers": POINTERS,
    "secret": SECRET_MEMORY,
    "SECRET": SECRET,
}

LOADED = {
    NUMBER: SECRET,
    PUBLIC: PUBLIC,
    POINTERS: SECRET_MEMORY,
    SECRET_MEMORY: SECRET,
    SECRET: SECRET,
}
"""Kind of a pointer -> kind of what it points to."""

Where = tuple[str, str, "int | None"]
"""What more is known of a value, and from which base and offset it is:

    stack        points to that place of the stack
    stack from   somewhere from that place of the stack on; base "?": to any place
    symbol       points so far beyond a symbol
    content of   is what stands there: a pointer to a function, or an address
"""


@dataclass(frozen=True)
class Value:
    kind: int
    where: Where | None = None

    @property
    def on_stack(self) -> bool:
        return self.where is not None and self.where[0].startswith("stack")

    def without_place(self) -> Value:
        """What is known after more than moving it."""
        return Value(self.kind, ANYWHERE if self.on_stack else None)

    def moved(self, by: int | None) -> Value:
        """This pointer plus a number, None if the number is not known."""
        if self.where is None:
            return self
        what, base, offset = self.where
        if what == "content of":
            return Value(self.kind)
        if what == "stack from":
            return self
        if what == "stack" and by is None:
            return Value(self.kind, ("stack from", base, offset))
        known = None if by is None or offset is None else offset + by
        return Value(self.kind, (what, base, known))


ANYWHERE: Where = ("stack from", "?", 0)

A_NUMBER = Value(NUMBER)
A_SECRET = Value(SECRET)


def join(left: Value, right: Value) -> Value:
    """What is certain where two ways through the program meet."""
    if left == right:
        return left
    kind = max(left.kind, right.kind)
    places = [value.where for value in (left, right) if value.on_stack]
    if len(places) == 2 and places[0] and places[1] and places[0][1] == places[1][1]:
        lower = min(places[0][2] or 0, places[1][2] or 0)
        return Value(kind, ("stack from", places[0][1], lower))
    return Value(kind, ANYWHERE if places else None)


# --- instructions ---------------------------------------------------------------

CC = r"(?:n?[abceglopsz]|n?[abgl]e|p[eo])"

INSTRUCTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "move",
        r"mov|movabs|movzx|movsxd?|movbe|kmov[bwdq]|v?mov(d|q|[ua]p[sd]|dq[ua](8|16|32|64)?"
        r"|ntdqa?|ntp[sd]|ddup|s[hl]dup|sd|ss)|v?lddqu|vpbroadcast(b|w|d|q|m[bw]2[qd])"
        r"|vbroadcast(ss|sd|[fi](128|32x[248]|64x[24]))|v?pmov[sz]x\w+|vpmov(wb|dw|qd|db|qb|qw)"
        r"|vpmov(m2[bwdq]|[bwdq]2m)|v?(movmskp[sd]|pmovmskb)|v?p?extr(act)?[bwdq]"
        r"|vextract[fi](128|32x[48]|64x[24])|v?extractps|vcvt\w*2\w*mask",
        "copies, widens or narrows; caches see the address, which is checked",
    ),
    (
        "alu",
        r"add|sub|adc|sbb|and|or|xor|imul|neg|not|inc|dec|bswap|andn|bls(i|r|msk)"
        r"|adcx|adox|bzhi|rorx|lzcnt|tzcnt|popcnt|cwde|cdqe|cdq|cqo|mul|mulx|lea",
        "one fixed latency whatever the operands, on every x86-64 with AVX2",
    ),
    (
        "shift",
        r"sh[lr]|sa[lr]|ro[lr]|rc[lr]|shld|shrd|sh[lr]x|sarx",
        "fixed latency by a constant; in a register the count must be public",
    ),
    ("compare", r"cmp|test|bt", "only sets flags, which are followed"),
    (
        "select",
        rf"cmov{CC}|set{CC}",
        "reads flags and both operands, and takes no other way through the program",
    ),
    ("exchange", r"xchg", "register with register only: swaps"),
    ("stack", r"push|pop|leave", "addresses by the stack pointer"),
    ("jump", rf"j{CC}|j[er]?cxz", "the condition must be public"),
    ("flow", r"jmp|call|ret|notrack jmp", "the target must be public"),
    (
        "nothing",
        r"(data16 |cs )*nop[wl]?|endbr64|vzeroupper|vzeroall|ud2|prefetch\w+|pause|int3"
        r"|[ls]fence|mfence|xchg ax,ax",
        "computes nothing",
    ),
    (
        "string",
        r"rep (stos|movs)|stos|movs[bwdq]?",
        "time depends on the count and the addresses, which must be public",
    ),
    (
        "varying",
        r"i?div|pdep|pext|bs[fr]|vpcompress[bwdq]|vpexpand[bwdq]|vpconflict[dq]",
        "time depends on the operands on some processors: they must be public",
    ),
    (
        "vector",
        r"v?p(add|sub)(us|s)?[bwdq]|v?p(and|andn|or|xor)[dq]?|v?(and|andn|or|xor)p[sd]"
        r"|vpternlog[dq]|v?pmul(l[wdq]|h[wd]?|hu?w|hrsw|u?dq)|v?pmadd(wd|ubsw)"
        r"|vpmadd52[lh]uq|v?ps(ll|rl|ra)(d?q|[wd])|vps(ll|rl|ra)v[wdq]|vpro[lr]v?[dq]"
        r"|vpsh[lr]dv?[wdq]|v?p(min|max)[su][bwdq]|v?pabs[bwdq]|v?psign[bwd]"
        r"|v?psadbw|v?pavg[bw]|vpopcnt[bwdq]|vplzcnt[dq]"
        r"|v?gf2p8(affine(inv)?qb|mulb)|v?pclmul\w*dq|v?aes(enc|dec)(last)?|v?aesimc",
        "integer arithmetic of fixed latency; floating point may vary and is out",
    ),
    (
        "permute",
        r"v?pshuf(b|d|[hl]w)|v?shufp[sd]|vshuf[fi](32x4|64x2)|vperm(il)?p[sd]|vperm2[fi]128"
        r"|vperm(b|w|d|q|[it]2(b|w|d|q|ps|pd))|v?p?unpck?[hl]\w+|v?(mov[hl]p[sd]|mov(hl|lh)ps)"
        r"|v?palignr|valign[dq]|v?pack[su]s\w+|v?p?blend(v?[bwdq]|m[bwdq]|v?p[sd]|mp[sd]|vb)"
        r"|v?p?insr[bwdq]|vinsert[fi](128|32x[48]|64x[24])|v?insertps|vpmultishiftqb"
        r"|vpshufbitqmb",
        "order of lanes by an index in a register: no memory is addressed by it",
    ),
    (
        "vector compare",
        r"v?pcmp(eq|gt)[bwdq]|vpcmp(eq|neq|lt|le|gt|ge|nlt|nle|nge|ngt)?u?[bwdq]"
        r"|vptestn?m[bwdq]",
        "the result is a vector or a mask, which is followed",
    ),
    (
        "mask",
        r"k(and|andn|or|xor|xnor|add|not|shift[lr]|unpck)[bwdq]{1,2}",
        "bits of a mask register, fixed latency",
    ),
    (
        "vector flags",
        r"v?ptest|vtestp[sd]|kortest[bwdq]|ktest[bwdq]",
        "sets flags from a vector or a mask: they are followed",
    ),
    (
        "gather",
        r"vp?gather[dq](p[sd]|[dq])|vp?scatter[dq](p[sd]|[dq])",
        "addresses memory by the lanes of a vector: they must be public",
    ),
)
"""Class, mnemonics, and why code that handles secrets may contain them."""

CLASSES = [(name, re.compile(pattern)) for name, pattern, _ in INSTRUCTIONS]

# Destinations that are sources too, beside all of two operands.
ACCUMULATES = re.compile(
    r"vpmadd52\w+|vpternlog\w+|vpermt2\w+|vpermi2\w+|vpsh[lr]dv\w+|vpdp\w+|vpexpand\w+"
)

NO_FLAGS = re.compile(
    r"not|lea|mulx|rorx|sh[lr]x|sarx|bswap|cwde|cdqe|cdq|cqo|pdep|pext|xchg"
)

READS_FLAGS = re.compile(rf"adc|sbb|adcx|adox|rc[lr]|cmov{CC}|set{CC}|j{CC}")

KEEPS_SOME_FLAGS = re.compile(
    r"inc|dec|sh[lr]|sa[lr]|ro[lr]|rc[lr]|shld|shrd|adcx|adox"
)

BEYOND_BASELINE = re.compile(
    r"v[a-z]\w+|k(mov|and|or|xor|xnor|not|add|shift|unpck|test)\w*|mulx|adcx|adox|rorx"
    r"|sh[lr]x|sarx|pdep|pext|andn|bextr|bzhi|bls\w+|[lt]zcnt|popcnt|movbe"
    r"|gf2p8\w+|aes\w+|pclmul\w+|sha\w+|pshufb|palignr|pmulld|ptest|pblend\w+|crc32"
)
"""Mnemonics that a processor of the first x86-64 kind does not have."""

GPR64 = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split()
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
KEPT = ("rbx", "rbp", "r12", "r13", "r14", "r15")


def _names() -> dict[str, tuple[str, int]]:
    """Register -> the one that it is part of, and its size in bytes."""
    found: dict[str, tuple[str, int]] = {}
    for full in GPR64[:8]:
        found[full] = (full, 8)
        found["e" + full[1:]] = (full, 4)
        found[full[1:]] = (full, 2)
        low = full[1] + "l" if full[2] == "x" else full[1:] + "l"
        found[low] = (full, 1)
    for full in ("rax", "rbx", "rcx", "rdx"):
        found[full[1] + "h"] = (full, 1)
    for full in GPR64[8:]:
        for suffix, size in (("", 8), ("d", 4), ("w", 2), ("b", 1)):
            found[full + suffix] = (full, size)
    for i in range(32):
        for letter, size in (("x", 16), ("y", 32), ("z", 64)):
            found[f"{letter}mm{i}"] = (f"zmm{i}", size)
    for i in range(8):
        found[f"k{i}"] = (f"k{i}", 8)
    return found


REGISTERS = _names()
HIGH_BYTES = {"ah", "bh", "ch", "dh"}

SIZES = {
    "BYTE": 1,
    "WORD": 2,
    "DWORD": 4,
    "QWORD": 8,
    "XMMWORD": 16,
    "YMMWORD": 32,
    "ZMMWORD": 64,
}


@dataclass(frozen=True)
class Operand:
    """A register, a number, or memory."""

    register: str = ""
    number: int | None = None
    memory: bool = False
    size: int = 0
    base: str = ""
    index: str = ""
    scale: int = 1
    offset: int = 0
    mask: str = ""
    zeroing: bool = False
    broadcast: bool = False


@dataclass
class Instruction:
    address: int
    mnemonic: str
    operands: list[Operand]
    text: str
    source: tuple[str, int]
    symbol: str = ""
    """What a relocation in it refers to, and how far from it."""
    symbol_offset: int = 0
    loads_symbol_address: bool = False
    """The relocation is for a place that has the symbol's address."""
    target: int | None = None
    """Where a direct jump or call goes, in this object."""


@dataclass
class Function:
    name: str
    address: int
    instructions: list[Instruction] = field(default_factory=list)


MEMORY = re.compile(
    r"(?:(\w*WORD|BYTE) (PTR|BCST) )?(?:([defgs]s):)?(?:\[(.*)\]|(0x[0-9a-f]+))$"
)


def _operand(text: str, lea: bool) -> Operand:
    mask, zeroing = "", False
    while match := re.search(r"\{(k[1-7]|z|1to\d+|r[nduz]-sae|sae)\}$", text):
        if match[1] == "z":
            zeroing = True
        elif match[1].startswith("k"):
            mask = match[1]
        text = text[: match.start()]
    if text in REGISTERS:
        size = REGISTERS[text][1]
        return Operand(register=text, size=size, mask=mask, zeroing=zeroing)
    if re.fullmatch(r"-?(0x)?[0-9a-f]+", text) and not text.startswith("ds"):
        return Operand(number=int(text, 16))
    match = MEMORY.match(text)
    if match is None:
        raise ValueError(f"operand not understood: {text}")
    size = SIZES.get(match[1] or "", 8 if lea else 0)
    base = index = ""
    scale, offset = 1, 0
    for sign, term in re.findall(r"([-+]?)([^-+]+)", match[4] or match[5] or ""):
        if "*" in term:
            index, _, times = term.partition("*")
            scale = int(times)
        elif term == "rip":
            base = "rip"
        elif term in REGISTERS:
            if base:
                index = term
            else:
                base = term
        else:
            offset += int(sign + term, 16)
    if index in ("riz", "eiz"):
        index = ""
    return Operand(
        memory=True,
        size=size,
        base=base,
        index=index,
        scale=scale,
        offset=offset,
        mask=mask,
        zeroing=zeroing,
        broadcast=match[2] == "BCST",
    )


SECTION_STEP = 1 << 32


class ObjectCode:
    """The functions of an object file, as objdump takes them apart."""

    def __init__(self, path: Path, objdump: str = "objdump") -> None:
        self.path = path
        self.functions: dict[int, Function] = {}
        self.by_name: dict[str, Function] = {}
        self.at: dict[int, Instruction] = {}
        self.following: dict[int, int] = {}
        self.global_names: set[str] = set()
        self._sections: dict[str, int] = {}
        self._read_symbols(objdump)
        self._read_code(objdump)

    @staticmethod
    def _run(*command: str) -> str:
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=300
        ).stdout

    def _section(self, name: str) -> int:
        return self._sections.setdefault(name, SECTION_STEP * len(self._sections))

    def _read_symbols(self, objdump: str) -> None:
        self._symbols: dict[str, int] = {}
        self.data_symbols: set[str] = set()
        for line in self._run(objdump, "-t", str(self.path)).splitlines():
            match = re.match(
                r"([0-9a-f]{16}) (.{7}) (\S+)\t[0-9a-f]{16} (?:\.hidden )?(\S+)$", line
            )
            if match is None:
                continue
            offset, flags, section, name = match.groups()
            if section.startswith("*"):
                continue
            if flags[0] in "gu!" or flags[1] == "w":
                self.global_names.add(name)
            if "F" in flags:
                self._symbols[name] = self._section(section) + int(offset, 16)
            elif "O" in flags:
                self.data_symbols.add(name)

    def _read_code(self, objdump: str) -> None:
        section = 0
        function: Function | None = None
        source = ("", 0)
        last: Instruction | None = None
        out = self._run(
            objdump, "-drl", "--no-show-raw-insn", "-M", "intel", str(self.path)
        )
        for line in out.splitlines():
            if match := re.match(r"Disassembly of section (\S+):", line):
                section = self._section(match[1])
            elif match := re.match(r"([0-9a-f]{16}) <(.*)>:$", line):
                function = Function(match[2], section + int(match[1], 16))
                self.functions[function.address] = function
                self.by_name[function.name] = function
                source = ("", 0)
            elif match := re.match(r"\s+([0-9a-f]+):\t(.*)$", line):
                assert function is not None
                before = last
                last = self._instruction(
                    section, section + int(match[1], 16), match[2], source
                )
                if function.instructions:
                    assert before is not None
                    self.following[before.address] = last.address
                function.instructions.append(last)
                self.at[last.address] = last
            elif match := re.match(r"\s*[0-9a-f]+: (R_\S+)\s+(\S.*)$", line):
                assert last is not None
                self._relocate(last, match[1], match[2])
            elif match := re.match(r"(/.*|\S+\.[ch]):(\d+)(?: \(.*\))?$", line):
                source = (match[1], int(match[2]))

    def _instruction(
        self, section: int, address: int, text: str, source: tuple[str, int]
    ) -> Instruction:
        text = re.sub(r"\s*(#.*)?$", "", text)
        words = text.split(None, 1)
        mnemonic, rest = words[0], words[1] if len(words) > 1 else ""
        while mnemonic in PREFIXES or mnemonic.split()[-1] in PREFIXES:
            following = rest.split(None, 1)
            if not following:
                break
            mnemonic = f"{mnemonic} {following[0]}"
            rest = following[1] if len(following) > 1 else ""
        mnemonic = re.sub(r"^((bnd|notrack|cs|data16) )+(?=j|call|ret)", "", mnemonic)
        found = Instruction(address, mnemonic, [], text, source)
        if re.fullmatch(rf"(j{CC}|jmp|call|j[er]?cxz)", mnemonic) and (
            match := re.match(r"([0-9a-f]+)(?: <|$)", rest)
        ):
            found.target = section + int(match[1], 16)
            return found
        if not CLASSES[NOTHING][1].fullmatch(mnemonic):
            lea = mnemonic == "lea"
            for operand in re.findall(r"(?:\[[^]]*\]|[^,\[])+", rest):
                found.operands.append(_operand(operand.strip(), lea))
        return found

    def _relocate(self, instruction: Instruction, kind: str, what: str) -> None:
        match = re.match(r"(.+?)(?:([-+])0x([0-9a-f]+))?$", what.strip())
        assert match is not None
        name = match[1]
        offset = int((match[2] or "+") + (match[3] or "0"), 16)
        relative = "PC32" in kind or "PLT" in kind or "GOTPC" in kind
        if instruction.target is not None:
            # A call or jump: the field is the last four bytes of it.
            base = self._symbols.get(name)
            if base is None and name in self._sections:
                base = self._sections[name]
            if base is None:
                instruction.target, instruction.symbol = None, name
            else:
                instruction.target = base + offset + 4
            return
        instruction.symbol = name
        instruction.symbol_offset = offset + (4 if relative else 0)
        instruction.loads_symbol_address = "GOT" in kind

    def function_of(self, address: int) -> Function | None:
        return self.functions.get(address)


PREFIXES = {"rep", "repz", "repnz", "lock", "cs", "ds", "data16", "notrack", "bnd"}
NOTHING = [name for name, _ in CLASSES].index("nothing")


def class_of(mnemonic: str) -> str:
    """The class of INSTRUCTIONS that an instruction is in; empty if in none."""
    for name, pattern in CLASSES:
        if pattern.fullmatch(mnemonic):
            return name
    return ""


# --- what the table says of functions -----------------------------------------------


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


# --- the analysis ---------------------------------------------------------------

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


class Flow:
    """One function, once."""

    def __init__(
        self, analysis: Analysis, function: Function, whole: set[Slot] | None
    ) -> None:
        self.analysis = analysis
        self.code = analysis.code
        self.function = function
        self.whole = whole
        self.parts = self._parts()
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
                instruction.address, "pop", [_operand("rbp", False)], "", ("", 0)
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
