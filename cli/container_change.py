"""``gostkey container password`` and ``install``: what changes containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from gostkey.containers import Container, with_password
from gostkey.errors import (
    ContainerError,
    EncodingError,
    GostKeyError,
    KeyRingError,
)
from gostkey.media import (
    KeyRing,
    RegistryFile,
    TokenUse,
    csp_folder,
    find_containers,
    install_certificate,
    is_in_file,
    is_token_address,
    open_for_change,
    usual_tokens,
)
from gostkey.pki.certificates import Certificate

from .container import container_command
from .container_options import FOLDER
from .failures import describe, naming
from .files import PathOption, force_option, out_option, refuse_taken
from .output import Output, json_option
from .remembering import container_password, keep, replace_remembered
from .secrets_input import PasswordSource, password_options
from .sources import at_option, now, read_container
from .texts import _, help_page, plural
from .token_input import token_options
from .trust import read_certificates

_ALL = "ALL"
"""In place of a folder: all containers whose password is remembered."""


@container_command.command(
    "password",
    help=help_page(
        _(
            "Set, change or remove a container's password.\n\n"
            "The keys are encrypted anew; name and certificate stay. The new "
            "container is written beside the old one, compared, and takes its place; "
            "then the old files are wiped. If the run is cut off, the old or the new "
            "container is there, and the same command ends the work. Other copies "
            "of the container keep the old password. On a token the new container "
            "gets another place, and the old one is removed. A registry export is not "
            "changed: with --out FILE.reg the container with the new password is "
            "written there, for the same Windows user.\n\n"
            "With --remember the new password is kept in this user's key ring of the "
            "operating system; from then on commands that open the container do not "
            "ask for it. A password that is kept there is changed with the "
            "container's. --forget removes it from there and leaves the container "
            "alone; with the word ALL in place of CONTAINER it removes all that "
            "gostkey has put there."
        ),
        examples=[
            "gostkey container password ivanov.000",
            "gostkey container password ivanov.000 --password-file old.txt "
            "--new-password-file new.txt",
            "gostkey container password ivanov.000 --no-new-password",
            "gostkey container password keys.reg/ivanov --out ivanov-new.reg",
            "gostkey container password --forget ivanov.000",
            "gostkey container password --forget ALL",
            "gostkey container password token:30DA6803/ivanov --experimental",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@click.option(
    "--forget",
    is_flag=True,
    help=_("Only remove the password from the key ring; ALL: every container's."),
)
@out_option(
    _("For a container in a .reg file: write it with the new password to this one."),
    required=False,
)
@force_option
@password_options(
    "new-password",
    of=_("to set"),
    without=_("Remove the password."),
    remember=True,
)
@password_options(of=_("that the container has now"))
@token_options(writes=True)
@json_option
@click.pass_obj
def password(
    out: Output,
    folder: Path,
    forget: bool,
    target: Path | None,
    force: bool,
    password: PasswordSource,
    new_password: PasswordSource,
    tokens: TokenUse,
) -> None:
    if forget:
        if (
            target is not None
            or password.given
            or new_password.given
            or new_password.remember
        ):
            raise click.UsageError(_("--forget goes without other options"))
        _forget(out, folder)
        return
    if new_password.remember:
        KeyRing()  # now, so that nobody types a password in vain
    with naming(folder):
        place, files, write = _open(folder, target, force, tokens)
        container = Container.parse(files)
        old = container_password(container, folder, password)
        # Now, so that nobody types a new password in vain.
        container.open(old).close()
        new = new_password.choose(str(folder))
        changed = target is not None or old is not None or new is not None
        if changed:
            place = write(with_password(files, old, new))
        if is_token_address(folder):
            # Its place is another one now.
            folder = place
        # The one that stays in an export has the old password still.
        replaced = changed and target is None
        notes = _bring_up_to_date(container, folder, new_password, new, replaced)
    for note in notes:
        out.note(note)
    if target is not None:
        out.note(
            _("{file}: written; {folder} is what it was").format(
                file=target, folder=folder
            )
        )
        folder = place
    if out.json:
        out.record(
            {
                "item": str(folder),
                "status": "done",
                "container": str(place),
                "name": container.name,
                "changed": changed,
                "has_password": new is not None,
            }
        )
    elif not changed:
        out.note(_("{folder}: it has no password, and stays so").format(folder=folder))
    elif new is None:
        out.note(
            _(
                "{folder}: the password is removed: whoever has the folder has the key"
            ).format(folder=folder)
        )
    else:
        out.note(_("{folder}: the new password is set").format(folder=folder))


def _open(
    folder: Path, target: Path | None, force: bool, tokens: TokenUse
) -> tuple[Path, dict[str, bytes], Callable[[Mapping[str, bytes]], Path]]:
    """Read a container, and tell how it is written when it has been changed."""
    if target is None:
        if force:
            raise click.UsageError(_("--force goes with --out"))
        medium, place, files = open_for_change(folder, tokens)
        return place, files, partial(medium.rewrite, place, files)
    if not (is_in_file(folder) and RegistryFile.holds(folder.absolute())):
        raise click.UsageError(
            _("--out is for a container in a .reg file; others are changed in place")
        )
    if target.suffix.lower() != ".reg":
        raise click.UsageError(_("{file}: must end in .reg").format(file=target))
    refuse_taken(target, force)
    export, place = RegistryFile(folder), folder.absolute()
    write = export.successor(place, target, replace=force)
    return place, export.read_own(place), write


def _bring_up_to_date(
    container: Container,
    folder: Path,
    source: PasswordSource,
    new: str | None,
    changed: bool,
) -> list[str]:
    """Keep the new password, or change the one that is remembered."""
    try:
        notes = keep(container, folder, source, new)
        if changed and not notes and replace_remembered(container, new):
            notes = [
                _("{folder}: the key ring is brought up to date").format(folder=folder)
            ]
        return notes
    except (KeyRingError, ContainerError) as error:
        raise type(error)(
            _("{folder}: the new password is set; it is not remembered: {why}").format(
                folder=folder, why=error
            )
        ) from error


def _forget(out: Output, folder: Path) -> None:
    """Remove a remembered password, or all of them."""
    ring = KeyRing()
    if str(folder) == _ALL:
        count = ring.forget_all()
    else:
        container = read_container(folder, public=True)
        with naming(folder):
            count = int(ring.forget(container))
    if out.json:
        out.record({"item": str(folder), "status": "done", "forgotten": count})
    elif not count:
        out.note(_("{folder}: no password was remembered").format(folder=folder))
    elif str(folder) == _ALL:
        out.note(
            plural("{n} password is forgotten", "{n} passwords are forgotten", count)
        )
    else:
        out.note(_("{folder}: its password is forgotten").format(folder=folder))


@container_command.command(
    "install",
    help=help_page(
        _(
            "Put a certificate into the container of its key.\n\n"
            "CERTIFICATE is a file, DER or PEM. Without --container the container "
            "is found by the public key: below the folders and on the tokens of --in, "
            "or where CryptoPro CSP keeps the containers of this user and on all "
            "tokens. A certificate for "
            "another key is refused. An older certificate of the same key is "
            "replaced; nothing else in the container changes, and no password is "
            "needed. With a password option the whole key of a container with a "
            "password is compared, and not only what its header tells of it. "
            "A Windows registry export is not changed: --out names a new one, which "
            "gets the container with its certificate."
        ),
        examples=[
            "gostkey container install ivanov.cer --container ivanov.000",
            "gostkey container install ivanov.cer --in /media/keys",
            "gostkey container install ivanov.cer --in keys.reg --out ivanov.reg",
            "gostkey container install ivanov.cer --in token: --experimental",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@click.argument("certificate", metavar="CERTIFICATE", type=PathOption)
@click.option(
    "--container",
    "folder",
    type=PathOption,
    metavar="FOLDER",
    help=_("The container, if it is not to be looked for."),
)
@click.option(
    "--in",
    "trees",
    type=PathOption,
    multiple=True,
    metavar="TREE",
    help=_("Look for the container here; may be given again."),
)
@click.option(
    "--out",
    "target",
    type=PathOption,
    metavar="FILE.reg",
    help=_("For a container in a .reg file: the new file to write."),
)
@click.option("--force", is_flag=True, help=_("Overwrite the file of --out."))
@at_option
@password_options(of=_("of the container"))
@token_options(writes=True)
@json_option
@click.pass_obj
def install(
    out: Output,
    certificate: Path,
    folder: Path | None,
    trees: tuple[Path, ...],
    target: Path | None,
    force: bool,
    at: datetime | None,
    password: PasswordSource,
    tokens: TokenUse,
) -> None:
    if force and target is None:
        raise click.UsageError(_("--force goes with --out"))
    if folder is not None and trees:
        raise click.UsageError(_("give either --container or --in, not both"))
    several = read_certificates(certificate)
    if len(several) > 1:
        raise EncodingError(
            _("{file}: {count} certificates; give a file with only the owner's").format(
                file=certificate, count=len(several)
            )
        )
    (one,) = several
    if folder is None:
        folder = _find(out, certificate, one, trees)
    with naming(folder):
        done = install_certificate(
            folder, one, password.read(), tokens, out=target, replace=force
        )
    if not one.not_before <= now(at) <= one.not_after:
        out.note(
            _("{file}: the certificate is valid from {begin} to {end}, not now").format(
                file=certificate,
                begin=one.not_before.date(),
                end=one.not_after.date(),
            )
        )
    if out.json:
        out.record(
            {
                "item": str(certificate),
                "status": "done",
                "container": str(done.place),
                "name": done.name,
                "key": done.slot,
                "changed": done.changed,
                "replaced": done.before is not None and done.changed,
                "compared": done.compared,
            }
        )
    elif not done.changed:
        out.note(_("{folder}: the certificate is there already").format(folder=folder))
    else:
        text = _("{folder}: the certificate of {owner} is installed, valid until {end}")
        out.note(
            text.format(
                folder=target or folder,
                owner=one.subject.owner,
                end=one.not_after.date(),
            )
        )


def _find(
    out: Output, file: Path, certificate: Certificate, trees: tuple[Path, ...]
) -> Path:
    """Find the one container of a certificate's key."""
    places = list(trees)
    if not trees:
        if csp_folder().is_dir():
            places.append(csp_folder())
        found_tokens, problems = usual_tokens()
        places += map(Path, found_tokens)
        for problem in problems:
            out.hint(_("no tokens: {why}").format(why=problem))
    if not places:
        raise click.UsageError(
            _("name the container with --container, or where to look with --in")
        )
    unreadable: list[GostKeyError] = []
    found = find_containers(places, certificate, unreadable)
    if len(found) == 1:
        return found[0]
    for fault in unreadable:
        out.note(describe(fault).message)
    where = ", ".join(map(str, places))
    if not found:
        raise ContainerError(
            _("{file}: no container in {where} has the key of this certificate").format(
                file=file, where=where
            )
        )
    raise ContainerError(
        _("{file}: {count} containers have its key: {found}; name one").format(
            file=file, count=len(found), found=", ".join(map(str, found))
        )
        + " (--container)"
    )
