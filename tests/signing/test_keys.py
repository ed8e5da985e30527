"""SigningKey and VerifyingKey as objects: making, showing, comparing, wiping."""

from __future__ import annotations

import copy
import gc
import os
import pickle
from array import array
from collections.abc import Callable

import pytest
from parameter_sets import NAMES, little

import gostkey
from gostkey import Scheme, SigningKey, VerifyingKey, curves

D = bytes.fromhex("283bec9198ce191dee7e39491f96601bc1729ad39d35ed10beb99b78de9a927a")


@pytest.mark.parametrize("name", NAMES)
def test_keys_survive_their_octets(each_backend: str, name: str) -> None:
    key = SigningKey.generate(name)
    size = key.curve.size
    assert key.curve is curves.get(name)
    assert len(key.to_bytes()) == size
    assert len(key.verifying_key.to_bytes()) == 2 * size
    assert SigningKey.from_bytes(key.to_bytes(), name) == key
    public = VerifyingKey.from_bytes(key.verifying_key.to_bytes(), name)
    assert public == key.verifying_key
    assert hash(public) == hash(key.verifying_key)
    assert 0 < int.from_bytes(key.to_bytes(), "little") < key.curve.q


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("password", [None, "пароль"])
def test_keys_survive_pkcs8_and_spki(name: str, password: str | None) -> None:
    key = SigningKey.generate(name)
    loaded = SigningKey.from_pkcs8(key.to_pkcs8(password), password)
    assert loaded == key
    public = VerifyingKey.from_spki(key.verifying_key.to_spki())
    assert public == key.verifying_key


def test_der_keeps_the_oid_of_an_alias() -> None:
    key = SigningKey.generate("CryptoPro-XchA")
    assert key.curve.oid == "1.2.643.2.2.36.0"
    loaded = SigningKey.from_pkcs8(key.to_pkcs8())
    assert loaded.curve.oid == "1.2.643.2.2.36.0"
    public = VerifyingKey.from_spki(key.verifying_key.to_spki())
    assert public.curve.oid == "1.2.643.2.2.36.0"


def test_scheme_2001_is_kept_and_counts_in_comparison() -> None:
    old = SigningKey.from_bytes(D, "CryptoPro-A", scheme=Scheme.GOST_2001)
    new = SigningKey.from_bytes(D, "CryptoPro-A")
    assert old.verifying_key.to_bytes() == new.verifying_key.to_bytes()
    assert old != new and old.verifying_key != new.verifying_key
    assert SigningKey.from_pkcs8(old.to_pkcs8()).scheme is Scheme.GOST_2001


@pytest.mark.parametrize("name", NAMES)
def test_private_key_out_of_range_is_refused(each_backend: str, name: str) -> None:
    curve = curves.get(name)
    for value, what in ((0, "0"), (curve.q, "not below q")):
        with pytest.raises(gostkey.PrivateKeyRange, match=f"{what}; must be in 1..q-1"):
            SigningKey.from_bytes(little(value, curve), curve)
    with pytest.raises(gostkey.PrivateKeyRange):
        SigningKey.from_bytes(b"\xff" * curve.size, curve)
    SigningKey.from_bytes(little(curve.q - 1, curve), curve)


@pytest.mark.parametrize("wrong", [0, 31, 33, 64])
def test_private_key_of_wrong_length_is_refused(each_backend: str, wrong: int) -> None:
    with pytest.raises(
        gostkey.LengthError, match=f"private key: has {wrong} bytes; must have 32"
    ):
        SigningKey.from_bytes(b"\x01" * wrong, "tc26-256-b")


@pytest.mark.parametrize("wrong", [0, 63, 65, 128])
def test_public_key_of_wrong_length_is_refused(each_backend: str, wrong: int) -> None:
    with pytest.raises(
        gostkey.LengthError, match=f"public key: has {wrong} bytes; must have 64"
    ):
        VerifyingKey.from_bytes(b"\x01" * wrong, "tc26-256-b")


def test_point_off_the_curve_is_refused(each_backend: str) -> None:
    public = bytearray(SigningKey.from_bytes(D, "tc26-256-b").verifying_key.to_bytes())
    public[0] ^= 1
    with pytest.raises(gostkey.InvalidPoint, match="not a point of tc26-256-b"):
        VerifyingKey.from_bytes(public, "tc26-256-b")


def test_unknown_curve_is_refused() -> None:
    with pytest.raises(gostkey.UnknownCurve, match="'P-256'"):
        SigningKey.generate("P-256")
    with pytest.raises(gostkey.UnknownCurve, match="'P-256'"):
        VerifyingKey.from_bytes(bytes(64), "P-256")


def test_2001_has_no_512_bit_keys() -> None:
    with pytest.raises(gostkey.UnknownAlgorithm, match="no 512-bit curves"):
        SigningKey.generate("tc26-512-a", scheme=Scheme.GOST_2001)


