"""``gostkey sign`` and ``gostkey verify``: CMS messages and raw signatures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from gostkey.errors import CertificateMismatch, InvalidSignature
from gostkey.keyforms import pem
from gostkey.media import TokenUse
from gostkey.pki.certificates import Certificate
from gostkey.pki.cms import SignedData
from gostkey.pki.cms import sign as sign_cms
from gostkey.signing import SupportsSigning, VerifyingKey

from .chip_input import ChipUse, chip_options_beside_tokens
from .failures import naming
from .files import PathOption, out_option, read_file, refuse_taken, write_file
from .output import Output, json_option
from .secrets_input import PasswordSource, password_options
from .sources import (
    at_option,
    now,
    open_key,
    read_public_key,
    slot_option,
)
from .texts import _, help_page
from .token_input import token_options
from .trust import Trust, read_certificates, summary, trust_options

# A document is held in memory whole; more than this is not one.
LARGEST_DOCUMENT = 1 << 30


@click.command(
    "sign",
    help=help_page(
        _(
            "Sign a file.\n\n"
            "KEY is a PKCS#8 key file, the folder of a key container, or its address "
            "on a token. The result is a CMS message that holds the file and the "
            "signer's certificate (FILE.p7m); with --detached only the signature "
            "(FILE.p7s); with --raw the bare signature of GOST R 34.10-2012, s then r "
            "(FILE.sig). A container that holds its certificate needs no --cert. "
            "--token-key takes a key inside a token instead, by its label or "
            "identifier (see `gostkey token keys`)."
        ),
        examples=[
            "gostkey sign --key ivanov.000 --detached report.pdf",
            "gostkey sign --token-key director --library librtpkcs11ecp.so report.pdf",
            "gostkey sign --key token:30DA6803/ivanov --detached report.pdf",
            "gostkey sign --key key.pem --cert cert.pem report.pdf",
            "gostkey sign --key key.pem --raw --out report.sig report.pdf",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@click.argument("file", type=PathOption)
@click.option("--key", type=PathOption, help=_("The private key."))
@click.option("--token-key", metavar="KEY", help=_("The private key inside a token."))
@click.option(
    "--cert",
    "certificate_file",
    type=PathOption,
    metavar="FILE",
    help=_("The certificate of the key."),
)
@click.option("--detached", is_flag=True, help=_("Leave the file out of the message."))
@click.option("--raw", is_flag=True, help=_("The bare signature, no CMS."))
@click.option("--pem", "as_pem", is_flag=True, help=_("PEM instead of DER."))
@out_option(_("Write here; '-' is the standard output."), required=False)
@click.option("--force", is_flag=True, help=_("Replace the output if it is there."))
@slot_option
@at_option
@password_options(of=_("of the key"), remember=True)
@token_options()
@chip_options_beside_tokens
@json_option
@click.pass_obj
def sign_command(
    out: Output,
    file: Path,
    key: Path | None,
    token_key: str | None,
    chip: ChipUse,
    certificate_file: Path | None,
    detached: bool,
    raw: bool,
    as_pem: bool,
    target: Path | None,
    force: bool,
    slot: str | None,
    at: datetime | None,
    password: PasswordSource,
    tokens: TokenUse,
) -> None:
    if (key is None) == (token_key is None):
        raise click.UsageError(_("name the key with --key or with --token-key"))
    if raw and (detached or as_pem or certificate_file):
        raise click.UsageError(_("--raw goes without --detached, --pem and --cert"))
    target = _target(file, target, raw, detached)
    if out.json and str(target) == "-":
        raise click.UsageError(_("--json needs --out FILE: both go to the output"))
    refuse_taken(target, force)
    content = read_file(file, LARGEST_DOCUMENT)
    signer = None
    with _signing_key(key, token_key, password, slot, tokens, chip) as source:
        for note in source.notes:
            out.note(note)
        if raw:
            signed = source.key.sign(content)
        else:
            signer, signed = _message(
                content, source, certificate_file, detached, now(at)
            )
            if now(at) >= signer.signing_ends:
                out.note(
                    _(
                        "{owner}: this key's period is over; the signature proves "
                        "little"
                    ).format(owner=signer.subject.owner)
                )
    if as_pem:
        signed = pem(signed, "CMS").encode("ascii")
    write_file(target, signed, force=force)
    if str(target) != "-":
        out.note(_("signature written to {file}").format(file=target))
    if out.json:
        kind = "raw" if raw else "cms-detached" if detached else "cms-attached"
        out.record(
            {
                "item": str(file),
                "status": "done",
                "kind": kind,
                "signature": str(target),
                "signer": summary(signer) if signer else None,
            }
        )


@dataclass
class _Signing:
    """A key that signs, wherever it is, and what was found beside it."""

    key: SupportsSigning
    certificate: bytes | None
    notes: Sequence[str] = ()


@contextlib.contextmanager
def _signing_key(
    key: Path | None,
    token_key: str | None,
    password: PasswordSource,
    slot: str | None,
    tokens: TokenUse,
    chip: ChipUse,
) -> Iterator[_Signing]:
    if key is not None:
        with open_key(key, password, slot, tokens) as source:
            yield _Signing(source.key, source.certificate, source.notes)
        return
    if slot is not None:
        raise click.UsageError(_("--slot is for key containers, not for tokens"))
    with chip.open() as opened:
        inside = opened.key(token_key or "")
        yield _Signing(inside, inside.entry.certificate)


def _target(file: Path, target: Path | None, raw: bool, detached: bool) -> Path:
    if target is not None:
        return target
    if str(file) == "-":
        return Path("-")
    suffix = ".sig" if raw else ".p7s" if detached else ".p7m"
    return file.with_name(file.name + suffix)


def _message(
    content: bytes,
    source: _Signing,
    certificate_file: Path | None,
    detached: bool,
    moment: datetime,
) -> tuple[Certificate, bytes]:
    """Return who signs, and the CMS message."""
    if certificate_file is not None:
        certificate, *others = read_certificates(certificate_file)
    elif source.certificate is not None:
        certificate, others = Certificate.from_bytes(source.certificate), []
    else:
        raise click.UsageError(
            _("no certificate: give it with --cert, or sign without one by --raw")
        )
    if certificate.public_key != source.key.verifying_key:
        raise CertificateMismatch(
            _("{owner}: this certificate is for another key").format(
                owner=certificate.subject.text()
            )
        )
    signed = sign_cms(
        content,
        source.key,
        certificate,
        detached=detached,
        signing_time=moment,
        extra_certificates=others,
    )
    return certificate, signed


@click.command(
    "verify",
    help=help_page(
        _(
            "Verify the signature of a file.\n\n"
            "FILE is a CMS message with the content in it; with --signature FILE is "
            "the content and the detached signature is apart. The signer's "
            "certificate must lead to a root named by --ca and must not be in a "
            "list of revoked ones (--crl). --any-signer leaves that out and proves "
            "only that the file is what that signer signed. With --raw the "
            "signature is bare and --key names the public key or the certificate."
        ),
        examples=[
            "gostkey verify report.pdf.p7m --ca root.pem --crl root.crl",
            "gostkey verify report.pdf --signature report.pdf.p7s --ca root.pem "
            "--crl root.crl",
            "gostkey verify report.pdf --raw --signature report.sig --key public.pem",
        ],
        exits=[0, 1, 3],
    ),
)
@click.argument("file", type=PathOption)
@click.option(
    "--signature",
    type=PathOption,
    metavar="FILE",
    help=_("The signature, if it is not in FILE."),
)
@click.option("--raw", is_flag=True, help=_("The signature is bare, no CMS."))
@click.option(
    "--key", type=PathOption, metavar="FILE", help=_("With --raw: the public key.")
)
@click.option("--any-signer", is_flag=True, help=_("Do not verify who signed."))
@out_option(_("Write the content of a good message here."), required=False)
@click.option("--force", is_flag=True, help=_("Replace the output if it is there."))
@trust_options
@at_option
@json_option
@click.pass_obj
def verify_command(
    out: Output,
    file: Path,
    signature: Path | None,
    raw: bool,
    key: Path | None,
    any_signer: bool,
    target: Path | None,
    force: bool,
    trust: Trust,
    at: datetime | None,
) -> None:
    if raw:
        if signature is None or key is None:
            raise click.UsageError(_("--raw needs --signature and --key"))
        if trust.roots or target is not None:
            raise click.UsageError(_("--raw goes without --ca and --out"))
        public, _kind = read_public_key(key)
        _verify_raw(out, file, signature, public)
        return
    if key is not None:
        raise click.UsageError(_("--key goes with --raw; a CMS message names its own"))
    if any_signer == bool(trust.roots):
        raise click.UsageError(
            _("name the trusted root with --ca, or --any-signer to verify no signer")
        )
    if target is not None and signature is not None:
        raise click.UsageError(_("--out is for messages with the content in them"))
    if out.json and str(target) == "-":
        raise click.UsageError(_("--json needs --out FILE: both go to the output"))
    _verify_message(
        out, file, signature, target, force, None if any_signer else trust, now(at)
    )


def _verify_raw(out: Output, file: Path, signature: Path, public: VerifyingKey) -> None:
    try:
        public.verify(read_file(signature), read_file(file, LARGEST_DOCUMENT))
    except InvalidSignature:
        raise _bad(file) from None
    if out.json:
        out.record({"item": str(file), "status": "done", "signature": "good"})
    else:
        out.text(_("{file}: the signature is good").format(file=file))


def _verify_message(
    out: Output,
    file: Path,
    signature: Path | None,
    target: Path | None,
    force: bool,
    trust: Trust | None,
    moment: datetime,
) -> None:
    content = None
    if signature is not None:
        content = read_file(file, LARGEST_DOCUMENT)
    message = signature or file
    with naming(message):
        signed = SignedData.from_bytes(read_file(message, LARGEST_DOCUMENT))
    if signed.content is None and content is None:
        raise click.UsageError(
            _(
                "{file}: the content is not in it; verify CONTENT --signature {file}"
            ).format(file=file)
        )
    try:
        signers = signed.verify(content)
    except InvalidSignature:
        raise _bad(file) from None
    if trust is not None:
        for signer in signers:
            trust.chain(signer, moment, others=signed.certificates)
    if target is not None:
        assert signed.content is not None
        write_file(target, signed.content, force=force)
    if out.json:
        out.record(
            {
                "item": str(file),
                "status": "done",
                "signature": "good",
                "signer_verified": trust is not None,
                "signers": [summary(signer) for signer in signers],
            }
        )
        return
    # With the content on the standard output, words go elsewhere.
    tell = out.note if str(target) == "-" else out.text
    tell(_("{file}: the signature is good").format(file=file))
    for signer in signers:
        tell(_("signed by {subject}").format(subject=signer.subject.text()))
    if trust is None:
        out.note(_("who signed was not verified (--any-signer)"))


def _bad(file: Path) -> InvalidSignature:
    return InvalidSignature(
        _("{file}: BAD signature: the file or the signature was changed").format(
            file=file
        )
    )
