"""``gostkey container export`` and ``import``: keys to and from PFX and PKCS#8."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gostkey.containers import (
    FORMS,
    Transfer,
    TransferKey,
    add_certificates,
    container_of,
    exportable_entry,
    exported,
    read_transfer,
    write_transfer,
)
from gostkey.errors import EncodingError, PasswordRequired
from gostkey.keyforms import CIPHERS, unpem
from gostkey.media import Medium, RegistryFile, TokenUse, held, is_token_address

from .container import container_command
from .container_options import DESTINATION, FOLDER, name_option
from .exports import ExportOptions, export_options
from .failures import naming
from .files import (
    PathOption,
    force_option,
    out_option,
    read_file,
    refuse_taken,
    write_file,
)
from .output import Output, json_option
from .remembering import container_password, keep
from .secrets_input import PasswordSource, password_options
from .sources import read_container, slot_option
from .texts import _, help_page
from .token_input import token_options

_LIMIT = 1 << 20
"""Bytes of a PFX, a key file or a certificate."""


@container_command.command(
    "export",
    help=help_page(
        _(
            "Write a key and its certificate into a file.\n\n"
            "The form is a PFX as CryptoPro CSP imports it (cryptopro), a PFX of "
            "RFC 9548 (standard), or PKCS#8 as PEM with the certificate behind the "
            "key (pkcs8). A key that is marked as not exportable is refused. CONTAINER "
            "is a folder, FILE.reg/NAME or an address on a token. The "
            "container stays as it is; the file can be read by its owner only and "
            "is read back before it is called done."
        ),
        examples=[
            "gostkey container export /media/keys/ivanov.000 --out ivanov.pfx",
            "gostkey container export ivanov.000 --form standard --out ivanov.pfx",
            "gostkey container export ivanov.000 --form pkcs8 --out ivanov.pem",
            "gostkey container export token:30DA6803/ivanov --out ivanov.pfx",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@out_option(_("Write the key here."))
@click.option(
    "--form",
    type=click.Choice(FORMS),
    default=FORMS[0],
    show_default=True,
    help=_("What kind of file."),
)
@click.option(
    "--cipher",
    type=click.Choice(list(CIPHERS)),
    help=_(
        "Of the forms standard (gost89, which OpenSSL and GnuTLS open, too) and "
        "pkcs8 (kuznyechik-ctr-acpkm-omac)."
    ),
)
@click.option(
    "--chain",
    multiple=True,
    type=PathOption,
    metavar="FILE",
    help=_("A certificate to put beside the key's own; may be repeated."),
)
@slot_option
@force_option
@password_options(of=_("of the container"), remember=True)
@password_options(
    "file-password",
    of=_("that shall protect the file"),
    without=_("Let everybody open the file (not with standard)."),
)
@token_options()
@json_option
@click.pass_obj
def export(
    out: Output,
    folder: Path,
    target: Path,
    form: str,
    cipher: str | None,
    chain: tuple[Path, ...],
    slot: str | None,
    force: bool,
    password: PasswordSource,
    file_password: PasswordSource,
    tokens: TokenUse,
) -> None:
    # Now, so that nobody types a password in vain.
    if form == FORMS[0] and cipher is not None:
        raise click.UsageError(_("--cipher is for the forms standard and pkcs8"))
    refuse_taken(target, force)
    container = read_container(folder, tokens=tokens)
    if slot is None and len(container.keys) > 1:
        raise click.UsageError(
            _("{folder}: two keys; name one with --slot primary or secondary").format(
                folder=folder
            )
        )
    with naming(folder):
        exportable_entry(container, slot)
    certificates = [_certificate(path) for path in chain]
    value = container_password(container, folder, password)
    with naming(folder), exported(container, value, slot) as key:
        for note in key.notes:
            out.note(_("{folder}: {fault}").format(folder=folder, fault=note))
        for note in keep(container, folder, password, value):
            out.note(note)
        secret = file_password.choose(str(target))
        if form == "standard" and not secret:
            raise PasswordRequired(
                _("{file}: a standard PFX must have a password").format(file=target)
            )
        data = write_transfer(key, form, secret, chain=certificates, cipher=cipher)
        write_file(target, data, private=True, force=force)
        record = {
            "item": str(folder),
            "status": "done",
            "file": str(target),
            "form": form,
            "name": container.name,
            "encrypted": bool(secret),
            "certificate": key.certificate is not None,
            "key_id": key.key.verifying_key.fingerprint,
        }
    if out.json:
        out.record(record)
        return
    out.note(_("private key written to {file}").format(file=target))
    if not record["certificate"]:
        out.note(_("the container has no certificate, so the file has none"))
    if not secret:
        out.note(_("it has no password: whoever has the file has the key"))


@container_command.command(
    "import",
    help=help_page(
        _(
            "Import the keys of a file into new containers.\n\n"
            "FILE is a PFX (of CryptoPro, of RFC 9548, or another one with GOST "
            "keys) or a PKCS#8 key. DESTINATION is a folder that is there, such as "
            "the root of a removable disk, or a token; each key gets a new container "
            "in it, with its certificate. Nothing is overwritten. Or it is a new .reg "
            "file for the Windows user of --sid. What the file holds besides is told "
            "and passed over."
        ),
        examples=[
            "gostkey container import ivanov.pfx /media/keys",
            "gostkey container import key.pem /media/keys --name ivanov "
            "--certificate ivanov.cer",
            "gostkey container import ivanov.pfx token:30DA6803 --experimental",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@click.argument("file", metavar="FILE", type=PathOption)
@DESTINATION
@name_option(_("Container name; that in the file if left out, or else a new one."))
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    type=PathOption,
    metavar="FILE",
    help=_("The key's certificate, if it is in a file of its own."),
)
@click.option(
    "--exportable/--not-exportable",
    default=None,
    help=_("Mark the key so; as the file says if left out."),
)
@export_options
@password_options(
    "file-password", of=_("of the file"), without=_("The file has no password.")
)
@password_options(
    of=_("of the new container"), without=_("Leave the container without one.")
)
@token_options(writes=True)
@json_option
@click.pass_obj
def import_(
    out: Output,
    file: Path,
    destination: Path,
    name: str | None,
    certificates: tuple[Path, ...],
    exportable: bool | None,
    exports: ExportOptions,
    file_password: PasswordSource,
    password: PasswordSource,
    tokens: TokenUse,
) -> None:
    # Now, so that nobody types a password for a token that is not there.
    medium = exports.open(destination, tokens)
    data = read_file(file, _LIMIT)
    extra = [_certificate(path) for path in certificates]
    with naming(file), _open(data, file, file_password) as transfer:
        add_certificates(transfer, extra)
        for reason in transfer.skipped:
            out.note(_("{file}: {reason}").format(file=file, reason=reason))
        if not transfer.keys:
            raise EncodingError(_("no GOST key is in it; nothing was imported"))
        if name is not None and len(transfer.keys) > 1:
            raise click.UsageError(
                _("{file}: {n} keys; --name is for a file with one").format(
                    file=file, n=len(transfer.keys)
                )
            )
        secret = password.choose(_("the container for {file}").format(file=file))
        for key in transfer.keys:
            if exportable is not None:
                key.exportable = exportable
        # All before the first is written: one that cannot be stops all of them.
        made = [container_of(key, name=name, password=secret) for key in transfer.keys]
        with held(medium):
            for key, place in zip(transfer.keys, _written(medium, made), strict=True):
                _tell(out, file, medium, place, key, transfer.kind)


def _written(
    medium: Medium[Path], made: list[tuple[str, dict[str, bytes]]]
) -> Iterator[Path]:
    """Write new containers: into an export all at once, elsewhere as they are asked."""
    if not isinstance(medium, RegistryFile):
        yield from (medium.write(name, files) for name, files in made)
        return
    for place in medium.write_many(made):
        if isinstance(place, Exception):
            raise place
        yield place


def _open(data: bytes, file: Path, password: PasswordSource) -> Transfer:
    try:
        return read_transfer(data, password.read())
    except PasswordRequired:
        if password.given:
            raise
        return read_transfer(data, password.ask(str(file)))


def _tell(
    out: Output,
    file: Path,
    medium: Medium[Path],
    place: Path,
    key: TransferKey,
    kind: str,
) -> None:
    read = read_container(place, medium, public=True)
    if out.json:
        out.record(
            {
                "item": str(file),
                "status": "done",
                "kind": kind,
                "container": str(place),
                "name": read.name,
                "has_password": read.has_password,
                "exportable": read.keys[0].exportable,
                "certificate": key.certificate is not None,
                "key_id": key.key.verifying_key.fingerprint,
            }
        )
        return
    out.note(_("{folder}: new container {name}").format(folder=place, name=read.name))
    if key.certificate is None:
        out.note(_("no certificate came with the key"))
        out.hint(_("`gostkey container import --help`: --certificate adds one"))
    if read.has_password:
        return
    if is_token_address(place):
        out.note(_("it has no password: whoever has the token and its PIN has the key"))
    else:
        out.note(_("it has no password: whoever has the folder has the key"))


def _certificate(path: Path) -> bytes:
    with naming(path):
        return unpem(read_file(path, _LIMIT), "CERTIFICATE", "X509 CERTIFICATE")
