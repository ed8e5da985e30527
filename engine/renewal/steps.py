"""What all steps of a renewal share: work on a chunk, outcomes, faults.

A step takes the items of a chunk that are ready for it.  `Step.prepare`
settles what has to be in the journal before anything is done (where a new
container goes); `Step.run` does it.  Each item has an outcome of its own, so
that one failure stops one item only.  The steps are in `key_steps`,
`answer_steps` and `install_steps`, their order in `campaign`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from gostkey.batch import KeyBatch
from gostkey.containers import Container, OpenContainer
from gostkey.errors import (
    CertificateError,
    CertificateMismatch,
    ContainerDamaged,
    GeneratorFailure,
    GostKeyError,
    LoginRefused,
    MediumError,
    PasswordRequired,
    RequestRefused,
    RequestReturned,
    TransportError,
    UnsignedRefusal,
    WrongPassword,
)
from gostkey.media import FolderStore
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import ChainVerifier
from gostkey.signing import SigningKey, SupportsSigning

from .chips import is_chip_address
from .claims import Claims, NoClaims
from .places import LocalPlaces, Places
from .planning.rules import MOSCOW
from .randomness import Randomness
from .reasons import Reason, Verdict, verdict
from .storage.store import Change, Clock, Item
from .tokens import Tokens, is_token_address, token_verdict
from .transports import Pending, Transport, Trust, TrustBringing
from .turns import Turns

log = logging.getLogger("gostkey.renewal")


Ahead: TypeAlias = "tuple[Container, OpenContainer | GostKeyError]"
"""A container and its keys, or why they cannot be had."""

CLOCK_TOLERANCE = timedelta(days=1)
"""How far a clock may be behind the campaign: less changes no day that counts."""


@dataclass(eq=False)
class Work:
    """One item of a chunk, and the keys that are open for it."""

    item: Item
    old_key: SupportsSigning | None = None
    new_key: SupportsSigning | None = None
    made: tuple[KeyBatch, int] | None = None
    """The batch in which the new key was made, until it is written, and its row."""
    new_files: Mapping[str, bytes] | None = None
    """The new container's files, as they were read from its medium."""
    notes: list[str] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)
    """The run's."""
    _old_certificate: Certificate | None = None
    _certificate: Certificate | None = None
    disk: int | None = None
    """The disk on which the new container's folder was chosen (its device number)."""
    is_new_place: bool = False
    """Whether the new container's folder was chosen now, where there is none yet."""
    old_ahead: Ahead | None = None
    new_ahead: Ahead | None = None
    """The containers, where they were opened with those of the chunk."""
    on_token: bool = field(init=False)
    """Whether the new container is on a token."""
    in_chip: bool = field(init=False)
    """Whether the new key is inside a token; then it has no container."""
    from_chip: bool = field(init=False)
    """Whether the old key is inside a token; then it signs there and stays."""

    def __post_init__(self) -> None:
        self.on_token = is_token_address(self.item.destination or "")
        self.in_chip = is_chip_address(self.item.destination)
        self.from_chip = is_chip_address(self.item.container)

    @property
    def old_certificate(self) -> Certificate:
        """The old key's, which the plan has read."""
        if self._old_certificate is None:
            der = self.item.old_certificate or b""
            self._old_certificate = Certificate.of_known(der)
        return self._old_certificate

    @property
    def certificate(self) -> Certificate:
        """The new key's, as it was fetched; it is read once.

        Raises:
            EncodingError: if it is not one.
        """
        der = self.item.certificate or b""
        if self._certificate is None or self._certificate.der != der:
            self._certificate = Certificate.from_bytes(der)
        return self._certificate

    def remember(self, certificate: Certificate) -> None:
        """Take what was read of an answer, for the steps after it."""
        self._certificate = certificate

    def wipe(self) -> None:
        """Wipe the open keys and forget the container's files."""
        for ahead in (self.old_ahead, self.new_ahead):
            if ahead is not None and isinstance(ahead[1], OpenContainer):
                ahead[1].close()
        self.old_ahead = self.new_ahead = None
        for key in (self.old_key, self.new_key):
            if isinstance(key, SigningKey):
                key.wipe()
        self.old_key = self.new_key = self.new_files = None
        self.forget_batch()

    def forget_batch(self) -> None:
        """Wipe the batch in which the new key was made; `new_key` is a copy."""
        if self.made is not None:
            self.made[0].private.fill(0)
        self.made = None

    def pending(self) -> Pending:
        """Describe the item's request for the transport."""
        one = self.item
        assert one.request_id is not None and one.request is not None
        return Pending(one.request_id, one.request, one.public_key or b"", one.label())


