"""A private key that stays on its token and signs there.

The digest is made here and signed by one C_Sign: many tokens know no hash, and none
of them wants a message in pieces.  A signature is checked with the public key before
anybody sees it, because a chip may fail and because a wrong signature can give a
private key away.

The check also settles the order of octets.  The standard of PKCS #11 does not bind
the makers, whose libraries differ in which half comes first; so the order that
verifies is taken, and tried first the next time.

Sources: PKCS #11 Current Mechanisms 2.40, 2.50; RFC 9215 2 (the order that is
returned).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gostkey import cryptoki, random
from gostkey.curves import Curve
from gostkey.errors import InvalidSignature, LengthError, TokenFaulty, TokenRefused
from gostkey.keyforms import Scheme
from gostkey.primitives import Readable
from gostkey.signing import VerifyingKey

from .model import ChipKeyEntry

Layout = Callable[[bytes, bytes], bytes]

# From two halves as the token gives them to s then r, each big-endian.
_LAYOUTS: dict[str, Layout] = {
    "s r": lambda first, second: first + second,
    "r s": lambda first, second: second + first,
    "r s little-endian": lambda first, second: second[::-1] + first[::-1],
    "s r little-endian": lambda first, second: first[::-1] + second[::-1],
}


class ChipKey:
    """A key on a token; a `gostkey.signing.SupportsSigning`.

    Good until its `Chip` is closed.
    """

    def __init__(
        self, entry: ChipKeyEntry, verifying_key: VerifyingKey, private: Any
    ) -> None:
        """Take the parts; use `Chip.key` or `Chip.generate`."""
        self.entry = entry
        self._verifying = verifying_key
        self._private = private
        self._layout = next(iter(_LAYOUTS))

    @property
    def curve(self) -> Curve:
        """The curve, under the OID that the key came with."""
        return self._verifying.curve

    @property
    def scheme(self) -> Scheme:
        """The standard that the key belongs to."""
        return self._verifying.scheme

    @property
    def verifying_key(self) -> VerifyingKey:
        """The public key."""
        return self._verifying

    def sign(self, message: Readable) -> bytes:
        """Hash a message here and sign it on the token.

        Returns:
            64 or 128 bytes: s then r, each big-endian.

        Raises:
            as `sign_digest`.
        """
        return self.sign_digest(self._verifying.digest(message))

    def sign_digest(self, digest: Readable) -> bytes:
        """Sign a digest on the token and check the signature.

        Args:
            digest: the octets as the hash returns them, 32 or 64 by the curve.

        Returns:
            64 or 128 bytes: s then r, each big-endian.

        Raises:
            LengthError: if the digest does not fit the curve.
            TokenFaulty: if the signature does not verify.
            TokenAbsent, TokenRefused, PinRequired: as the token says.
        """
        size = self.curve.size
        data = bytes(digest)
        if len(data) != size:
            raise LengthError(
                f"digest: {len(data)} bytes; {self.curve.name} signs {size}"
            )
        with cryptoki.calling(self.entry.token.name, "did not sign") as pkcs11:
            answer = self._ask(pkcs11, data)
        return self._checked(answer, data)

    def test(self, pkcs11: Any) -> None:
        """Sign something that means nothing; inside `cryptoki.calling`.

        Raises:
            TokenFaulty: if the signature does not verify.
        """
        data = random.token(self.curve.size)
        self._checked(self._ask(pkcs11, data), data)

    def _ask(self, pkcs11: Any, digest: bytes) -> bytes:
        if not hasattr(self._private, "sign"):
            raise TokenRefused(
                f"{self.entry.token.name} did not sign: the key {self.entry.label} is "
                "not for signatures; take another key"
            )
        small = self.curve.size == 32
        number = cryptoki.SIGN_256 if small else cryptoki.SIGN_512
        how = cryptoki.mechanism(pkcs11, number)
        return bytes(self._private.sign(digest, mechanism=how))

    def _checked(self, answer: bytes, digest: bytes) -> bytes:
        size = self.curve.size
        if len(answer) == 2 * size:
            for name in sorted(_LAYOUTS, key=lambda one: one != self._layout):
                signature = _LAYOUTS[name](answer[:size], answer[size:])
                try:
                    self._verifying.verify_digest(signature, digest)
                except InvalidSignature:
                    continue
                self._layout = name
                return signature
        raise TokenFaulty(
            f"{self.entry.token.name} gave a signature that does not verify, and it is "
            "thrown away; take the token out, put it in again and repeat, and if it "
            "happens again, use another token"
        )

    def __repr__(self) -> str:
        return f"<ChipKey {self.curve.name} {self._verifying.fingerprint} on a token>"
