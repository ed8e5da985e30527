"""``gostkey token keys``, ``generate``, ``request``, ``install``: keys in the chip."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gostkey.curves import Curve
from gostkey.errors import CertificateMismatch
from gostkey.keyforms import pem
from gostkey.media import TokenUse
from gostkey.media.chips import ChipKeyEntry, ChipToken
from gostkey.pki.certificates import Certificate
from gostkey.pki.names import Name
from gostkey.pki.renewal_request import RenewalRequest, build_renewal
from gostkey.pki.requests import build_request
from gostkey.signing import SupportsSigning

from .ca import NAME_OPTION
from .chip_input import ChipUse, chip_options
from .failures import Exit, Failure, naming, overall
from .files import PathOption, out_option, refuse_taken, write_file
from .output import Output, json_option
from .secrets_input import PasswordSource, password_options
from .sources import at_option, now, open_key, read_curve, slot_option
from .texts import _, help_page
from .trust import read_certificates, summary

KEY = click.argument("key", metavar="[KEY]", default="")

_ABOUT = _(
    "The key stays inside the token (Rutoken ECP, JaCarta-2 GOST and their like), "
    "which is reached through the PKCS #11 library of its maker."
)


@click.command(
    "keys",
    help=help_page(
        _(
            "List the keys inside tokens, and their certificates.\n\n"
            "{about} Without a PIN a token shows public keys and certificates only; "
            "--check gives it the PIN, to see that the private keys are there. Keys "
            "in containers are for `gostkey container list`."
        ).format(about=_ABOUT),
        examples=[
            "gostkey token keys --library /usr/lib/librtpkcs11ecp.so",
            "gostkey token keys --library librtpkcs11ecp.so --check --pin-file pin.txt",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@click.option("--check", is_flag=True, help=_("Give the PIN and look at private keys."))
@chip_options
@json_option
@click.pass_obj
def keys_command(out: Output, check: bool, chip: ChipUse) -> Exit:
    rows: list[list[str]] = []
    failures: list[Failure] = []
    good = 0
    tokens = chip.tokens()
    for token in tokens:
        with chip.open(token.serial) as opened:
            if check:
                opened.log_in()
            for entry in opened.keys():
                if failure := _failure(entry):
                    failures.append(failure)
                    out.failure(failure, _title(entry))
                    continue
                good += 1
                if out.json:
                    record = {"item": _title(entry), "status": "done"}
                    out.record({**record, **facts(entry)})
                else:
                    rows.append(_row(token, entry))
    if rows:
        out.table(
            [_("token"), _("key"), _("identifier"), _("curve"), _("private key")]
            + [_("owner"), _("until")],
            rows,
        )
    elif not tokens:
        out.note(_("the library sees no token"))
        out.hint(_("put one in; see that it is this library's, and that pcscd runs"))
    elif not out.json and not failures:
        out.note(_("no keys of GOST R 34.10 in the chip"))
        out.hint(_("`gostkey token generate` makes one"))
    return overall(good, failures)


@click.command(
    "generate",
    help=help_page(
        _(
            "Make a key inside a token.\n\n"
            "{about} It can never be copied or backed up: what was encrypted for it is "
            "lost with the token. The new key signs once, for a test. The curve goes "
            "to the token by the name given here; most know CryptoPro-A, CryptoPro-B, "
            "CryptoPro-C, CryptoPro-XchA, CryptoPro-XchB, tc26-512-a and tc26-512-b."
        ).format(about=_ABOUT),
        examples=[
            'gostkey token generate --library librtpkcs11ecp.so --label "Ivanov 2027"',
            "gostkey token generate --library librtpkcs11ecp.so --label director "
            "--curve tc26-512-a",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@click.option("--label", required=True, help=_("What the key shall be called."))
@click.option(
    "--curve",
    callback=read_curve,
    default="CryptoPro-A",
    show_default=True,
    help=_("The curve of the new key."),
)
@chip_options
@json_option
@click.pass_obj
def generate_command(out: Output, label: str, curve: Curve, chip: ChipUse) -> None:
    with chip.open() as opened:
        entry = opened.generate(curve, label).entry
    if out.json:
        out.record({"item": _title(entry), "status": "done", **facts(entry)})
        return
    out.note(
        _("key {label} made inside {token}; its identifier is {identifier}").format(
            label=entry.label,
            token=entry.token.name,
            identifier=entry.identifier.hex(),
        )
    )
    out.hint(_("`gostkey token request` asks for its certificate"))


@click.command(
    "request",
    help=help_page(
        _(
            "Ask for the certificate of a key inside a token.\n\n"
            "KEY is its label, its identifier, or the key id that `token keys --json` "
            "shows; it may be left out where there is one key. With "
            "--name the request is for a first certificate (PKCS#10, PEM). With "
            "--old-key it is a renewal: for the owner of the old key's certificate, "
            "signed with the old key too (CMS, DER). The old key is a container, a "
            "key file, or another key in the same token (--old-token-key)."
        ),
        examples=[
            "gostkey token request director --library librtpkcs11ecp.so "
            '--name "CN=Ivanov I. I." --out request.pem',
            "gostkey token request director --library librtpkcs11ecp.so "
            "--old-key ivanov.000 --out renewal.p7m",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@KEY
@NAME_OPTION
@click.option(
    "--old-key", type=PathOption, help=_("Container or file of the key to replace.")
)
@click.option(
    "--old-token-key", metavar="KEY", help=_("The key to replace, on the same token.")
)
@click.option(
    "--cert",
    "certificate_file",
    type=PathOption,
    metavar="FILE",
    help=_("The certificate of the key to replace, if it is not beside it."),
)
@slot_option
@out_option(_("Write the request here."))
@click.option("--force", is_flag=True, help=_("Replace FILE if it is there."))
@at_option
@chip_options
@password_options(of=_("of the old key"))
@json_option
@click.pass_obj
def request_command(
    out: Output,
    key: str,
    name: Name | None,
    old_key: Path | None,
    old_token_key: str | None,
    certificate_file: Path | None,
    slot: str | None,
    target: Path,
    force: bool,
    at: datetime | None,
    chip: ChipUse,
    password: PasswordSource,
) -> None:
    given = [one is not None for one in (name, old_key, old_token_key)]
    if sum(given) != 1:
        raise click.UsageError(_("give one of --name, --old-key and --old-token-key"))
    refuse_taken(target, force)
    certificate = None
    if certificate_file is not None:
        certificate = read_certificates(certificate_file)[0]
    if out.json and str(target) == "-":
        raise click.UsageError(_("--json needs --out FILE: both go to the output"))
    with chip.open() as opened:
        if name is not None:
            new = opened.key(key)
            text = pem(build_request(new, name), "CERTIFICATE REQUEST")
            data, kind = text.encode("ascii"), "pkcs10"
        else:
            kind = "renewal"
            moment = now(at)
            if old_key is not None:
                opened.entry(key)  # before the password of the old one is asked for
                with open_key(
                    old_key, password, slot, TokenUse(pin=chip.pin)
                ) as source:
                    for note in source.notes:
                        out.note(note)
                    old = _certificate(certificate, source.certificate)
                    new = opened.key(key)
                    data = _renewal(new, source.key, old, moment)
            else:
                before = opened.key(old_token_key or "")
                old = _certificate(certificate, before.entry.certificate)
                new = opened.key(key)
                data = _renewal(new, before, old, moment)
        entry = new.entry
    write_file(target, data, force=force)
    if str(target) != "-":
        out.note(_("request written to {file}").format(file=target))
    if out.json:
        out.record(
            {
                "item": _title(entry),
                "status": "done",
                "kind": kind,
                "request": str(target),
                **facts(entry),
            }
        )


@click.command(
    "install",
    help=help_page(
        _(
            "Put a certificate beside its key inside a token.\n\n"
            "CERTIFICATE is DER or PEM. It must be for a key of the token; which one "
            "is found by itself. Certificates that are there stay."
        ),
        examples=["gostkey token install ivanov.cer --library librtpkcs11ecp.so"],
        exits=[0, 1, 3, 4],
    ),
)
@click.argument("certificate", type=PathOption)
@chip_options
@json_option
@click.pass_obj
def install_command(out: Output, certificate: Path, chip: ChipUse) -> None:
    with naming(certificate):
        found = read_certificates(certificate)[0]
    with chip.open() as opened:
        entry = opened.install(found.der)
    if out.json:
        out.record({"item": _title(entry), "status": "done", **facts(entry)})
    else:
        out.note(
            _("certificate of {owner} is beside the key {key} in {token}").format(
                owner=found.subject.owner, key=_title(entry), token=entry.token.name
            )
        )


def _renewal(
    new: SupportsSigning,
    old: SupportsSigning,
    certificate: Certificate,
    moment: datetime,
) -> bytes:
    """Make a renewal request and check it as the authority will."""
    if certificate.public_key != old.verifying_key:
        raise CertificateMismatch(
            _("{owner}: this certificate is for another key than the old one").format(
                owner=certificate.subject.text()
            )
        )
    data = build_renewal(new, old, certificate, at=moment)
    RenewalRequest.from_bytes(data).check(at=moment)
    return data


def _certificate(given: Certificate | None, beside: bytes | None) -> Certificate:
    if given is not None:
        return given
    if beside is None:
        raise click.UsageError(
            _("the old key has no certificate beside it; name it with --cert")
        )
    return Certificate.from_bytes(beside)


def facts(entry: ChipKeyEntry) -> dict[str, Any]:
    """Return what JSON says of a key."""
    key = entry.verifying_key
    certificate = entry.certificate
    return {
        "token": entry.token.serial,
        "label": entry.label,
        "identifier": entry.identifier.hex(),
        "curve": key.curve.name if key else None,
        "curve_oid": key.curve.oid if key else None,
        "key_id": key.fingerprint if key else None,
        "public_key": key.to_bytes().hex() if key else None,
        "private_key": entry.has_private,
        "certificate": summary(Certificate.from_bytes(certificate))
        if certificate
        else None,
    }


def _failure(entry: ChipKeyEntry) -> Failure | None:
    if entry.fault:
        return Failure("key_unusable", entry.fault)
    if entry.has_private is False:
        text = _("the private key is not in the token; its certificate is of no use")
        return Failure("private_key_missing", text)
    return None


def _row(token: ChipToken, entry: ChipKeyEntry) -> list[str]:
    owner = until = ""
    if entry.certificate is not None:
        found = Certificate.from_bytes(entry.certificate)
        owner, until = found.subject.owner, f"{found.signing_ends:%Y-%m-%d}"
    assert entry.verifying_key is not None
    shown = _("in the chip") if entry.has_private else _("shown after the PIN only")
    return [
        f"{token.label} ({token.serial})",
        entry.label,
        entry.identifier.hex(),
        entry.verifying_key.curve.name,
        shown,
        owner or _("no certificate"),
        until,
    ]


def _title(entry: ChipKeyEntry) -> str:
    return entry.label or entry.identifier.hex()
