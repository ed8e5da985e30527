"""``gostkey ca``: a small certification authority for trials and closed networks.

`ca serve`, the loop over folders of requests, is in `ca_serve`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gostkey import keyforms
from gostkey.curves import Curve
from gostkey.errors import GostKeyError
from gostkey.media import TokenUse
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import REASONS
from gostkey.pki.names import LABELS, Name
from gostkey.pki.requests import build_request

from .failures import Failure, describe, naming, overall
from .files import (
    PathOption,
    force_option,
    out_option,
    read_file,
    refuse_taken,
    write_file,
)
from .output import Output, json_option
from .secrets_input import PasswordSource, password_options
from .sources import at_option, curve_option, now, open_key, slot_option
from .texts import _, help_page
from .token_input import token_options
from .trust import read_certificates, summary

FOLDER = click.argument("folder", metavar="FOLDER", type=PathOption)


@click.group(
    "ca",
    help=help_page(
        _(
            "A small certification authority for trials.\n\n"
            "It keeps its key, certificate and register in one FOLDER. It is for "
            "trials and closed networks: not certified, and not guarded against "
            "its own operator."
        ),
        examples=[
            'gostkey ca init authority --name "CN=Trial CA" --name C=RU',
            "gostkey ca issue authority request.pem --out ivanov.cer",
            "gostkey ca serve authority --inbox requests --outbox answers",
            "gostkey ca revoke authority ivanov.cer --reason keyCompromise",
            "gostkey ca crl authority --out authority.crl",
        ],
        exits=[0, 1, 2, 3, 4, 5],
    ),
)
def ca_command() -> None:
    pass


def read_name(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> Name | None:
    """Make a name of --name LABEL=VALUE options, in their order."""
    if not values:
        return None
    pairs = []
    for value in values:
        label, equals, text = value.partition("=")
        if not equals or not label.strip():
            raise click.BadParameter(
                _("{value!r} is not of the form LABEL=VALUE").format(value=value),
                context,
                option,
            )
        pairs.append((label.strip(), text.strip()))
    try:
        return Name.build(pairs)
    except GostKeyError as error:
        raise click.BadParameter(str(error), context, option) from error


def open_authority(folder: Path, password: PasswordSource) -> CertificateAuthority:
    """Open the authority in a folder; a password is asked for only if it has one."""
    key = folder / "ca.key"
    encrypted = key.is_file() and b"ENCRYPTED" in read_file(key)[:64]
    return CertificateAuthority.open(
        folder, password.ask(str(folder)) if encrypted else None
    )


NAME_OPTION = click.option(
    "--name",
    multiple=True,
    callback=read_name,
    metavar="LABEL=VALUE",
    help=_(
        "One attribute of the name, such as CN=...; may be given again: {labels}."
    ).format(labels=" ".join(kind.label for kind in LABELS.values())),
)
PASSWORD_OPTIONS = password_options(of=_("of the authority's key"))


@ca_command.command(
    "init",
    help=help_page(
        _(
            "Make an authority.\n\nIt gets a new key and a self-signed certificate. "
            "FOLDER must not exist or be empty. The password encrypts the key; "
            "without a password option it is asked for on the terminal."
        ),
        examples=[
            'gostkey ca init authority --name "CN=Trial CA" --name C=RU',
            "gostkey ca init authority --name CN=Trial --no-password",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@NAME_OPTION
@curve_option
@click.option(
    "--years",
    type=click.IntRange(1, 30),
    default=10,
    show_default=True,
    help=_("Validity of the authority's certificate."),
)
@at_option
@password_options(
    of=_("that encrypts the authority's key"), without=_("Do not encrypt the key.")
)
@json_option
@click.pass_obj
def init(
    out: Output,
    folder: Path,
    name: Name | None,
    curve: Curve,
    years: int,
    at: datetime | None,
    password: PasswordSource,
) -> None:
    if name is None:
        raise click.UsageError(_("name the authority: --name CN=..."))
    secret = password.choose(str(folder))
    with CertificateAuthority.create(
        folder, subject=name, curve=curve, at=now(at), years=years, password=secret
    ) as authority:
        certificate = authority.certificate
    out.note(_("authority made in {folder}").format(folder=folder))
    if secret is None:
        out.note(_("its key has no password: whoever has the folder has the key"))
    if out.json:
        out.record({"item": str(folder), "status": "done", **summary(certificate)})


@ca_command.command(
    "issue",
    help=help_page(
        _(
            "Issue a certificate for a REQUEST, or for the key of --key.\n\n"
            "A request of PKCS#10 is a first certificate: that the owner is who it "
            "says, you must know. A renewal request (CMS, signed with the old key) "
            "is checked against the register. The same request always gets the "
            "same certificate. --key makes the request itself, from a key file or "
            "container, for the name given by --name."
        ),
        examples=[
            "gostkey ca issue authority request.pem --out ivanov.cer",
            'gostkey ca issue authority --key key.pem --name "CN=Ivanov I. I." '
            "--out ivanov.cer",
            'gostkey ca issue authority --key token:30DA6803 --name "CN=Ivanov I. I."',
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@click.argument("request", required=False, type=PathOption)
@click.option("--key", type=PathOption, help=_("Key file or container, no request."))
@NAME_OPTION
@slot_option
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    help=_("Validity of a first certificate; a year if left out."),
)
@out_option(
    _("Write the certificate here (PEM); else to the standard output."), required=False
)
@force_option
@at_option
@PASSWORD_OPTIONS
@password_options("key-password", of=_("of the key given by --key"))
@token_options()
@json_option
@click.pass_obj
def issue(
    out: Output,
    folder: Path,
    request: Path | None,
    key: Path | None,
    name: Name | None,
    slot: str | None,
    days: int | None,
    target: Path | None,
    force: bool,
    at: datetime | None,
    password: PasswordSource,
    key_password: PasswordSource,
    tokens: TokenUse,
) -> None:
    if (request is None) == (key is None):
        raise click.UsageError(_("name a REQUEST, or a key with --key"))
    if (key is None) != (name is None):
        raise click.UsageError(_("--key and --name go together"))
    if out.json and target is None:
        raise click.UsageError(_("--json needs --out FILE"))
    if target is not None:
        refuse_taken(target, force)
    with open_authority(folder, password) as authority:
        if request is not None:
            item = str(request)
            with naming(request):
                certificate = answer(authority, read_file(request), now(at), days)
        else:
            assert key is not None and name is not None
            item = str(key)
            with open_key(key, key_password, slot, tokens) as source:
                made = build_request(source.key, name)
            certificate = authority.issue(made, now(at), days=days)
    text = certificate.to_pem()
    if target is None:
        out.verbatim(text)
        return
    write_file(target, text.encode("ascii"), force=force)
    out.note(_("certificate written to {file}").format(file=target))
    if out.json:
        out.record({"item": item, "status": "done", **summary(certificate)})


def answer(
    authority: CertificateAuthority, request: bytes, at: datetime, days: int | None
) -> Certificate:
    """Issue for a request of either kind; PKCS#10 says what it is in its PEM."""
    if is_first_request(request):
        return authority.issue(request, at, days=days)
    if days is not None:
        raise click.UsageError(_("--days is for first certificates, not for renewals"))
    return authority.issue_renewal(request, at)


