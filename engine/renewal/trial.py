"""A closed trial: an authority, and subscribers whose keys are about to expire.

Made with the same functions as the real thing and in the campaign's own
folder, so that a campaign that is killed while it prepares can be resumed like
any other.  Names are invented; three containers have passwords.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gostkey import batch
from gostkey.backend import active
from gostkey.containers import build_container, folder_name
from gostkey.containers.writer import MONTHS_OF_USE, later
from gostkey.errors import MediumError, RequestRefused
from gostkey.media import FolderStore
from gostkey.media.durable import flush_folder
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.names import Name
from gostkey.pki.requests import build_request
from gostkey.signing import SigningKey

from .planning.people import Person, person

FOLDER = "trial"
AUTHORITY = "ca"
LIST = "subscribers.csv"
CONTAINERS = "containers"
PASSWORDS = "passwords"

DAYS_OF_KEY = 365
_CHUNK = 1024
_CHUNK_OF_MEDIUM = 64
_WITH_PASSWORD = 3
# The curves of the trial's keys: what offices have, one in ten of them 512-bit.
_CURVES = (
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.2.2.35.1", "signature"),
    ("1.2.643.7.1.2.1.1.1", "exchange"),
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.2.2.35.1", "exchange"),
    ("1.2.643.2.2.36.0", "exchange"),
    ("1.2.643.7.1.2.1.2.1", "exchange"),
)

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """Where the parts of a trial are."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Folder of the authority."""
        return self.folder / AUTHORITY

    @property
    def containers(self) -> Path:
        """Folder of the containers."""
        return self.folder / CONTAINERS

    @property
    def list(self) -> Path:
        """The CSV list of the subscribers."""
        return self.folder / LIST


def make_trial(
    folder: Path,
    subscribers: int,
    *,
    at: datetime,
    passwords: int = _WITH_PASSWORD,
    seed: int = 1,
    on_progress: OnProgress | None = None,
) -> Trial:
    """Make a trial in *folder*, whole or not at all.

    If it is there already, it is left as it is.  What a killed run has left is
    removed first.

    Args:
        folder: to be made; beside it a temporary one is used.
        subscribers: how many.
        at: the moment at which all their keys are due, 1 to 59 days before
            their last day.
        passwords: how many containers have a password, with its file beside.
        seed: of the invented names; keys are always fresh.
        on_progress: told (made, of).

    Raises:
        MediumError: if it cannot be written.
    """
    folder = folder.absolute()
    if folder.is_dir():
        return Trial(folder)
    part = folder.with_name(folder.name + ".part")
    if part.exists():
        shutil.rmtree(part)
    trial = Trial(part)
    for one in (part, trial.containers, part / PASSWORDS):
        one.mkdir(mode=0o700, parents=True)
    authority = CertificateAuthority.create(
        trial.authority,
        subject=_authority_name(),
        curve="1.2.643.2.2.35.1",
        at=at - timedelta(days=2 * DAYS_OF_KEY),
    )
    rows = ["container;password_file;new_password_file;exchanges_finished"]
    tell = on_progress or (lambda made, of: None)
    with authority:
        for start in range(0, subscribers, _CHUNK):
            numbers = range(start, min(start + _CHUNK, subscribers))
            made = _subscribers(numbers, at, seed)
            try:
                certificates = _certify(authority, made)
                for first in range(0, len(made), _CHUNK_OF_MEDIUM):
                    some = made[first : first + _CHUNK_OF_MEDIUM]
                    rows += _write(trial, some, certificates, passwords)
                    tell(some[-1].number + 1, subscribers)
            finally:
                for who in made:
                    who.key.wipe()
    trial.list.write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    os.rename(part, folder)
    flush_folder(folder.parent)
    return Trial(folder)


@dataclass(frozen=True)
class _Made:
    """A subscriber who has a key."""

    number: int
    who: Person
    key: SigningKey
    usage: str
    issued: datetime


def _subscribers(numbers: range, at: datetime, seed: int) -> list[_Made]:
    """Invent subscribers and make their keys."""
    made: list[_Made] = []
    for curve, usage in dict.fromkeys(_CURVES):
        alike = [n for n in numbers if _CURVES[n % len(_CURVES)] == (curve, usage)]
        keys = batch.generate(len(alike), curve, threads=1)
        for row, number in enumerate(alike):
            private = bytearray(keys.private[row].data)
            key = SigningKey.from_bytes(private, curve)
            active.generators.wipe(private)
            # The last day is 1 to 59 days away, whatever the hour is.
            age = timedelta(days=DAYS_OF_KEY - 1 - number % 58, hours=-1)
            made.append(_Made(number, person(number, seed), key, usage, at - age))
        keys.private.fill(0)
    made.sort(key=lambda one: one.number)
    return made


def _certify(authority: CertificateAuthority, made: list[_Made]) -> dict[int, bytes]:
    """Have certificates issued, those of one day together: number to DER."""
    days: dict[datetime, list[_Made]] = {}
    for one in made:
        days.setdefault(one.issued, []).append(one)
    certificates = {}
    for issued, alike in days.items():
        requests = [build_request(one.key, one.who.subject) for one in alike]
        answers = authority.issue_many(requests, issued, days=DAYS_OF_KEY)
        for one, answer in zip(alike, answers, strict=True):
            if isinstance(answer, RequestRefused):
                raise answer
            certificates[one.number] = answer.der
    return certificates


def _write(
    trial: Trial, made: list[_Made], certificates: dict[int, bytes], passwords: int
) -> list[str]:
    """Write some subscribers' containers; give their rows of the list."""
    rows, writings = [], []
    for one in made:
        password, password_file = None, ""
        if one.number < passwords:
            password = f"trial-{one.number:04d}"
            password_file = f"{PASSWORDS}/{one.number:04d}.txt"
            path = trial.folder / password_file
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(password.encode() + b"\n")
        name = f"le{one.number:06d}-{one.who.full_name}"
        files = build_container(
            name,
            one.key,
            password=password,
            certificate=certificates[one.number],
            exportable=one.number % 4 != 3,
            not_after=later(one.issued, MONTHS_OF_USE),
            usage=one.usage,
        )
        place = trial.containers / folder_name(name)
        writings.append((place, files))
        rows.append(f"{CONTAINERS}/{place.name};{password_file};{password_file};да")
    for result in FolderStore(trial.containers).write_many(writings):
        if isinstance(result, MediumError):
            raise result
    return rows


def _authority_name() -> Name:
    return Name.build(
        [
            ("C", "RU"),
            ("S", "77 г. Москва"),
            ("L", "Москва"),
            ("O", 'Учебный удостоверяющий центр "Проба"'),
            ("CN", "Учебный УЦ (только для испытаний)"),
        ]
    )


def settings_of(trial: Trial) -> dict[str, Any]:
    """Describe the trial's authority as a transport, for a campaign's settings."""
    return {
        "kind": "embedded",
        "folder": str(trial.authority.absolute()),
        "password_file": None,
    }
