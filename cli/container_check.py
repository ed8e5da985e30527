"""``gostkey container check``: the doctor for drives and containers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gostkey.containers import Container
from gostkey.doctor import Doctor, Passwords
from gostkey.media import KeyRing, TokenUse

from .container import container_command
from .doctor_words import brief_option, show
from .failures import Failure, overall
from .files import PathOption
from .output import Output, json_option
from .remembering import keep, kept
from .secrets_input import PasswordSource, password_options
from .sources import at_option
from .texts import _, help_page
from .token_input import token_options
from .trust import Trust, read_certificates, trust_options

__all__ = ["check"]


@container_command.command(
    "check",
    help=help_page(
        _(
            "Say why a drive is not seen or a container does not open.\n\n"
            "A place is a container, or a drive, folder or token with containers. "
            "Looked at are, in this order: the drive and the room on it (or the "
            "reader and the token, see `gostkey token check`), the folder's name and "
            "place, the files, every MAC, the password, both copies of the key, the "
            "certificate, its chain and the lists of revoked ones (where --ca and "
            "--crl name them), and the dates. What is wrong is told with its cause "
            "and its cure. "
            "A container with a password is opened with it; it is asked for on the "
            "terminal, once for each container, unless an option names it. "
            "--no-password checks only what needs none. Nothing is changed."
        ),
        examples=[
            "gostkey container check /media/keys",
            "gostkey container check /media/keys/ivanov.000",
            "gostkey container check --password-file ivanov.txt ivanov.000",
            "gostkey container check --ca root.cer --crl root.crl ivanov.000",
            "gostkey container check --certificate ivanov.cer /media/keys",
            "gostkey container check keys.reg/ivanov",
            "gostkey container check token:30DA6803",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@click.argument("places", metavar="PLACE...", nargs=-1, required=True, type=PathOption)
@click.option(
    "--certificate",
    "certificates",
    type=PathOption,
    multiple=True,
    metavar="FILE",
    help=_("Is the key of this certificate in one of them? May be given again."),
)
@trust_options
@at_option
@token_options()
@password_options(
    of=_("of the containers"),
    without=_("Check only what needs no password."),
    remember=True,
)
@brief_option
@json_option
@click.pass_obj
def check(
    out: Output,
    places: tuple[Path, ...],
    certificates: tuple[Path, ...],
    trust: Trust,
    at: datetime | None,
    brief: bool,
    tokens: TokenUse,
    password: PasswordSource,
) -> int:
    wanted = [
        (str(file), one) for file in certificates for one in read_certificates(file)
    ]

    def ask(container: Container, place: Path) -> str | None:
        if password.absent:
            return None
        value = password.ask(str(place))
        if container.has_this_password(value):
            notes.extend(keep(container, place, password, value))
        return value

    def remembered(container: Container, place: Path) -> str | None:
        return None if password.given or password.remember else kept(container)

    if password.remember:
        KeyRing()  # now, so that nobody types a password in vain
    notes: list[str] = []
    offered = password.given and not password.absent
    doctor = Doctor(
        Passwords(ask, remembered, offered), trust.loaded(), at, pin=tokens.pin
    )
    failures: list[Failure] = []
    done = 0
    for place in places:
        for one in doctor.examine(place):
            failure = show(out, one, "container", brief=brief)
            if password.remember and one.is_container and not failure and not notes:
                notes.append(_("{place}: no password to remember").format(place=place))
            while notes:
                out.note(notes.pop(0))
            if failure:
                failures.append(failure)
            elif one.is_container:
                done += 1
    for one in doctor.certificates(wanted):
        failure = show(out, one, "container", brief=brief)
        if failure:
            failures.append(failure)
    return overall(done, failures)
