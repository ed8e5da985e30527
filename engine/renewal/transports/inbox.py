"""The folder into which answers are put: which of its files answers a request.

By name or by key, and there may be several: the authority's first answer was cut off
on its way, or names a wrong subject, and a better one was put beside it under another
name.  None is ever removed, so the bad one must not stand in the way of the good one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from gostkey.errors import (
    CertificateError,
    GostKeyError,
    TransportError,
    UnsignedRefusal,
)
from gostkey.pki.certificates import Certificate

from .refusals import REFUSAL_SUFFIX, reason_in
from .transport import Trust
from .trusted import CERTIFICATE_SUFFIXES, names_in, read_answer

_NAMED = re.compile(r"[0-9a-f]{64}\.[a-z]+")
"""An answer with a request's name."""


class Answer(NamedTuple):
    """A file that may answer a request."""

    path: Path
    data: bytes


class Inbox:
    """The answers in a folder, as they are at one look."""

    def __init__(self, folder: Path, trust: Callable[[], Trust]) -> None:
        """Look into nothing yet.

        Args:
            folder: of the answers; it need not be there.
            trust: gives the authority's certificates; asked only where several
                certificates for one key have to be told apart.
        """
        self._folder = folder
        self._trust = trust
        self._names: list[str] | None = None
        self._loose: dict[bytes, list[Answer]] | None = None
        self._all: dict[bytes, list[Answer]] | None = None
        self._authorities: tuple[Certificate, ...] | None = None

    def find(self, request_id: str, public_key: bytes) -> Answer | None:
        """Find what answers a request best, or None if nothing does.

        A certificate for the key counts most: one that the authority signed before
        others, of these the newest.  Then a refusal.  Then what has the request's
        name and is no such thing, for the campaign to say what it is.

        Raises:
            UnsignedRefusal: if there is a refusal of this request and no certificate
                for the key.
            TransportError: if a file with the request's name cannot be read and there
                is nothing better, or the folder cannot be read.
        """
        named, fault = self._named(request_id)
        with_key = [one for one in named if _key_of(one.data) == public_key]
        with_key += self._under_other_names().get(public_key, ())
        if not with_key:
            # The authority may have taken another request's name for it.
            with_key = self._under_any_name().get(public_key, [])
        if with_key:
            return self._best(with_key)
        self._raise_refusal(request_id)
        if named:
            return next((one for one in named if _key_of(one.data)), named[0])
        if fault is not None:
            raise fault
        return None

    def _named(self, request_id: str) -> tuple[list[Answer], TransportError | None]:
        """Read the files with a request's name; give the first fault besides."""
        found: list[Answer] = []
        fault: TransportError | None = None
        for suffix in CERTIFICATE_SUFFIXES:
            path = self._folder / f"{request_id}{suffix}"
            if not path.is_file():
                continue
            try:
                found.append(Answer(path, read_answer(path)))
            except TransportError as error:
                fault = fault or error
        return found, fault

    def _raise_refusal(self, request_id: str) -> None:
        path = self._folder / f"{request_id}{REFUSAL_SUFFIX}"
        if path.is_file():
            reason = reason_in(read_answer(path), request_id)
            if reason is not None:
                raise UnsignedRefusal(f"{path}: {reason}")

    def _listed(self) -> list[str]:
        if self._names is None:
            self._names = names_in(self._folder, CERTIFICATE_SUFFIXES)
        return self._names

    def _under_other_names(self) -> dict[bytes, list[Answer]]:
        # Of a hundred thousand answers that have their names none is read for this.
        if self._loose is None:
            names = (one for one in self._listed() if not _NAMED.fullmatch(one))
            self._loose = self._by_key(names)
        return self._loose

    def _under_any_name(self) -> dict[bytes, list[Answer]]:
        if self._all is None:
            self._all = self._by_key(self._listed())
        return self._all

    def _by_key(self, names: Iterable[str]) -> dict[bytes, list[Answer]]:
        found: dict[bytes, list[Answer]] = {}
        for name in names:
            path = self._folder / name
            try:
                data = read_answer(path)
            except TransportError:
                continue
            key = _key_of(data)
            if key is not None:
                found.setdefault(key, []).append(Answer(path, data))
        return found

    def _best(self, answers: list[Answer]) -> Answer:
        """Choose among certificates for one key."""
        different: dict[Certificate, Answer] = {}
        for one in answers:
            different.setdefault(Certificate.from_bytes(one.data), one)
        if len(different) == 1:
            return answers[0]
        newest = sorted(different, key=lambda one: one.not_before, reverse=True)
        signed = next((one for one in newest if self._is_signed(one)), newest[0])
        return different[signed]

    def _is_signed(self, certificate: Certificate) -> bool:
        for issuer in self._known_authorities():
            try:
                certificate.verify_signed_by(issuer)
            except CertificateError:
                continue
            return True
        return False

    def _known_authorities(self) -> tuple[Certificate, ...]:
        if self._authorities is None:
            try:
                trust = self._trust()
            except TransportError:
                # That is told where the chain of the one chosen is checked.
                trust = Trust()
            self._authorities = (*trust.roots, *trust.intermediates)
        return self._authorities


def _key_of(data: bytes) -> bytes | None:
    """Give a certificate's key; None if it is no certificate, or not a GOST one."""
    try:
        return Certificate.from_bytes(data).public_key.to_bytes()
    except GostKeyError:
        return None
