"""An object file as objdump takes it apart: functions, jumps, relocations."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .instructions import (
    CC,
    CLASSES,
    NOTHING,
    PREFIXES,
    Function,
    Instruction,
    operand_of,
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
                found.operands.append(operand_of(operand.strip(), lea))
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
