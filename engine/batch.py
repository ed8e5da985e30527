"""Many keys, signatures and digests in one call: NumPy arrays in, NumPy arrays out.

Arrays are uint8 with one item a row, in the octet orders of `gostkey.signing`.  A
contiguous array is handed to the backend as it is.  The native core releases
the GIL, so a call is split over threads: ``threads=None`` takes the CPUs that
this process may use.  Results of private keys are as secret as the keys: wipe
them with ``array.fill(0)`` when they are done with.
"""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import random
from .backend import active
from .curves import Curve, find
from .errors import LengthError, PrivateKeyRange, UnknownAlgorithm
from .primitives import Readable, octets

__all__ = ["KeyBatch", "digest", "generate", "public_keys", "sign", "verify"]

Bytes: TypeAlias = NDArray[np.uint8]

PIECE = 8192
"""Keys for which random bytes are drawn at a time."""

SMALLEST_SHARE = 64
"""Items below which another thread costs more than it brings."""


class KeyBatch(NamedTuple):
    """Keys as arrays: row i of both is key i.

    It shows no key, and cannot be pickled or copied; its arrays can.
    """

    private: Bytes
    """(n, 32 or 64), little-endian."""
    public: Bytes
    """(n, 64 or 128), x || y, little-endian."""

    def __repr__(self) -> str:
        return f"<KeyBatch of {len(self.private)} keys>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a KeyBatch cannot be pickled or copied: it holds secrets")


def _array(value: ArrayLike, width: int) -> NDArray[Any]:
    """Return *value* as an array; an empty list has no type, but no rows either."""
    if isinstance(value, (list, tuple)) and not value:
        return np.zeros((0, width), np.uint8)
    return np.asarray(value)


def _rows(name: str, value: ArrayLike, width: int, n: int | None = None) -> Bytes:
    """Return *value* as a contiguous (n, width) array; no copy if it is one."""
    array = _array(value, width)
    wanted = f"({'n' if n is None else n}, {width})"
    if array.dtype != np.uint8:
        raise LengthError(f"{name}: has dtype {array.dtype}; must be uint8 {wanted}")
    if (
        array.ndim != 2
        or array.shape[1] != width
        or (n is not None and array.shape[0] != n)
    ):
        raise LengthError(f"{name}: has shape {array.shape}; must be {wanted}")
    return np.ascontiguousarray(array)


def _one_or_rows(name: str, value: ArrayLike, width: int, n: int) -> tuple[Bytes, int]:
    """Return the array and its stride in bytes: 0 if it is one row for all."""
    array = _array(value, width)
    if array.shape == (width,):
        return _rows(name, array.reshape(1, width), width), 0
    if array.ndim == 1:
        raise LengthError(
            f"{name}: has shape {array.shape}; must be ({width},) or ({n}, {width})"
        )
    return _rows(name, array, width, n), width


def _whole(name: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}: is {type(value).__name__}; must be a whole number"
        ) from None


def _view(array: Bytes) -> memoryview:
    # NumPy allows no cast of an array without items.
    return array.reshape(-1).data if array.size else memoryview(bytearray())


def _count(threads: int | None) -> int:
    if threads is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    number = _whole("threads", threads)
    if number < 1:
        raise LengthError(f"threads: is {number}; must be at least 1, or None")
    return number


