"""Signatures: vectors on both backends, other libraries, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from parameter_sets import NAMES, SET_OF, label, little, public_of

import gostkey
from gostkey import SigningKey, VerifyingKey, bindings, curves
from gostkey.backend import active, use
from gostkey.pure import elliptic as pure

SEED = 20261122


def test_signatures_of_the_vectors(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    data = vectors("gost3410")
    for vector in data["standard"] + data["random"] + data["edge"]:
        curve = SET_OF[vector["curve"]]
        signature = bytes.fromhex(vector["signature"])
        digest = bytes.fromhex(vector["digest"])
        made = active.elliptic.sign_with_nonce(
            curve.index,
            bytes.fromhex(vector["private_le"]),
            digest,
            bytes.fromhex(vector["k"])[::-1],
        )
        assert made == signature, label(vector)
        public = VerifyingKey.from_bytes(bytes.fromhex(vector["spki_point"]), curve)
        public.verify_digest(signature, digest)
        if vector.get("message"):
            public.verify(signature, bytes.fromhex(vector["message"]))


def test_nonces_that_must_be_discarded_are(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    for vector in vectors("gost3410")["retry_nonces"]:
        curve = SET_OF[vector["curve"]]
        private = little(int(vector.get("d", "5"), 16), curve)
        digest = bytes.fromhex(vector.get("digest", "07" * curve.size))
        nonce = bytes.fromhex(vector["k"])[::-1]
        assert (
            active.elliptic.sign_with_nonce(curve.index, private, digest, nonce) is None
        ), label(vector)


def test_bad_signatures_of_the_vectors_are_refused(
    each_backend: str, vectors: Callable[[str], Any]
) -> None:
    for vector in vectors("gost3410")["negative"]:
        curve = SET_OF[vector["curve"]]
        digest = bytes.fromhex(vector["digest"])
        signature = bytes.fromhex(vector["signature"])
        if vector["point_on_curve"]:
            public = VerifyingKey.from_bytes(public_of(vector), curve)
            with pytest.raises(gostkey.InvalidSignature):
                public.verify_digest(signature, digest)
        else:
            with pytest.raises(gostkey.InvalidPoint):
                VerifyingKey.from_bytes(public_of(vector), curve)
            with pytest.raises(gostkey.InvalidPoint):
                active.elliptic.verify(
                    curve.index, public_of(vector), digest, signature
                )


@pytest.mark.parametrize("name", NAMES)
def test_own_signatures_verify_and_changed_ones_do_not(
    each_backend: str, name: str
) -> None:
    key = SigningKey.generate(name)
    size = key.curve.size
    signature = key.sign(b"message")
    key.verifying_key.verify(signature, b"message")
    with pytest.raises(gostkey.InvalidSignature):
        key.verifying_key.verify(signature, b"massage")
    for place in (0, size - 1, size, 2 * size - 1):
        changed = bytearray(signature)
        changed[place] ^= 1
        with pytest.raises(gostkey.InvalidSignature):
            key.verifying_key.verify(changed, b"message")
    with pytest.raises(gostkey.InvalidSignature):
        SigningKey.generate(name).verifying_key.verify(signature, b"message")


@pytest.mark.parametrize("name", NAMES)
def test_signature_out_of_range_or_of_wrong_length_is_refused(
    each_backend: str, name: str
) -> None:
    key = SigningKey.generate(name)
    curve = key.curve
    signature = key.sign(b"message")
    s, r = signature[: curve.size], signature[curve.size :]
    zero, q = bytes(curve.size), curve.q.to_bytes(curve.size, "big")
    for bad in (
        zero + r,
        s + zero,
        q + r,
        s + q,
        b"\xff" * 2 * curve.size,
        b"",
        signature[:-1],
        signature + b"\0",
        r + s,
    ):
        with pytest.raises(gostkey.InvalidSignature):
            key.verifying_key.verify(bad, b"message")


@pytest.mark.skipif(
    bindings.core is None,
    reason="there is no native core to compare with: install with a C compiler",
)
@pytest.mark.parametrize("name", NAMES)
def test_backends_make_the_same_hedged_signatures(name: str) -> None:
    from gostkey.bindings import elliptic as native

    curve = curves.get(name)
    generator = random.Random(f"{SEED} {name}")
    for _ in range(5):
        private = little(generator.randrange(1, curve.q), curve)
        digest, fresh = (generator.randbytes(curve.size) for _ in range(2))
        made = native.sign(curve.index, private, digest, fresh)
        assert made == pure.sign(curve.index, private, digest, fresh)
        public = native.public_key(curve.index, private)
        assert native.verify(curve.index, public, digest, made)
        assert pure.verify(curve.index, public, digest, made)


@pytest.mark.parametrize("name", ["tc26-256-a", "tc26-256-b", "tc26-512-b"])
def test_verification_meets_equal_and_opposite_points(
    each_backend: str, name: str
) -> None:
    # With the key d = 1, u G + v Q = (u + v) G, and small u and v make every
    # table entry meet itself or its opposite on the way.  A signature for
    # chosen u and v: r = x mod q, e = -r / v, s = u e.
    curve = curves.get(name)
    q = curve.q
    public = active.elliptic.public_key(curve.index, little(1, curve))
    steps = range(-33, 34) if each_backend == "native" else range(-33, 34, 8)
    for u in (1, 2, 31, 32, 33, q - 1, q - 2):
        for v in steps:
            if (u + v) % q == 0 or v == 0:
                continue
            point = active.elliptic.public_key(curve.index, little((u + v) % q, curve))
            r = int.from_bytes(point[: curve.size], "little") % q
            e = -r * pow(v, -1, q) % q
            s = u * e % q
            signature = s.to_bytes(curve.size, "big") + r.to_bytes(curve.size, "big")
            assert active.elliptic.verify(
                curve.index, public, little(e, curve), signature
            ), (u, v)


@pytest.mark.parametrize("name", ["tc26-256-b", "tc26-512-a"])
def test_nonce_depends_on_key_digest_fresh_and_curve(
    each_backend: str, name: str
) -> None:
    curve = curves.get(name)
    size = curve.size

    # A signature's second half is r: equal nonces would give equal ones.
    def r(private: bytes, digest: bytes, fresh: bytes) -> bytes:
        return active.elliptic.sign(curve.index, private, digest, fresh)[size:]

    one, two = little(1, curve), little(2, curve)
    zeros, ones = bytes(size), b"\x01" * size
    seen = [r(one, zeros, zeros), r(two, zeros, zeros), r(one, ones, zeros)]
    seen += [r(one, zeros, ones)]
    assert len(set(seen)) == 4
    # With all inputs equal it is the same again: nothing else goes in.
    assert r(one, zeros, zeros) == seen[0]


def test_broken_generator_does_not_repeat_nonces(
    each_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = SigningKey.generate("tc26-256-b")

    def stuck(buffer: bytearray, **_: bool) -> None:
        buffer[:] = bytes(len(buffer))

    monkeypatch.setattr(gostkey.random, "fill", stuck)
    signatures = [key.sign(bytes([i])) for i in range(10)]
    assert len({signature[32:] for signature in signatures}) == 10


def test_signing_twice_gives_two_signatures(each_backend: str) -> None:
    key = SigningKey.generate("tc26-256-b")
    assert key.sign(b"message") != key.sign(b"message")


@pytest.mark.parametrize("name", ["tc26-256-b", "tc26-512-a"])
@pytest.mark.parametrize("wrong", [0, 1, 31, 33, 48, 63, 65])
def test_digest_of_wrong_length_is_refused(
    each_backend: str, name: str, wrong: int
) -> None:
    key = SigningKey.generate(name)
    size = key.curve.size
    message = f"digest: has {wrong} bytes; must have {size}"
    with pytest.raises(gostkey.LengthError, match=message):
        key.sign_digest(bytes(wrong))
    with pytest.raises(gostkey.LengthError, match=message):
        key.verifying_key.verify_digest(bytes(2 * size), bytes(wrong))


def test_2001_keys_sign_gostr3411_94(each_backend: str) -> None:
    key = SigningKey.generate("CryptoPro-A", scheme=gostkey.Scheme.GOST_2001)
    signature = key.sign(b"message")
    key.verifying_key.verify(signature, b"message")
    digest = gostkey.gostr3411_94(b"message").digest()
    assert key.digest(b"message") == digest
    key.verifying_key.verify_digest(signature, digest)
    with pytest.raises(gostkey.InvalidSignature):
        key.verifying_key.verify_digest(
            signature, gostkey.streebog256(b"message").digest()
        )


@pytest.mark.parametrize("name", NAMES)
def test_gostcrypto_verifies_ours_and_we_verify_its(
    each_backend: str, name: str
) -> None:
    gostsignature = pytest.importorskip(
        "gostcrypto.gostsignature", reason="pip install gostcrypto runs this"
    )
    curve = curves.get(name)
    length = gostsignature.MODE_256 if curve.size == 32 else gostsignature.MODE_512
    numbers = {
        "p": curve.p,
        "a": curve.a,
        "b": curve.b,
        "m": curve.q * curve.cofactor,
        "q": curve.q,
        "x": curve.x,
        "y": curve.y,
    }
    other = gostsignature.new(length, numbers)
    key = SigningKey.generate(curve)
    digest = key.digest(b"message")
    # It has r before s, all numbers big-endian, and reads the digest so, too; it
    # zeroes the private key it is given.
    public = key.verifying_key.to_bytes()
    theirs = bytearray(public[: curve.size][::-1] + public[curve.size :][::-1])
    signature = key.sign_digest(digest)
    swapped = bytearray(signature[curve.size :] + signature[: curve.size])
    reversed_digest = bytearray(digest[::-1])
    assert other.verify(theirs, reversed_digest, swapped)
    made = bytes(other.sign(bytearray(key.to_bytes()[::-1]), reversed_digest))
    key.verifying_key.verify_digest(made[curve.size :] + made[: curve.size], digest)


def test_switching_backends_between_sign_and_verify_is_no_matter() -> None:
    if bindings.core is None:
        pytest.skip("there is no native core: install with a C compiler")
    before = active.name
    try:
        for first, second in (("native", "pure"), ("pure", "native")):
            use(first)
            key = SigningKey.generate("tc26-512-c")
            signature = key.sign(b"message")
            use(second)
            key.verifying_key.verify(signature, b"message")
            key.verifying_key.verify(key.sign(b"other"), b"other")
    finally:
        use(before)
