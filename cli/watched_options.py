"""``--metrics`` and ``--audit-key``: what else a run leaves for those who watch it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from gostkey.errors import GostKeyError
from gostkey.pki.certificates import Certificate
from gostkey.pki.cms import refuse_another_key
from gostkey.renewal.audit import AUDIT_PUBLIC, signed_here, signers
from gostkey.renewal.campaign import Campaign
from gostkey.renewal.chunks import Event, OnEvent
from gostkey.renewal.stations.station import Station
from gostkey.renewal.storage.store import Store
from gostkey.renewal.watching.metrics import MetricsFile
from gostkey.renewal.watching.pace import Pace
from gostkey.signing import SigningKey, VerifyingKey

from .failures import naming
from .files import PathOption
from .output import Output
from .secrets_input import PasswordSource, password_options
from .sources import KeySource, open_key
from .texts import _
from .trust import read_certificates
from .watching import Spectator

__all__ = ["Watched", "watched_options"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Watched:
    """What the options name, for one run."""

    metrics: Path | None
    key_file: Path | None
    certificate_file: Path | None
    password: PasswordSource = field(repr=False)

    @contextlib.contextmanager
    def ready(self) -> Iterator[Watched]:
        """Open the audit key, before anything is begun; it is wiped at the end."""
        if self.metrics is not None:
            _refuse_no_folder(self.metrics)
        with ExitStack() as stack:
            self._key: SigningKey | None = None
            self._certificate: Certificate | None = None
            if self.key_file is not None:
                source = stack.enter_context(open_key(self.key_file, self.password))
                self._key = source.key
                self._certificate = self._certificate_of(source)
            elif self.certificate_file is not None:
                raise click.UsageError(_("--audit-certificate goes with --audit-key"))
            yield self

    def _certificate_of(self, source: KeySource) -> Certificate | None:
        """Give the named certificate of the key, or the one in its container."""
        if self.certificate_file is not None:
            # The key's own comes first in a file with a chain.
            certificate = read_certificates(self.certificate_file)[0]
            with naming(self.certificate_file):
                refuse_another_key(source.key, certificate)
            return certificate
        if source.certificate is None:
            return None
        with naming(self.key_file or Path()):
            certificate = Certificate.from_bytes(source.certificate)
        return (
            certificate if certificate.public_key == source.key.verifying_key else None
        )

    def over(
        self, out: Output, campaign: Campaign | Station, url: str | None
    ) -> Callable[[Pace], Listener] | None:
        """Have a campaign's log signed; give what makes the listener of its run.

        Args:
            out: where to tell faults of the metrics' file, and that the log was
                signed with another key until now.
            campaign: or a station at it.
            url: of its database, if the folder does not remember it.
        """
        campaign.audit_key = self._key
        campaign.audit_certificate = self._certificate
        if self._key is None:
            _warn_of_another_key(out, campaign.folder, url)
        path = self.metrics
        if path is None:
            return None
        return lambda pace: Listener(
            out, MetricsFile(path, campaign.folder, campaign.clock, pace, url)
        )

    @contextlib.contextmanager
    def listening(self, out: Output, campaign: Campaign) -> Iterator[OnEvent]:
        """Give who listens to one of several runs that nobody sits before."""
        pace = Pace()
        spectator = Spectator(out, pace, lambda share, text: None, terminal=False)
        also = self.over(out, campaign, None)
        more = None if also is None else also(pace)

        def on_event(event: Event) -> None:
            pace(event)
            spectator(event)
            if more is not None:
                more(event)

        try:
            yield on_event
        finally:
            if more is not None:
                more.close()


def _refuse_no_folder(metrics: Path) -> None:
    if metrics.is_dir():
        raise click.UsageError(
            _("--metrics {file}: is a folder; name a file in it").format(file=metrics)
        )
    if not metrics.parent.is_dir():
        raise click.UsageError(
            _(
                "--metrics {file}: there is no folder {folder}; correct the path, or "
                "make the folder"
            ).format(file=metrics, folder=metrics.parent)
        )


def _warn_of_another_key(out: Output, folder: Path, url: str | None) -> None:
    """Say that this run signs with the campaign's key what another one has signed."""
    with Store.open(folder, url) as store:
        # Other stations sign with keys of their own.
        earlier = signers(store, [one.text for one in signed_here(folder, store)])
    own = None
    with contextlib.suppress(OSError, GostKeyError):
        own = VerifyingKey.from_spki((folder / AUDIT_PUBLIC).read_bytes())
    others = [one.fingerprint for one in earlier if one != own]
    if others:
        out.note(
            _(
                "warning: the audit log of this campaign was signed with the key "
                "{keys}; this run signs it with the campaign's own"
            ).format(keys=", ".join(others))
        )
        out.hint(
            _(
                "give --audit-key in every run; `renew report --verify "
                "--audit-public` accepts one key only"
            )
        )


class Listener:
    """Has the metrics written; a fault of their file does not stop a run."""

    def __init__(self, out: Output, file: MetricsFile) -> None:
        self._out = out
        self._file = file
        self._well = False
        self._told = False

    def __call__(self, event: Event) -> None:
        """Take an event in.

        Raises:
            MediumError: if the file cannot be written even once.
        """
        try:
            self._file(event)
            self._well = True
        except GostKeyError as error:
            if not self._well:
                raise
            if not self._told:
                self._told = True
                self._out.note(str(error))

    def close(self) -> None:
        """Write that the run has ended."""
        with contextlib.suppress(GostKeyError):
            self._file.write(running=False)


def watched_options(command: F) -> F:
    """Add --metrics and --audit-key with its own; the command gets `watched`."""

    @functools.wraps(command)
    def with_watched(*args: Any, **values: Any) -> Any:
        watched = Watched(
            values.pop("metrics"),
            values.pop("audit_key"),
            values.pop("audit_certificate"),
            values.pop("audit_key_password"),
        )
        with watched.ready():
            return command(*args, watched=watched, **values)

    wrapped: Any = password_options("audit-key-password", of=_("of the audit key"))(
        with_watched
    )
    wrapped = click.option(
        "--audit-certificate",
        type=PathOption,
        metavar="FILE",
        help=_(
            "Certificate of the audit key, if no container holds it: the log is signed "
            "as a CMS message as well, in audit.jsonl.p7s, which other programs verify."
        ),
    )(wrapped)
    wrapped = click.option(
        "--audit-key",
        type=PathOption,
        metavar="FILE",
        help=_(
            "Sign the audit log with this key (PKCS#8 file or container), instead of "
            "one that is made in the campaign's folder."
        ),
    )(wrapped)
    wrapped = click.option(
        "--metrics",
        type=PathOption,
        metavar="FILE",
        help=_(
            "Write figures here every few seconds, in Prometheus's text format "
            "(a name ending in .prom in the folder of node_exporter's textfile "
            "collector)."
        ),
    )(wrapped)
    done: F = wrapped
    return done
