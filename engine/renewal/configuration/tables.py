"""All tables and keys of the configuration file, in the order of the example.

To add a table: make a `Table` in a module of its
own, put it into `TABLES`, and its keys into docs/renew.example.toml, which a test
compares.  `Key.option` is the name of the command's parameter (click's, in Python's
spelling) that the key stands for; commands that have such a parameter get the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gostkey.random.policy import Policy

from . import kinds
from .kinds import Kind


@dataclass(frozen=True)
class Key:
    """One key of a table."""

    name: str
    kind: Kind
    option: str
    """The parameter that it stands for."""


@dataclass(frozen=True)
class Table:
    """One table of the file."""

    name: str
    keys: tuple[Key, ...]

    def key(self, name: str) -> Key | None:
        """Find a key by its name."""
        return next((one for one in self.keys if one.name == name), None)


SOURCE = Table(
    "source",
    (
        Key("folder", kinds.path("place"), "path"),
        Key("csv", kinds.path("file"), "csv"),
        Key("exchanges_finished", kinds.truth(), "exchanges_finished"),
        Key("password_file", kinds.path("secret"), "password_file"),
        Key("new_password_file", kinds.path("secret"), "new_password_file"),
        Key("pin_file", kinds.path("secret"), "pin_file"),
        Key("new_pin_file", kinds.path("secret"), "new_pin_file"),
        Key("destination", kinds.path("place"), "destination"),
    ),
)

AUTHORITY = Table(
    "authority",
    (
        Key("ca", kinds.path("folder"), "ca"),
        Key("ca_password_file", kinds.path("secret"), "ca_password_file"),
        Key("outbox", kinds.path("writable"), "outbox"),
        Key("inbox", kinds.path("folder"), "inbox"),
        Key("trusted", kinds.path("folder"), "trusted"),
        Key("url", kinds.text('an address such as "https://host:port"'), "url"),
        Key("url_ca", kinds.path("file"), "url_ca"),
        Key("url_root", kinds.texts(), "url_root"),
        Key("url_auth_file", kinds.path("secret"), "url_auth_file"),
        Key("mail", kinds.path("file"), "mail"),
        Key("submit_command", kinds.text("a command"), "submit_command"),
        Key("fetch_command", kinds.text("a command"), "fetch_command"),
    ),
)

CAMPAIGN = Table(
    "campaign",
    (
        Key("folder", kinds.path("writable"), "folder"),
        Key("store", kinds.text(), "store"),
        Key("store_password_file", kinds.path("secret"), "store_password_file"),
        Key("zone", kinds.offset(), "zone"),
        Key("workers", kinds.whole(1, 64), "workers"),
        Key("experimental", kinds.truth(), "experimental"),
        Key("library", kinds.path("file"), "library"),
    ),
)

RANDOM = Table(
    "random",
    (
        Key("entropy", kinds.choice([one.value for one in Policy]), "entropy"),
        Key("no_input", kinds.truth(), "no_input"),
        Key("gamma", kinds.path("folder"), "gamma"),
        Key("trust_gamma", kinds.truth(), "trust_gamma"),
        Key("tokens", kinds.truth(), "tokens"),
        Key("pkcs11", kinds.paths("file"), "libraries"),
    ),
)

LIMITS = Table(
    "limits",
    (
        Key("keys", kinds.whole(1, 10_000_000), "limit"),
        Key("rate", kinds.rate(), "rate"),
        Key("quiet_hours", kinds.ranges(), "quiet_hours"),
        Key("max_failures", kinds.failures(), "max_failures"),
    ),
)

WATCH = Table(
    "watch",
    (
        Key("receive_every", kinds.span(1), "receive_every"),
        Key("receive_at_most", kinds.span(1), "receive_at_most"),
        Key("look_every", kinds.span(1), "look_every"),
    ),
)

REPORT = Table(
    "report",
    (
        Key("metrics", kinds.path("new"), "metrics"),
        Key("audit_key", kinds.path("key"), "audit_key"),
        Key("audit_certificate", kinds.path("file"), "audit_certificate"),
        Key("audit_key_password_file", kinds.path("secret"), "audit_key_password_file"),
    ),
)

ARCHIVES = Table(
    "archives",
    (Key("keep_days", kinds.whole(0, 36_500), "keep_archives"),),
)

TABLES: tuple[Table, ...] = (
    SOURCE,
    AUTHORITY,
    CAMPAIGN,
    RANDOM,
    LIMITS,
    WATCH,
    REPORT,
    ARCHIVES,
)


def known_keys() -> Iterator[str]:
    """Name all keys, as "table.key"."""
    for table in TABLES:
        for key in table.keys:
            yield f"{table.name}.{key.name}"
