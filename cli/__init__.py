"""The ``gostkey`` command.

The modules beside this one parse, call the engine and print; they have no
logic of their own.  Each is imported when its command is asked for, so that
``gostkey hash`` does not pay for certificates and databases.  All exceptions
become text here, in `Application.main`, and nowhere else.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

import gostkey
from gostkey.errors import after_interrupt

from .failures import Exit, Failure, describe, expected
from .output import Output, drop
from .texts import _, help_page

__all__ = ["main"]

COMMANDS = {
    "info": "info",
    "hash": "hash",
    "key": "key",
    "sign": "sign",
    "verify": "sign",
    "container": "container",
    "token": "token",
    "cert": "cert",
    "entropy": "entropy",
    "ca": "ca_serve",
    "renew": "renew_commands",
    "demo": "demo",
    "bench": "bench",
}
"""Command -> module; the module has the command under its name + "_command"."""

# A group without a command shows its help; older versions of click do it alone.
_NO_ARGUMENTS: type[click.UsageError] | None = getattr(
    click.exceptions, "NoArgsIsHelpError", None
)

# What a shell reports for a program that died of a broken pipe (128 + 13).
BROKEN_PIPE = 141


class Application(click.Group):
    """The top command: loads commands late, turns every exception into text."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Here, because click's own main() would leave with 1 for it.
            drop(sys.stdout)
            return BROKEN_PIPE
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run a command and leave the process with its exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        code = self._run(arguments, Output(), extra)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                # It was told, or nobody hears; flushed once more at exit, it would
                # make the code 120.
                drop(stream)
        sys.exit(code)

    def _run(self, arguments: list[str], out: Output, extra: dict[str, Any]) -> int:
        for stream in (sys.stdout, sys.stderr):
            # A name that the console cannot show must not stop the work.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(
                arguments, "gostkey", standalone_mode=False, obj=out, **extra
            )
        except (KeyboardInterrupt, click.exceptions.Abort):
            out.failure(Failure("interrupted", _("interrupted"), out.after_interrupt))
            return Exit.INTERRUPTED
        except Exception as error:
            if after_interrupt(error):
                out.failure(_interrupted_and(error, out.after_interrupt))
                return Exit.INTERRUPTED
            if not expected(error):
                traceback.print_exc()
                out.failure(_unexpected(error))
                return Exit.NONE_SUCCEEDED
            if _NO_ARGUMENTS is not None and isinstance(error, _NO_ARGUMENTS):
                click.echo(error.format_message(), err=True)
                return Exit.USAGE
            # A usage error may come up before the option itself is read.
            if isinstance(error, click.UsageError):
                out.json = "--json" in arguments
            failure = describe(error)
            out.failure(failure)
            return failure.exit
        return code if isinstance(code, int) else Exit.DONE


def _interrupted_and(error: Exception, hint: str) -> Failure:
    """Tell of Ctrl-C, and of what failed while the work was being left for it."""
    message = _("interrupted")
    if expected(error):
        message += f"; {describe(error).message}"
    return Failure("interrupted", message, hint)


def _unexpected(error: BaseException) -> Failure:
    return Failure(
        "internal_error",
        _("this is a fault of gostkey itself ({kind})").format(
            kind=type(error).__name__
        ),
        _(
            "please report it to those who gave you gostkey, with the lines above "
            "and the output of `gostkey info`; neither holds a secret"
        ),
    )


@click.group(
    cls=Application,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 88,
    },
    help=help_page(
        _(
            "Keys, signatures and key containers of GOST R 34.10-2012.\n\n"
            "Every command has --help. Data goes to the standard output, messages "
            "to the standard error output. Passwords and PINs are asked for on the "
            "terminal or read from a file, an environment variable or a descriptor, "
            "never from the command line."
        ),
        examples=[
            "gostkey demo",
            "gostkey renew due /media/keys",
            "gostkey COMMAND --help",
        ],
        exits=[0, 1, 2, 3, 4, 5, 6, 130],
    ),
)
@click.version_option(
    gostkey.__version__, "-V", "--version", message="gostkey %(version)s"
)
def application() -> None:
    pass


def _leave_no_core() -> None:
    """Let a crash write no core file: it would hold keys."""
    try:
        import resource
    except ImportError:
        return  # Windows has none
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    # A thousand renewals make millions of objects and next to no cycles of them;
    # Python's collector would look for these every 700 objects.
    gc.set_threshold(20_000)
    # Nothing here is done by NumPy's BLAS, which would begin with a thread for each
    # processor; those wait in a loop, a twentieth of a second each.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _leave_no_core()
    try:
        application.main(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else Exit.NONE_SUCCEEDED
