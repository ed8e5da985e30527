"""Digests that are 0 or more mod q, among others, in batches on every kernel family."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gostkey import batch, bindings, curves
from gostkey.backend import active
from gostkey.curves import Curve
from gostkey.pure import elliptic as pure


@pytest.fixture(params=bindings.kernel_names() or ["pure"])
def each_family(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per kernel family of this machine."""
    name: str = request.param
    before = bindings.kernel_names()[:1]
    if name != "pure":
        assert bindings.select_kernels(name)
        active.kernels = bindings.kernels()
    yield name
    if before:
        bindings.select_kernels(before[0])
        active.kernels = bindings.kernels()


def special(curve: Curve) -> list[bytes]:
    """Return digests that are 0, q, q +- 1, multiples of q, and the highest."""
    top = (1 << 8 * curve.size) - 1
    numbers = [0, 1, curve.q - 1, curve.q, curve.q + 1, top // curve.q * curve.q, top]
    return [min(n, top).to_bytes(curve.size, "little") for n in numbers]


@pytest.mark.parametrize("name", ["tc26-256-a", "tc26-256-d", "tc26-512-c"])
def test_special_digests_sign_and_verify(each_family: str, name: str) -> None:
    curve = curves.get(name)
    digests = special(curve) * 3 + special(curve)[:2]
    n = len(digests)
    rows = np.frombuffer(b"".join(digests), np.uint8).reshape(n, curve.size)
    keys = batch.generate(n, curve)
    signatures = batch.sign(keys.private, rows, curve)
    assert batch.verify(keys.public, signatures, rows, curve).all()
    for i in range(len(special(curve))):
        assert pure.verify(
            curve.index, keys.public[i].tobytes(), digests[i], signatures[i].tobytes()
        )
    # 0, q and its multiples count as 1.  The negative of a digest gives the negative
    # point, whose x is the same.
    one = np.roll(rows, -1, axis=0)
    good = batch.verify(keys.public, signatures, one, curve)
    residues = [int.from_bytes(d, "little") % curve.q or 1 for d in digests]
    following = residues[1:] + residues[:1]
    wanted = [
        here in (other, curve.q - other)
        for here, other in zip(residues, following, strict=True)
    ]
    assert good.tolist() == wanted
