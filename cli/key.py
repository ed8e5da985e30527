"""``gostkey key``: make a key file, get its public key, look at a key."""

from __future__ import annotations

from pathlib import Path

import click

from gostkey import curves, keyforms
from gostkey.errors import EncodingError
from gostkey.media import TokenUse
from gostkey.signing import SigningKey, VerifyingKey

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
from .sources import (
    curve_option,
    is_container,
    looks_like,
    open_key,
    read_public_key,
    slot_option,
)
from .texts import _, help_page
from .token_input import token_options

KEY_ARGUMENT = click.argument("key", metavar="KEY", type=PathOption)


@click.group(
    "key",
    help=help_page(
        _("Make and look at private and public keys."),
        examples=[
            "gostkey key generate --out key.pem",
            "gostkey key public key.pem --out public.pem",
            "gostkey key inspect key.pem",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
def key_command() -> None:
    pass


@key_command.command(
    "generate",
    help=help_page(
        _(
            "Make a new private key and write it as a PKCS#8 PEM file.\n\n"
            "Only the owner may read the file. The password encrypts it; without "
            "a password option it is asked for on the terminal. An existing file "
            "is never replaced unless --force is given.\n\n"
            "Curves: {curves}, an OID, or a name such as "
            "CryptoPro-XchA."
        ).format(curves=", ".join(curve.name for curve in curves.ALL)),
        examples=[
            "gostkey key generate --out key.pem",
            "gostkey key generate --curve tc26-512-a --no-password --out key.pem",
        ],
        exits=[0, 1, 3, 4, 5],
    ),
)
@curve_option
@out_option(_("Write the key here."))
@force_option
@password_options(
    of=_("that encrypts the new key"), without=_("Do not encrypt the new key.")
)
@json_option
@click.pass_obj
def generate(
    out: Output,
    curve: curves.Curve,
    target: Path,
    force: bool,
    password: PasswordSource,
) -> None:
    # Now, so that nobody types a password in vain.
    refuse_taken(target, force)
    secret = password.choose(str(target))
    with SigningKey.generate(curve) as key:
        text = keyforms.pem(
            key.to_pkcs8(secret),
            "PRIVATE KEY" if secret is None else "ENCRYPTED PRIVATE KEY",
        )
        write_file(target, text.encode("ascii"), private=True, force=force)
        record = _facts(key.verifying_key)
    record = {
        "item": str(target),
        "status": "done",
        "encrypted": secret is not None,
        **record,
    }
    if out.json:
        out.record(record)
    else:
        out.note(_("private key written to {file}").format(file=target))
        if secret is None:
            out.note(_("it has no password: whoever has the file has the key"))


@key_command.command(
    "public",
    help=help_page(
        _(
            "Print the public key of a key, container or certificate.\n\n"
            "KEY is a PKCS#8 file, a key container (a folder or an address on a "
            "token), or a certificate. The form is SubjectPublicKeyInfo, as PEM, or "
            "DER with --der."
        ),
        examples=[
            "gostkey key public key.pem --out public.pem",
            "gostkey key public /media/keys/ivanov.000",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@KEY_ARGUMENT
@out_option(_("Write here."), required=False)
@force_option
@click.option("--der", is_flag=True, help=_("DER instead of PEM."))
@slot_option
@password_options(of=_("of the key"), remember=True)
@token_options()
@click.pass_obj
def public(
    out: Output,
    key: Path,
    target: Path | None,
    force: bool,
    der: bool,
    slot: str | None,
    password: PasswordSource,
    tokens: TokenUse,
) -> None:
    verifying, _kind = _any_key(out, key, password, slot, tokens)
    spki = verifying.to_spki()
    data = spki if der else keyforms.pem(spki, "PUBLIC KEY").encode("ascii")
    if target is not None:
        write_file(target, data, force=force)
    elif der:
        write_file(Path("-"), data)
    else:
        out.verbatim(data.decode("ascii"))


@key_command.command(
    "inspect",
    help=help_page(
        _(
            "Show what a key is: its kind, curve, scheme and public key.\n\n"
            "KEY is a PKCS#8 file, a public key, a certificate or a key container (a "
            "folder or an address on a token). The private key itself is never shown."
        ),
        examples=["gostkey key inspect key.pem", "gostkey key inspect --json key.pem"],
        exits=[0, 1, 3, 4],
    ),
)
@KEY_ARGUMENT
@slot_option
@password_options(of=_("of the key"), remember=True)
@token_options()
@json_option
@click.pass_obj
def inspect(
    out: Output,
    key: Path,
    slot: str | None,
    password: PasswordSource,
    tokens: TokenUse,
) -> None:
    verifying, kind = _any_key(out, key, password, slot, tokens)
    record = {"item": str(key), "kind": kind, **_facts(verifying)}
    if out.json:
        out.record(record)
        return
    words = {
        "pkcs8": _("private key (PKCS#8)"),
        "container": _("private key in a container"),
        "spki": _("public key"),
        "certificate": _("public key of a certificate"),
    }
    out.pairs(
        [
            (_("file"), str(key)),
            (_("kind"), words[kind]),
            (_("curve"), f"{record['curve']} ({record['curve_oid']})"),
            (_("scheme"), f"GOST R 34.10-{record['scheme']}"),
            (_("key id"), str(record["key_id"])),
            (_("public key"), str(record["public_key"])),
        ]
    )


def _any_key(
    out: Output,
    path: Path,
    password: PasswordSource,
    slot: str | None,
    tokens: TokenUse,
) -> tuple[VerifyingKey, str]:
    """Return the public key of whatever *path* is, and what it is."""
    if not is_container(path):
        data = read_file(path)
        if looks_like(data, "CERTIFICATE", "PUBLIC KEY"):
            return read_public_key(path)
        if not looks_like(data, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
            # DER does not say what it is; public forms need no password.
            try:
                return read_public_key(path)
            except EncodingError:
                pass
    with open_key(path, password, slot, tokens) as source:
        for note in source.notes:
            out.note(note)
        return source.key.verifying_key, source.kind


def _facts(key: VerifyingKey) -> dict[str, object]:
    return {
        "curve": key.curve.name,
        "curve_oid": key.curve.oid,
        "scheme": key.scheme.value,
        "public_key": key.to_bytes().hex(),
        "key_id": key.fingerprint,
    }