@dataclass(frozen=True)
class Done:
    """A step that succeeded, or that is prepared: values for the store."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Columns of ``item``."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """For the journal; JSON-safe and without secrets."""


@dataclass(frozen=True)
class Waiting:
    """A step that cannot be done yet, through nobody's fault."""


Outcome: TypeAlias = "Done | Waiting | Verdict"


class Journal(Protocol):
    """What the steps need of the store."""

    def record(self, changes: Sequence[Change], at: datetime) -> None:
        """Write the journal and the items' new values; see `Store.record`.

        They are there before whatever is recorded later, and for certain after `wait`.
        """

    def wait(self) -> None:
        """Wait until all that was recorded is on the disk."""

    def begun(self, step: str) -> set[int]:
        """List the items for which *step* was ever begun."""

    def fingerprints(self, ids: Sequence[int]) -> dict[int, set[str]]:
        """List what the keys begun for items are known by; see `Store`."""


@dataclass
class Context:
    """What the steps of one run have at hand."""

    folder: Path
    """The campaign's."""
    store: Journal
    transport: Transport
    clock: Clock
    zone: tzinfo = MOSCOW
    randomness: Randomness = field(default_factory=Randomness)
    """Begun by the campaign."""
    tokens: Tokens = field(default_factory=Tokens)
    _trust: Trust | None = None
    _verifier: ChainVerifier | None = None
    places: Places = field(default_factory=LocalPlaces)
    """Chooses the folders of new containers."""
    claims: Claims = field(default_factory=NoClaims)
    """Claims the keys, where several campaigns share a database."""
    begun: dict[str, set[int]] = field(default_factory=dict)
    """Step to the items for which an earlier run began it."""
    created_at: datetime | None = None
    """When the campaign was begun: no right clock shows less."""
    send_again: bool = False
    """Whether overdue requests are sent once more before their answers are fetched."""
    places_in_journal: bool = False
    """Whether the journal alone has a new container's folder until it is made there:
    see `Store.settle_places`."""
    turns: Turns = field(default_factory=Turns)
    """Of worker processes that write to one disk."""

    def clock_verdict(self) -> Verdict | None:
        """Say what stops every item while the clock is behind the campaign itself.

        By a clock that was set back, all old keys look as if they did not hold yet:
        the authority would refuse them, for ever.
        """
        now = self.clock()
        if self.created_at is None or now >= self.created_at - CLOCK_TOLERANCE:
            return None
        return verdict(Reason.CLOCK, f"it shows {now:%Y-%m-%d %H:%M} UTC")

    def trust(self) -> Trust:
        """Take the authority's certificates and CRLs, once until answers bring newer.

        Raises:
            GostKeyError: if they cannot be had.
        """
        if self._trust is None:
            self._trust = self.transport.trust()
        return self._trust

    def renew_trust(self) -> None:
        """Take them anew when they are needed, if answers have brought newer ones."""
        transport = self.transport
        if isinstance(transport, TrustBringing) and transport.has_new_trust():
            self._trust = self._verifier = None

    def settle_trust(self) -> None:
        """Take the authority's CRLs now if they can be had: workers do not ask it."""
        try:
            self.trust()
        except GeneratorFailure:
            raise
        except GostKeyError:
            self._trust = Trust()

    def verifier(self) -> ChainVerifier:
        """Give what verifies a new certificate's chain.

        Raises:
            GostKeyError: if the authority's certificates cannot be had.
        """
        if self._verifier is None:
            trust = self.trust()
            self._verifier = ChainVerifier(
                roots=trust.roots, intermediates=trust.intermediates, crls=trust.crls
            )
        return self._verifier

    def is_revoked(self, certificate: Certificate) -> bool:
        """Say whether a CRL that we have revokes a certificate.

        Only a CRL that verifies counts; the authority itself will look again.
        """
        try:
            trust = self.trust()
        except GeneratorFailure:
            raise
        except GostKeyError:
            # By hand the authority's files may come with its first answer.
            return False
        for crl in trust.crls:
            if not crl.is_revoked(certificate.serial):
                continue
            if crl.issuer_der != certificate.issuer_der:
                continue
            for issuer in (*trust.roots, *trust.intermediates):
                try:
                    crl.verify_signed_by(issuer)
                except CertificateError:
                    continue
                return True
        return False

    def was_begun(self, step: str, one: Item) -> bool:
        """Say whether an earlier run began the step for the item."""
        if step not in self.begun:
            self.begun[step] = self.store.begun(step)
        return one.id in self.begun[step]


