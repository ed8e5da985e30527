"""What `gostkey container check` and `container show` tell, as plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from gostkey.errors import (
    CertificateError,
    ContainerDamaged,
    GostKeyError,
    PasswordRequired,
    WrongPassword,
)
from gostkey.keyforms import certificate_public_key
from gostkey.signing import SigningKey

from .certificate_facts import certificate_facts
from .header import HAS_RESERVE, KeyEntry
from .names import carrier_suffix
from .pairs import PAIRS, Pair, PairOpener
from .parsed import ParsedContainer, storage_keys_needed
from .protection import StorageKeys

GOOD = "good"
BAD = "bad"
WARNING = "warning"
UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    code: str
    """What was looked at; does not change: header-mac, password, pair, reserve,
    certificate, certificate-dates, key-dates, structure."""
    subject: str
    """The file, pair or key."""
    state: str
    """"good", "bad", "warning" or "unchecked"."""
    text: str
    fault: str = ""
    """What is wrong; does not change either (`gostkey.doctor` has causes and cures
    by it).  "" if nothing is."""

    def as_dict(self) -> dict[str, str]:
        """Return the finding for JSON."""
        return asdict(self)


def findings_of(
    container: ParsedContainer, password: str | None, at: datetime | None
) -> list[Finding]:
    """Check everything that can be checked; faults are findings, not errors."""
    now = at or datetime.now(timezone.utc)
    found = [Finding("header-mac", "header.key", GOOD, "the MAC matches")]
    with StorageKeys() as derived:
        derived.prepare(storage_keys_needed(container, password))
        found += _of_keys(container, password, derived, now)
    return found


def _of_keys(
    container: ParsedContainer,
    password: str | None,
    derived: StorageKeys,
    now: datetime,
) -> list[Finding]:
    found: list[Finding] = []
    effective: str | None = None
    try:
        effective = container.password_to_use(password, derived)
    except PasswordRequired:
        text = "has a password and none was given; the keys were not looked at"
        found.append(
            Finding("password", container.name, UNCHECKED, text, "password-needed")
        )
    except WrongPassword:
        found.append(
            Finding("password", container.name, BAD, "wrong password", "password-wrong")
        )
    else:
        text = "the password is right" if container.has_password else "has no password"
        found.append(Finding("password", container.name, GOOD, text))
    keys: dict[str, SigningKey] = {}
    try:
        for pair in container.pairs:
            found.extend(_pair(container, pair, effective, keys, derived))
        for entry in container.keys:
            found.extend(_certificate(entry, keys.get(entry.slot), now))
            found.extend(_key_dates(entry, now))
    finally:
        for key in keys.values():
            key.wipe()
    return found


def _pair(
    container: ParsedContainer,
    pair: Pair,
    password: str | None,
    keys: dict[str, SigningKey],
    derived: StorageKeys,
) -> Iterator[Finding]:
    subject = " + ".join(pair.files)
    reserve = pair.files == PAIRS[1]
    code = "reserve" if reserve else "pair"
    if reserve and not container.has_reserve:
        expected = container.header.attributes & HAS_RESERVE
        yield Finding(
            code,
            subject,
            BAD if expected else WARNING,
            "missing, though the header names it" if expected else "there is none",
            "reserve-missing" if expected else "reserve-absent",
        )
    elif pair.fault:
        absent = any(name not in container.files for name in pair.files)
        kind = "missing" if absent else "damaged"
        yield Finding(code, subject, BAD, pair.fault, f"{code}-{kind}")
    elif password is None:
        yield Finding(code, subject, UNCHECKED, "the mask's MAC matches")
    else:
        opener = PairOpener(pair, container.header.profile, password, derived)
        for entry in container.keys:
            yield _key_of_pair(code, subject, opener, entry, keys)


def _key_of_pair(
    code: str,
    subject: str,
    opener: PairOpener,
    entry: KeyEntry,
    keys: dict[str, SigningKey],
) -> Finding:
    try:
        key = opener.signing_key(entry)
    except ContainerDamaged as error:
        return Finding(code, subject, BAD, str(error), f"{code}-damaged")
    if entry.slot not in keys:
        keys[entry.slot] = key
    elif key == keys[entry.slot]:
        key.wipe()
    else:
        key.wipe()
        text = f"holds another {entry.slot} key than the first pair"
        return Finding(code, subject, BAD, text, "reserve-other-key")
    if entry.fingerprint is None:
        text = f"holds a {entry.slot} key; the header has no fingerprint of it"
        return Finding(code, subject, WARNING, text, "public-key-absent")
    text = f"holds the {entry.slot} key; mask MAC and fingerprint match"
    return Finding(code, subject, GOOD, text)


def _certificate(
    entry: KeyEntry, key: SigningKey | None, now: datetime
) -> Iterator[Finding]:
    subject = f"{entry.slot} key"
    if entry.certificate is None:
        text = "no certificate is installed"
        yield Finding("certificate", subject, WARNING, text, "certificate-absent")
        return
    try:
        info = certificate_public_key(entry.certificate)
        facts = certificate_facts(entry.certificate)
    except GostKeyError as error:
        text = str(error)
        yield Finding("certificate", subject, BAD, text, "certificate-unreadable")
        return
    fingerprint = entry.fingerprint or b""
    other = Finding(
        "certificate", subject, BAD, "is for another key", "certificate-other-key"
    )
    if info.curve != entry.curve or not info.public_le.startswith(fingerprint):
        yield other
    elif key is None:
        yield Finding("certificate", subject, GOOD, "matches the fingerprint")
    elif info.public_le != key.verifying_key.to_bytes():
        yield other
    else:
        yield Finding("certificate", subject, GOOD, "is for this key")
    yield _dates(
        "certificate-dates",
        f"certificate of the {entry.slot} key",
        facts.not_before,
        facts.not_after,
        now,
    )


def _key_dates(entry: KeyEntry, now: datetime) -> Iterator[Finding]:
    if entry.not_before or entry.not_after:
        subject = f"{entry.slot} key"
        yield _dates("key-dates", subject, entry.not_before, entry.not_after, now)


def _dates(
    code: str,
    subject: str,
    not_before: datetime | None,
    not_after: datetime | None,
    now: datetime,
) -> Finding:
    what = code.removesuffix("-dates")
    if not_before is not None and now < not_before:
        text = f"not valid before {not_before:%Y-%m-%d %H:%M} UTC"
        return Finding(code, subject, WARNING, text, f"{what}-early")
    if not_after is not None and now > not_after:
        text = f"expired on {not_after:%Y-%m-%d %H:%M} UTC"
        return Finding(code, subject, WARNING, text, f"{what}-expired")
    until = f"until {not_after:%Y-%m-%d %H:%M} UTC" if not_after else "without an end"
    return Finding(code, subject, GOOD, f"valid {until}")


def description_of(container: ParsedContainer) -> dict[str, Any]:
    """Return what is public of a container, for JSON."""
    return {
        "name": container.name,
        "carrier_suffix": carrier_suffix(container.name),
        "has_password": container.has_password,
        "has_reserve": container.has_reserve,
        "keys": [_describe_key(entry) for entry in container.keys],
    }


def _describe_key(entry: KeyEntry) -> dict[str, Any]:
    return {
        "slot": entry.slot,
        "usage": entry.usage,
        "scheme": entry.scheme.value,
        "curve": entry.curve.name,
        "curve_oid": entry.curve.oid,
        "bits": entry.curve.bits,
        "exportable": entry.exportable,
        "fingerprint": entry.fingerprint.hex() if entry.fingerprint else None,
        "not_before": _time(entry.not_before),
        "not_after": _time(entry.not_after),
        "certificate": _describe_certificate(entry.certificate),
    }


def _describe_certificate(der: bytes | None) -> dict[str, Any] | None:
    if der is None:
        return None
    # SHA-1 because certificate stores and CSP tools name certificates by it.
    described: dict[str, Any] = {
        "sha1": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "size": len(der),
    }
    try:
        facts = certificate_facts(der)
    except CertificateError as error:
        described["error"] = str(error)
    else:
        described |= {
            "serial": f"{facts.serial:x}",
            "subject_der": facts.subject_der.hex(),
            "issuer_der": facts.issuer_der.hex(),
            "not_before": _time(facts.not_before),
            "not_after": _time(facts.not_after),
        }
    return described


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ")
