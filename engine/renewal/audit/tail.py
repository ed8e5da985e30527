"""The end of an audit log as a crash left it: where it is whole, what is cut off."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gostkey.errors import CampaignError, MediumError
from gostkey.hashing import streebog256
from gostkey.media import explain
from gostkey.media.durable import flush_file, flush_folder, write_file

from .lines import LOG_NAME, MOST, NOTHING, digest_of, parse

_WINDOW = 1 << 16


@dataclass(frozen=True)
class End:
    """How far a log is whole, and what the next line follows on."""

    name: str = ""
    """The log's own, from its first line."""
    number: int = 0
    """Of the next line."""
    prev: str = NOTHING
    """Digest of the last line."""
    journal: int = 0
    """Number of the last outcome of the journal in it."""
    whole: int = 0
    """Bytes up to the end of the last whole line."""
    size: int = 0
    """Bytes of the file."""


def read(path: Path) -> End:
    """Find the end of a log.

    Only as much of the file is read as is needed to see two whole lines, one after
    the other.  What was changed farther up is for the check to find.

    Raises:
        OSError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            first = parse(file.readline(MOST).rstrip(b"\n"))
            if first is None or first["kind"] != "log":
                return End(size=size)
            name = str(first.get("log"))
            window = _WINDOW
            while True:
                start = max(0, size - window)
                file.seek(start)
                found = _last_whole(file.read(size - start), at_start=start == 0)
                if found is not None:
                    last, line, end = found
                    return End(
                        name,
                        last["n"] + 1,
                        digest_of(line),
                        last["journal"],
                        start + end,
                        size,
                    )
                if start == 0:
                    return End(size=size)
                window *= 8
    except FileNotFoundError:
        return End()


def last_line(path: Path) -> tuple[int, bytes]:
    """Read the last whole line of a copy of a log, which may have nothing else.

    Returns:
        Its number, from 1, and the line without its line feed.

    Raises:
        MediumError: if it cannot be read.
        CampaignError: if there is no such line.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * MOST))
            lines = file.read().split(b"\n")
    except OSError as error:
        raise explain(error, path) from error
    for line in reversed(lines):
        bare = line.strip()
        found = parse(bare)
        if found is not None:
            return found["n"] + 1, bare
    raise CampaignError(
        f"{path}: holds no line of an audit log; give a copy of {LOG_NAME}, or of its "
        "last line"
    )


def _last_whole(
    data: bytes, *, at_start: bool
) -> tuple[dict[str, Any], bytes, int] | None:
    """Find the last line that follows on the one before it."""
    end = data.rfind(b"\n")
    while end >= 0:
        start = data.rfind(b"\n", 0, end) + 1
        if start == 0 and not at_start:
            return None
        line = data[start:end]
        found = parse(line)
        if found is not None:
            if start == 0:
                return (found, line, end + 1) if found["n"] == 0 else None
            before_start = data.rfind(b"\n", 0, start - 1) + 1
            if before_start == 0 and not at_start:
                return None
            before = data[before_start : start - 1]
            if found["prev"] == digest_of(before):
                return found, line, end + 1
        end = start - 1
    return None


def cut(path: Path, end: End) -> dict[str, Any] | None:
    """Cut off what is behind the last whole line, and say what that was.

    What is more than one broken line is kept beside the log.

    Returns:
        For the log: how many bytes, and their Streebog-256; None if there are none.

    Raises:
        OSError: if the file cannot be changed.
    """
    if end.size == end.whole:
        return None
    with path.open("rb") as file:
        file.seek(end.whole)
        rest = file.read()
    if b"\n" in rest:
        _keep(path, rest)
    os.truncate(path, end.whole)
    flush_file(path)
    return {"cut": len(rest), "digest": streebog256(rest).hexdigest()}


def _keep(path: Path, rest: bytes) -> None:
    for number in range(1, 1000):
        beside = path.with_name(f"{path.name}.cut-{number}")
        try:
            write_file(beside, rest)
        except FileExistsError:
            continue
        flush_file(beside)
        flush_folder(path.parent)
        return
    raise MediumError(
        f"{path.parent}: holds a thousand pieces of broken audit logs; put them "
        "elsewhere, then run resume"
    )