class Step(Protocol):
    """One step from a state to the next."""

    name: str
    """The state that it leads to."""
    in_memory: bool
    """Whether nothing of it is left but what is recorded after it."""

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Settle what is journalled before the step; change nothing."""

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Do the step; no exception but a failure of the generator."""


def each(
    works: Sequence[Work],
    do: Callable[[Work], Outcome],
    default: Reason,
) -> list[Outcome]:
    """Do one thing for each item; a fault becomes the item's verdict.

    Args:
        works: the items.
        do: what to do.
        default: reason for a GostKeyError that names no other.
    """

    def guarded(work: Work) -> Outcome:
        try:
            return do(work)
        except Exception as error:
            return _verdict_on(error, default, work.item.label())

    return [guarded(work) for work in works]


def _verdict_on(error: Exception, default: Reason, what: str) -> Verdict:
    """Make the verdict for any exception but a failure of the generator."""
    if isinstance(error, GeneratorFailure):
        raise error
    if isinstance(error, GostKeyError | OSError):
        return fault_of(error, default)
    # One odd item must not hold up the thousand others.
    log.error("%s", what, exc_info=error)
    return verdict(Reason.UNEXPECTED, type(error).__name__)


def place_of(work: Work) -> str:
    """Give the folder of the new container, or its place on a token."""
    assert work.item.new_folder is not None
    return work.item.new_folder


def together(
    works: Sequence[Work],
    do: Callable[[FolderStore, list[Work]], list[Path | MediumError]],
) -> dict[int, Verdict]:
    """Write new containers, all those of a medium at once: it is waited for less.

    Args:
        works: the items.
        do: writes, and says for each item where, or what was wrong.

    Returns:
        Item id to verdict, for those that failed.
    """
    groups: dict[str, list[Work]] = {}
    for work in works:
        groups.setdefault(os.path.dirname(place_of(work)), []).append(work)
    failed: dict[int, Verdict] = {}
    for medium, group in groups.items():
        try:
            results = do(FolderStore(medium), group)
        except Exception as error:
            why = _verdict_on(error, Reason.MEDIUM, medium)
            failed |= {work.item.id: why for work in group}
            continue
        for work, result in zip(group, results, strict=True):
            if isinstance(result, MediumError):
                failed[work.item.id] = verdict(Reason.MEDIUM, str(result))
    return failed


def one_by_one(
    works: Sequence[Work], do: Callable[[Work], Outcome]
) -> dict[int, Outcome]:
    """Write new containers to tokens, which take one after the other.

    Args:
        works: the items.
        do: writes one.

    Returns:
        Item id to outcome.
    """
    outcomes = each(works, do, Reason.MEDIUM)
    return {work.item.id: one for work, one in zip(works, outcomes, strict=True)}


class PasswordFileError(GostKeyError):
    """A password file cannot be read."""


_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (PasswordFileError, Reason.PASSWORD_FILE),
    (WrongPassword, Reason.WRONG_PASSWORD),
    (PasswordRequired, Reason.PASSWORD_REQUIRED),
    (CertificateMismatch, Reason.MISMATCH),
    (ContainerDamaged, Reason.DAMAGED),
    (RequestRefused, Reason.BY_AUTHORITY),
    (LoginRefused, Reason.LOGIN),
    (RequestReturned, Reason.REQUEST_RETURNED),
    (UnsignedRefusal, Reason.UNSIGNED_REFUSAL),
    (TransportError, Reason.TRANSPORT),
)


def fault_of(error: Exception, default: Reason) -> Verdict:
    """Make the verdict for an exception."""
    of_token = token_verdict(error)
    if of_token is not None:
        return of_token
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return verdict(reason, str(error))
    if isinstance(error, OSError):
        return verdict(Reason.MEDIUM, str(error))
    return verdict(default, str(error))
