"""``gostkey hash``: digests of files, and the check of a list of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import click

from gostkey import hashing
from gostkey.errors import EncodingError

from .failures import Failure, describe, overall
from .output import Output, json_option
from .texts import _, help_page, plural

# A bar for what takes noticeable time; below it would only flicker.
LONG_FILE = 32 << 20
PIECE = 1 << 20

ALGORITHMS = ("streebog256", "streebog512", "gostr3411-94", "gostr3411-94-test")

# "digest, blank, blank or *, name"; a leading backslash says that the name is
# escaped.  This is the form of sha256sum and its family.
LINE = re.compile(r"(\\?)([0-9A-Fa-f]{64}|[0-9A-Fa-f]{128}) [ *](.+)")


class Hash(Protocol):
    """The part of hashlib's interface that is used here."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@click.command(
    "hash",
    help=help_page(
        _(
            "Print the digests of files, or check a list of digests.\n\n"
            "Works like sha256sum: one line a file, '-' or no file is the standard "
            "input. With -c each FILE is a list that was printed by this command; "
            "a 128-digit digest in it is always streebog512. gostr3411-94 is the "
            "old hash with CryptoPro's parameters, gostr3411-94-test the one with "
            "the test parameters; use them only to read old data."
        ),
        examples=[
            "gostkey hash report.pdf",
            "gostkey hash -a streebog512 *.pdf > sums",
            "gostkey hash -c sums",
        ],
        exits=[0, 1, 2, 3],
    ),
)
@click.option(
    "-a",
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    default="streebog256",
    show_default=True,
    help=_("The hash function."),
)
@click.option("-c", "--check", is_flag=True, help=_("Check lists of digests."))
@click.option("--quiet", is_flag=True, help=_("With -c, print no line for good files."))
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def hash_command(
    out: Output, files: tuple[Path, ...], algorithm: str, check: bool, quiet: bool
) -> int:
    if quiet and not check:
        raise click.UsageError(_("--quiet goes with -c"))
    files = files or (Path("-"),)
    if check:
        return _check(out, files, algorithm, quiet)
    failures: list[Failure] = []
    done = 0
    for file in files:
        try:
            digest = digest_of(file, algorithm, out)
        except OSError as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(file))
            continue
        done += 1
        if out.json:
            out.record(
                {
                    "item": str(file),
                    "status": "done",
                    "algorithm": algorithm,
                    "digest": digest,
                }
            )
        else:
            out.verbatim(_line(digest, str(file)))
    return overall(done, failures)


def digest_of(file: Path, algorithm: str, out: Output) -> str:
    """Return the digest of a file as hex, with a bar if it is a long one."""
    running = _start(algorithm)
    if str(file) == "-":
        for piece in _pieces(sys.stdin.buffer):
            running.update(piece)
        return running.hexdigest()
    with file.open("rb") as stream:
        size = file.stat().st_size
        if size < LONG_FILE:
            for piece in _pieces(stream):
                running.update(piece)
            return running.hexdigest()
        done = 0
        with out.progress(file.name, size, unit="bytes") as show:
            for piece in _pieces(stream):
                running.update(piece)
                done += len(piece)
                show(done, "")
    return running.hexdigest()


def _start(algorithm: str) -> Hash:
    if algorithm == "streebog256":
        return hashing.streebog256()
    if algorithm == "streebog512":
        return hashing.streebog512()
    sbox = "test" if algorithm.endswith("-test") else "cryptopro"
    return hashing.gostr3411_94(sbox=sbox)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


def _line(digest: str, name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}"


def _unescaped(name: str) -> str:
    known = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
    return re.sub(r"\\[\\nr]", lambda match: known[match[0]], name)


def _check(out: Output, lists: tuple[Path, ...], algorithm: str, quiet: bool) -> int:
    failures: list[Failure] = []
    done = 0
    for list_file in lists:
        broken = 0
        try:
            lines = _read_lines(list_file)
        except (OSError, EncodingError) as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(list_file))
            continue
        found = 0
        for line in lines:
            match = LINE.fullmatch(line)
            if match is None:
                broken += bool(line.strip())
                continue
            found += 1
            name = _unescaped(match[3]) if match[1] else match[3]
            failure = _compare(name, match[2].lower(), algorithm, out)
            if failure is None:
                done += 1
                if out.json:
                    out.record({"item": name, "status": "done"})
                elif not quiet:
                    out.text(f"{name}: {_('OK')}")
                continue
            failures.append(failure)
            if not out.json:
                word = _("FAILED")
                if failure.code != "digest_differs":
                    word = _("FAILED open or read")
                out.text(f"{name}: {word}")
            out.failure(failure, name)
        if broken:
            out.note(
                f"{list_file}: "
                + plural(
                    "{n} line is not of the form 'digest  name'",
                    "{n} lines are not of the form 'digest  name'",
                    broken,
                )
            )
        if not found:
            failures.append(
                Failure(
                    "no_digests",
                    _("{file}: no line of the form 'digest  name'").format(
                        file=list_file
                    ),
                    _("-c takes a list printed by `gostkey hash`, not the file itself"),
                )
            )
            out.failure(failures[-1])
    return overall(done, failures)


def _read_lines(file: Path) -> list[str]:
    if str(file) == "-":
        data = sys.stdin.buffer.read()
    else:
        data = file.read_bytes()
    try:
        # Only \n parts lines: names may hold what splitlines() would cut at.
        text = data.decode("utf-8-sig", errors=sys.getfilesystemencodeerrors())
    except UnicodeDecodeError:
        raise EncodingError(
            _("{file}: not a text file; -c takes a list of digests").format(file=file)
        ) from None
    return [line.rstrip("\r") for line in text.split("\n")]


def _compare(name: str, wanted: str, algorithm: str, out: Output) -> Failure | None:
    if len(wanted) == 128:
        algorithm = "streebog512"
    elif algorithm == "streebog512":
        return Failure(
            "digest_length",
            _("{name}: the list has a 256-bit digest, not one of streebog512").format(
                name=name
            ),
            _("leave out -a streebog512"),
        )
    try:
        digest = digest_of(Path(name), algorithm, out)
    except OSError as error:
        return describe(error)
    if digest != wanted:
        return Failure(
            "digest_differs",
            _("{name}: the digest differs: the file was changed").format(name=name),
        )
    return None
