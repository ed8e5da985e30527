"""An object file as objdump takes it apart: functions, jumps, relocations."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .instructions import (
    CC,
    CLASSES,
    NOTHING,
    PREFIXES,
    Function,
    Instruction,
    Operand,
    operand_of,
)

SECTION_STEP = 1 << 32

# Lines of objdump: each matches one of these at most.
INSTRUCTION = re.compile(r"\s+([0-9a-f]+):\t(.*)$")
SOURCE = re.compile(r"(/.*|\S+\.[ch]):(\d+)(?: \(.*\))?$")
RELOCATION = re.compile(r"\s*[0-9a-f]+: (R_\S+)\s+(\S.*)$")
LABEL = re.compile(r"([0-9a-f]{16}) <(.*)>:$")
SECTION = re.compile(r"Disassembly of section (\S+):")


class Symbol(NamedTuple):
    """A name that an object defines."""

    name: str
    section: str
    offset: int
    flags: str

    @property
    def is_function(self) -> bool:
        return "F" in self.flags

    @property
    def is_global(self) -> bool:
        """Others can link to it."""
        return self.flags[0] in "gu!" or self.flags[1] == "w"


def symbols(path: Path, objdump: str = "objdump") -> Iterator[Symbol]:
    """The names that an object defines, without its code."""
    for line in _run(objdump, "-t", str(path)).splitlines():
        match = re.match(
            r"([0-9a-f]{16}) (.{7}) (\S+)\t[0-9a-f]{16} (?:\.hidden )?(\S+)$", line
        )
        if match is not None and not match[3].startswith("*"):
            yield Symbol(match[4], match[3], int(match[1], 16), match[2])


def _run(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=300
    ).stdout


@functools.cache
def _words(text: str) -> tuple[str, str, int | None, tuple[Operand, ...]]:
    """What objdump writes of an instruction: that text without remarks, the mnemonic
    with its prefixes, where a direct jump or call goes, else the operands."""
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
    if re.fullmatch(rf"(j{CC}|jmp|call|j[er]?cxz)", mnemonic) and (
        match := re.match(r"([0-9a-f]+)(?: <|$)", rest)
    ):
        return text, mnemonic, int(match[1], 16), ()
    if CLASSES[NOTHING][1].fullmatch(mnemonic):
        return text, mnemonic, None, ()
    operands = re.findall(r"(?:\[[^]]*\]|[^,\[])+", rest)
    lea = mnemonic == "lea"
    return (
        *(text, mnemonic, None),
        tuple(operand_of(operand.strip(), lea) for operand in operands),
    )


def _instruction(
    section: int, address: int, text: str, source: tuple[str, int]
) -> Instruction:
    text, mnemonic, target, operands = _words(text)
    found = Instruction(address, mnemonic, operands, text, source)
    if target is not None:
        found.target = section + target
    return found


class ObjectCode:
    """The functions of an object file, as objdump takes them apart."""

    def __init__(self, path: Path, objdump: str = "objdump") -> None:
        self.path = path
        self.functions: dict[int, Function] = {}
        self.by_name: dict[str, Function] = {}
        self.at: dict[int, Instruction] = {}
        self.following: dict[int, int] = {}
        self._sections: dict[str, int] = {}
        self._read_symbols(objdump)
        self._read_code(objdump)

    def _section(self, name: str) -> int:
        return self._sections.setdefault(name, SECTION_STEP * len(self._sections))

    def _read_symbols(self, objdump: str) -> None:
        self._symbols: dict[str, int] = {}
        self.data_symbols: set[str] = set()
        for symbol in symbols(self.path, objdump):
            if symbol.is_function:
                section = self._section(symbol.section)
                self._symbols[symbol.name] = section + symbol.offset
            elif "O" in symbol.flags:
                self.data_symbols.add(symbol.name)

    def _read_code(self, objdump: str) -> None:
        section = 0
        function: Function | None = None
        source = ("", 0)
        last: Instruction | None = None
        out = _run(objdump, "-drl", "--no-show-raw-insn", "-M", "intel", str(self.path))
        for line in out.splitlines():
            if match := INSTRUCTION.match(line):
                assert function is not None
                before = last
                last = _instruction(
                    section, section + int(match[1], 16), match[2], source
                )
                if function.instructions:
                    assert before is not None
                    self.following[before.address] = last.address
                function.instructions.append(last)
                self.at[last.address] = last
            elif match := SOURCE.match(line):
                source = (match[1], int(match[2]))
            elif match := RELOCATION.match(line):
                assert last is not None
                self._relocate(last, match[1], match[2])
            elif match := LABEL.match(line):
                function = Function(match[2], section + int(match[1], 16))
                self.functions[function.address] = function
                self.by_name[function.name] = function
                source = ("", 0)
            elif match := SECTION.match(line):
                section = self._section(match[1])

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
