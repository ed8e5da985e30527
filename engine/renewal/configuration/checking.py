"""What a configuration says about this machine: files, folders, contradictions.

Nothing is changed and nobody is asked; whether the authority answers is another
question, which costs a connection.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from gostkey.containers import Container
from gostkey.errors import CampaignError, GostKeyError, PasswordRequired
from gostkey.media import FolderStore
from gostkey.media.places import is_in_file
from gostkey.signing import SigningKey

from ..chips import is_chip_address
from ..pacing import MostFailures, Rate
from ..planning.csv_list import read_list
from ..secret_files import read_password
from ..storage.address import Address
from ..tokens import is_token_address
from ..transports.mail import MailTransport, read_settings
from .kinds import read_span
from .reading import Configuration, Finding
from .tables import AUTHORITY, TABLES


def check(configuration: Configuration) -> list[Finding]:
    """Look at everything that a file says; its own findings come along.

    Returns:
        The findings in the order of their lines.
    """
    found = list(configuration.findings)
    for table in TABLES:
        for key in table.keys:
            full = f"{table.name}.{key.name}"
            if full not in configuration.given or not key.kind.must_be:
                continue
            value = configuration.given[full]
            for one in value if isinstance(value, list) else [value]:
                found += _on_disk(configuration, full, key.kind.must_be, one)
    for rule in RULES:
        found += rule(configuration)
    return sorted(found, key=lambda one: one.line)


# -- files and folders --------------------------------------------------------


def _on_disk(
    configuration: Configuration, full: str, must_be: str, value: str
) -> Iterator[Finding]:
    line = configuration.lines.get(full, 0)
    if is_token_address(value) or is_chip_address(value):
        return
    path = Path(value)
    said: tuple[str, str] | None = None
    if must_be in ("file", "secret"):
        said = _file_fault(path)
    elif must_be == "new":
        said = (
            _unwritable(path.parent)
            if path.parent.is_dir()
            else (f"there is no folder {path.parent}", "make it, or name another one")
        )
    elif must_be == "key":
        said = _folder_fault(path) if path.is_dir() else _file_fault(path)
    elif must_be == "writable":
        said = _unwritable(path)
    else:
        said = _folder_fault(path)
    if said is not None:
        yield Finding(line, full, *said)
    elif must_be == "secret":
        yield from _secret(line, full, path)


def _file_fault(path: Path) -> tuple[str, str] | None:
    if path.is_dir():
        return f"{path} is a folder", "name a file"
    if not path.is_file():
        return f"there is no file {path}", "correct the path, or put the file there"
    if not os.access(path, os.R_OK):
        return f"{path} cannot be read", "let the user read it who runs gostkey"
    return None


def _folder_fault(path: Path) -> tuple[str, str] | None:
    if path.is_file():
        return f"{path} is a file", "name a folder"
    if not path.is_dir():
        return f"there is no folder {path}", "correct the path, or insert the medium"
    if not os.access(path, os.R_OK | os.X_OK):
        return f"{path} cannot be read", "let the user read it who runs gostkey"
    return None


def _unwritable(path: Path) -> tuple[str, str] | None:
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return f"{there} is a file", "name a folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return (
            f"{there} cannot be written to",
            "let the user write there who runs gostkey, or name another folder",
        )
    return None


def _secret(line: int, full: str, path: Path) -> Iterator[Finding]:
    if os.name == "posix":
        about = path.stat()
        if stat.S_IMODE(about.st_mode) & 0o077:
            yield Finding(
                line,
                full,
                f"{path} can be read by others ({stat.S_IMODE(about.st_mode):04o})",
                f"chmod 600 {path}",
            )
    try:
        read_password(path)
    except GostKeyError as error:
        yield Finding(
            line, full, str(error), "put it on the first line of that file, in UTF-8"
        )


# -- contradictions -----------------------------------------------------------


def _sources(configuration: Configuration) -> Iterator[Finding]:
    given = configuration.given
    line = configuration.lines.get("source.csv", 0)
    if "source.folder" not in given and "source.csv" not in given:
        yield Finding(
            configuration.lines.get("source", 0),
            "source",
            "neither folder nor csv says whose keys are renewed",
            "name one of them, or give it on the command line",
            warning=True,
        )
    if "source.folder" in given and "source.csv" in given:
        yield Finding(
            line, "source.csv", "a folder is named, too", "keep one of the two"
        )
    if "source.csv" not in given:
        return
    for name in ("password_file", "new_password_file", "pin_file", "new_pin_file",
                 "destination"):  # fmt: skip
        full = f"source.{name}"
        if full in given and "source.folder" not in given:
            yield Finding(
                configuration.lines.get(full, 0),
                full,
                "with a list this stands in the list",
                f"put it into the list's column {name}",
            )
    if _file_fault(Path(given["source.csv"])) is None:
        try:
            errors = read_list(Path(given["source.csv"])).errors
        except GostKeyError as error:
            yield Finding(line, "source.csv", str(error), "correct the list")
            return
        if errors:
            yield Finding(
                line,
                "source.csv",
                f"{len(errors)} rows cannot be used, the first on line "
                f"{errors[0].line}: {errors[0].text}",
                errors[0].cure,
                warning=True,
            )


def _ways(configuration: Configuration) -> Iterator[Finding]:
    """There is one way to the authority, and it is whole."""
    given, lines = configuration.given, configuration.lines
    line = lines.get("authority", 0)
    named = [one for one in _AUTHORITY if f"authority.{one}" in given]
    ways: list[str] = [one for one in _WAYS if one in named]
    folders: list[str] = [one for one in _FOLDERS if one in named]
    # There the folder with the authority's certificates may be needed, too.
    beside = ways in (["url"], ["submit_command"]) and folders == ["trusted"]
    if folders and not beside:
        ways.append(folders[0])
    if len(ways) > 1:
        yield Finding(
            lines.get(f"authority.{ways[-1]}", line),
            f"authority.{ways[-1]}",
            f"authority.{ways[0]} names the authority already",
            "keep one way to the authority",
        )
    elif not ways:
        yield Finding(
            line,
            "authority",
            "no authority is named",
            "name ca, url, mail or submit_command, or outbox, inbox and trusted; or "
            "give it on the command line",
            warning=True,
        )
    elif ways == folders[:1] and len(folders) < 3:
        missing = [one for one in _FOLDERS if one not in folders]
        yield Finding(
            line, "authority", f"{missing[0]} is missing", "name all three folders"
        )
    elif ways == ["url"] and not {"trusted", "url_root"}.intersection(named):
        yield Finding(
            lines.get("authority.url", line),
            "authority.url",
            "nothing says which certificates of that authority are right",
            "name trusted, or url_root",
        )
    elif ways == ["submit_command"]:
        for needed in ("fetch_command", "trusted"):
            if needed not in named:
                yield Finding(
                    lines.get("authority.submit_command", line),
                    "authority.submit_command",
                    f"{needed} is missing",
                    "name submit_command, fetch_command and trusted",
                )
    for name, of in _BELONGS.items():
        if name in named and of not in named:
            yield Finding(
                lines.get(f"authority.{name}", line),
                f"authority.{name}",
                f"says nothing without {of}",
                f"name {of}, or remove it",
            )


_AUTHORITY = [key.name for key in AUTHORITY.keys]
_WAYS = ("ca", "url", "mail", "submit_command")
_FOLDERS = ("outbox", "inbox", "trusted")
_BELONGS = {
    "ca_password_file": "ca",
    "url_ca": "url",
    "url_root": "url",
    "url_auth_file": "url",
    "fetch_command": "submit_command",
}


def _mail(configuration: Configuration) -> Iterator[Finding]:
    """The file with the mail settings can be used, and what it names is there."""
    full = "authority.mail"
    file = Path(configuration.given.get(full, ""))
    line = configuration.lines.get(full, 0)
    if not file.is_file():
        return  # none is named, or that is told already
    try:
        MailTransport.open(file, partial(datetime.now, timezone.utc))
        settings = read_settings(file)
    except GostKeyError as error:
        yield Finding(line, full, str(error), "correct it; docs/mail.md has an example")
        return
    secrets = {settings.smtp.password_file, settings.imap.password_file}
    others = {settings.trusted, settings.smtp.ca_file, settings.imap.ca_file}
    if settings.signature is not None:
        secrets.add(settings.signature.password_file)
        others |= {settings.signature.key, settings.signature.certificate}
    # The key that signs may be a file, or a container's folder.
    folders = {settings.trusted, settings.signature and settings.signature.key}
    for path in sorted(filter(None, secrets | others)):
        may_be_folder = path in folders and (path.is_dir() or path == settings.trusted)
        said = _folder_fault(path) if may_be_folder else _file_fault(path)
        if said is not None:
            yield Finding(line, full, f"{file}: {said[0]}", said[1])
        elif path in secrets:
            yield from _secret(line, full, path)


def _store(configuration: Configuration) -> Iterator[Finding]:
    """The database's URL holds no password, and its password's file has a database."""
    given, lines = configuration.given, configuration.lines
    store = given.get("campaign.store")
    if store is not None and re.search(r"://[^/@]*:[^/@]*@", store):
        yield Finding(
            lines.get("campaign.store", 0),
            "campaign.store",
            "has a password in it",
            "leave it out, and name its file: store_password_file",
        )
    elif store is not None:
        yield from _store_use(configuration, store)
    if store is None and "campaign.store_password_file" in given:
        yield Finding(
            lines.get("campaign.store_password_file", 0),
            "campaign.store_password_file",
            "says nothing without store",
            "name store, or remove it",
        )


def _store_use(configuration: Configuration, store: str) -> Iterator[Finding]:
    line = configuration.lines.get("campaign.store", 0)
    folder = configuration.given.get("campaign.folder", "campaign")
    try:
        Address.parse(store, Path(folder))
    except CampaignError as error:
        yield Finding(
            line,
            "campaign.store",
            str(error),
            "correct the address, or remove it: the campaign is in its folder then",
        )
    if any(full.startswith("watch.") for full in configuration.given):
        yield Finding(
            line,
            "campaign.store",
            "renew run --watch, which [watch] is for, refuses it: its campaigns are in "
            "folders of this machine",
            "remove it for --watch; for several stations see docs/stations.md",
            warning=True,
        )


def _audit(configuration: Configuration) -> Iterator[Finding]:
    """What signs the audit log is a key, and what belongs to it has one."""
    given, lines = configuration.given, configuration.lines
    key = given.get("report.audit_key")
    for name in ("audit_certificate", "audit_key_password_file"):
        if key is None and f"report.{name}" in given:
            yield Finding(
                lines.get(f"report.{name}", 0),
                f"report.{name}",
                "says nothing without audit_key",
                "name audit_key, or remove it",
            )
    if key is None or not Path(key).exists() or is_in_file(key):
        # What is not there is told already.
        return
    try:
        password = _password_in(given.get("report.audit_key_password_file"))
    except (GostKeyError, OSError):
        return
    try:
        _open_audit_key(Path(key), password)
    except PasswordRequired:
        yield Finding(
            lines.get("report.audit_key", 0),
            "report.audit_key",
            "has a password, for which a person is asked",
            "name the file with it: audit_key_password_file",
            warning=True,
        )
    except (GostKeyError, OSError) as error:
        yield Finding(
            lines.get("report.audit_key", 0),
            "report.audit_key",
            f"{key}: {error}" if key not in str(error) else str(error),
            "name a PKCS#8 file with a private key, or a key container, and the file "
            "with its password",
        )


def _password_in(file: str | None) -> str | None:
    return None if file is None else read_password(Path(file))


def _open_audit_key(path: Path, password: str | None) -> None:
    """Open the key as a run does, and wipe it."""
    if path.is_dir():
        files = FolderStore(path.parent).read(path)
        with Container.parse(files).open(password):
            return
    with SigningKey.from_pkcs8(path.read_bytes(), password):
        return


def _random(configuration: Configuration) -> Iterator[Finding]:
    given = configuration.given
    if given.get("random.entropy") == "require-human" and given.get("random.no_input"):
        yield Finding(
            configuration.lines.get("random.no_input", 0),
            "random.no_input",
            "nobody is asked, and random.entropy requires a person",
            'remove one of them, or write entropy = "prefer-human"',
        )
    if given.get("random.trust_gamma") and "random.gamma" not in given:
        yield Finding(
            configuration.lines.get("random.trust_gamma", 0),
            "random.trust_gamma",
            "says nothing without gamma",
            "name the folder of the gamma pair, or remove it",
        )


def _limits(configuration: Configuration) -> Iterator[Finding]:
    given, lines = configuration.given, configuration.lines
    keys = given.get("limits.keys")
    if "limits.max_failures" in given and keys is not None:
        most = MostFailures.parse(given["limits.max_failures"])
        if not most.percent and most.number > keys:
            yield Finding(
                lines.get("limits.max_failures", 0),
                "limits.max_failures",
                f"{most} failures never come together: limits.keys is {keys}",
                "write a smaller number, or a share such as 10%",
            )
    if "limits.rate" in given and keys is not None:
        a_day = Rate.parse(given["limits.rate"]).per_second * 86400
        if a_day < keys:
            yield Finding(
                lines.get("limits.rate", 0),
                "limits.rate",
                f"at this rate {int(a_day)} requests go in a day, and limits.keys is "
                f"{keys}",
                "make the rate higher, or the limit smaller",
            )
    if "watch.receive_every" in given and "watch.receive_at_most" in given:
        first = read_span(given["watch.receive_every"])
        if first > read_span(given["watch.receive_at_most"]):
            yield Finding(
                lines.get("watch.receive_at_most", 0),
                "watch.receive_at_most",
                "is shorter than receive_every, with which it begins",
                "make it longer",
            )


def _folders(configuration: Configuration) -> Iterator[Finding]:
    """Folders that must not be one another."""
    given = configuration.given
    outbox = given.get("authority.outbox")
    if outbox is not None and outbox == given.get("authority.inbox"):
        yield Finding(
            configuration.lines.get("authority.inbox", 0),
            "authority.inbox",
            "is the same folder as the outbox",
            "name another folder for the certificates",
        )
    source, campaign = given.get("source.folder"), given.get("campaign.folder")
    if (
        source
        and campaign
        and Path(source) in (Path(campaign), *Path(campaign).parents)
    ):
        yield Finding(
            configuration.lines.get("campaign.folder", 0),
            "campaign.folder",
            "lies inside source.folder, which is looked through for containers",
            "name a folder elsewhere",
            warning=True,
        )


RULES: list[Callable[[Configuration], Iterator[Finding]]] = [
    _sources,
    _ways,
    _mail,
    _store,
    _audit,
    _random,
    _limits,
    _folders,
]
"""More of them may be added, by those who add tables."""