def _split(work: Callable[[int, int], None], n: int, threads: int | None) -> None:
    """Call work(start, stop) over 0..n on several threads."""
    shares = min(_count(threads), -(-n // SMALLEST_SHARE))
    if shares <= 1:
        if n:
            work(0, n)
        return
    edges = [n * i // shares for i in range(shares + 1)]
    with ThreadPoolExecutor(shares - 1, thread_name_prefix="gostkey") as pool:
        others = [
            pool.submit(work, start, stop)
            for start, stop in zip(edges[1:], edges[2:], strict=False)
        ]
        work(edges[0], edges[1])
        for other in others:
            other.result()


@contextlib.contextmanager
def _naming_rows(curve: Curve, keys: Bytes, start: int, stop: int) -> Iterator[None]:
    """Tell which row of *keys* is out of range: a thread knows only its share."""
    try:
        yield
    except PrivateKeyRange:
        for row in range(start, stop):
            try:
                active.elliptic.public_key(curve.index, _view(keys[row]))
            except PrivateKeyRange as error:
                raise PrivateKeyRange(f"private, row {row}: {error}") from None
        raise


def generate(
    n: int, curve: str | Curve = "tc26-256-b", *, threads: int | None = None
) -> KeyBatch:
    """Make n new keys from the process generator.

    Returns:
        The private and the public keys, (n, 32|64) and (n, 64|128).

    Raises:
        UnknownCurve: if there is no such curve.
        LengthError: if n is negative.
        GeneratorFailure: if the generator fails its tests.
    """
    n = _whole("n", n)
    if n < 0:
        raise LengthError(f"n: is {n}; must not be negative")
    found = find(curve)
    size = found.size
    private = np.zeros((n, size), np.uint8)
    public = np.zeros((n, 2 * size), np.uint8)

    def work(start: int, stop: int) -> None:
        # Each thread has a generator of its own.
        wide = memoryview(bytearray(min(stop - start, PIECE) * (size + 8)))
        try:
            for at in range(start, stop, PIECE):
                end = min(at + PIECE, stop)
                drawn = wide[: (end - at) * (size + 8)]
                keys = _view(private[at:end])
                random.fill(drawn)
                active.elliptic.private_from_wide_into(
                    found.index, keys, drawn, end - at
                )
                active.elliptic.public_keys_into(
                    found.index, _view(public[at:end]), keys, end - at
                )
        finally:
            active.generators.wipe(wide)

    try:
        _split(work, n, threads)
    except BaseException:
        private.fill(0)
        raise
    return KeyBatch(private, public)


def public_keys(
    private: ArrayLike, curve: str | Curve, *, threads: int | None = None
) -> Bytes:
    """Return the public keys of private ones.

    Args:
        private: (n, 32|64), little-endian.
        curve: name, OID or `Curve`.
        threads: how many to use; None for all CPUs of this process.

    Returns:
        (n, 64|128), x || y, little-endian.

    Raises:
        LengthError: if the shape is wrong.
        PrivateKeyRange: if a key is not in 1..q-1; the text tells its row.
    """
    found = find(curve)
    keys = _rows("private", private, found.size)
    n = len(keys)
    out = np.zeros((n, 2 * found.size), np.uint8)

    def work(start: int, stop: int) -> None:
        with _naming_rows(found, keys, start, stop):
            active.elliptic.public_keys_into(
                found.index,
                _view(out[start:stop]),
                _view(keys[start:stop]),
                stop - start,
            )

    _split(work, n, threads)
    return out


def sign(
    private: ArrayLike,
    digests: ArrayLike,
    curve: str | Curve,
    *,
    threads: int | None = None,
) -> Bytes:
    """Sign n digests with n keys, or with one.

    The nonces are hedged as in `SigningKey.sign_digest`.

    Args:
        private: (n, 32|64), or (32|64,) for one key; little-endian.
        digests: (n, 32|64), as `digest` returns them.
        curve: name, OID or `Curve`.
        threads: how many to use; None for all CPUs of this process.

    Returns:
        (n, 64|128): s || r, each big-endian.

    Raises:
        LengthError: if a shape is wrong.
        PrivateKeyRange: if a key is not in 1..q-1; the text tells its row.
        GeneratorFailure: if the generator fails its tests.
    """
    found = find(curve)
    size = found.size
    hashed = _rows("digests", digests, size)
    n = len(hashed)
    keys, stride = _one_or_rows("private", private, size, n)
    out = np.zeros((n, 2 * size), np.uint8)
    fresh = bytearray(size)

    def work(start: int, stop: int) -> None:
        with _naming_rows(found, keys, *((start, stop) if stride else (0, 1))):
            active.elliptic.sign_into(
                found.index,
                _view(out[start:stop]),
                _view(keys[start:stop] if stride else keys),
                stride,
                _view(hashed[start:stop]),
                fresh,
                start,
                stop - start,
            )

    try:
        random.fill(fresh)
        _split(work, n, threads)
    finally:
        active.generators.wipe(fresh)
    return out


def verify(
    public: ArrayLike,
    signatures: ArrayLike,
    digests: ArrayLike,
    curve: str | Curve,
    *,
    threads: int | None = None,
) -> NDArray[np.bool_]:
    """Check n signatures of n keys, or of one.

    Args:
        public: (n, 64|128), or (64|128,) for one key; x || y, little-endian.
        signatures: (n, 64|128), s || r, each big-endian.
        digests: (n, 32|64).
        curve: name, OID or `Curve`.
        threads: how many to use; None for all CPUs of this process.

    Returns:
        (n,) bool; False also where the public key is not acceptable.

    Raises:
        LengthError: if a shape is wrong.
    """
    found = find(curve)
    size = found.size
    hashed = _rows("digests", digests, size)
    n = len(hashed)
    signed = _rows("signatures", signatures, 2 * size, n)
    keys, stride = _one_or_rows("public", public, 2 * size, n)
    out = np.zeros(n, np.uint8)

    def work(start: int, stop: int) -> None:
        active.elliptic.verify_into(
            found.index,
            _view(out[start:stop]),
            _view(keys[start:stop] if stride else keys),
            stride,
            _view(hashed[start:stop]),
            _view(signed[start:stop]),
            stop - start,
        )

    _split(work, n, threads)
    return out.view(np.bool_)


def digest(
    messages: Sequence[Readable] | Bytes,
    bits: int = 256,
    *,
    threads: int | None = None,
) -> Bytes:
    """Hash n messages with Streebog; they are public data.

    Args:
        messages: a list of buffers of any lengths, or an (n, m) uint8 array of n
            messages of m bytes each.
        bits: 256 or 512.
        threads: how many to use; None for all CPUs of this process.

    Returns:
        (n, 32|64), each row as streebogNNN().digest() gives it.

    Raises:
        UnknownAlgorithm: if *bits* is another value.
        LengthError: if an array is not one of bytes, or not of two dimensions.
        TypeError: if *messages* is text, a single buffer or no sequence, or an item
            has no buffer.
    """
    if bits not in (256, 512):
        raise UnknownAlgorithm(f"bits: is {bits!r}; must be 256 or 512")
    if isinstance(messages, np.ndarray):
        rows = _rows("messages", messages, messages.shape[-1] if messages.ndim else 0)
        n, width = rows.shape

        def work(start: int, stop: int) -> None:
            active.hashes.streebog_many(
                bits, _view(out[start:stop]), _view(rows[start:stop]), width
            )

    else:
        n = _messages_count(messages)

        def work(start: int, stop: int) -> None:
            _digest_items(bits, out, messages, start, stop)

    out = np.zeros((n, bits // 8), np.uint8)
    _split(work, n, threads)
    return out


def _messages_count(messages: Sequence[Readable]) -> int:
    one = isinstance(messages, (str, bytes, bytearray, memoryview))
    try:
        if not one:
            _ = messages[:0]  # each thread takes slices
            return len(messages)
    except (TypeError, KeyError):
        pass
    raise TypeError(
        f"messages: is {'one ' * one}{type(messages).__name__}; must be a list of "
        "buffers, or an array"
    )


# A thread lays so much end to end for a native call: thousands of messages, few enough
# to be in the cache of the processor still when they are hashed.  Where a call's bytes
# are more, the messages stay where they are if they are long.
_JOINED_BYTES = 1 << 18
_JOINED_ITEMS = 1 << 11
_PLAIN = {bytes, bytearray}
_LONG = 1024
"""Bytes of a message for which a copy costs more than a pointer does."""


def _octets(i: int, message: Readable) -> Readable:
    """View any buffer as plain bytes; copy it if it is not contiguous."""
    if isinstance(message, np.ndarray) and message.dtype != np.uint8:
        raise LengthError(
            f"messages, item {i}: has dtype {message.dtype}; must be uint8"
        )
    return octets(f"messages, item {i}", message)


def _digest_items(
    bits: int, out: Bytes, messages: Sequence[Readable], start: int, stop: int
) -> None:
    """Hash messages of different lengths, in constant extra memory."""
    hashes = active.hashes
    for begin in range(start, stop, _JOINED_ITEMS):
        end = min(begin + _JOINED_ITEMS, stop)
        n = end - begin
        some = messages[begin:end]
        if not set(map(type, some)) <= _PLAIN:
            some = [_octets(begin + i, message) for i, message in enumerate(some)]
        lengths = np.fromiter(map(len, some), np.uint64, n)
        total = int(lengths.sum())
        if total > _JOINED_BYTES and total >= _LONG * n:
            hashes.streebog_apart(bits, _view(out[begin:end]), some)
            continue
        parts = 1 if total <= _JOINED_BYTES else -(-_LONG * n // _JOINED_BYTES)
        for part in range(parts):
            first, last = n * part // parts, n * (part + 1) // parts
            hashes.streebog_joined(
                bits,
                _view(out[begin + first : begin + last]),
                b"".join(some[first:last]),
                lengths[first:last].data,
            )
