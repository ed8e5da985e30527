"""What the containers hold: for every key its owner, certificate and dates.

Reads only; nothing is opened and no password is asked.  A container that
cannot be read becomes a holding with a verdict, so that the others go on.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from gostkey.containers import KeyEntry, parse_public_many
from gostkey.containers.header import Header
from gostkey.containers.names import decode_name
from gostkey.errors import (
    ContainerDamaged,
    ContainerError,
    GostKeyError,
    MediumError,
    TokenAbsent,
)
from gostkey.media.chips import ChipKeyEntry
from gostkey.media.durable import read_file
from gostkey.media.groups import read_public_files
from gostkey.pki.certificates import Certificate
from gostkey.signing import Scheme

from ..chips import is_chip_address, look_into_chip
from ..reasons import OFFICE, Reason, Verdict, verdict
from ..tokens import Tokens, is_serial, is_token_address, token_of, token_reason
from .form import changed_fields
from .rules import Validity
from .subscribers import NOT_TEXT, Subscriber

# Curve names of an exchange and of a signature key that takes the place of a
# 34.10-2001 key: the curve of nearly all of them, under the name that a CSP
# expects for the key's use (gost-pki facts, section 2).
_CURVE_FOR_2001 = {"exchange": "1.2.643.2.2.36.0", "signature": "1.2.643.2.2.35.1"}

_RENEWED = re.compile(r"-(\d{8})-([0-9a-f]{12})\Z")
_LONGEST_BASE = 200
_LARGEST_NAME_FILE = 4096


@dataclass(frozen=True)
class Holding:
    """One key of one container, or a container that cannot be read."""

    subscriber: Subscriber
    container_name: str = ""
    slot: str = "primary"
    owner: str = ""
    inn: str = ""
    validity: Validity | None = None
    key_id: str = ""
    """SHA-256 of the certificate, hex; names the key in plans."""
    certificate: bytes | None = None
    subject: bytes = b""
    """The subject's DER as it is in the certificate."""
    curve: str = ""
    """OID of the curve for the new key."""
    usage: str = ""
    exportable: bool = False
    has_password: bool = False
    """Whether the container has one."""
    changed: tuple[str, ...] = ()
    """Form fields that differ from the certificate."""
    fault: Verdict | None = None
    """Why the key cannot be looked at."""

    @property
    def renews(self) -> str:
        """Give the short id of the key that this one was made for, or ""."""
        return renewed_key(self.container_name)


def examine(subscriber: Subscriber) -> list[Holding]:
    """Read a container; one holding for each key, or one with the fault.

    An address of a token means all the containers on it, or all keys in its chip.
    """
    return examine_all([subscriber])


def examine_all(subscribers: Sequence[Subscriber]) -> list[Holding]:
    """Read the containers of several subscribers, in their order."""
    read = [_read(who) for who in subscribers]
    folders = [one for one in read if isinstance(one, tuple)]
    public = iter(parse_public_many([files for _, files in folders]))
    found: list[Holding] = []
    for one in read:
        found += _look(one[0], next(public)) if isinstance(one, tuple) else one
    return found


def _read(
    subscriber: Subscriber,
) -> list[Holding] | tuple[Subscriber, Mapping[str, bytes]]:
    """Read a container's public files from a folder; look at a token or a chip."""
    if is_chip_address(subscriber.container):
        return _examine_chip(subscriber)
    if is_token_address(subscriber.container):
        return _examine_token(subscriber)
    if subscriber.fault:
        return [_faulty(subscriber, Reason.NOT_A_CONTAINER, subscriber.fault)]
    try:
        subscriber = _with_destination(subscriber)
    except MediumError as error:
        return [_faulty(subscriber, token_reason(error), str(error))]
    folder = subscriber.container
    try:
        return subscriber, read_public_files(folder)
    except MediumError as error:
        return [_faulty(subscriber, _unreadable(folder), str(error))]


def examine_renewing(subscribers: Sequence[Subscriber]) -> list[Holding]:
    """Read those containers that were made to renew a key, by their names."""
    found = []
    for who in subscribers:
        name = container_name(who.container)
        # Without a name that could be read, reading all of it will tell.
        if name is None or renewed_key(name):
            found += [one for one in examine(who) if one.renews]
    return found


def _look(
    subscriber: Subscriber, found: tuple[str, Header] | GostKeyError
) -> list[Holding]:
    if not isinstance(found, GostKeyError):
        name, header = found
        has_password = header.has_password
        return [
            _holding(subscriber, name, entry, has_password) for entry in header.keys
        ]
    reason = Reason.DAMAGED
    if isinstance(found, ContainerError) and not isinstance(found, ContainerDamaged):
        reason = Reason.NOT_A_CONTAINER
    # DAMAGED also for an algorithm or curve that is unknown.
    return [_faulty(subscriber, reason, str(found))]


