"""``gostkey container backup``: all containers of a medium in one file, and back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gostkey.errors import EncodingError
from gostkey.hashing import streebog256
from gostkey.media import (
    Backup,
    Restored,
    TokenUse,
    collect,
    is_encrypted,
    pack,
    read_archive,
    restore,
    unpack,
    write_archive,
)

from .container import container_command
from .container_options import DESTINATION
from .exports import ExportOptions, export_options
from .failures import Exit, Failure, describe, naming, overall
from .files import PathOption, out_option
from .output import Output, json_option
from .secrets_input import PasswordSource, password_options
from .sources import at_option, now
from .texts import _, help_page
from .token_input import token_options

ARCHIVE = click.argument("file", metavar="FILE", type=PathOption)
OF_ARCHIVE = password_options(of=_("of the archive"))


class BackupGroup(click.Group):
    """`backup PLACE` makes a backup; what is not the name of a command is a PLACE."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["create", *args]
        return super().parse_args(ctx, args)


@container_command.group(
    "backup",
    cls=BackupGroup,
    help=help_page(
        _(
            "Back up all containers of a medium, and bring them back.\n\n"
            "`backup PLACE` is short for `backup create PLACE`. A PLACE that is named "
            "like one of the commands is written ./verify."
        ),
        examples=[
            "gostkey container backup /media/keys --out backups",
            "gostkey container backup /media/keys --out keys.zip --encrypt",
            "gostkey container backup verify keys.zip",
            "gostkey container backup restore keys.zip /media/spare",
        ],
        exits=[0, 1, 2, 3, 4, 5],
    ),
)
def backup_command() -> None:
    pass


@backup_command.command(
    "create",
    help=help_page(
        _(
            "Back up all containers below PLACE into one file.\n\n"
            "PLACE is a folder, such as the root of a removable disk, a token, a "
            "Windows registry export (.reg) or a floppy image. "
            "FILE is a ZIP with the containers' folders and a manifest with the date "
            "and the Streebog-256 of every file. A folder as FILE gets an archive "
            "named after the date. With a password option or --encrypt the archive "
            "is encrypted (RFC 9337, Kuznyechik); without it, it holds keys as the "
            "medium does: keep it like the medium. Damaged containers are backed up "
            "as they are, and told. No file is ever overwritten."
        ),
        examples=[
            "gostkey container backup /media/keys --out backups",
            "gostkey container backup /media/keys --out keys.zip "
            "--password-file backup.txt",
            "gostkey container backup token:30DA6803 --out backups --encrypt",
        ],
        exits=[0, 1, 2, 3, 4, 5],
    ),
)
@click.argument("place", metavar="PLACE", type=PathOption)
@out_option(_("Write the archive here; a folder gets one named after the date."))
@click.option("--encrypt", is_flag=True, help=_("Ask for a password to encrypt with."))
@at_option
@password_options(of=_("that encrypts the archive"))
@token_options()
@json_option
@click.pass_obj
def create(
    out: Output,
    place: Path,
    target: Path,
    encrypt: bool,
    at: datetime | None,
    password: PasswordSource,
    tokens: TokenUse,
) -> Exit:
    made = now(at)
    if not target.suffix and not target.is_dir():
        raise click.UsageError(
            _(
                "{folder}: there is no such folder; make it, or name a file such as "
                "{folder}.zip"
            ).format(folder=target)
        )
    backup = collect(place, made, tokens)
    secret = password.read()
    if secret is None and encrypt:
        secret = password.choose(_("the archive"))
    if secret == "" or (encrypt and not secret):
        raise EncodingError(_("the archive's password is empty; give another one"))
    if target.is_dir():
        ending = ".zip" if secret is None else ".zip.enc"
        target = target / f"gostkey-backup-{made:%Y%m%d-%H%M%S}{ending}"
    failures = [
        Failure("medium_error", reason, exit=Exit.PERSON_NEEDED)
        for _place, reason in backup.missing
    ]
    for failure, (folder, _reason) in zip(failures, backup.missing, strict=True):
        out.failure(failure, folder)
    if not backup.containers:
        return overall(0, failures)
    data = pack(backup, secret)
    write_archive(target, data)
    # What counts is what can be read again.
    with naming(target):
        unpack(read_archive(target), secret)
    _warn_of_damage(out, backup)
    record = _facts(target, backup, encrypted=secret is not None)
    record["streebog256"] = streebog256(data).hexdigest()
    if out.json:
        out.record(record)
    else:
        out.pairs(_lines(record))
        if secret is None:
            out.note(_("it is not encrypted: whoever has the file has the keys"))
    return overall(len(backup.containers), failures)


