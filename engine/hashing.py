"""Hash functions with the interface of hashlib, for public data.

In the native core these take the fast table path, whose memory accesses
depend on the data.  What hashes secrets (HMAC, key derivation, nonces) is in
`gostkey.kdf` and goes another way.
"""

from __future__ import annotations

import threading

from .backend import active
from .errors import UnknownAlgorithm
from .primitives import HashState, Readable

__all__ = ["Hash", "gostr3411_94", "new", "streebog256", "streebog512"]


class Hash:
    """A running hash; made by `streebog256`, `streebog512`, `gostr3411_94`.

    The native core lets other threads run while it hashes; one object may be
    shared between threads, its updates then come one after the other.
    """

    __slots__ = ("_first", "_lock", "_state", "block_size", "digest_size", "name")

    name: str
    """Name that `new` knows: streebog256, streebog512, gostr3411_94."""
    digest_size: int
    """Bytes in a digest."""
    block_size: int
    """Bytes in a block, as HMAC needs it."""

    def __init__(
        self,
        state: HashState | None,
        name: str,
        digest_size: int,
        block_size: int,
        first: bytes = b"",
    ) -> None:
        # Without a state, all that came so far is `first`: a short text hashed in one
        # piece, as most are, needs no state.
        self._state = state
        self._first = first
        self._lock = threading.Lock()
        self.name = name
        self.digest_size = digest_size
        self.block_size = block_size

    def update(self, data: Readable, /) -> None:
        """Hash more data: any object with a contiguous buffer, of any length."""
        view = _bytes_of(data)
        with self._lock:
            self._running().update(view)

    def digest(self) -> bytes:
        """Return the digest of what was hashed so far; hashing can go on."""
        with self._lock:
            if self._state is None:
                return active.hashes.streebog_one(8 * self.digest_size, self._first)
            return self._state.digest()

    def hexdigest(self) -> str:
        """Return the digest as lower-case hexadecimal digits."""
        return self.digest().hex()

    def copy(self) -> Hash:
        """Return an independent copy, to hash several texts with one beginning."""
        with self._lock:
            state = None if self._state is None else self._state.copy()
        return Hash(state, self.name, self.digest_size, self.block_size, self._first)

    def _running(self) -> HashState:
        if self._state is None:
            self._state = active.hashes.streebog(8 * self.digest_size)
            self._state.update(self._first)
            self._first = b""
        return self._state

    def __repr__(self) -> str:
        return f"<gostkey {self.name} hash>"


def _bytes_of(data: Readable) -> memoryview:
    """View any contiguous buffer as plain bytes.

    Raises:
        TypeError: if it has none (text must be encoded first).
        BufferError: if it is not contiguous.
    """
    if isinstance(data, str):
        raise TypeError("strings must be encoded before hashing")
    view = memoryview(data)
    if not view.c_contiguous:
        raise BufferError("data: the buffer is not contiguous; make a copy first")
    if not view.nbytes:
        # cast refuses an array of no rows.
        return memoryview(b"")
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


_SHORT = 4096
"""Bytes that are kept and hashed when the digest is asked for."""


def streebog256(data: Readable = b"") -> Hash:
    """Start Streebog with a digest of 32 bytes (GOST R 34.11-2012, RFC 6986)."""
    if type(data) is bytes and len(data) <= _SHORT:
        return Hash(None, "streebog256", 32, 64, data)
    made = Hash(None, "streebog256", 32, 64)
    made.update(data)
    return made


def streebog512(data: Readable = b"") -> Hash:
    """Start Streebog with a digest of 64 bytes (GOST R 34.11-2012, RFC 6986)."""
    if type(data) is bytes and len(data) <= _SHORT:
        return Hash(None, "streebog512", 64, 64, data)
    made = Hash(None, "streebog512", 64, 64)
    made.update(data)
    return made


def gostr3411_94(data: Readable = b"", sbox: str = "cryptopro") -> Hash:
    """Start GOST R 34.11-94 (RFC 5831), for what was made before 2012.

    Args:
        data: first bytes to hash.
        sbox: "cryptopro" (1.2.643.2.2.30.1) or "test" (1.2.643.2.2.30.0).

    Raises:
        UnknownAlgorithm: if the S-box has another name.
    """
    name = "gostr3411_94" if sbox == "cryptopro" else f"gostr3411_94_{sbox}"
    made = Hash(active.hashes.gostr3411_94(sbox), name, 32, 32)
    made.update(data)
    return made


def new(name: str, data: Readable = b"") -> Hash:
    """Start the hash of a name: streebog256, streebog512, gostr3411_94[_test].

    Raises:
        UnknownAlgorithm: if there is none of that name.
    """
    if name == "streebog256":
        return streebog256(data)
    if name == "streebog512":
        return streebog512(data)
    if name == "gostr3411_94":
        return gostr3411_94(data)
    if name == "gostr3411_94_test":
        return gostr3411_94(data, "test")
    raise UnknownAlgorithm(
        f"hash {name!r} is unknown; use streebog256, streebog512, "
        "gostr3411_94 or gostr3411_94_test"
    )
