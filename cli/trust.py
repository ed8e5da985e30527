"""Certificates and CRLs that a user names, and the chain to a trusted root."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gostkey import doctor
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import verify_chain
from gostkey.pki.crls import RevocationList

from .failures import naming
from .files import PathOption, read_file
from .option_groups import option_group
from .texts import _

__all__ = ["Trust", "read_certificates", "trust_options"]

_PEM_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL
)


def read_certificates(path: Path) -> list[Certificate]:
    """Read a certificate, DER or PEM, or a PEM file with several.

    Raises:
        EncodingError: if there is none in it.
    """
    data = read_file(path)
    blocks = _PEM_CERTIFICATE.findall(data) or [data]
    with naming(path):
        return [Certificate.from_bytes(block) for block in blocks]


def _read_crl(path: Path) -> RevocationList:
    with naming(path):
        return RevocationList.from_bytes(read_file(path))


@dataclass(frozen=True)
class Trust:
    """What the user trusts, from --ca, --intermediate, --crl and --no-crl."""

    roots: Sequence[Path]
    intermediates: Sequence[Path]
    crls: Sequence[Path]
    require_crl: bool

    def chain(
        self,
        certificate: Certificate,
        at: datetime,
        *,
        others: Iterable[Certificate] = (),
    ) -> list[Certificate]:
        """Return the chain from *certificate* to a root that the user named.

        Args:
            certificate: whose chain.
            at: the moment to verify for.
            others: more certificates that may stand in between, such as those
                that came with a message; they are not trusted for that.

        Raises:
            CertificateError: if there is no chain; it names the certificate.
        """
        loaded = self.loaded()
        return verify_chain(
            certificate,
            roots=loaded.roots,
            intermediates=[*loaded.intermediates, *others],
            crls=loaded.crls,
            at=at,
            require_crl=loaded.require_crl,
        )

    def loaded(self) -> doctor.Trust:
        """Return what the named files hold.

        Raises:
            EncodingError: if one of them is not what it should be.
        """
        return doctor.Trust(
            roots=[one for path in self.roots for one in read_certificates(path)],
            intermediates=[
                one for path in self.intermediates for one in read_certificates(path)
            ],
            crls=[_read_crl(path) for path in self.crls],
            require_crl=self.require_crl,
        )


def _gather(values: dict[str, Any]) -> Trust:
    trust = Trust(
        roots=values.pop("ca"),
        intermediates=values.pop("intermediate"),
        crls=values.pop("crl"),
        require_crl=not values.pop("no_crl"),
    )
    if trust.crls and not trust.require_crl:
        raise click.UsageError(_("--crl and --no-crl exclude each other"))
    return trust


trust_options = option_group(
    "trust",
    _gather,
    (
        click.option(
            "--ca",
            type=PathOption,
            multiple=True,
            metavar="FILE",
            help=_("Trusted root certificate; may be given again."),
        ),
        click.option(
            "--intermediate",
            type=PathOption,
            multiple=True,
            metavar="FILE",
            help=_("Certificate between owner and root; may be given again."),
        ),
        click.option(
            "--crl",
            type=PathOption,
            multiple=True,
            metavar="FILE",
            help=_("List of revoked certificates; may be given again."),
        ),
        click.option(
            "--no-crl", is_flag=True, help=_("Do not ask whether it was revoked.")
        ),
    ),
)
"""Adds --ca, --intermediate, --crl and --no-crl; the command gets `trust`."""


def summary(certificate: Certificate) -> dict[str, object]:
    """Return the facts by which people know a certificate, for JSON."""
    return {
        "subject": certificate.subject.text(),
        "issuer": certificate.issuer.text(),
        "serial": certificate.serial_text,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "fingerprint": certificate.fingerprint(),
    }
