"""How commands of a campaign name the authority: a transport from options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from gostkey.errors import TransportError
from gostkey.renewal.transports import (
    CommandTransport,
    EmbeddedCA,
    FolderTransport,
    HttpTransport,
    MailTransport,
    Transport,
)
from gostkey.renewal.transports.patience import Patience

from .campaigns import clock_at
from .config_options import drop_configured, drop_overruled
from .files import PathOption
from .option_groups import option_group
from .texts import _

_KEPT: dict[object, dict[str, str]] = {
    "embedded": {"ca": "folder", "ca_password_file": "password_file"},
    "folder": {"outbox": "outbox", "inbox": "inbox", "trusted": "trusted"},
    "https": {
        "url": "url",
        "url_ca": "ca_file",
        "url_root": "pins",
        "url_auth_file": "auth_file",
        "trusted": "trusted",
    },
}
"""For kinds of transports: under which names their settings have the options."""


@dataclass(frozen=True)
class Authority:
    """What the options say of the authority."""

    ca: Path | None = None
    ca_password_file: Path | None = None
    outbox: Path | None = None
    inbox: Path | None = None
    trusted: Path | None = None
    url: str | None = None
    url_ca: Path | None = None
    url_root: tuple[str, ...] = ()
    url_auth_file: Path | None = None
    submit_command: str | None = None
    fetch_command: str | None = None
    mail: Path | None = None

    @property
    def named(self) -> bool:
        """Whether any of the options was given."""
        return any(one not in (None, ()) for one in astuple(self))

    def first_transport(self, at: datetime | None) -> Transport:
        """Open the way to the authority, before anything is begun.

        Nobody was asked yet, so what is wrong then is wrong in the options.

        Raises:
            click.UsageError: if they cannot be used.
        """
        try:
            return self.transport(at)
        except TransportError as error:
            raise click.UsageError(str(error)) from error

    def transport(
        self, at: datetime | None, patience: Patience | None = None
    ) -> Transport:
        """Open the way to the authority.

        Args:
            at: the moment at which the clock stands.
            patience: with mail servers and HTTPS; their own if left out.

        Raises:
            click.UsageError: if the options name none, or more than one.
            TransportError: if an address, a fingerprint or a program is none.
        """
        folders = (self.outbox, self.inbox, self.trusted)
        if self.mail is not None:
            if any(one for one in astuple(self) if one != self.mail):
                raise click.UsageError(_("--mail goes with no other authority"))
            return MailTransport.open(self.mail, clock_at(at), patience=patience)
        commands = (self.submit_command, self.fetch_command)
        if any(commands):
            named = (self.ca, self.ca_password_file, self.outbox, self.inbox, self.url)
            if not all(commands) or self.trusted is None or any(named):
                raise click.UsageError(
                    _(
                        "--submit-command goes with --fetch-command and --trusted, "
                        "and with no other way to the authority"
                    )
                )
            return CommandTransport(
                self.submit_command or "", self.fetch_command or "", self.trusted
            )
        of_url = self.url_ca or self.url_auth_file or self.url_root
        others = (self.ca, self.ca_password_file, self.outbox, self.inbox)
        if self.url is not None and not any(others):
            return HttpTransport(
                self.url,
                trusted=self.trusted,
                pins=self.url_root,
                ca_file=self.url_ca,
                auth_file=self.url_auth_file,
                patience=patience or Patience(),
            )
        if self.url is not None or of_url:
            raise click.UsageError(
                _(
                    "--url goes with --trusted or --url-root, and with no other "
                    "way to the authority"
                )
            )
        if self.ca is not None and not any(folders):
            return EmbeddedCA.open(self.ca, clock_at(at), self.ca_password_file)
        by_hand = self.ca is None and self.ca_password_file is None
        if by_hand and self.outbox and self.inbox and self.trusted:
            return FolderTransport(self.outbox, self.inbox, self.trusted)
        if self.ca is not None and any(folders):
            raise click.UsageError(
                _(
                    "--ca goes with no other way to the authority; leave out --outbox, "
                    "--inbox and --trusted, or --ca"
                )
            )
        raise click.UsageError(
            _(
                "name the authority: --ca FOLDER, or --outbox, --inbox and --trusted, "
                "or --mail FILE, or --url and --trusted, or --submit-command, "
                "--fetch-command and --trusted"
            )
        )

    def instead_of(self, known: Mapping[str, Any], at: datetime | None) -> Transport:
        """Open another way than the one that a campaign has.

        What is not named stays as it is, if the way is of the same kind.

        Args:
            known: the settings of the campaign's transport.
            at: the moment at which the clock stands.

        Raises:
            click.UsageError: if the options do not go together.
        """
        names = [one.name for one in fields(self)]
        said = {name: getattr(self, name) for name in names}
        said = {name: value for name, value in said.items() if value not in (None, ())}
        kind = known.get("kind")
        if self.mail is not None and len(said) == 1 and kind == "mail":
            # By this name the messages that were sent know their answers.
            return MailTransport.open(self.mail, clock_at(at), known["campaign"])
        kept = _KEPT.get(kind, {})
        if not said.keys() <= kept.keys():
            return self.transport(at)
        stay = {name: _as_option(name, known.get(key)) for name, key in kept.items()}
        if self.url is not None and _host(self.url) != _host(stay["url"]):
            # No other host is to hear the password of the first one.
            stay["url_auth_file"] = None
        return Authority(**{**stay, **said}).transport(at)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _as_option(name: str, value: Any) -> Any:
    """Make of a setting what the option would give."""
    if name == "url_root":
        return tuple(value or ())
    return value if name == "url" or value is None else Path(value)


def _gather(values: dict[str, Any]) -> Authority:
    names = [one.name for one in fields(Authority)]
    drop_overruled(values, names)
    return Authority(**{name: values.pop(name) for name in names})


_OPTIONS = (
    click.option(
        "--ca",
        type=PathOption,
        metavar="FOLDER",
        help=_("The small authority in this folder."),
    ),
    click.option(
        "--ca-password-file",
        type=PathOption,
        metavar="FILE",
        help=_("File with the password of that authority's key."),
    ),
    click.option(
        "--outbox", type=PathOption, metavar="FOLDER", help=_("Requests are put here.")
    ),
    click.option(
        "--inbox", type=PathOption, metavar="FOLDER", help=_("Certificates come here.")
    ),
    click.option(
        "--trusted",
        type=PathOption,
        metavar="FOLDER",
        help=_("The authority's certificates and CRLs."),
    ),
    click.option(
        "--url",
        metavar="URL",
        help=_("An authority behind HTTPS: https://HOST:PORT."),
    ),
    click.option(
        "--url-ca",
        type=PathOption,
        metavar="FILE",
        help=_(
            "PEM with what the TLS certificate of --url is checked with; else what "
            "the system trusts."
        ),
    ),
    click.option(
        "--url-root",
        multiple=True,
        metavar="FINGERPRINT",
        help=_(
            "In place of --trusted: the fingerprint of the authority's root, "
            "Streebog-256 or SHA-256, as the authority told it."
        ),
    ),
    click.option(
        "--url-auth-file",
        type=PathOption,
        metavar="FILE",
        help=_("File with NAME:PASSWORD or a token for --url, if it wants one."),
    ),
    click.option(
        "--mail",
        type=PathOption,
        metavar="FILE",
        help=_("The authority is written to; FILE (TOML) says how, see docs/mail.md."),
    ),
    click.option(
        "--submit-command",
        metavar="COMMAND",
        help=_(
            "Another centre: a program that sends {request}; see docs/http.md for "
            "its arguments and exit codes."
        ),
    ),
    click.option(
        "--fetch-command",
        metavar="COMMAND",
        help=_("A program that writes the certificate for {id} into {answer}."),
    ),
)

authority_options = option_group("authority", _gather, _OPTIONS)
"""Adds the options that name the authority; the command gets `authority`."""


def _gather_other(values: dict[str, Any]) -> Authority:
    names = [one.name for one in fields(Authority)]
    drop_configured(values, names)
    values["url_root"] = values["url_root"] or ()
    return Authority(**{name: values.pop(name) for name in names})


other_authority_options = option_group("authority", _gather_other, _OPTIONS)
"""Adds the same options to a command for a campaign that has its authority: only what
the command line says counts, for a file of options is for campaigns that begin."""