def _examine_token(subscriber: Subscriber) -> list[Holding]:
    """Look at the containers that an address means; no PIN is needed."""
    holdings: list[Holding] = []
    try:
        subscriber = _with_destination(subscriber)
        tokens = Tokens()
        for place in tokens.find(subscriber.container):
            one = replace(subscriber, container=place)
            try:
                (public,) = parse_public_many([tokens.read_public(place)])
                holdings += _look(one, public)
            except MediumError as error:
                holdings.append(_faulty(one, token_reason(error), str(error)))
            except ContainerError as error:
                holdings.append(_faulty(one, Reason.NOT_A_CONTAINER, str(error)))
    except MediumError as error:
        return [_faulty(subscriber, token_reason(error), str(error))]
    except ContainerError as error:
        return [_faulty(subscriber, Reason.NOT_A_CONTAINER, str(error))]
    where = str(subscriber.container)
    return holdings or [_faulty(subscriber, Reason.NOT_A_CONTAINER, where)]


def _examine_chip(subscriber: Subscriber) -> list[Holding]:
    """Look at the keys that an address means; no PIN is needed."""
    try:
        found = look_into_chip(subscriber.container, subscriber.library)
    except GostKeyError as error:
        return [_faulty(subscriber, token_reason(error), str(error))]
    holdings = []
    for place, entry in found:
        one = replace(subscriber, container=place)
        holdings.append(_holding_in_chip(one, entry))
    where = str(subscriber.container)
    return holdings or [_faulty(subscriber, Reason.NOT_A_CONTAINER, where)]


def _holding_in_chip(subscriber: Subscriber, entry: ChipKeyEntry) -> Holding:
    name = entry.label or entry.identifier.hex()
    base = partial(Holding, subscriber, name, usage="exchange")
    key = entry.verifying_key
    if entry.certificate is None:
        if key is None:
            cure = "see it with gostkey token keys --check; if it stays, " + OFFICE
            unusable = verdict(Reason.TOKEN_UNUSABLE, entry.fault, cure=cure)
            return base(fault=unusable)
        cure = "put it beside its key: gostkey token install FILE; or " + OFFICE
        return base(fault=verdict(Reason.NO_CERTIFICATE, cure=cure))
    # Its certificate was told by its public key, so that is known.
    assert key is not None
    is_2001 = key.scheme is Scheme.GOST_2001
    curve = _CURVE_FOR_2001["exchange"] if is_2001 else key.curve.oid
    return _certified(base, subscriber, entry.certificate, curve)


def _with_destination(subscriber: Subscriber) -> Subscriber:
    """Name the destination by its serial number, if it is a token.

    One that is named so already need not be there yet.
    """
    token = token_of(subscriber.destination)
    if token is None:
        return subscriber
    try:
        token = Tokens().identity(token)
    except TokenAbsent:
        if not is_serial(token):
            raise
    return replace(subscriber, destination=Path(token))


def key_id(certificate: bytes) -> str:
    """Name a key by its certificate: SHA-256, hex."""
    return hashlib.sha256(certificate).hexdigest()


def new_container_name(
    old_name: str, old_key_id: str, day: date, *, longest: int | None = None
) -> str:
    """Name the container of a new key: old name, day, short id of the old key.

    From the name alone it can be seen which key it renews, so that no second
    one is made for the same key, whatever became of the campaign's store.

    Args:
        old_name: of the old container.
        old_key_id: of the old key.
        day: of the plan.
        longest: bytes that it may have in UTF-8, if that is limited.
    """
    base = _RENEWED.sub("", old_name)[:_LONGEST_BASE]
    # A name is Windows-1251; what a damaged old name has beyond it is dropped.
    base = base.encode("cp1251", "ignore").decode("cp1251")
    if not base.isprintable():
        base = "".join(c for c in base if c.isprintable())
    base = base.strip() or "key"
    end = f"-{day:%Y%m%d}-{short_id(old_key_id)}"
    if longest is not None:
        base = base.encode()[: longest - len(end)].decode(errors="ignore").strip()
    return base + end


def renewed_key(container_name: str) -> str:
    """Give the short id of the key that a container was made to renew, or ""."""
    match = _RENEWED.search(container_name)
    return match.group(2) if match else ""


def short_id(key_id: str) -> str:
    """Shorten a key id as the names of new containers do."""
    return key_id[:12]


def container_name(folder: str | Path) -> str | None:
    """Read the name of the container in a folder; None if there is none."""
    try:
        return decode_name(read_file(f"{folder}{os.sep}name.key", _LARGEST_NAME_FILE))
    except (OSError, GostKeyError):
        return None


