"""``gostkey ca serve``: answer renewal requests from a folder, by mail or HTTPS.

The other end is `gostkey renew run --outbox --inbox --trusted`, on this machine
or over a share or a carried disk: its outbox is the inbox here.  For HTTPS it is
`--url`; what belongs to that is in `ca_https`.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import click

from gostkey.errors import (
    GeneratorFailure,
    GostKeyError,
    MediumError,
    RequestRefused,
)
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal.transports import request_ids_of
from gostkey.renewal.transports.refusals import (
    REFUSAL_SUFFIX,
    reason_in,
    refusal_text,
)

from .ca import FOLDER, PASSWORD_OPTIONS, ca_command, open_authority
from .ca_https import Https, https_options
from .ca_serve_mail import MailDesk, mail_option
from .failures import Failure, describe, naming, overall
from .files import PathOption, read_file, write_file
from .output import Output, json_option
from .secrets_input import PasswordSource
from .sources import at_option, now
from .texts import _, help_page

# A request is a few kilobytes; more is not one.
LARGEST_REQUEST = 1 << 20
# A CRL is good for a week; a fresh one every hour leaves time for its way.
CRL_EVERY = 3600.0


@ca_command.command(
    "serve",
    help=help_page(
        _(
            "Answer renewal requests from folders, mail or HTTPS.\n\n"
            "NAME.p7m in --inbox gets NAME.cer in --outbox. A refused one gets "
            "NAME.refused.txt with the reason. Answered requests stay "
            "where they are and are not answered again. First certificates are not "
            "issued here: they need an operator (`gostkey ca issue`). "
            "--publish FOLDER keeps the authority's certificate and a current CRL "
            "there, which is what `renew run --trusted` wants. With --mail requests "
            "come by IMAP and certificates go back by SMTP, signed with the "
            "authority's key. With --https they come over the network "
            "(`renew run --url`). Stop it with Ctrl-C."
        ),
        examples=[
            "gostkey ca serve authority --inbox requests --outbox answers "
            "--publish trusted",
            "gostkey ca serve authority --inbox requests --outbox answers --once",
            "gostkey ca serve authority --https 127.0.0.1:8443",
            "gostkey ca serve authority --https :8443 --tls-cert tls.crt "
            "--tls-key tls.key",
            "gostkey ca serve authority --mail mail.toml --interval 30",
        ],
        exits=[0, 1, 2, 3, 4, 5, 130],
    ),
)
@FOLDER
@click.option(
    "--inbox",
    type=PathOption,
    metavar="FOLDER",
    help=_("Requests come here."),
)
@click.option(
    "--outbox",
    type=PathOption,
    metavar="FOLDER",
    help=_("Certificates are put here."),
)
@mail_option
@click.option(
    "--publish",
    type=PathOption,
    metavar="FOLDER",
    help=_("Keep ca.cer and ca.crl here."),
)
@click.option("--once", is_flag=True, help=_("Answer what is there and end."))
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=2,
    show_default=True,
    metavar="SECONDS",
    help=_("Pause between two looks into the inbox."),
)
@https_options
@at_option
@PASSWORD_OPTIONS
@json_option
@click.pass_obj
def serve(
    out: Output,
    folder: Path,
    inbox: Path | None,
    outbox: Path | None,
    mail: Path | None,
    publish: Path | None,
    once: bool,
    interval: float,
    https: Https,
    at: datetime | None,
    password: PasswordSource,
) -> int:
    if (inbox is None) != (outbox is None) or (inbox and mail):
        raise click.UsageError(_("name --inbox and --outbox, or --mail"))
    if inbox is None and mail is None and (https.https is None or once):
        raise click.UsageError(
            _(
                "where do requests come from? name --inbox and --outbox, --mail "
                "or --https"
            )
        )
    if once and inbox is not None and not inbox.is_dir():
        # One that stays makes the folder, and waits for what others put there.
        raise click.UsageError(
            _("--inbox {folder}: there is no such folder").format(folder=inbox)
        )
    with open_authority(folder, password) as authority, ExitStack() as stack:
        for place in (inbox, outbox, publish):
            if place is not None:
                place.mkdir(parents=True, exist_ok=True)
        desk = None
        if mail is not None:
            desk = stack.enter_context(MailDesk(out, authority, mail))
        online = stack.enter_context(https.serving(out, authority, folder, at))
        where = desk.place if desk else inbox
        if where is not None and not once:
            out.note(_("waiting for requests in {folder}").format(folder=where))
        public = None if publish is None else _Public(out, authority, publish)
        while True:
            if public is not None:
                public.keep(now(at), patient=not once)
            done = 0
            failures: list[Failure] = []
            if desk is not None:
                done, failures = desk.answer_all(now(at), patient=not once)
            elif inbox is not None and outbox is not None:
                done, failures = _answer_all(out, authority, inbox, outbox, now(at))
            if once:
                return overall(done, failures)
            time.sleep(interval)
            if online is not None and online.failure is not None:
                raise online.failure


class _Public:
    """The folder with the authority's certificate and a current CRL."""

    def __init__(
        self, out: Output, authority: CertificateAuthority, folder: Path
    ) -> None:
        self._out = out
        self._authority = authority
        self._folder = folder
        self._written: float | None = None
        self._told = ""

    def keep(self, at: datetime, *, patient: bool) -> None:
        """Write both if it is time.

        Args:
            at: the present moment.
            patient: tell of a folder that cannot be written, and try again at the
                next call: requests are answered meanwhile.

        Raises:
            OSError, MediumError: if it cannot be written and this is not *patient*.
        """
        moment = time.monotonic()
        if self._written is not None and moment - self._written < CRL_EVERY:
            return
        certificate = self._authority.certificate.to_pem().encode("ascii")
        crl = self._authority.crl(at)
        try:
            write_file(self._folder / "ca.cer", certificate, force=True)
            write_file(self._folder / "ca.crl", crl, force=True)
        except (OSError, MediumError) as error:
            if not patient:
                raise
            failure = describe(error)
            # Not at every look again.
            if failure.message != self._told:
                self._out.failure(failure)
            self._told = failure.message
            return
        self._written, self._told = moment, ""


