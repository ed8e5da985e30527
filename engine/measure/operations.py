"""What is measured of ours: each as a program would call it, prepared.

The names are those of the Python contract; sizes of batches go by the kernel,
so that a call takes some hundredths of a second on each: 16384 items for vector
kernels, 1024 for portable code, 8 for plain Python; a quarter on 512-bit curves.
Data that need not be secret come from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gostkey import batch, curves, hashing, kdf, random
from gostkey.backend import active
from gostkey.signing import SigningKey

__all__ = ["Operation", "message", "prepare"]


@dataclass(frozen=True)
class Operation:
    """A prepared call, and what is to be known about it."""

    call: Callable[[], object]
    items: int = 1
    """How many operations one call is."""
    proof: str = ""
    """Hex of the result that others must get too, if there is one."""
    version: str = ""
    """What does it: a kernel, or a library and its version."""


def prepare(what: str) -> Operation | str:
    """Set up an operation, or say why there is none.

    Args:
        what: name and parameters with colons between them.
    """
    name, *parameters = what.split(":")
    make = _OPERATIONS.get(name)
    if make is None:
        return f"there is no operation {name!r}"
    return make(*parameters)


def message(size: int) -> bytes:
    """Return the message that all sides hash: byte i is 131 i mod 256."""
    return bytes(i * 131 % 256 for i in range(256)) * (size // 256 + 1)


def kernel(part: str) -> str:
    """Return the kernel in use for ec256, ec512, streebog or gostr3411_94."""
    return active.kernels.get(part, active.name)


def items(part: str) -> int:
    """Return how many items a batch has on the kernel in use."""
    size = {"pure": 8, "portable": 1024}.get(kernel(part), 16384)
    return size // 4 if part == "ec512" else size


def random_rows(n: int, width: int) -> NDArray[np.uint8]:
    """Return n rows of bytes that are no secret and the same each time."""
    return np.random.default_rng(34).integers(0, 256, (n, width), np.uint8)


def _part(curve: str) -> str:
    return f"ec{curves.get(curve).bits}"


# -- batches ------------------------------------------------------------------


def _batch(what: str) -> Callable[..., Operation]:
    def make(curve: str, threads: str = "") -> Operation:
        part = _part(curve)
        # Threads share out more than one core would take in a call.
        n = items(part) * (4 if threads else 1)
        call = batch_call(what, curve, n, int(threads or 1))
        return Operation(call, n, version=kernel(part))

    return make


def batch_call(
    what: str, curve: str, n: int, threads: int = 1
) -> Callable[[], NDArray[np.uint8] | NDArray[np.bool_] | batch.KeyBatch]:
    """Prepare a call of `batch` for n items."""
    size = curves.get(curve).size
    if what == "generate":
        return lambda: batch.generate(n, curve, threads=threads)
    # Small enough for any curve, and never zero.
    private = random_rows(n, size)
    private[:, -1] = 0
    private[:, 0] |= 1
    if what == "public_keys":
        return lambda: batch.public_keys(private, curve, threads=threads)
    digests = random_rows(n, size)
    if what == "sign":
        return lambda: batch.sign(private, digests, curve, threads=threads)
    # A few keys and signatures, over and over: making them is not measured.
    some = min(n, 64)
    repeats = -(-n // some)
    digests = np.tile(digests[:some], (repeats, 1))[:n]
    signers = private[0] if what == "verify_one_key" else private[:some]
    made = batch.sign(signers, digests[:some], curve, threads=1)
    signatures = np.tile(made, (repeats, 1))[:n]
    public = batch.public_keys(private[:some], curve, threads=1)
    if what == "verify_one_key":
        public = public[0]
    else:
        public = np.tile(public, (repeats, 1))[:n]
    if not batch.verify(public, signatures, digests, curve, threads=1)[:some].all():
        raise AssertionError("a good signature does not verify")
    return lambda: batch.verify(public, signatures, digests, curve, threads=threads)


def _batch_digest(bits: str, size: str) -> Operation:
    n = items("streebog")
    one = message(int(size))[: int(size)]
    rows = np.tile(np.frombuffer(one, np.uint8), (n, 1))
    made = batch.digest(rows, int(bits), threads=1)
    return Operation(
        lambda: batch.digest(rows, int(bits), threads=1),
        n,
        bytes(made[-1]).hex(),
        kernel("streebog"),
    )


# -- one at a time ------------------------------------------------------------


def _sign_digest(curve: str) -> Operation:
    key = SigningKey.generate(curve)
    digest = bytes(range(key.curve.size))
    return Operation(lambda: key.sign_digest(digest), version=kernel(_part(curve)))


def _verify_digest(curve: str) -> Operation:
    key = SigningKey.generate(curve)
    digest = bytes(range(key.curve.size))
    signature = key.sign_digest(digest)
    public = key.verifying_key
    return Operation(
        lambda: public.verify_digest(signature, digest), version=kernel(_part(curve))
    )


def _generate(curve: str) -> Operation:
    return Operation(lambda: SigningKey.generate(curve), version=kernel(_part(curve)))


def _hash(bits: str, size: str) -> Operation:
    data = message(int(size))[: int(size)]
    start = hashing.streebog512 if bits == "512" else hashing.streebog256
    return Operation(
        lambda: start(data).digest(),
        proof=start(data).hexdigest(),
        version=kernel("streebog"),
    )


# -- random bytes -------------------------------------------------------------


def _random_fill() -> Operation:
    """Blocks of 64 bytes, with all that a program gets: tests and new seeds too."""
    n = items("streebog")
    out = bytearray(64 * n)
    return Operation(lambda: random.fill(out), n, version=kernel("streebog"))


# -- passwords ----------------------------------------------------------------

SALT = bytes(range(12))


def _container_keys(password: str, hash_name: str = "streebog256") -> Operation:
    part = "streebog" if hash_name == "streebog256" else hash_name
    # As many as a chunk of a campaign, where lanes or slices are to be filled.
    sliced = part == "streebog" and kernel(part) != "pure"
    n = 256 if sliced else max(1, items(part) // 256)
    passwords, salts = [password] * n, [SALT] * n

    def derive() -> list[bytes]:
        return kdf.container_keys(passwords, salts, hash_name)

    return Operation(derive, n, derive()[0].hex(), kernel(part))


_OPERATIONS: dict[str, Callable[..., Operation]] = {
    "batch.public_keys": _batch("public_keys"),
    "batch.generate": _batch("generate"),
    "batch.sign": _batch("sign"),
    "batch.verify": _batch("verify"),
    "batch.verify_one_key": _batch("verify_one_key"),
    "batch.digest": _batch_digest,
    "key.sign_digest": _sign_digest,
    "key.verify_digest": _verify_digest,
    "key.generate": _generate,
    "hash": _hash,
    "random.fill": _random_fill,
    "kdf.container_keys": _container_keys,
}
