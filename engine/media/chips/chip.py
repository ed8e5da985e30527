"""A token that makes keys and keeps them: opened, listed, asked for its PIN.

The PIN is asked for only when the token wants it, sent once, and never again after a
refusal; not while one try is left, unless that is forced.  How many tries are left is
not told by PKCS #11, only whether some were used, one is left, or none.

Source: PKCS #11 2.40, sections 3.2 (flags of a token), 5.6 and 5.14.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from gostkey import cryptoki, random
from gostkey.curves import Curve
from gostkey.curves import find as find_curve
from gostkey.errors import (
    CertificateMismatch,
    GostKeyError,
    MediumError,
    PinBlocked,
    PinRequired,
    TokenAbsent,
    TokenAmbiguous,
    TokenFaulty,
    TokenRefused,
    WrongPin,
)
from gostkey.pki.certificates import Certificate
from gostkey.signing import VerifyingKey

from . import objects
from .description import MADE_BY, tries_of
from .key import ChipKey
from .model import ChipKeyEntry, ChipToken, PinSource, PinTries

LONGEST_LABEL = 128
"""Bytes of a key's label, in UTF-8."""


class Chip:
    """A token that keeps keys; a context manager, which logs out at the end."""

    def __init__(
        self, info: ChipToken, token: Any, *, pin: PinSource | None, force: bool
    ) -> None:
        """Take the parts; use `open_chip`."""
        self.info = info
        self._token = token
        self._pin = pin
        self._force = force
        self._session: Any = None
        self._logged_in = False
        self._refused = False

    def __enter__(self) -> Chip:
        with self._calling("cannot be used") as pkcs11:
            mapper = cryptoki.attribute_mapper(pkcs11)
            self._session = self._token.open(attribute_mapper=mapper)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A token that was taken out is logged out already.
        with suppress(MediumError, PinRequired), self._calling("was not closed"):
            self._session.close()
        self._session = None

    def keys(self) -> list[ChipKeyEntry]:
        """List the GOST keys, sorted by label; spends no try of the PIN.

        After `log_in` it is known of each whether its private key is there.
        """
        with self._calling("did not list its keys") as pkcs11:
            return self._entries(pkcs11)

    def entry(self, which: str) -> ChipKeyEntry:
        """Return the key of a label, identifier or fingerprint.

        Args:
            which: the label; or the identifier in hex; or the fingerprint of the
                public key (`VerifyingKey.fingerprint`).  "": the only key.

        Raises:
            TokenAbsent: if there is none.
            TokenAmbiguous: if there are several.
        """
        return self._one(self.keys(), which)

    def key(self, which: str = "", *, kept_inside: bool = False) -> ChipKey:
        """Return a key that signs; asks for the PIN.

        Args:
            which: as `entry`.
            kept_inside: it must be one that cannot be read out.

        Raises:
            TokenAbsent, TokenAmbiguous: as `entry`; also if its private key is not
                there.
            TokenRefused: if it cannot be used.
            TokenFaulty: if it must be kept inside and is not.
            PinRequired, WrongPin, PinBlocked
        """
        if self.keys():
            # So that nobody types a PIN for what is not there.
            self.entry(which)
        self.log_in()
        with self._calling("did not show its keys") as pkcs11:
            entry = self._one(self._entries(pkcs11), which)
            private = self._private(pkcs11, entry)
            if kept_inside and not _is_kept(pkcs11, private):
                raise TokenFaulty(
                    f"{self.info.name}: the key {_title(entry)} could be read out of "
                    "it; use another model"
                )
        if entry.verifying_key is None:
            raise TokenRefused(
                f"{self.info.name}: the key {_title(entry)} cannot be used: "
                f"{entry.fault}"
            )
        return ChipKey(entry, entry.verifying_key, private)

    def log_in(self) -> None:
        """Give the user's PIN to the token, if that was not done yet.

        Raises:
            PinRequired: if there is nobody to ask.
            WrongPin: if it is refused; it is not sent again.
            PinBlocked: if no try is left, or only one and that is not forced.
            TokenRefused: if the token has no user's PIN yet.
        """
        if self._logged_in:
            return
        name = self.info.name
        if self._refused:
            raise WrongPin(f"{name}: the PIN was refused; it is not sent again")
        tries = self._tries_now()
        if not self.info.pin_set:
            raise TokenRefused(
                f"{name} has no user's PIN yet; set it up with the maker's program "
                "first"
            )
        if tries is PinTries.NONE:
            raise PinBlocked(f"{name}: the PIN is blocked after too many wrong ones")
        if tries is PinTries.LAST and not self._force:
            raise PinBlocked(
                f"{name}: one try of the PIN is left, and it is not risked; another "
                "wrong one would block the token"
            )
        secret = None
        if not self.info.pin_at_token:
            if self._pin is None:
                raise PinRequired(f"{name} wants its PIN")
            secret = self._pin(self.info)
        try:
            with self._calling("did not take the PIN") as pkcs11:
                self._log_in_with(pkcs11, secret)
        except WrongPin as error:
            self._refused = True
            raise self._wrong(error) from error

    def generate(self, curve: str | Curve, label: str) -> ChipKey:
        """Make a pair of keys inside the token; asks for the PIN.

        The private key never leaves the chip.  The new key signs once, for a test,
        before it is returned; one that fails is removed again.

        Args:
            curve: name, OID or `Curve`.  The OID goes to the token as it is: devices
                know the sets of 256 bits by CryptoPro's names, mostly.
            label: what the key shall be called; no other key may be called so.

        Raises:
            UnknownCurve: if there is no such curve.
            TokenRefused: if the token does not make such keys.
            TokenFaulty: if what it made cannot be used.
            TokenFull: if it has no room.
            MediumError: if the label is taken, too long or empty.
            PinRequired, WrongPin, PinBlocked
        """
        found = find_curve(curve)
        self._check_size(found)
        label = label.strip()
        if not 0 < len(label.encode()) <= LONGEST_LABEL:
            raise MediumError(
                f"label {label!r}: must have 1 to {LONGEST_LABEL} bytes in UTF-8"
            )
        self.log_in()
        if any(entry.label == label for entry in self.keys()):
            raise MediumError(
                f"{self.info.name}: a key is called {label!r} already; choose another "
                "label"
            )
        with self._calling(f"did not make a key on {found.name}") as pkcs11:
            pair = self._make(pkcs11, found, label)
            try:
                return self._tested(pkcs11, pair)
            except Exception:
                for thing in pair:
                    with suppress(pkcs11.PKCS11Error):
                        thing.destroy()
                raise

    def install(self, der: bytes) -> ChipKeyEntry:
        """Put the certificate of a key beside it; one that is there already stays.

        Raises:
            CertificateMismatch: if no key on the token is the certificate's.
            EncodingError: if it is no certificate.
            TokenFaulty: if it reads back differently.
            TokenFull, PinRequired, WrongPin, PinBlocked
        """
        certificate = Certificate.from_bytes(der)
        self.log_in()
        with self._calling("did not take the certificate") as pkcs11:
            found = objects.find(pkcs11, self._session)
            listed = objects.entries(pkcs11, found, self.info, after_pin=True)
            fitting = [e for e in listed if objects.is_of(certificate, e.verifying_key)]
            if not fitting:
                raise CertificateMismatch(
                    f"{self.info.name}: no key of it belongs to the certificate of "
                    f"{certificate.title}; put in the token on which it was asked for"
                )
            if all(one.der != certificate.der for _, one in found.certificates):
                template = objects.certificate_template(pkcs11, certificate, fitting[0])
                made = self._session.create_object(template)
                if objects.read(pkcs11, made, pkcs11.Attribute.VALUE) != der:
                    raise TokenFaulty(
                        f"{self.info.name}: the certificate reads back differently; "
                        "use another token"
                    )
            return self._one(self._entries(pkcs11), fitting[0].identifier.hex())

    # -- inside `calling` -----------------------------------------------------

    def _entries(self, pkcs11: Any) -> list[ChipKeyEntry]:
        found = objects.find(pkcs11, self._session)
        return objects.entries(pkcs11, found, self.info, after_pin=self._logged_in)

    def _private(self, pkcs11: Any, entry: ChipKeyEntry) -> Any:
        names = pkcs11.Attribute
        wanted = {names.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
        if entry.identifier:
            wanted[names.ID] = entry.identifier
        found = list(self._session.get_objects(wanted))
        if len(found) != 1:
            raise TokenAbsent(
                f"{self.info.name}: the private key of {_title(entry)} is not there; "
                "make a new key"
                if not found
                else f"{self.info.name}: several private keys have the identifier of "
                f"{_title(entry)}; make a new key"
            )
        return found[0]

    def _log_in_with(self, pkcs11: Any, secret: str | None) -> None:
        mapper = cryptoki.attribute_mapper(pkcs11)
        given = pkcs11.types.PROTECTED_AUTH if secret is None else secret
        try:
            session = self._token.open(rw=True, user_pin=given, attribute_mapper=mapper)
        except pkcs11.UserAlreadyLoggedIn:
            # Another part of this process did; the login is the whole process's.
            session = self._token.open(rw=True, attribute_mapper=mapper)
        before, self._session = self._session, session
        self._logged_in = True
        before.close()

    def _make(self, pkcs11: Any, curve: Curve, label: str) -> tuple[Any, Any]:
        """Make a pair; makers and the standard differ in who is told the curve."""
        try:
            return self._make_from(pkcs11, curve, label, twice=True)
        except (pkcs11.AttributeReadOnly, pkcs11.TemplateInconsistent) as refusal:
            try:
                return self._make_from(pkcs11, curve, label, twice=False)
            except pkcs11.PKCS11Error:
                raise refusal from None

    def _make_from(
        self, pkcs11: Any, curve: Curve, label: str, *, twice: bool
    ) -> tuple[Any, Any]:
        kind = cryptoki.KEY_256 if curve.size == 32 else cryptoki.KEY_512
        identifier = random.token(16)
        public, private = objects.key_templates(
            pkcs11, curve, label, identifier, twice=twice
        )
        parameters = self._session.create_domain_parameters(
            cryptoki.key_type(pkcs11, kind), {}, local=True
        )
        made: tuple[Any, Any] = parameters.generate_keypair(
            id=identifier,
            label=label,
            store=True,
            capabilities=0,
            mechanism=cryptoki.mechanism(pkcs11, MADE_BY[curve.size]),
            public_template=public,
            private_template=private,
        )
        return made

    def _tested(self, pkcs11: Any, pair: tuple[Any, Any]) -> ChipKey:
        """Look at a new pair and let it sign.

        Raises:
            TokenFaulty: if it is not what was asked for, or does not sign well.
        """
        public, private = pair
        name = self.info.name
        try:
            verifying_key = objects.public_key(pkcs11, public)
        except GostKeyError as error:
            raise TokenFaulty(
                f"{name} made a key that cannot be used: {error}"
            ) from error
        if not _is_kept(pkcs11, private):
            raise TokenFaulty(
                f"{name} made a key that could be read out of it, which was removed; "
                "use another model"
            )
        entry = self._entry_of(pkcs11, public, verifying_key)
        key = ChipKey(entry, verifying_key, private)
        key.test(pkcs11)
        return key

    def _entry_of(
        self, pkcs11: Any, public: Any, verifying_key: VerifyingKey
    ) -> ChipKeyEntry:
        names = pkcs11.Attribute
        return ChipKeyEntry(
            self.info,
            objects.read(pkcs11, public, names.ID) or b"",
            objects.read(pkcs11, public, names.LABEL) or "",
            verifying_key,
            True,
            None,
        )

    # -- outside of it ----------------------------------------------------------

    @contextmanager
    def _calling(self, failed: str) -> Iterator[Any]:
        with cryptoki.calling(self.info.name, failed) as pkcs11:
            yield pkcs11

    def _tries_now(self) -> PinTries:
        with self._calling("does not tell the state of its PIN") as pkcs11:
            return tries_of(pkcs11, self._token.slot.get_token())

    def _wrong(self, error: WrongPin) -> WrongPin:
        left = {PinTries.LAST: 1, PinTries.NONE: 0}.get(self._tries_now())
        words = {
            None: "",
            1: "; one try is left, after which the token blocks it",
            0: "; that was the last try, and the token has blocked it",
        }
        return WrongPin(f"{error}{words[left]}", left)

    def _check_size(self, curve: Curve) -> None:
        if curve.bits in self.info.sizes:
            return
        makes = " and ".join(f"{bits} bits" for bits in self.info.sizes)
        raise TokenRefused(
            f"{self.info.name} ({self.info.model}) does not make GOST keys of "
            f"{curve.bits} bits in its chip; "
            + (
                f"it makes keys of {makes}"
                if makes
                else "take one that does, such as Rutoken ECP or JaCarta-2 GOST, or "
                "keep the key in a container"
            )
        )

    def _one(self, entries: list[ChipKeyEntry], which: str) -> ChipKeyEntry:
        wanted = which.strip()
        fitting = [
            entry
            for entry in entries
            if wanted in ("", entry.label, entry.identifier.hex(), _fingerprint(entry))
        ]
        there = ", ".join(_title(entry) for entry in entries)
        if not fitting:
            raise TokenAbsent(
                f"{self.info.name}: there is no key {which or 'of GOST R 34.10'} on it"
                + (f"; there is {there}" if there else "")
            )
        if len(fitting) > 1:
            raise TokenAmbiguous(
                f"{self.info.name}: several keys; name one by its identifier: {there}"
            )
        return fitting[0]


def _is_kept(pkcs11: Any, private: Any) -> bool:
    """Say whether a private key cannot be read out."""
    names = pkcs11.Attribute
    return (
        objects.read(pkcs11, private, names.EXTRACTABLE) is False
        and objects.read(pkcs11, private, names.SENSITIVE) is True
    )


def _title(entry: ChipKeyEntry) -> str:
    if not entry.label:
        return entry.identifier.hex()
    return f"{entry.label} ({entry.identifier.hex()})"


def _fingerprint(entry: ChipKeyEntry) -> str | None:
    key = entry.verifying_key
    return None if key is None else key.fingerprint