@backup_command.command(
    "verify",
    help=help_page(
        _(
            "Check an archive: every hash, and what it holds.\n\n"
            "Nothing is written. An archive with one bad hash is bad as a whole; "
            "use another copy of it."
        ),
        examples=[
            "gostkey container backup verify keys.zip",
            "gostkey container backup verify keys.zip --password-file backup.txt",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@ARCHIVE
@OF_ARCHIVE
@json_option
@click.pass_obj
def verify(out: Output, file: Path, password: PasswordSource) -> None:
    backup, encrypted = _read(file, password)
    _warn_of_damage(out, backup)
    for folder, reason in backup.missing:
        out.note(
            _("{folder}: is not in the archive: {reason}").format(
                folder=folder, reason=reason
            )
        )
    record = _facts(file, backup, encrypted=encrypted)
    if out.json:
        record["folders"] = [
            {"folder": one.folder, "name": one.name, "damage": one.damage}
            for one in backup.containers
        ]
        record["missing"] = [folder for folder, _reason in backup.missing]
        out.record(record)
        return
    out.pairs(_lines(record))
    out.table(
        [_("folder"), _("name")], [[one.folder, one.name] for one in backup.containers]
    )


@backup_command.command(
    "restore",
    help=help_page(
        _(
            "Bring the containers of an archive back.\n\n"
            "DESTINATION is a folder that is there; it gets the folders as they were "
            "on the medium. The whole archive is checked before anything is written. "
            "Nothing is overwritten: a container whose folder is taken gets a folder "
            "with another number, and one that is there already is left alone. Or it "
            "is a new .reg file for the Windows user of --sid."
        ),
        examples=[
            "gostkey container backup restore keys.zip /media/spare",
            "gostkey container backup restore keys.zip keys.reg "
            "--sid S-1-5-21-1-2-3-1001",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@ARCHIVE
@DESTINATION
@export_options
@OF_ARCHIVE
@json_option
@click.pass_obj
def restore_(
    out: Output,
    file: Path,
    destination: Path,
    exports: ExportOptions,
    password: PasswordSource,
) -> Exit:
    medium = exports.open(destination)
    backup, _encrypted = _read(file, password)
    _warn_of_damage(out, backup)
    failures: list[Failure] = []
    done = 0
    for one in restore(backup, medium):
        if one.error is not None:
            failures.append(describe(one.error))
            out.failure(failures[-1], one.stored.folder)
            continue
        done += 1
        _tell(out, one)
    return overall(done, failures)


def _tell(out: Output, one: Restored) -> None:
    if out.json:
        out.record(
            {
                "item": one.stored.folder,
                "status": "done",
                "name": one.stored.name,
                "restored": str(one.place),
                "was_there": one.was_there,
            }
        )
    elif one.was_there:
        out.text(_("{folder}: is there already").format(folder=one.place))
    else:
        out.text(_("{folder}: restored").format(folder=one.place))


def _read(file: Path, password: PasswordSource) -> tuple[Backup, bool]:
    """Read and check an archive; its password is asked for only if it has one."""
    data = read_archive(file)
    encrypted = is_encrypted(data)
    with naming(file):
        return unpack(data, password.ask(str(file)) if encrypted else None), encrypted


def _warn_of_damage(out: Output, backup: Backup) -> None:
    for one in backup.containers:
        if one.damage:
            out.note(
                _("{folder}: was damaged when it was backed up: {damage}").format(
                    folder=one.folder, damage=one.damage
                )
            )


def _facts(file: Path, backup: Backup, *, encrypted: bool) -> dict[str, Any]:
    return {
        "item": str(file),
        "status": "done",
        "made": backup.made,
        "medium": backup.medium,
        "containers": len(backup.containers),
        "encrypted": encrypted,
    }


def _lines(record: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        (_("archive"), record["item"]),
        (_("made"), f"{record['made']:%Y-%m-%d %H:%M:%S} UTC"),
        (_("medium"), record["medium"]),
        (_("containers"), str(record["containers"])),
        (_("encrypted"), _("yes") if record["encrypted"] else _("no")),
    ]
    if "streebog256" in record:
        lines.append(("Streebog-256", record["streebog256"]))
    return lines
