"""VKO and KEG: vectors on both backends, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from parameter_sets import NAMES, SET_OF, little

import gostkey
from gostkey import SigningKey, agreement, curves

KEKS = {"kek256": 256, "kek512": 512, "kek2001": "2001"}


def test_keys_of_the_vectors(each_backend: str, vectors: Callable[[str], Any]) -> None:
    data = vectors("vko")
    tried: set[object] = set()
    for vector in data["standard"] + data["random"]:
        curve = SET_OF[vector["curve"]]
        one, two = (
            SigningKey.from_bytes(bytes.fromhex(vector[name])[::-1], curve)
            for name in ("d1", "d2")
        )
        # In the vectors of the standards the private keys are octets already.
        if "q1" in vector and one.verifying_key.to_bytes().hex() != vector["q1"]:
            one, two = (
                SigningKey.from_bytes(bytes.fromhex(vector[name]), curve)
                for name in ("d1", "d2")
            )
        ukm = bytes.fromhex(vector["ukm"])
        for name, bits in KEKS.items():
            if name in vector:
                expected = bytes.fromhex(vector[name])
                assert one.exchange(two.verifying_key, ukm, bits) == expected
                assert two.exchange(one.verifying_key, ukm, bits) == expected
                tried.add(bits)
    assert tried == {256, 512, "2001"}


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_agree_and_the_ukm_counts(each_backend: str, name: str) -> None:
    one, two = SigningKey.generate(name), SigningKey.generate(name)
    size = one.curve.size
    seen = set()
    for ukm in (b"\x01", b"\x02", b"\x01" * 8, b"\xff" * size):
        key = one.exchange(two.verifying_key, ukm)
        assert key == two.exchange(one.verifying_key, ukm)
        seen.add(key)
    assert len(seen) == 4
    # Little-endian: zeros at the end change nothing.
    assert one.exchange(two.verifying_key, b"\x07") == one.exchange(
        two.verifying_key, b"\x07" + bytes(size - 1)
    )


@pytest.mark.parametrize("name", NAMES)
def test_ukm_of_zero_or_wrong_length_is_refused(each_backend: str, name: str) -> None:
    key = SigningKey.generate(name)
    curve, peer = key.curve, key.verifying_key
    for zero in (b"\0", bytes(curve.size), little(curve.q, curve)):
        with pytest.raises(gostkey.PrivateKeyRange, match="UKM: is 0 mod q"):
            key.exchange(peer, zero)
    for wrong in (b"", b"\x01" * (curve.size + 1)):
        with pytest.raises(
            gostkey.LengthError, match=f"has {len(wrong)} bytes; must have 1 to"
        ):
            key.exchange(peer, wrong)


def test_peer_on_another_curve_is_refused() -> None:
    key = SigningKey.generate("tc26-256-b")
    peer = SigningKey.generate("tc26-256-a").verifying_key
    with pytest.raises(gostkey.InvalidPoint, match="must be on tc26-256-b"):
        key.exchange(peer, b"\x01")


def test_unknown_hash_is_refused() -> None:
    key = SigningKey.generate("tc26-256-b")
    with pytest.raises(gostkey.UnknownAlgorithm, match="must be 256, 512"):
        key.exchange(key.verifying_key, b"\x01", 384)


def test_peer_of_small_order_is_refused(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    for vector in vectors("gost3410")["small_order_points"]:
        curve = SET_OF[vector["curve"]]
        public = bytes.fromhex(vector["x"])[::-1] + bytes.fromhex(vector["y"])[::-1]
        with pytest.raises(gostkey.InvalidPoint, match="subgroup"):
            agreement.vko(little(5, curve), public, b"\x01", curve)


@pytest.mark.parametrize("name", NAMES)
def test_keg_is_the_same_on_both_sides_and_follows_its_parts(
    each_backend: str, name: str
) -> None:
    one, two = SigningKey.generate(name), SigningKey.generate(name)
    seed = bytes(range(1, 33))
    keys = agreement.keg(one.to_bytes(), two.verifying_key.to_bytes(), seed, name)
    assert len(keys) == 64
    assert keys == agreement.keg(
        two.to_bytes(), one.verifying_key.to_bytes(), seed, name
    )
    # The UKM is the first 16 octets, big-endian; 0 becomes 1.
    ukm = seed[:16][::-1]
    if curves.get(name).bits == 512:
        assert keys == one.exchange(two.verifying_key, ukm, 512)
    else:
        from gostkey.kdf import kdf_tree_gostr3411_2012_256

        assert keys == kdf_tree_gostr3411_2012_256(
            one.exchange(two.verifying_key, ukm), b"kdf tree", seed[16:24], 1, 64
        )
    without = agreement.keg(
        one.to_bytes(), two.verifying_key.to_bytes(), bytes(16) + seed[16:], name
    )
    with_one = bytes(15) + b"\x01" + seed[16:]
    assert without == agreement.keg(
        one.to_bytes(), two.verifying_key.to_bytes(), with_one, name
    )


def test_keg_seed_of_wrong_length_is_refused() -> None:
    key = SigningKey.generate("tc26-256-b")
    with pytest.raises(gostkey.LengthError, match="KEG seed: has 31 bytes; must have"):
        agreement.keg(
            key.to_bytes(), key.verifying_key.to_bytes(), bytes(31), "tc26-256-b"
        )