def test_repr_tells_the_key_but_not_the_secret() -> None:
    key = SigningKey.from_bytes(D, "tc26-256-b")
    shown = f"{key!r} {key!s} {key.verifying_key!r}"
    assert "tc26-256-b" in shown
    assert key.verifying_key.fingerprint in shown
    assert D.hex()[:8] not in shown and D[::-1].hex()[:8] not in shown
    assert repr(D) not in shown


def test_pickling_and_copying_are_refused() -> None:
    key = SigningKey.from_bytes(D, "tc26-256-b")
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(key)


def test_wiped_key_cannot_be_used(each_backend: str) -> None:
    key = SigningKey.from_bytes(D, "tc26-256-b")
    buffer = key._private
    key.wipe()
    assert buffer == bytes(32)
    key.wipe()
    for use in (
        key.to_bytes,
        key.to_pkcs8,
        lambda: key.sign(b"message"),
        lambda: key.exchange(key.verifying_key, b"\x01"),
    ):
        with pytest.raises(gostkey.PrivateKeyRange, match="wiped"):
            use()
    assert "wiped" in repr(key)


def test_with_block_and_collection_wipe(each_backend: str) -> None:
    with SigningKey.from_bytes(D, "tc26-256-b") as key:
        buffer = key._private
        assert buffer == D
    assert buffer == bytes(32)
    other = SigningKey.from_bytes(D, "tc26-256-b")
    buffer = other._private
    del other
    gc.collect()
    assert buffer == bytes(32)


def test_caller_keeps_his_buffer() -> None:
    mine = bytearray(D)
    key = SigningKey.from_bytes(mine, "tc26-256-b")
    key.wipe()
    assert mine == D


def test_comparison_is_by_value_and_type() -> None:
    key = SigningKey.from_bytes(D, "tc26-256-b")
    assert key == SigningKey.from_bytes(D, "CryptoPro-A")
    assert hash(key) == hash(SigningKey.from_bytes(D, "CryptoPro-A"))
    assert key != SigningKey.from_bytes(D, "tc26-256-c")
    assert key != SigningKey.generate("tc26-256-b")
    assert key != D and key.verifying_key != key.verifying_key.to_bytes()


def test_generated_keys_differ(each_backend: str) -> None:
    keys = {SigningKey.generate("tc26-256-b").to_bytes() for _ in range(20)}
    assert len(keys) == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system with fork")
def test_child_process_makes_other_keys_and_nonces(each_backend: str) -> None:
    key = SigningKey.generate("tc26-256-b")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            made = SigningKey.generate("tc26-256-b").to_bytes() + key.sign(b"message")
            os.write(writing, made)
        finally:
            os._exit(0)
    os.close(writing)
    ours = SigningKey.generate("tc26-256-b").to_bytes() + key.sign(b"message")
    with os.fdopen(reading, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == len(ours) == 96
    assert theirs[:32] != ours[:32]
    assert theirs[64:] != ours[64:]  # r, so the nonce too
    key.verifying_key.verify(theirs[32:], b"message")


KEY = SigningKey.from_bytes(D, "tc26-256-b")
PUBLIC = KEY.verifying_key


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda text: KEY.sign(text), "message"),
        (lambda text: KEY.sign_digest(text), "digest"),
        (lambda text: PUBLIC.verify(bytes(64), text), "message"),
        (lambda text: PUBLIC.verify(text, b"message"), "signature"),
        (lambda text: PUBLIC.verify_digest(bytes(64), text), "digest"),
        (lambda text: KEY.exchange(PUBLIC, text), "UKM"),
        (lambda text: SigningKey.from_bytes(text, "tc26-256-b"), "private key"),
        (lambda text: VerifyingKey.from_bytes(text, "tc26-256-b"), "public key"),
    ],
)
def test_text_and_numbers_instead_of_bytes_are_named(
    each_backend: str, call: Callable[[object], object], name: str
) -> None:
    with pytest.raises(TypeError, match=f"^{name}: is str; must be bytes; strings"):
        call("text")
    with pytest.raises(TypeError, match=f"^{name}: is int; must be bytes$"):
        call(64)


@pytest.mark.parametrize("scheme", Scheme)
def test_messages_are_any_buffers(each_backend: str, scheme: Scheme) -> None:
    key = SigningKey.from_bytes(D, "tc26-256-b", scheme=scheme)
    for message in (
        memoryview(b"abcdef")[::2],
        memoryview(array("I", [1, 2])),
        memoryview(b"abcdef").cast("B", (2, 3)),
        memoryview(b"")[::2],
    ):
        plain = message.tobytes()
        assert key.digest(message) == key.digest(plain)
        key.verifying_key.verify(key.sign(message), plain)
        key.verifying_key.verify(key.sign(plain), message)
