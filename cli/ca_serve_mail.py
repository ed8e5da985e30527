"""``gostkey ca serve --mail``: the requests in a mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

import click

from gostkey.errors import LoginRefused, TransportError
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal.transports.mail import RequestDesk, read_settings

from .failures import Failure, describe
from .files import PathOption
from .output import Output
from .texts import _

mail_option = click.option(
    "--mail",
    type=PathOption,
    metavar="FILE",
    help=_("Requests come by mail; FILE (TOML) says how, see docs/mail.md."),
)
_CRL_EVERY = timedelta(hours=1)
_LARGEST_CRL = 64 << 10
"""Bytes of a CRL that goes with every certificate; a longer one is published."""


class MailDesk:
    """The mailbox of an authority; a context that logs out at the end."""

    def __init__(
        self, out: Output, authority: CertificateAuthority, file: Path
    ) -> None:
        """Read the settings.

        Raises:
            CampaignError: if they cannot be read.
        """
        settings = read_settings(file)
        self.place = f"{settings.sender} ({settings.imap.name}, {settings.folder})"
        self._out = out
        self._authority = authority
        self._desk = RequestDesk(settings, authority)
        self._crl: tuple[datetime, bytes] | None = None
        self._told = ""

    def __enter__(self) -> MailDesk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._desk.close()

    def answer_all(self, at: datetime, *, patient: bool) -> tuple[int, list[Failure]]:
        """Answer what has come; return how many, and what went wrong.

        Args:
            at: the present moment.
            patient: tell of a server that cannot be reached, and go on.

        Raises:
            LoginRefused: if a server does not take name and password.
            TransportError: if a server cannot be reached and this is not *patient*.
        """
        try:
            served = self._desk.serve(at, self._current_crl(at))
        except LoginRefused:
            raise
        except TransportError as error:
            if not patient:
                raise
            self._tell_once(describe(error))
            return 0, [describe(error)]
        done = 0
        failures: list[Failure] = []
        for one in served:
            if one.fault is not None:
                failures.append(describe(one.fault))
                if isinstance(one.fault, TransportError):
                    self._tell_once(failures[-1])
                else:
                    self._out.failure(failures[-1], one.request_id)
                continue
            done += 1
            certificate = one.certificate
            assert certificate is not None
            self._out.note(
                _("{request}: issued to {owner}, sent to {address}").format(
                    request=one.request_id,
                    owner=certificate.subject.owner,
                    address=one.sender,
                )
            )
            if self._out.json:
                self._out.record(
                    {
                        "item": one.request_id,
                        "status": "done",
                        "to": one.sender,
                        "subject": certificate.subject.text(),
                        "serial": certificate.serial_text,
                        "not_after": certificate.not_after,
                    }
                )
        return done, failures

    def _tell_once(self, failure: Failure) -> None:
        """Tell of a server's fault, but not at every look again."""
        if failure.message != self._told:
            self._out.failure(failure)
        self._told = failure.message

    def _current_crl(self, at: datetime) -> bytes | None:
        """Give the CRL that goes with certificates, a new one every hour."""
        if self._crl is None or not (timedelta(0) <= at - self._crl[0] < _CRL_EVERY):
            self._crl = at, self._authority.crl(at)
        crl = self._crl[1]
        return crl if len(crl) <= _LARGEST_CRL else None
