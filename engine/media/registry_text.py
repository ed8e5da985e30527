r"""The text of Windows registry exports (.reg), as far as key containers go.

CryptoPro CSP keeps a container in the registry as a key

    HKEY_LOCAL_MACHINE\SOFTWARE\[Wow6432Node\]Crypto Pro\Settings\Users\SID\Keys\NAME

with six binary values named like the six files.  Here bytes become containers
and back; files are the matter of `registry`.  Other keys are passed over, so a
whole branch can be read.  The hive before "Crypto Pro" may have any name: that
of a dead machine is exported from where it was loaded.

A message never has digits of a value in it: they are parts of keys.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gostkey.containers import FILES, LARGEST_FILE
from gostkey.errors import ContainerDamaged, ContainerError, MediumError

VERSION_5 = "Windows Registry Editor Version 5.00"
VERSION_4 = "REGEDIT4"

LONGEST_KEY = 255
"""Characters of a key's name; Windows' limit."""

_LINE = 76
"""Columns after which a value is continued, as in regedit's own exports."""

_SOFTWARE = "HKEY_LOCAL_MACHINE\\SOFTWARE\\"
WOW = "Wow6432Node"
_SETTINGS = "Crypto Pro\\Settings\\Users"

_KEY = re.compile(
    r"(?P<hive>.*\\)?Crypto Pro\\Settings\\Users\\(?P<sid>[^\\]+)"
    r"\\Keys\\(?P<name>[^\\]+)",
    re.IGNORECASE | re.DOTALL,
)
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*(.*)', re.DOTALL)
_HEX = re.compile(r"hex(?:\(3\))?:(.*)", re.IGNORECASE | re.DOTALL)
_BYTE = re.compile(r"[0-9A-Fa-f]{2}")
_SID = re.compile(r"S-1-[0-9]+(-[0-9]+)+")


@dataclass
class Entry:
    """A container as an export has it, whole or not."""

    key: str
    """The whole path of the registry key."""
    sid: str
    name: str
    wow: bool
    """Is it in the part of the registry for 32-bit programs?"""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """What is wrong, by value; "" for the key itself."""

    def checked(self) -> dict[str, bytes]:
        """Return the files.

        Raises:
            ContainerDamaged: naming the key and the value that cannot be read.
        """
        for value, fault in self.faults.items():
            where = f"key [{self.key}]"
            if value:
                where += f", value {value}"
            raise ContainerDamaged(f"{where}: {fault}")
        return dict(self.files)


# -- reading -----------------------------------------------------------------


def parse(data: bytes) -> list[Entry]:
    """Return the containers of an export, in its order.

    As in Windows, a later value of the same name takes the place of an earlier
    one, and letters' case does not matter.

    Raises:
        MediumError: if this is no export.
    """
    text, cut = _decode(data)
    lines = re.split("\r\n|\r|\n", text)
    head = next((line.strip() for line in lines if line.strip()), "")
    if head not in (VERSION_5, VERSION_4):
        raise MediumError(
            f'not a registry export: it must begin with "{VERSION_5}" or "{VERSION_4}"'
        )
    entries: dict[str, Entry] = {}
    entry: Entry | None = None
    last = ""
    numbered = iter(enumerate(lines, 1))
    for number, raw in numbered:
        line = raw.strip()
        if line.startswith("["):
            entry, last = _section(line, number, entries), ""
        elif entry is not None and line and not line.startswith(";"):
            last = _take(entry, line, number, numbered)
    if cut and entry is not None:
        entry.faults.setdefault(
            last, "the file ends in the middle of a character; export it again"
        )
    return list(entries.values())