def is_first_request(data: bytes) -> bool:
    """Say whether this is a bare PKCS#10 request, not one inside CMS."""
    from gostkey.pki.requests import Request

    try:
        Request.from_bytes(data)
    except GostKeyError:
        return False
    return True


@ca_command.command(
    "admit",
    help=help_page(
        _(
            "Take certificates of another authority for renewal.\n\n"
            "You vouch for them: their chain is not looked at."
        ),
        examples=["gostkey ca admit authority ivanov.cer petrov.cer"],
        exits=[0, 1, 2, 3, 4],
    ),
)
@FOLDER
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PathOption)
@at_option
@PASSWORD_OPTIONS
@json_option
@click.pass_obj
def admit(
    out: Output,
    folder: Path,
    files: tuple[Path, ...],
    at: datetime | None,
    password: PasswordSource,
) -> int:
    failures: list[Failure] = []
    done = 0
    with open_authority(folder, password) as authority:
        for file in files:
            try:
                with naming(file):
                    found = [
                        authority.admit(one.der, now(at))
                        for one in read_certificates(file)
                    ]
            except (GostKeyError, OSError) as error:
                failures.append(describe(error))
                out.failure(failures[-1], str(file))
                continue
            done += 1
            for one in found:
                out.note(_("admitted: {owner}").format(owner=one.subject.owner))
                if out.json:
                    out.record({"item": str(file), "status": "done", **summary(one)})
    return overall(done, failures)


@ca_command.command(
    "revoke",
    help=help_page(
        _(
            "Revoke a certificate; the next CRL says so.\n\n"
            "CERTIFICATE is its file or its number in hex."
        ),
        examples=[
            "gostkey ca revoke authority ivanov.cer --reason keyCompromise",
            "gostkey ca revoke authority 3f09a1",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@FOLDER
@click.argument("certificate")
@click.option(
    "--reason",
    type=click.Choice(sorted(REASONS)),
    default="unspecified",
    show_default=True,
    help=_("Why."),
)
@at_option
@PASSWORD_OPTIONS
@json_option
@click.pass_obj
def revoke(
    out: Output,
    folder: Path,
    certificate: str,
    reason: str,
    at: datetime | None,
    password: PasswordSource,
) -> None:
    if Path(certificate).is_file():
        serial = read_certificates(Path(certificate))[0].serial
    else:
        try:
            serial = int(certificate, 16)
        except ValueError:
            raise click.UsageError(
                _("{text}: neither a file nor a number in hex").format(text=certificate)
            ) from None
    with open_authority(folder, password) as authority:
        authority.revoke(serial, now(at), reason)
    out.note(
        _("revoked: {serial}; give out a new CRL with `gostkey ca crl`").format(
            serial=f"{serial:x}"
        )
    )
    if out.json:
        out.record({"item": f"{serial:x}", "status": "done", "reason": reason})


@ca_command.command(
    "crl",
    help=help_page(
        _("Make a new list of revoked certificates (CRL)."),
        examples=["gostkey ca crl authority --out authority.crl --force"],
        exits=[0, 1, 3, 4, 5],
    ),
)
@FOLDER
@out_option(_("Write the CRL here."))
@click.option("--pem", "as_pem", is_flag=True, help=_("PEM instead of DER."))
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=7,
    show_default=True,
    help=_("When the next one comes at the latest."),
)
@force_option
@at_option
@PASSWORD_OPTIONS
@json_option
@click.pass_obj
def crl(
    out: Output,
    folder: Path,
    target: Path,
    as_pem: bool,
    days: int,
    force: bool,
    at: datetime | None,
    password: PasswordSource,
) -> None:
    with open_authority(folder, password) as authority:
        data = authority.crl(now(at), days=days)
    if as_pem:
        data = keyforms.pem(data, "X509 CRL").encode("ascii")
    write_file(target, data, force=force)
    out.note(_("CRL written to {file}").format(file=target))
    if out.json:
        out.record({"item": str(target), "status": "done"})
