"""Reading a configuration file: values for options, and findings with their lines.

The TOML parser of Python tells no lines; they are looked up in the text afterwards, by
the names that the parser found.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gostkey.errors import CampaignError, MediumError
from gostkey.media.durable import read_file

from .tables import TABLES, Table, known_keys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 1 << 20
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?\Z")
_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_NAME = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_SECRETS = ("password", "pin", "passphrase", "secret", "token_pin", "ca_password")


@dataclass(frozen=True)
class Finding:
    """Something in the file that is wrong, or that is better known."""

    line: int
    """In the file, from 1; 0 if it is about none."""
    key: str
    """As "table.key"."""
    text: str
    cure: str
    warning: bool = False
    """Whether a run can begin all the same."""

    def sentence(self, path: Path) -> str:
        """Say it with its place."""
        where = f"{path}, line {self.line}" if self.line else str(path)
        return (
            f"{where}: {self.key}: {self.text}"
            if self.key
            else (f"{where}: {self.text}")
        )


@dataclass
class Configuration:
    """What a file says."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    """Parameter of the command to its value."""
    given: dict[str, Any] = field(default_factory=dict)
    """"table.key" to what the option gets, for what was right."""
    lines: dict[str, int] = field(default_factory=dict)
    """"table.key" or "table" to its line."""
    findings: list[Finding] = field(default_factory=list)

    def refuse(self) -> None:
        """Raise CampaignError with the first thing that is wrong, if anything is."""
        wrong = [one for one in self.findings if not one.warning]
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            first = wrong[0]
            raise CampaignError(f"{first.sentence(self.path)}; {first.cure}{more}")


def read_configuration(path: Path) -> Configuration:
    """Read a file; what is wrong in it is in the result's findings.

    Raises:
        CampaignError: if the file as a whole cannot be used: it cannot be read, is too
            long, or is not TOML in UTF-8.
    """
    try:
        text = read_file(path, MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise CampaignError(
            f"{path}: the configuration cannot be read: {error.strerror or error}"
        ) from error
    except MediumError as error:
        raise CampaignError(f"{error}: no configuration") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CampaignError(
            f"{path}, line {line}: the configuration is not in UTF-8; save it in UTF-8"
        ) from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        at = _AT_LINE.search(told)
        place = at[1] if at else str(text.count("\n") + 1)
        what = _AT_LINE.sub("", told).replace(" (at end of document)", "")
        raise CampaignError(
            f"{path}, line {place}: is not TOML: {what}; texts stand in quotation "
            "marks, true and false and numbers do not"
        ) from None
    except RecursionError:
        raise CampaignError(f"{path}: is nested too deep for a configuration") from None
    found = Configuration(path, lines=_lines(text))
    base = path.absolute().parent
    for name, inner in content.items():
        table = next((one for one in TABLES if one.name == name), None)
        if table is None:
            found.findings.append(_unknown_table(found, name, inner))
        elif not isinstance(inner, dict):
            found.findings.append(
                Finding(
                    found.lines.get(name, 0),
                    name,
                    "is a table, not a value",
                    f"write [{name}] on a line of its own and its keys below",
                )
            )
        else:
            _read_table(found, table, inner, base)
    found.findings.sort(key=lambda one: one.line)
    return found


def _read_table(
    found: Configuration, table: Table, content: Mapping[str, Any], base: Path
) -> None:
    for name, value in content.items():
        full = f"{table.name}.{name}"
        line = found.lines.get(full, found.lines.get(table.name, 0))
        key = table.key(name)
        if key is None:
            found.findings.append(_unknown_key(table, full, line))
            continue
        try:
            taken = key.kind.take(value, base)
        except ValueError as error:
            cure = f"write {key.kind.wanted}"
            found.findings.append(Finding(line, full, str(error), cure))
            continue
        found.given[full] = taken
        found.values[key.option] = taken


def _unknown_table(found: Configuration, name: str, inner: object) -> Finding:
    line = found.lines.get(name, 0)
    if not isinstance(inner, dict):
        near = [one for one in known_keys() if one.partition(".")[2] == name]
        cure = (
            f"it stands in a table: {', '.join(near)}" if near else _nearest_table(name)
        )
        return Finding(line, name, "is no key outside of a table", cure)
    return Finding(line, name, "is no table that is known", _nearest_table(name))


def _nearest_table(name: str) -> str:
    names = [table.name for table in TABLES]
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean [{near[0]}]?"
    return "known are " + ", ".join(names)


def _unknown_key(table: Table, full: str, line: int) -> Finding:
    name = full.partition(".")[2]
    if name in _SECRETS:
        # The value itself is not told.
        files = [one.name for one in table.keys if one.kind.must_be == "secret"]
        return Finding(
            line,
            full,
            "passwords and PINs do not stand in the configuration",
            "put it on the first line of a file, and name that: "
            + (", ".join(files) or "a key that ends in _file"),
        )
    here = difflib.get_close_matches(name, [one.name for one in table.keys], 1)
    if here:
        cure = f"did you mean {table.name}.{here[0]}?"
    else:
        names = {one.partition(".")[2]: one for one in known_keys()}
        elsewhere = difflib.get_close_matches(name, names, 1)
        if elsewhere:
            cure = f"did you mean {names[elsewhere[0]]}?"
        else:
            known = ", ".join(one.name for one in table.keys)
            cure = f"known in [{table.name}] are {known}"
    return Finding(line, full, "is no key that is known", cure)


def _lines(text: str) -> dict[str, int]:
    """Find the lines on which tables and keys stand, the first of each."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in _outside_of_long_texts(text):
        header = _HEADER.match(line)
        if header is not None:
            table = _bare(header[1])
            lines.setdefault(table, number)
            continue
        name = _NAME.match(line)
        if name is not None:
            full = _bare(name[1])
            full = f"{table}.{full}" if table else full
            lines.setdefault(full, number)
            lines.setdefault(full.partition(".")[0], number)
    return lines


def _outside_of_long_texts(text: str) -> Iterator[tuple[int, str]]:
    """Number the lines, without those inside of texts of several lines."""
    inside = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not inside:
            yield number, line.rstrip("\r")
        rest = line
        while rest:
            marks = [m for m in ('"""', "'''") if m in rest]
            if inside:
                if inside not in rest:
                    break
                rest, inside = rest.partition(inside)[2], ""
                continue
            if not marks:
                break
            inside = min(marks, key=rest.index)
            rest = rest.partition(inside)[2]


def _bare(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