def _decode(data: bytes) -> tuple[str, bool]:
    """Return the text, and whether its last character is cut off."""
    for mark, codec in (
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return _utf16(data[2:], codec)
    if data.startswith(b"W\0i\0"):
        return _utf16(data, "utf-16-le")
    if data.startswith(codecs.BOM_UTF8):
        return data[3:].decode("utf-8", errors="replace"), False
    try:
        return data.decode("utf-8"), False  # what an editor made of it
    except UnicodeDecodeError:
        # "ANSI" is the code page of the machine; names are in Windows-1251 anyway.
        return data.decode("cp1251", errors="replace"), False


def _utf16(data: bytes, codec: str) -> tuple[str, bool]:
    whole = len(data) & ~1
    return data[:whole].decode(codec, errors="replace"), whole != len(data)


def _section(line: str, number: int, entries: dict[str, Entry]) -> Entry | None:
    """Return the container whose key a line opens, or None."""
    end = line.rfind("]")
    path = line[1:end] if end > 0 else line[1:]
    removed = path.startswith("-")
    match = _KEY.fullmatch(path[1:] if removed else path)
    if match is None:
        return None
    same = match[0].casefold()
    if removed:
        entries.pop(same, None)
        return None
    hive = (match["hive"] or "").casefold()
    wow = hive.endswith(f"\\{WOW}\\".casefold())
    entry = entries.setdefault(same, Entry(path, match["sid"], match["name"], wow))
    if end <= 0:
        entry.faults[""] = f'line {number}: cut short: no "]"'
    return entry


def _take(
    entry: Entry, line: str, number: int, following: Iterator[tuple[int, str]]
) -> str:
    """Take the value that begins in a line; return its name if it is a file's."""
    while line.endswith("\\"):
        _, more = next(following, (0, ""))
        if not more.strip():
            break
        line = line[:-1].rstrip() + more.strip()
    match = _VALUE.fullmatch(line)
    if match is None:
        if not line.startswith("@"):
            entry.faults.setdefault(
                "", f'line {number}: not a value; it would be "NAME"=hex:...'
            )
        return ""
    name = re.sub(r"\\(.)", r"\1", match[1]).lower()
    if name not in FILES:
        return ""
    entry.files.pop(name, None)
    entry.faults.pop(name, None)
    if match[2] == "-":
        return name
    fault = _store(entry, name, match[2])
    if fault:
        entry.faults[name] = f"line {number}: {fault}"
    return name


def _store(entry: Entry, name: str, value: str) -> str:
    """Store a value's bytes; return what is wrong with it."""
    match = _HEX.fullmatch(value)
    if match is None:
        return "not a binary value; it must be hex: and bytes"
    if value.endswith("\\"):
        return "cut short: the line is to be continued, and is not"
    items = [item.strip() for item in match[1].split(",")]
    if items == [""]:
        items = []
    if items and not items[-1]:
        return "cut short: it ends with a comma"
    for position, item in enumerate(items, 1):
        if not _BYTE.fullmatch(item):
            return f"byte {position} of it is not two hexadecimal digits"
    if len(items) > LARGEST_FILE:
        return f"{len(items)} bytes; no file of a container has over {LARGEST_FILE}"
    entry.files[name] = bytes.fromhex("".join(items))
    return ""


# -- writing -----------------------------------------------------------------


def key_path(name: str, sid: str, *, wow: bool) -> str:
    """Return the registry key of a container.

    Raises:
        ContainerError: if a key cannot have this name.
        MediumError: if the SID is none.
    """
    if not _SID.fullmatch(sid):
        raise MediumError(
            f"SID {sid!r}: not the identifier of a Windows user, which looks like "
            "S-1-5-21-1004336348-1177238915-682003330-1001; `whoami /user` shows it"
        )
    if "\\" in name or any(ord(character) < 32 for character in name):
        raise ContainerError(
            f"container name {name!r}: no registry key can have a backslash or "
            "control characters in its name; give the copy another name"
        )
    if not 1 <= len(name) <= LONGEST_KEY:
        raise ContainerError(
            f"container name: {len(name)} characters; a registry key has 1 to "
            f"{LONGEST_KEY}; give the copy another name"
        )
    node = f"{WOW}\\" if wow else ""
    return f"{_SOFTWARE}{node}{_SETTINGS}\\{sid}\\Keys\\{name}"


def build(containers: Mapping[str, Mapping[str, bytes]]) -> bytes:
    """Return an export of containers, as regedit would write it.

    Args:
        containers: files by the container's registry key.
    """
    lines = [VERSION_5, ""]
    for key, files in containers.items():
        lines.append(f"[{key}]")
        for name in FILES:
            if name in files:
                lines += _wrapped(f'"{name}"=hex:', files[name])
        lines.append("")
    text = "\r\n".join([*lines, ""])
    return codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def _wrapped(line: str, data: bytes) -> Iterator[str]:
    for position, octet in enumerate(data, 1):
        line += f"{octet:02x}"
        if position < len(data):
            line += ","
            if len(line) >= _LINE:
                yield line + "\\"
                line = "  "
    yield line
