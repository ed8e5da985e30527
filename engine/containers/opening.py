"""Taking the private keys out of containers: one, or many together.

What costs time is the derivation of storage keys from passwords, some 2000 hashes
each.  The native core derives many at once faster than one after the other, so the
containers go through two rounds together.  In the first, the pair in use is opened;
the fingerprint of the public key tells that the key, and with it the password, is
right.  Only for what is not, the second looks at the password's own MAC and into
the reserve pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from gostkey import kdf
from gostkey.errors import (
    CertificateMismatch,
    ContainerDamaged,
    ContainerError,
    GostKeyError,
    LengthError,
    PasswordRequired,
    WrongPassword,
)
from gostkey.keyforms import certificate_public_key
from gostkey.signing import SigningKey

from .header import HAS_RESERVE, KeyEntry
from .pairs import Pair, PairOpener, take_together
from .parsed import ParsedContainer
from .protection import Profile, StorageKeys


@dataclass
class OpenContainer:
    """The private keys of a container; wiped by `close` or at the end of `with`."""

    keys: dict[str, SigningKey]
    """By slot: "primary", and "secondary" if the container has two keys."""
    certificates: dict[str, bytes]
    """DER by slot, for keys whose certificate is in the container."""
    used_reserve: bool = False
    """Whether any key came from the reserve pair."""
    notes: list[str] = field(default_factory=list)
    """What was wrong without preventing the opening."""

    def close(self) -> None:
        """Wipe the private keys."""
        for key in self.keys.values():
            key.wipe()

    def __enter__(self) -> OpenContainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_many(
    containers: Sequence[ParsedContainer], passwords: Sequence[str | None]
) -> list[OpenContainer | GostKeyError]:
    """Open containers together, which is faster if they have passwords.

    Args:
        containers: of any kinds.
        passwords: one for each; None for none.

    Returns:
        For each its keys, which the caller wipes, or the error that
        `Container.open` would raise; the others are opened nevertheless.

    Raises:
        LengthError: if there are more containers than passwords, or fewer.
    """
    if len(containers) != len(passwords):
        raise LengthError(
            f"{len(containers)} containers and {len(passwords)} passwords; give one "
            "for each"
        )
    openings = [
        _Opening(container, password)
        for container, password in zip(containers, passwords, strict=True)
    ]
    try:
        with StorageKeys() as keys:
            for number, (needs, step) in enumerate(
                (
                    (_Opening.needs_first, _Opening.take_first),
                    (_Opening.needs_second, _Opening.take_second),
                )
            ):
                going = [one for one in openings if one.going]
                keys.prepare(need for one in going for need in needs(one))
                if len(going) > 1:
                    _take_ahead(going, number, keys)
                for one in going:
                    one.attempt(partial(step, keys=keys))
        for one in openings:
            one.attempt(_Opening.finish)
    except BaseException:
        for one in openings:
            one.close()
        raise
    return [one.error or one.opened for one in openings]


_Need = tuple[Profile, str, bytes]


def _take_ahead(going: Sequence[_Opening], number: int, keys: StorageKeys) -> None:
    """Take out together what is as it should be; the rest is for each to see to."""
    wanted = [ask for one in going for ask in one.asked(number, keys)]
    taken = take_together([(opener, entry) for _, opener, entry in wanted])
    for (one, _, entry), key in zip(wanted, taken, strict=True):
        if key is not None:
            one.ahead[entry.slot] = key


class _Opening:
    """One container on its way."""

    def __init__(self, container: ParsedContainer, password: str | None) -> None:
        self.container = container
        self.opened = OpenContainer({}, {})
        self.error: GostKeyError | None = None
        self.password = ""
        self.ahead: dict[str, SigningKey] = {}
        """Keys that were taken out together with those of other containers."""
        self._wanted = list(container.keys)
        self._faults: list[str] = []
        # Fingerprints tell whether keys, and with them the password, are right.
        self._untested = container.has_password and (
            bool(container.pairs[0].fault)
            or any(entry.fingerprint is None for entry in container.keys)
        )
        self.attempt(lambda it: it._take_password(password))

    @property
    def going(self) -> bool:
        """Whether keys are still to be taken."""
        return self.error is None and bool(self._wanted)

    def attempt(self, step: Callable[[_Opening], None]) -> None:
        """Do a step, unless there was an error; one of ours is kept."""
        if self.error is None:
            try:
                step(self)
            except GostKeyError as error:
                self.error = error
                self.close()

    def close(self) -> None:
        """Wipe all keys."""
        for key in self.ahead.values():
            key.wipe()
        self.ahead.clear()
        self.opened.close()

    def _take_password(self, password: str | None) -> None:
        if not self.container.has_password:
            if password is not None:
                self.opened.notes.append(
                    "the container has no password; the one given was not used"
                )
        elif password is None:
            raise PasswordRequired(
                f"container {self.container.name!r}: it has a password"
            )
        else:
            # One that cannot be derived from must not stop the others.
            kdf.demand_container_password(password)
            self.password = password

    # -- two rounds ------------------------------------------------------

    def needs_first(self) -> Iterator[_Need]:
        """Tell the storage keys for `take_first`."""
        first, second = self.container.pairs
        if self._untested:
            yield from self._for_password()
        if not first.fault:
            yield self._for(first.salt)
        elif not second.fault:
            yield self._for(second.salt)

    def take_first(self, keys: StorageKeys) -> None:
        """Take what the pair in use holds."""
        if self._untested:
            self.container.password_to_use(self.password, keys)
        self._take_from(self.container.pairs[0], keys)

    def needs_second(self) -> Iterator[_Need]:
        """Tell the storage keys for `take_second`."""
        second = self.container.pairs[1]
        if self.container.has_password and not self._untested:
            yield from self._for_password()
        if not second.fault:
            yield self._for(second.salt)

    def take_second(self, keys: StorageKeys) -> None:
        """Tell a wrong password from damage; take the rest from the reserve pair."""
        if not self._untested:
            self.container.password_to_use(self.password, keys)
        self._take_from(self.container.pairs[1], keys)

    def finish(self) -> None:
        """Say what was wrong, and compare with the certificates."""
        container = self.container
        reserve = container.pairs[1]
        if not self.opened.used_reserve and not self._wanted and reserve.fault:
            self._fault(reserve, reserve.fault)
        if self._wanted:
            raise self._no_key(self._wanted[0])
        for fault in self._faults:
            self.opened.notes.append(f"{fault}; the other pair was used")
        for entry in container.keys:
            self._check_certificate(entry)

    # -- inside ----------------------------------------------------------

    def asked(
        self, number: int, keys: StorageKeys
    ) -> list[tuple[_Opening, PairOpener, KeyEntry]]:
        """Tell what is to be taken from a pair, if it can be looked into."""
        pair = self.container.pairs[number]
        if pair.fault:
            return []
        opener = self._opener(pair, keys)
        return [(self, opener, entry) for entry in self._wanted]

    def _opener(self, pair: Pair, keys: StorageKeys) -> PairOpener:
        return PairOpener(pair, self.container.header.profile, self.password, keys)

    def _for(self, salt: bytes) -> _Need:
        return self.container.header.profile, self.password, salt

    def _for_password(self) -> Iterator[_Need]:
        fingerprint = self.container.keys[0].fingerprint
        if fingerprint is not None and self.container.header.password_mac is not None:
            yield self._for(fingerprint)

    def _take_from(self, pair: Pair, keys: StorageKeys) -> None:
        """Take from a pair what it holds; note what is wrong with it."""
        fault, wanted = pair.fault, self._wanted
        if not fault:
            self._wanted = []
            for entry in wanted:
                try:
                    key = self.ahead.pop(entry.slot, None)
                    if key is None:
                        key = self._opener(pair, keys).signing_key(entry)
                    self.opened.keys[entry.slot] = key
                except ContainerDamaged as error:
                    fault = str(error)
                    self._wanted.append(entry)
                else:
                    self.opened.used_reserve |= pair is self.container.pairs[1]
        if fault:
            self._fault(pair, fault)

    def _fault(self, pair: Pair, fault: str) -> None:
        container = self.container
        should_be_there = container.has_reserve or bool(
            container.header.attributes & HAS_RESERVE
        )
        if pair is container.pairs[0] or should_be_there:
            self._faults.append(fault)

    def _no_key(self, entry: KeyEntry) -> GostKeyError:
        container = self.container
        untested = container.header.password_mac is None or entry.fingerprint is None
        if container.has_password and untested:
            return WrongPassword(
                f"container {container.name!r}: wrong password, or both copies of the "
                "key are damaged (the header does not let them be told apart)"
            )
        return ContainerDamaged(
            f"container {container.name!r}: the {entry.slot} key cannot be restored: "
            + "; ".join(self._faults)
        )

    def _check_certificate(self, entry: KeyEntry) -> None:
        name = self.container.name
        if entry.certificate is None:
            if entry.fingerprint is None:
                raise ContainerError(
                    f"container {name!r}: neither a fingerprint nor a "
                    f"certificate tells whether the {entry.slot} key is right"
                )
            return
        public = self.opened.keys[entry.slot].verifying_key.to_bytes()
        try:
            certified = certificate_public_key(entry.certificate)
        except GostKeyError as error:
            raise CertificateMismatch(
                f"container {name!r}: the certificate of the {entry.slot} key "
                f"cannot be read: {error}"
            ) from None
        if certified.public_le != public or certified.curve != entry.curve:
            raise CertificateMismatch(
                f"container {name!r}: the certificate is for another key than "
                f"the {entry.slot} key"
            )
        self.opened.certificates[entry.slot] = entry.certificate
