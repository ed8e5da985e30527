"""Instructions of x86-64: classes, registers, operands as objdump writes them."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    operands: Sequence[Operand]
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


@functools.cache
def operand_of(text: str, lea: bool) -> Operand:
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


PREFIXES = {"rep", "repz", "repnz", "lock", "cs", "ds", "data16", "notrack", "bnd"}
NOTHING = [name for name, _ in CLASSES].index("nothing")


@functools.cache
def class_of(mnemonic: str) -> str:
    """The class of INSTRUCTIONS that an instruction is in; empty if in none."""
    for name, pattern in CLASSES:
        if pattern.fullmatch(mnemonic):
            return name
    return ""
