"""Signatures of many keys at once, and claims that a key signed something.

A claim is what is left to be checked of a certificate, a request or a message
when everything but the signature's own arithmetic was looked at.  Many together
take a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gostkey.keyforms import Scheme
from gostkey.signing import SigningKey, SupportsSigning, VerifyingKey

if TYPE_CHECKING:
    from gostkey import batch

# What only reads certificates does not wait for NumPy: it is loaded by those functions
# that check or make signatures.

__all__ = [
    "Claim",
    "digest_many",
    "digests_hold",
    "sign_digests",
    "sign_many",
    "which_hold",
]

AnyKey: TypeAlias = SupportsSigning | VerifyingKey


@dataclass(frozen=True)
class Claim:
    """The claim that the owner of a key signed a message."""

    key: VerifyingKey
    signature: bytes
    message: bytes

    def check(self) -> None:
        """Check it.

        Raises:
            InvalidSignature: if it does not hold.
        """
        self.key.verify(self.signature, self.message)


def which_hold(claims: Sequence[Claim]) -> list[bool]:
    """Say of each claim whether it holds; those on one curve are checked together."""
    keys = [claim.key for claim in claims]
    digests = digest_many(keys, [claim.message for claim in claims])
    return digests_hold(keys, [claim.signature for claim in claims], digests)


def digests_hold(
    keys: Sequence[VerifyingKey], signatures: Sequence[bytes], digests: Sequence[bytes]
) -> list[bool]:
    """Say of each signature whether its key made it of the digest."""
    from gostkey import batch

    holds = [False] * len(keys)
    for places in _by_curve(keys, range(len(keys))):
        places = [
            place
            for place in places
            if len(signatures[place]) == 2 * keys[place].curve.size
        ]
        if not places:
            continue
        good = batch.verify(
            _rows([keys[place].to_bytes() for place in places]),
            _rows([signatures[place] for place in places]),
            _rows([digests[place] for place in places]),
            keys[places[0]].curve,
            threads=1,
        )
        for place, is_good in zip(places, good.tolist(), strict=True):
            holds[place] = is_good
    return holds


def digest_many(keys: Sequence[VerifyingKey], messages: Sequence[bytes]) -> list[bytes]:
    """Hash each message as a signature of its key does, several at a time."""
    from gostkey import batch

    digests = [b""] * len(messages)
    by_bits: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        if key.scheme is Scheme.GOST_2012:
            by_bits.setdefault(key.curve.bits, []).append(place)
        else:
            digests[place] = key.digest(messages[place])
    for bits, places in by_bits.items():
        made = batch.digest([messages[place] for place in places], bits, threads=1)
        for place, digest in zip(places, made, strict=True):
            digests[place] = digest.tobytes()
    return digests


def sign_many(
    keys: Sequence[SupportsSigning], messages: Sequence[bytes]
) -> list[bytes]:
    """Sign each message with its key, those of keys in memory together.

    Raises:
        GeneratorFailure: if the generator fails its tests.
    """
    return sign_digests(
        keys, digest_many([key.verifying_key for key in keys], messages)
    )


def sign_digests(
    keys: Sequence[SupportsSigning], digests: Sequence[bytes]
) -> list[bytes]:
    """Sign each digest with its key, as `sign_many` does.

    Raises:
        GeneratorFailure: if the generator fails its tests.
    """
    import numpy as np

    from gostkey import batch

    signatures = [b""] * len(digests)
    in_memory: dict[int, SigningKey] = {}
    for place, key in enumerate(keys):
        if isinstance(key, SigningKey):
            in_memory[place] = key
        else:
            signatures[place] = key.sign_digest(digests[place])
    for places in _by_curve(in_memory.values(), in_memory):
        curve = keys[places[0]].curve
        private = np.zeros((len(places), curve.size), np.uint8)
        try:
            for row, place in enumerate(places):
                in_memory[place].copy_to(private[row].data)
            hashed = _rows([digests[place] for place in places])
            made = batch.sign(private, hashed, curve, threads=1)
        finally:
            private.fill(0)
        for place, signature in zip(places, made, strict=True):
            signatures[place] = signature.tobytes()
    return signatures


def _by_curve(keys: Iterable[AnyKey], places: Iterable[int]) -> Iterable[list[int]]:
    """Give the places of the keys that are on one curve, for each curve."""
    found: dict[int, list[int]] = {}
    for key, place in zip(keys, places, strict=True):
        found.setdefault(key.curve.index, []).append(place)
    return found.values()


def _rows(pieces: Sequence[bytes]) -> batch.Bytes:
    import numpy as np

    """Lay pieces of one length under each other."""
    return np.frombuffer(b"".join(pieces), np.uint8).reshape(len(pieces), -1)