def names_in(folder: Path, library: str | None = None) -> dict[str, Path]:
    """List the containers directly in a folder or on a token: name to place.

    What cannot be read is left out: this only looks for names.

    Args:
        folder: the folder, or the address of a token, or of one that has keys in it.
        library: the PKCS #11 library of the latter.
    """
    if is_chip_address(folder):
        try:
            inside = look_into_chip(folder, library)
        except GostKeyError:
            return {}
        return {entry.label: place for place, entry in inside}
    if is_token_address(folder):
        try:
            return Tokens().names(folder)
        except GostKeyError:
            return {}
    try:
        children = sorted(folder.iterdir())
    except OSError:
        return {}
    found = {}
    for child in children:
        # What a writer has not finished has a name that begins with a dot.
        name = None if child.name.startswith(".") else container_name(child)
        if name is not None:
            found[name] = child
    return found


def why_closed(destination: Path) -> Verdict | None:
    """Say why new containers cannot be written to a token, if it is of such a kind.

    One that is absent may be put in before the run.
    """
    if not is_token_address(destination):
        return None
    try:
        Tokens().free_places(destination)
    except TokenAbsent:
        return None
    except MediumError as error:
        cure = "name another destination: --destination, or the column in the list"
        return verdict(Reason.MEDIUM, str(error), cure=cure)
    return None


def _holding(
    subscriber: Subscriber, name: str, entry: KeyEntry, has_password: bool
) -> Holding:
    base = partial(
        Holding,
        subscriber,
        name,
        entry.slot,
        usage=entry.usage,
        has_password=has_password,
    )
    if entry.certificate is None:
        return base(fault=verdict(Reason.NO_CERTIFICATE))
    is_2001 = entry.scheme is Scheme.GOST_2001
    curve = _CURVE_FOR_2001[entry.usage] if is_2001 else entry.curve.oid
    return _certified(base, subscriber, entry.certificate, curve, entry)


def _certified(
    base: Callable[..., Holding],
    subscriber: Subscriber,
    der: bytes,
    curve: str,
    entry: KeyEntry | None = None,
) -> Holding:
    """Make the holding with what the certificate says.

    Args:
        base: makes it of that; the rest is known.
        subscriber: whose key it is.
        der: the certificate.
        curve: OID of the curve for the new key.
        entry: the key in a container, with which the certificate is compared.
    """
    try:
        certificate = Certificate.from_bytes(der)
        public = certificate.public_key
        subject = certificate.subject
        begins, ends = certificate.key_period
        owner, inn = subject.owner, subject.inn or ""
        changed = changed_fields(subscriber.form, subject)
    except GostKeyError as error:
        why = verdict(Reason.CERTIFICATE_UNREADABLE, str(error))
        return base(fault=why)
    fault = None
    if entry is not None:
        fingerprint = entry.fingerprint or b""
        is_its = public.to_bytes().startswith(fingerprint)
        if public.curve != entry.curve or not is_its:
            fault = verdict(Reason.MISMATCH)
    return base(
        owner=owner,
        inn=inn,
        validity=Validity(
            certificate_begins=certificate.not_before,
            certificate_ends=certificate.not_after,
            period_begins=begins,
            period_ends=ends,
            container_ends=None if entry is None else entry.not_after,
        ),
        key_id=key_id(der),
        certificate=der,
        subject=subject.der,
        curve=curve,
        exportable=entry is not None and entry.exportable,
        changed=changed,
        fault=fault,
    )


def _faulty(subscriber: Subscriber, reason: Reason, detail: str) -> Holding:
    cure = None
    if reason is Reason.MEDIUM:
        cure = "check the medium, then make a new plan"
    elif reason is Reason.TOKEN_ABSENT:
        cure = "put the token in, then make a new plan"
    elif reason is Reason.TOKEN_UNUSABLE:
        cure = "gostkey token check tells the cause; then make a new plan"
    elif detail == NOT_TEXT:
        cure = "give the folder another name, then make a new plan"
    elif reason is Reason.LIBRARY:
        cure = "name it with --library, or in the variable GOSTKEY_PKCS11"
    elif reason is Reason.NOT_A_CONTAINER and is_token_address(subscriber.container):
        cure = "see what is on the token: gostkey container list token:SERIAL"
    elif reason is Reason.NOT_A_CONTAINER and is_chip_address(subscriber.container):
        cure = "see which keys are in the token: gostkey token keys"
    return Holding(subscriber, fault=verdict(reason, detail, cure=cure))


def _unreadable(folder: Path) -> Reason:
    """Say whether a container that cannot be read is there, as far as can be seen."""
    try:
        there = stat.S_ISDIR(os.stat(folder).st_mode)
    except OSError as error:
        there = error.errno not in _IS_NOT_THERE
    return Reason.MEDIUM if there else Reason.NOT_A_CONTAINER


_IS_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
"""What the system says of a place where no container can be."""
