"""What a command prints: data to stdout, everything else to stderr.

Data are text, tables or, with --json, one object a line.  Messages are
``gostkey: text`` and ``gostkey: hint: ...``.  Colour and progress bars go to a
terminal only; colour never carries a meaning alone and NO_COLOR turns it off.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from .failures import Failure

__all__ = ["Output", "clean", "drop", "json_option", "place"]

F = TypeVar("F", bound=Callable[..., Any])

# Wide enough for any row: a pipe has no width, so nothing may be cut for it.
_PIPE_WIDTH = 100_000


class Output:
    """One command's way to stdout and stderr."""

    def __init__(self) -> None:
        self.json = False
        self.after_interrupt = ""
        """What an interrupted command says as its hint."""
        self._deaf = False
        self._bar: Any = None
        """The bar that is shown now."""

    # -- data, to stdout ----------------------------------------------------

    def record(self, record: Mapping[str, object]) -> None:
        """Print one JSON object on a line of its own."""
        # Another encoding than UTF-8 (a Windows pipe) gets plain ASCII.
        encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
        ascii_only = encoding.replace("-", "") != "utf8"
        self._write(json.dumps(record, ensure_ascii=ascii_only, default=_plain))

    def text(self, line: str) -> None:
        """Print a line of data."""
        self._write(clean(line))

    def verbatim(self, text: str) -> None:
        """Print text that is ours and has lines of its own, such as PEM."""
        self._write(text.rstrip("\n"))

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Print names and values, one pair a line, the values in one column."""
        shown = [(clean(name), clean(value)) for name, value in pairs]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self._write(f"{name:<{width}}  {value}".rstrip())

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        right: Sequence[int] = (),
    ) -> None:
        """Print a table; in a pipe each row is one whole line.

        Args:
            columns: the headings.
            rows: cells in the order of the columns.
            right: indexes of columns of numbers, set flush right.
        """
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        terminal = sys.stdout.isatty()
        console = Console(
            file=sys.stdout,
            width=None if terminal else _PIPE_WIDTH,
            markup=False,
            highlight=False,
            emoji=False,
        )
        table = Table(box=None, pad_edge=False, header_style="bold" if terminal else "")
        for index, column in enumerate(columns):
            table.add_column(
                column,
                justify="right" if index in right else "left",
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        with console.capture() as captured:
            console.print(table)
        for line in captured.get().splitlines():
            self._write(line.rstrip())

    # -- messages, to stderr ------------------------------------------------

    def note(self, text: str) -> None:
        """Tell the user something that is not data."""
        self._tell(f"gostkey: {clean(text)}")

    def hint(self, text: str) -> None:
        """Name the command or the thing to do that would help."""
        self._tell(f"gostkey: hint: {clean(text)}")

    def failure(self, failure: Failure, item: str = "") -> None:
        """Tell a failure: text and hint, and with --json an object too.

        Args:
            failure: what happened.
            item: the one of several things that it happened to.
        """
        message = failure.message
        if item and item not in message:
            message = f"{item}: {message}"
        if self.json:
            record: dict[str, object] = {"item": item} if item else {}
            # It may be the output itself that failed; the words below are told then.
            with contextlib.suppress(OSError):
                self.record({**record, "status": "failed", "error": failure.record()})
        self.note(message)
        if failure.hint:
            self.hint(failure.hint)

    @contextlib.contextmanager
    def progress(
        self, what: str, total: int, *, unit: str = "items"
    ) -> Iterator[Callable[[float, str], None]]:
        """Show a bar on a terminal; without one on stderr nothing is shown.

        Args:
            what: stands before the bar.
            total: how much there is to do.
            unit: "items", "bytes" or "steps"; steps show as percent.

        Yields:
            A function to call with the amount that is done, and with a text
            that takes the place of *what* ("" leaves it).
        """
        if not sys.stderr.isatty():
            yield lambda amount, text: None
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            ProgressColumn,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        amounts: dict[str, type[ProgressColumn]] = {
            "items": MofNCompleteColumn,
            "bytes": DownloadColumn,
            "steps": TaskProgressColumn,
        }
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            amounts[unit](),
            TimeRemainingColumn(),
        )
        with self._bar_of(columns) as bar:
            task = bar.add_task(clean(what), total=total)

            def show(amount: float, text: str) -> None:
                bar.update(
                    task, completed=amount, description=clean(text) if text else None
                )

            yield show

    @contextlib.contextmanager
    def work(self, what: str) -> Iterator[Callable[[float, str], None]]:
        """Show a bar of some work on a terminal, with what is said of it beside.

        Yields:
            A function to call with the share that is done, 0.0 to 1.0, and the text.
        """
        if not sys.stderr.isatty():
            yield lambda share, text: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn

        width = max(5, min(40, Console(stderr=True).width - 70))
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(width),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )
        with self._bar_of(columns) as bar:
            task = bar.add_task(clean(what), total=1.0, said="")
            yield lambda share, text: bar.update(
                task, completed=share, said=clean(text)
            )

    @contextlib.contextmanager
    def _bar_of(self, columns: Iterable[Any]) -> Iterator[Any]:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            self._bar = bar
            try:
                yield bar
            finally:
                self._bar = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take the bar away while a person is asked something."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    # -- pipes --------------------------------------------------------------

    def keep_on(self) -> None:
        """Let the work go on without a reader when a pipe on stdout breaks."""
        self._deaf = True

    def _write(self, text: str) -> None:
        try:
            click.echo(text)
        except OSError as error:
            # A pipe without a reader, or a terminal that hung up.
            if not self._deaf or error.errno not in (errno.EPIPE, errno.EIO):
                raise
            drop(sys.stdout)

    def _tell(self, text: str) -> None:
        # A pipe without a reader, or a terminal that hung up.
        with contextlib.suppress(OSError):
            click.echo(text, err=True)


def drop(stream: TextIO) -> None:
    """Send stdout or stderr nowhere, so that nothing fails again when it is flushed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def clean(text: str) -> str:
    """Make control and direction characters of foreign data visible.

    A container's or owner's name must not be able to steer the terminal.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def place(path: str | os.PathLike[str]) -> str:
    """Shorten a path for a table: relative if it is below the current folder."""
    path = Path(path)
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        text = value.astimezone(timezone.utc).isoformat(timespec="seconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def json_option(command: F) -> F:
    """Add --json to a command; the flag ends up in its Output."""
    from .texts import _

    def remember(context: click.Context, option: click.Parameter, value: bool) -> None:
        if value:
            context.ensure_object(Output).json = True

    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=remember,
        help=_("Print JSON: one object, or one object a line."),
    )(command)
