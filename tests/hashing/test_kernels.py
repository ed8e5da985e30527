"""Every kernel family of this machine against pure Python."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gostkey
from gostkey import bindings
from gostkey.backend import active, use
from gostkey.pure import generators as pure_generators
from gostkey.pure import hashes as pure
from gostkey.pure.streebog import CONSTANTS

pytestmark = pytest.mark.skipif(
    bindings.core is None, reason="kernels need the native core"
)

CSRC = Path(__file__).resolve().parents[2] / "csrc"


@pytest.fixture(params=bindings.kernel_names())
def each_family(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per kernel family, and go back to the one in use."""
    before = active.name
    chosen = bindings.kernels()["streebog"]
    family = next(
        (name for name in bindings.kernel_names() if chosen.startswith(name)),
        "portable",
    )
    assert bindings.select_kernels(request.param)
    use("native")
    yield request.param
    assert bindings.select_kernels(family)
    use("native")
    use(before)


def pure_digest(bits: int, data: bytes) -> bytes:
    state = pure.streebog(bits)
    state.update(data)
    return state.digest()


@pytest.mark.parametrize("bits", [256, 512])
def test_every_length_around_blocks(each_family: str, bits: int) -> None:
    data = random.Random(bits).randbytes(260)
    for size in [*range(0, 8), *range(60, 70), *range(125, 131), *range(190, 194), 260]:
        wanted = pure_digest(bits, data[:size])
        for secret in (False, True):
            state = active.hashes.streebog(bits, secret=secret)
            state.update(data[:size])
            assert state.digest() == wanted, (size, secret)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 122])
def test_many_with_every_tail(each_family: str, size: int) -> None:
    data = random.Random(size).randbytes(20 * size)
    wanted = b"".join(
        pure_digest(256, data[size * i : size * (i + 1)]) for i in range(20)
    )
    for n in range(20):
        out = bytearray(32 * n)
        active.hashes.streebog_many(256, out, data[: size * n], size)
        assert out == wanted[: 32 * n]


def test_generator_in_bulk(each_family: str) -> None:
    seed = b"\xff" * 48
    assert active.generators.drbg(seed).blocks(70) == pure_generators.drbg(seed).blocks(
        70
    )


TWO_GROUPS_AND_ONE = 33


@pytest.mark.parametrize("name", ["gostr3411_94", "gostr3411_94_test"])
def test_old_hmacs_with_every_tail(each_family: str, name: str) -> None:
    seeded = random.Random(94)
    keys = [seeded.randbytes(i % 40) for i in range(TWO_GROUPS_AND_ONE)]
    data = [seeded.randbytes(seeded.randrange(100)) for _ in keys]
    data[:3] = b"", b"\xff" * 32, b"\xff" * 96
    wanted = [pure.hmac(name, *pair) for pair in zip(keys, data, strict=True)]
    for n in range(TWO_GROUPS_AND_ONE + 1):
        assert active.hashes.hmac_many(name, keys[:n], data[:n]) == wanted[:n]


def test_old_derivations_with_tails(each_family: str) -> None:
    name = "gostr3411_94"
    seeded = random.Random(2001)
    passwords = [seeded.randbytes(4 * (i % 12)) for i in range(TWO_GROUPS_AND_ONE)]
    salts = [seeded.randbytes(12) for _ in passwords]
    wanted = [
        pure.pbkdf2(name, *pair, 3, 40) for pair in zip(passwords, salts, strict=True)
    ]
    keys = [
        active.hashes.container_key(name, *pair)
        for pair in zip(passwords, salts, strict=True)
    ]
    for n in (0, 1, 2, 15, 16, 17, 31, 32, 33):
        some = passwords[:n], salts[:n]
        assert active.hashes.pbkdf2_many(name, *some, 3, 40) == wanted[:n]
        assert active.hashes.container_keys(name, *some) == keys[:n]


@pytest.mark.parametrize(
    "script", ["make_streebog_affine.py", "make_streebog_nibbles.py"]
)
def test_tables_are_what_their_script_makes(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(CSRC))
    module = __import__(script.removesuffix(".py"))
    header = script.replace("make_", "").replace(".py", ".h")
    assert (CSRC / header).read_text(encoding="utf-8") == module.render(), (
        f"run: python csrc/{script}"
    )
    del sys.modules[module.__name__]


def test_first_round_keys_are_those_of_pure_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(CSRC))
    from make_streebog_affine import first_keys, substitute_and_mix  # type: ignore

    # g_0(IV, m) from the keys gives the digest that pure Python computes.
    for bits in (256, 512):
        keys = first_keys(bits // 8)
        iv = int.from_bytes(bytes([bits == 256]) * 64, "little")
        m = 1

        def compress(h: int, n: int, m: int) -> int:
            key, x = substitute_and_mix(h ^ n), m
            for constant in CONSTANTS:
                x = substitute_and_mix(x ^ key)
                key = substitute_and_mix(key ^ constant)
            return x ^ key ^ h ^ m

        x = m
        for key in keys[:-1]:
            x = substitute_and_mix(x ^ key)
        h = x ^ keys[-1] ^ iv ^ m
        h = compress(compress(h, 0, 0), 0, 1)
        assert h.to_bytes(64, "little")[64 - bits // 8 :] == pure_digest(bits, b"")


def test_nibble_tables_agree_with_the_standard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(CSRC))
    import make_streebog_nibbles as nibbles  # type: ignore
    from make_streebog_affine import substitute_and_mix

    for seed in range(20):
        x = random.Random(seed).randbytes(64)
        wanted = substitute_and_mix(int.from_bytes(x, "little"))
        got = bytearray(64)
        for i in range(8):
            for c in range(8):
                for j in range(8):
                    y = nibbles.core(nibbles.ENTER[x[8 * j + i]])
                    by_v, by_u = nibbles.product_tables(j, c)
                    got[8 * i + c] ^= by_v[y & 15] ^ by_u[y >> 4]
        left_out = nibbles.left_out()
        mixed = (int.from_bytes(got, "little") ^ left_out).to_bytes(64, "little")
        assert mixed == nibbles.enter(wanted).to_bytes(64, "little")


def test_family_names_its_kernel(each_family: str) -> None:
    kernels = gostkey.backend().kernels
    assert kernels["streebog"].startswith(each_family)
    # On 64-bit ARM the old hash has none.
    old = "portable" if each_family == "neon" else each_family
    assert kernels["gostr3411_94"] == old