def _answer_all(
    out: Output,
    authority: CertificateAuthority,
    inbox: Path,
    outbox: Path,
    at: datetime,
) -> tuple[int, list[Failure]]:
    """Answer what has no answer yet; return how many, and what went wrong."""
    done = 0
    failures: list[Failure] = []
    # What a writer has not finished has a name that begins with a dot.
    for request in sorted(inbox.glob("[!.]*.p7m")):
        certificate_file = outbox / f"{request.stem}.cer"
        refusal_file = outbox / f"{request.stem}{REFUSAL_SUFFIX}"
        digest = ""
        try:
            if certificate_file.exists():
                continue
            with naming(request.name):
                data = read_file(request, LARGEST_REQUEST, ordinary=True)
                (digest,) = request_ids_of([data])
                if _is_refused(request, digest, refusal_file):
                    continue
                certificate = authority.issue_renewal(data, at)
            write_file(certificate_file, certificate.der)
            with suppress(OSError):
                # Of a copy that was not finished then; the certificate counts more.
                refusal_file.unlink()
        except GeneratorFailure:
            raise
        except (GostKeyError, OSError) as error:
            failures.append(describe(error))
            out.failure(failures[-1], request.name)
            if isinstance(error, RequestRefused):
                _tell_refusal(out, refusal_file, refusal_text(digest, str(error)))
                _be_no_older(refusal_file, request)
            continue
        done += 1
        out.note(
            _("{request}: issued to {owner}").format(
                request=request.name, owner=certificate.subject.owner
            )
        )
        if out.json:
            out.record(
                {
                    "item": request.name,
                    "status": "done",
                    "subject": certificate.subject.text(),
                    "serial": certificate.serial_text,
                    "not_after": certificate.not_after,
                }
            )
    return done, failures


def _tell_refusal(out: Output, file: Path, text: bytes) -> None:
    """Write the reason for the office; what cannot be written, the next look tries."""
    try:
        write_file(file, text, force=True)
    except (OSError, MediumError) as error:
        out.failure(describe(error), file.name)


def _be_no_older(refusal: Path, request: Path) -> None:
    """See that a request from a machine whose clock is ahead is not refused anew."""
    with suppress(OSError):
        there, of_request = refusal.stat(), request.stat()
        if there.st_mtime_ns < of_request.st_mtime_ns:
            os.utime(refusal, ns=(there.st_atime_ns, of_request.st_mtime_ns))


def _is_refused(request: Path, digest: str, refusal: Path) -> bool:
    """Say whether these very bytes were refused, and not put there anew since.

    The times alone say nothing: a copy may have that of the original.
    """
    try:
        if refusal.stat().st_mtime < request.stat().st_mtime:
            return False
        text = read_file(refusal, LARGEST_REQUEST, ordinary=True)
        return reason_in(text, digest) is not None
    except (GostKeyError, OSError):
        return False
