"""Claims that a key signed something: checked one by one, or many together.

A claim is what is left to be checked of a certificate, a request or a message
when everything but the signature's own arithmetic was looked at.  Many together
take a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gostkey import batch
from gostkey.signing import VerifyingKey

__all__ = ["Claim", "which_hold"]


@dataclass(frozen=True)
class Claim:
    """The claim that the owner of a key signed what has this digest."""

    key: VerifyingKey
    signature: bytes
    digest: bytes

    @classmethod
    def of(cls, key: VerifyingKey, signature: bytes, message: bytes) -> Claim:
        """Make the claim that a message was signed."""
        return cls(key, signature, key.digest(message))

    def check(self) -> None:
        """Check it.

        Raises:
            InvalidSignature: if it does not hold.
        """
        self.key.verify_digest(self.signature, self.digest)


def which_hold(claims: Sequence[Claim]) -> list[bool]:
    """Say of each claim whether it holds; those on one curve are checked together."""
    holds = [False] * len(claims)
    by_curve: dict[int, list[int]] = {}
    for place, claim in enumerate(claims):
        if len(claim.signature) == 2 * claim.key.curve.size:
            by_curve.setdefault(claim.key.curve.index, []).append(place)
    for places in by_curve.values():
        alike = [claims[place] for place in places]
        good = batch.verify(
            _rows([claim.key.to_bytes() for claim in alike]),
            _rows([claim.signature for claim in alike]),
            _rows([claim.digest for claim in alike]),
            alike[0].key.curve,
            threads=1,
        )
        for place, is_good in zip(places, good.tolist(), strict=True):
            holds[place] = is_good
    return holds


def _rows(pieces: Sequence[bytes]) -> batch.Bytes:
    """Lay pieces of one length under each other."""
    return np.frombuffer(b"".join(pieces), np.uint8).reshape(len(pieces), -1)
