"""Checks that both backends of the hashes and generators share.

A function here raises LengthError or UnknownAlgorithm, naming the argument,
what it was and what would be right; it never shows the argument's bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from .errors import GeneratorFailure, LengthError, UnknownAlgorithm
from .primitives import HASHES, Readable

DIGEST_SIZES = {256: 32, 512: 64}
"""Bytes of a Streebog digest by its bits."""

PARAMETERS = {"cryptopro": "gostr3411_94", "test": "gostr3411_94_test"}
"""Name in HASHES of GOST R 34.11-94 by its parameter set."""

CONTAINER_ITERATIONS = 2000
CONTAINER_ITERATIONS_EMPTY = 2

LONGEST_PBKDF2 = 1 << 32
"""Iterations that the counter of the native core can count."""

SEED_SIZES = (32, 40, 48)


def size_of(value: Readable) -> int:
    """Return the bytes of a buffer, whatever its items are."""
    return memoryview(value).nbytes


def streebog_size(bits: int) -> int:
    """Return the digest size of Streebog with 256 or 512 bits."""
    if bits not in DIGEST_SIZES:
        raise UnknownAlgorithm(f"Streebog has 256 or 512 bits, not {bits}")
    return DIGEST_SIZES[bits]


def parameters_hash(parameters: str) -> str:
    """Return the name in HASHES of GOST R 34.11-94 with these parameters."""
    if parameters not in PARAMETERS:
        raise UnknownAlgorithm(
            f"GOST R 34.11-94 parameters {parameters!r} are unknown; "
            f"use one of {', '.join(PARAMETERS)}"
        )
    return PARAMETERS[parameters]


def hash_index(hash_name: str) -> int:
    """Return the number of a hash in HASHES."""
    if hash_name not in HASHES:
        raise UnknownAlgorithm(
            f"hash {hash_name!r} is unknown; use one of {', '.join(HASHES)}"
        )
    return HASHES.index(hash_name)


def many_count(bits: int, out: Readable, messages: Readable, size: int) -> int:
    """Return how many messages streebog_many has, after checking all sizes."""
    digest_size = streebog_size(bits)
    n, rest = divmod(size_of(out), digest_size)
    if rest:
        raise LengthError(
            f"out: {size_of(out)} bytes is not a multiple of {digest_size}, "
            "the size of a digest"
        )
    if size < 0 or size_of(messages) != n * size:
        raise LengthError(
            f"messages: {size_of(messages)} bytes; {n} messages of {size} bytes "
            f"need {n * size}"
        )
    return n


def digests_count(bits: int, out: Readable, n: int) -> None:
    """Demand that there is room for n digests and no more."""
    wanted = n * streebog_size(bits)
    if size_of(out) != wanted:
        raise LengthError(
            f"out: {size_of(out)} bytes; {n} digests of {bits} bits need {wanted}"
        )


def lengths_disagree(messages: Readable) -> LengthError:
    """Say that lengths are not those of the messages."""
    return LengthError(
        f"lengths: their sum is not {size_of(messages)}, the bytes of messages"
    )


def same_count(
    one: str, some: Sequence[Readable], other: str, more: Sequence[Readable]
) -> int:
    """Return how many items two sequences have, which must be the same."""
    if len(some) != len(more):
        raise LengthError(
            f"{other}: has {len(more)} items; must have {len(some)}, as {one}"
        )
    return len(some)


def pbkdf2_numbers(iterations: int, length: int) -> None:
    """Demand numbers that PBKDF2 can work with."""
    if not 1 <= iterations < LONGEST_PBKDF2:
        raise LengthError(
            f"iterations: {iterations}; 1 to {LONGEST_PBKDF2 - 1} are possible"
        )
    if length < 1:
        raise LengthError(f"length: {length}; at least 1 byte is needed")


def container_iterations(hash_name: str, password: Readable) -> int:
    """Return how often container_key mixes, after checking the hash."""
    if hash_index(hash_name) == HASHES.index("streebog512"):
        raise UnknownAlgorithm(
            "hash 'streebog512' does not serve containers; use streebog256 "
            "(for keys of 512 bits too) or gostr3411_94"
        )
    return CONTAINER_ITERATIONS if size_of(password) else CONTAINER_ITERATIONS_EMPTY


def seed_size(seed: Readable) -> int:
    """Return the size of a seed: 32, 40 or 48 bytes."""
    size = size_of(seed)
    if size not in SEED_SIZES:
        raise LengthError(f"seed: {size} bytes; 32, 40 or 48 are needed")
    return size


def seed_of_zeros() -> GeneratorFailure:
    """Say that a seed has only zero bytes."""
    return GeneratorFailure("seed: all bytes are zero; its source is broken")


def block_count(count: int) -> int:
    """Demand that a number of blocks is not negative."""
    if count < 0:
        raise LengthError(f"count: {count} blocks; it cannot be negative")
    return count
