"""What is in a container: name, header, keys, certificates, dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from gostkey.containers import Container, KeyEntry
from gostkey.containers import Finding as Seen
from gostkey.containers.names import decode_name, encode_name
from gostkey.errors import ContainerDamaged, GostKeyError
from gostkey.pki.certificates import Certificate
from gostkey.renewal.rules import (
    DUE_DAYS,
    KeyState,
    Validity,
    days_left,
    key_state,
    last_day,
)

from .catalogue import found
from .chains import Trust, look_at_chain
from .findings import Finding, right
from .passwords import Passwords, find_password


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
) -> Iterator[Finding]:
    """Check everything behind header.key, with the password if it is to be had."""
    password, told = find_password(container, place, passwords)
    seen = container.check(password, at)
    yield from (_of(one, place) for one in seen if one.code == "header-mac")
    yield from told
    late = ("header-mac", "password")
    yield from (_of(one, place) for one in seen if one.code not in late)
    for entry in container.keys:
        yield from _certified(entry, trust, at)


def _of(seen: Seen, place: Path) -> Finding:
    """Give a container's own finding its severity, cause and cure."""
    if not seen.fault:
        if seen.state == "unchecked":
            return found("key-not-opened", seen.subject, seen.text, check=seen.code)
        return right(seen.code, seen.subject, seen.text)
    return found(seen.fault, seen.subject, seen.text, check=seen.code, place=place)


def _certified(entry: KeyEntry, trust: Trust, at: datetime) -> Iterator[Finding]:
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
    yield _renewal(validity, f"{entry.slot} key", at)


def _renewal(validity: Validity, subject: str, at: datetime) -> Finding:
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
        return found("renewal-due", subject, f"its last day is {day}, in {days}")
    text = f"its last day {'is' if state is KeyState.LAST_DAY else 'was'} {day}"
    return found("renewal-refused", subject, text)
