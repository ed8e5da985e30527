"""What is in a container: name, header, keys, certificates, dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gostkey.containers import Container, KeyEntry
from gostkey.containers import Finding as Seen
from gostkey.containers.names import decode_name, encode_name
from gostkey.errors import ContainerDamaged, GostKeyError
from gostkey.pki.certificates import Certificate
from gostkey.renewal.planning.rules import (
    DUE_DAYS,
    KeyState,
    Validity,
    days_left,
    key_state,
    last_day,
)

from .catalogue import FAULTS, found
from .chains import Trust, look_at_chain
from .findings import Finding, right
from .passwords import Passwords, find_password

_COPIES = ("pair", "reserve")


def read(
    files: Mapping[str, bytes], place: Path
) -> tuple[Container | None, list[Finding]]:
    """Read what is public of a container; without a good name.key, too.

    Returns:
        The container, or None if there is nothing to go on with; and what is wrong
        with name.key or header.key.
    """
    faults: list[Finding] = []
    if files.get("name.key"):
        try:
            decode_name(files["name.key"])
        except GostKeyError as error:
            text = str(error).removeprefix("name.key: ")
            faults.append(found("name-damaged", "name.key", text, error=error))
    if faults or not files.get("name.key"):
        files = {**files, "name.key": _stand_in(place)}
    try:
        return Container.parse(files), faults
    except GostKeyError as error:
        if files.get("header.key"):
            damaged = isinstance(error, ContainerDamaged)
            code = "header-damaged" if damaged else "header-unsupported"
            text = str(error).removeprefix("header.key: ")
            faults.append(found(code, "header.key", text, error=error))
        return None, faults


def _stand_in(place: Path) -> bytes:
    """Return a name.key to read the rest of a container without its own."""
    try:
        return encode_name(place.name)
    except GostKeyError:
        return encode_name("container")


def look_at_keys(
    container: Container,
    place: Path,
    passwords: Passwords,
    trust: Trust,
    at: datetime,
    *,
    with_keys: bool = True,
) -> Iterator[Finding]:
    """Check everything behind header.key, with the password if it is to be had.

    Args:
        container: as read.
        place: where it is, for the commands that cures name.
        passwords: where its password comes from.
        trust: what its certificates are checked with.
        at: the time to compare dates with.
        with_keys: whether the key files were read; if not, they are passed over.
    """
    password: str | None = None
    told: list[Finding] = []
    if with_keys:
        password, told = find_password(container, place, passwords)
    seen = container.check(password, at)
    yield from (_of(one, place) for one in seen if one.code == "header-mac")
    yield from told
    if with_keys:
        yield from _copies([one for one in seen if one.code in _COPIES], place)
    done = ("header-mac", "password", *_COPIES)
    yield from (_of(one, place) for one in seen if one.code not in done)
    for entry in container.keys:
        yield from _certified(entry, place, trust, at)


def _copies(seen: list[Seen], place: Path) -> Iterator[Finding]:
    """Tell of both copies of the key; what helps depends on the other one."""
    bad = [one for one in seen if one.state == "bad"]
    lost = bool(bad) and all(
        one in bad or one.fault == "reserve-absent" for one in seen
    )
    for one in seen:
        finding = _of(one, place)
        if lost and one in bad:
            finding = replace(finding, cure=FAULTS["key-lost"].cure)
        yield finding
    if lost:
        files = ", ".join(dict.fromkeys(one.subject for one in bad))
        yield found("key-lost", files, "no key can be taken out")


def _of(seen: Seen, place: Path) -> Finding:
    """Give a container's own finding its severity, cause and cure."""
    if not seen.fault:
        if seen.state == "unchecked":
            return found("key-not-opened", seen.subject, seen.text, check=seen.code)
        return right(seen.code, seen.subject, seen.text)
    return found(seen.fault, seen.subject, seen.text, check=seen.code, place=place)


def _certified(
    entry: KeyEntry, place: Path, trust: Trust, at: datetime
) -> Iterator[Finding]:
    """Check what only a whole certificate tells."""
    if entry.certificate is None:
        return
    try:
        certificate = Certificate.from_bytes(entry.certificate)
        validity = Validity(
            certificate_begins=certificate.not_before,
            certificate_ends=certificate.not_after,
            period_begins=certificate.key_period[0],
            period_ends=certificate.key_period[1],
            container_ends=entry.not_after,
        )
    except GostKeyError:
        return  # told already: the certificate cannot be read
    subject = f"certificate of the {entry.slot} key"
    yield from look_at_chain(certificate, subject, trust, at)
    yield _renewal(validity, f"{entry.slot} key", place.parent, at)


def _renewal(validity: Validity, subject: str, where: Path, at: datetime) -> Finding:
    state = key_state(validity.ends, at)
    day = last_day(validity.ends)
    left = days_left(validity.ends, at)
    if state is KeyState.NOT_DUE:
        text = (
            f"its last day is {day}, in {left} days; it is due {DUE_DAYS} days before"
        )
        return right("renewal", subject, text)
    if state is KeyState.DUE:
        days = "1 day" if left == 1 else f"{left} days"
        text = f"its last day is {day}, in {days}"
        return found("renewal-due", subject, text, where=where)
    text = f"its last day {'is' if state is KeyState.LAST_DAY else 'was'} {day}"
    return found("renewal-refused", subject, text)
