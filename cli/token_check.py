"""``gostkey token check``: the doctor for readers, the service, and tokens."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import click

from gostkey.doctor import Doctor

from .doctor_words import brief_option, show
from .failures import Failure, overall
from .files import PathOption
from .output import Output, json_option
from .sources import at_option
from .texts import _, help_page
from .trust import Trust, trust_options

__all__ = ["check_command"]


@click.command(
    "check",
    help=help_page(
        _(
            "Say why a token is not seen or does not work.\n\n"
            "Looked at are, in this order: whether a token or reader is plugged in, "
            "the smart card service and whether this user may talk to it, pyscard, "
            "the drivers, what kind of token it is, the tries left of its PINs, its "
            "free memory, and what can be read of the containers on it without a "
            "PIN. What is wrong is told with its cause and its cure.\n\n"
            "TOKEN is token:SERIAL as `gostkey token list` shows it; without one all "
            "tokens are looked at. No PIN is sent, so no try is spent, and nothing is "
            "changed. `gostkey container check token:SERIAL` asks for the PIN and "
            "looks at the keys as well."
        ),
        examples=[
            "gostkey token check",
            "gostkey token check token:30DA6803",
            "gostkey token check --json",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@click.argument("tokens", metavar="[TOKEN]...", nargs=-1, type=PathOption)
@trust_options
@at_option
@brief_option
@json_option
@click.pass_obj
def check_command(
    out: Output,
    tokens: tuple[Path, ...],
    trust: Trust,
    at: datetime | None,
    brief: bool,
) -> int:
    doctor = Doctor(trust=trust.loaded(), at=at)
    failures: list[Failure] = []
    done = 0
    for token in tokens or ("token:",):
        address = os.fspath(token)
        if not address.lower().startswith("token:"):
            # What people copy from the token's case.
            address = f"token:{address}"
        for one in doctor.tokens(address if tokens else ""):
            failure = show(out, one, "token", brief=brief)
            if failure:
                failures.append(failure)
            elif one.item.lower().startswith("token:"):
                done += 1
    return overall(done, failures)
