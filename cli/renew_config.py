"""``gostkey renew check-config``: look at a configuration before a run relies on it."""

from __future__ import annotations

from pathlib import Path

import click

from gostkey.errors import GostKeyError
from gostkey.renewal.configuration import (
    Configuration,
    Finding,
    check,
    read_configuration,
)
from gostkey.renewal.transports import faults_of
from gostkey.renewal.transports.patience import Patience

from .authority_options import Authority, authority_options
from .failures import Exit
from .files import PathOption
from .output import Output, json_option
from .renew import renew_command
from .texts import _, help_page, plural


@renew_command.command(
    "check-config",
    help=help_page(
        _(
            "Look at a configuration file; nothing is changed.\n\n"
            "Told are unknown names with the nearest known one, wrong values, missing "
            "files, folders that cannot be used, files with passwords that others can "
            "read, and what contradicts itself: each with its line and what helps. "
            "--connect asks the authority as well: it logs in to both mail servers, or "
            "asks the HTTPS server for its certificates and its CRL; no request is "
            "sent. docs/renew.example.toml has every name."
        ),
        examples=[
            "gostkey renew check-config /etc/gostkey/renew.toml",
            "gostkey renew check-config renew.toml --connect --json",
        ],
        exits=[0, 1, 2, 3],
    ),
)
@click.argument("file", type=PathOption)
@click.option(
    "--connect",
    is_flag=True,
    help=_("Also log in to the mail servers, or ask the authority's HTTPS server."),
)
@json_option
@click.pass_obj
def check_config(out: Output, file: Path, connect: bool) -> Exit:
    configuration = read_configuration(file)
    found = check(configuration)
    if connect and not any(not one.warning for one in found):
        found += _connect(configuration)
    for one in found:
        _show(out, file, one)
    wrong = [one for one in found if not one.warning]
    if wrong:
        out.note(plural("{n} thing is wrong", "{n} things are wrong", len(wrong)))
        return Exit.SOME_FAILED
    if out.json:
        out.record({"item": str(file), "status": "done"})
    else:
        out.text(_("{file}: can be used").format(file=file))
        if connect:
            out.text(_("the authority answers"))
    return Exit.DONE


def _show(out: Output, file: Path, one: Finding) -> None:
    if out.json:
        out.record(
            {
                "item": str(file),
                "status": "warning" if one.warning else "failed",
                "line": one.line,
                "key": one.key,
                "error": {
                    "code": "configuration",
                    "message": one.text,
                    "hint": one.cure,
                },
            }
        )
    kind = _("warning: ") if one.warning else ""
    out.note(kind + one.sentence(file))
    out.hint(one.cure)


def _connect(configuration: Configuration) -> list[Finding]:
    """Ask the authority that the file names."""
    line = configuration.lines.get("authority", 0)
    try:
        with click.Context(_ask, default_map=configuration.values) as context:
            _ask.parse_args(context, [])
            texts: list[str] = _ask.invoke(context)
    except click.UsageError as error:
        texts = [error.format_message()]
    except (GostKeyError, OSError) as error:
        texts = [str(error)]
    cure = _("see to the authority or the line to it, then check again")
    return [Finding(line, "authority", text, cure) for text in texts]


@click.command("ask")
@authority_options
def _ask(authority: Authority) -> list[str]:
    """Ask the authority that some options name; no command of the user's."""
    # Somebody waits before the screen, and can ask again.
    return [str(one) for one in faults_of(authority.transport(None, _HASTE))]


_HASTE = Patience(total=30.0, tries=2)
