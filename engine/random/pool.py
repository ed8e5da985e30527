"""What is mixed into a seed, and where input besides the system's is gathered.

Everything goes through one running Streebog-512 as frames:

    u8 source | u64 length of data, big-endian | data

so that no two different inputs look the same to the hash.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping

from gostkey.backend import active
from gostkey.errors import LengthError, UnknownAlgorithm
from gostkey.primitives import Readable

__all__ = ["GATHERED", "SOURCES", "Gathered", "Mixer"]

SOURCES: Mapping[str, int] = {
    "os": 1,
    "mouse": 2,
    "keys": 3,
    "gamma": 4,
    "token": 5,
    "jitter": 6,
    "previous": 7,
    "context": 8,
    "biological": 9,
    "gathered": 10,
    "parent": 11,
}
"""Number of each source in a frame."""

GATHERED: Mapping[str, str] = {
    "mouse": "biological",
    "keys": "biological",
    "gamma": "gamma",
    "token": "token",
    "jitter": "jitter",
    "parent": "parent",
}
"""Sources that a caller may add, and the frame of the seed they end up in."""

_HEAD = struct.Struct(">BQ")
_TAG = b"gostkey seed 1"
_SEED_SIZE = 48
_DIGEST_SIZE = 64


class Mixer:
    """Frames on their way into the hash; ended by `seed` or `digest`."""

    def __init__(self, tag: bytes = _TAG) -> None:
        self._tag = tag
        self._frames: list[tuple[int, memoryview]] = []

    def add(self, source: str, data: Readable) -> None:
        """Add a frame; the data must stay as they are until the end."""
        self._frames.append((SOURCES[source], memoryview(data).cast("B")))

    def digest(self) -> bytearray:
        """Return the 64-byte digest of tag and frames."""
        # One buffer of the right size from the start: one that grew would
        # leave copies of its secrets behind.
        size = len(self._tag) + sum(_HEAD.size + len(data) for _, data in self._frames)
        whole = bytearray(size)
        place = len(self._tag)
        whole[:place] = self._tag
        for number, data in self._frames:
            _HEAD.pack_into(whole, place, number, len(data))
            place += _HEAD.size
            whole[place : place + len(data)] = data
            place += len(data)
        state = active.hashes.streebog(512, secret=True)
        state.update(whole)
        active.generators.wipe(whole)
        digest = bytearray(state.digest())
        state.wipe()
        self._frames.clear()
        return digest

    def seed(self) -> bytearray:
        """Return the first 48 bytes of the digest."""
        digest = self.digest()
        seed = digest[:_SEED_SIZE]
        active.generators.wipe(digest)
        return seed


class Gathered:
    """Input from people, gamma files and devices, for all generators.

    It keeps one digest for each kind of input, renewed whenever something is
    added: digest := Streebog-512(frame(old digest) | frame(input)).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[str, bytearray] = {}
        self._credit: dict[str, int] = {}
        self._version = 0

    @property
    def version(self) -> int:
        """A number that changes whenever something is added."""
        return self._version

    @property
    def credit(self) -> dict[str, int]:
        """Bits of entropy credited so far, by source."""
        with self._lock:
            return dict(self._credit)

    def after_fork(self) -> None:
        """Take a new lock: the old one may be held by a thread left behind."""
        self._lock = threading.Lock()

    def add(self, source: str, data: Readable, credited_bits: int) -> None:
        """Mix in input; the caller tested it and says what it is worth.

        Raises:
            UnknownAlgorithm: if the source is not one of GATHERED.
            LengthError: if the credit is negative or above the bits given.
        """
        if source not in GATHERED:
            raise UnknownAlgorithm(
                f"random source {source!r} is unknown; use one of {', '.join(GATHERED)}"
            )
        if not 0 <= credited_bits <= 8 * len(data):
            raise LengthError(
                f"credited_bits: {credited_bits} for {len(data)} bytes; "
                f"0 to {8 * len(data)} is possible"
            )
        kind = GATHERED[source]
        with self._lock:
            mixer = Mixer(b"gostkey gathered 1")
            old = self._digests.get(kind, bytearray(_DIGEST_SIZE))
            mixer.add("gathered", old)
            mixer.add(source, data)
            self._digests[kind] = mixer.digest()
            active.generators.wipe(old)
            self._credit[source] = self._credit.get(source, 0) + credited_bits
            self._version += 1

    def mix_into(self, mixer: Mixer) -> None:
        """Add one frame for each kind of input; an empty one if there is none."""
        with self._lock:
            for kind in ("biological", "gamma", "token", "jitter", "parent"):
                mixer.add(kind, self._digests.get(kind, b""))
