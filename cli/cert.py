"""``gostkey cert``: show certificates with their Russian attributes; verify them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gostkey.errors import GostKeyError
from gostkey.pki.certificates import Certificate
from gostkey.pki.describe import describe as in_words
from gostkey.pki.names import Name

from .failures import Failure, describe, overall
from .files import PathOption
from .output import Output, json_option
from .sources import at_option, now
from .texts import _, help_page
from .trust import Trust, read_certificates, summary, trust_options


@click.group(
    "cert",
    help=help_page(
        _("Show and verify certificates."),
        examples=[
            "gostkey cert show ivanov.cer",
            "gostkey cert verify ivanov.cer --ca root.cer --crl root.crl",
        ],
        exits=[0, 1, 2, 3],
    ),
)
def cert_command() -> None:
    pass


FILES = click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=PathOption
)


@cert_command.command(
    "show",
    help=help_page(
        _(
            "Show certificates.\n\n"
            "That is the owner with all attributes (INN, SNILS, OGRN ...), the "
            "issuer, dates and the key. "
            "FILE is PEM or DER; a PEM file may hold several."
        ),
        examples=["gostkey cert show ivanov.cer", "gostkey cert show --json *.pem"],
        exits=[0, 1, 2, 3],
    ),
)
@FILES
@json_option
@click.pass_obj
def show(out: Output, files: tuple[Path, ...]) -> int:
    failures: list[Failure] = []
    done = 0
    for file in files:
        try:
            for certificate in read_certificates(file):
                if out.json:
                    out.record(
                        {"item": str(file), "status": "done"} | facts(certificate)
                    )
                    continue
                if done:
                    out.text("")
                out.pairs(_lines(file, certificate))
                done += 1
        except (GostKeyError, OSError) as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(file))
            continue
        done += out.json
    return overall(done, failures)


@cert_command.command(
    "verify",
    help=help_page(
        _(
            "Verify certificates.\n\n"
            "They must lead to a trusted root, be in date and not revoked. "
            "Name the root with --ca. Lists of revoked certificates are needed "
            "unless --no-crl says otherwise."
        ),
        examples=[
            "gostkey cert verify ivanov.cer --ca root.cer --crl root.crl",
            "gostkey cert verify ivanov.cer --ca root.cer --no-crl --at 2026-05-01",
        ],
        exits=[0, 1, 2, 3],
    ),
)
@FILES
@trust_options
@at_option
@json_option
@click.pass_obj
def verify(
    out: Output, files: tuple[Path, ...], trust: Trust, at: datetime | None
) -> int:
    if not trust.roots:
        raise click.UsageError(_("name the trusted root with --ca"))
    moment = now(at)
    failures: list[Failure] = []
    done = 0
    for file in files:
        try:
            certificate, *others = read_certificates(file)
            chain = trust.chain(certificate, moment, others=others)
        except (GostKeyError, OSError) as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(file))
            continue
        done += 1
        if out.json:
            out.record(
                {
                    "item": str(file),
                    "status": "done",
                    "at": moment,
                    "chain": [summary(one) for one in chain],
                }
            )
            continue
        out.text(_("{file}: good").format(file=file))
        for one in chain:
            out.text(f"  {one.subject.text()}")
    return overall(done, failures)


# What `gostkey.pki.describe` tells of a certificate's extensions.
_EXTENSIONS = (
    "authority",
    "key_usage",
    "key_purposes",
    "policies",
    "subject_sign_tool",
    "issuer_sign_tool",
    "identification",
    "crl_urls",
    "issuer_urls",
    "faults",
)


def facts(certificate: Certificate) -> dict[str, object]:
    """Return all that `show` tells of a certificate, under its JSON keys."""
    key_begins, key_ends = certificate.key_period
    told = in_words(certificate)
    return {
        **{key: told[key] for key in _EXTENSIONS},
        **summary(certificate),
        "attributes": _attributes(certificate.subject),
        "issuer_attributes": _attributes(certificate.issuer),
        "unusual": certificate.subject.faults(),
        "key_not_before": key_begins,
        "key_not_after": key_ends,
        "key": _key(certificate),
    }


def _attributes(name: Name) -> list[dict[str, str]]:
    return [
        {"oid": one.oid, "label": one.label, "value": one.value}
        for one in name.attributes
    ]


def _key(certificate: Certificate) -> dict[str, object]:
    """Describe the public key; a key that is not GOST is no fault of the file."""
    try:
        key = certificate.public_key
    except GostKeyError as error:
        return {"error": describe(error).record()}
    return {
        "curve": key.curve.name,
        "curve_oid": key.curve.oid,
        "scheme": key.scheme.value,
        "public_key": key.to_bytes().hex(),
        "key_id": key.fingerprint,
    }


def _lines(file: Path, certificate: Certificate) -> Iterator[tuple[str, str]]:
    begins, ends = certificate.key_period
    yield _("file"), str(file)
    yield _("number"), certificate.serial_text
    yield _("owner"), ""
    for one in certificate.subject.attributes:
        yield f"  {one.label}", one.value
    for fault in certificate.subject.faults():
        yield "  " + _("note"), fault
    yield _("issued by"), ""
    for one in certificate.issuer.attributes:
        yield f"  {one.label}", one.value
    yield _("valid"), _span(certificate.not_before, certificate.not_after)
    if begins or ends:
        yield _("key may sign"), _span(begins, ends)
    key = _key(certificate)
    if "error" in key:
        yield _("key"), _("not a GOST key that can be used")
    else:
        yield _("curve"), f"{key['curve']} ({key['curve_oid']})"
        yield _("scheme"), f"GOST R 34.10-{key['scheme']}"
        yield _("public key"), str(key["public_key"])
    told = in_words(certificate)
    yield from _extension_lines(told)
    for fault in told["faults"]:
        if fault not in certificate.subject.faults():
            yield _("note"), fault


def _extension_lines(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if told["authority"]:
        yield _("authority"), _("may issue certificates")
    if told["key_usage"]:
        yield _("key is for"), ", ".join(told["key_usage"])
    if told["key_purposes"]:
        yield _("purposes"), ", ".join(one["name"] for one in told["key_purposes"])
    if told["policies"]:
        yield _("policies"), ", ".join(one["name"] for one in told["policies"])
    if told["identification"]:
        yield _("identified"), told["identification"]["words"]
    if told["subject_sign_tool"]:
        yield _("key made with"), told["subject_sign_tool"]
    tools = told["issuer_sign_tool"]
    if tools:
        yield _("signed with"), tools["sign_tool"]
        yield _("  certified"), tools["sign_tool_cert"]
        yield _("authority runs"), tools["ca_tool"]
        yield _("  certified"), tools["ca_tool_cert"]
    for url in told["crl_urls"]:
        yield _("revocations"), url


def _span(begins: datetime | None, ends: datetime | None) -> str:
    shown = [
        moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "..."
        for moment in (begins, ends)
    ]
    return f"{shown[0]} - {shown[1]} UTC"
