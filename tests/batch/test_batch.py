"""Arrays in and out: as single calls, for every small n and any threads."""

from __future__ import annotations

import copy
import os
import pickle
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from parameter_sets import NAMES, little

import gostkey
from gostkey import SigningKey, VerifyingKey, batch, bindings, curves
from gostkey.backend import active

# Around the chunks of the C core; fewer for the Python backend, which is slow.
COUNTS = {"native": [0, 1, 2, 7, 8, 9, 31, 32, 33, 130], "pure": [0, 1, 2, 9]}
FEW = ["tc26-256-a", "tc26-256-b", "tc26-512-b"]


@pytest.mark.parametrize("name", FEW)
def test_batches_are_what_single_calls_give(each_backend: str, name: str) -> None:
    curve = curves.get(name)
    for n in COUNTS[each_backend]:
        keys = batch.generate(n, name)
        assert keys.private.shape == (n, curve.size)
        assert keys.public.shape == (n, 2 * curve.size)
        assert keys.private.dtype == keys.public.dtype == np.uint8
        messages = [bytes([i]) * i for i in range(n)]
        digests = batch.digest(messages, curve.bits)
        signatures = batch.sign(keys.private, digests, name)
        assert signatures.shape == (n, 2 * curve.size)
        good = batch.verify(keys.public, signatures, digests, name)
        assert good.shape == (n,) and good.dtype == np.bool_ and good.all()
        for i in range(n):
            key = SigningKey.from_bytes(keys.private[i].tobytes(), name)
            assert key.verifying_key.to_bytes() == keys.public[i].tobytes()
            assert key.digest(messages[i]) == digests[i].tobytes()
            key.verifying_key.verify(signatures[i].tobytes(), messages[i])


@pytest.mark.parametrize("threads", [1, 2, 3, None])
def test_threads_change_nothing(
    each_backend: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "SMALLEST_SHARE", 4)
    n = 23
    keys = batch.generate(n, threads=threads)
    again = batch.public_keys(keys.private, "tc26-256-b", threads=1)
    assert np.array_equal(keys.public, again)
    digests = batch.digest([bytes([i]) for i in range(n)], threads=threads)
    signatures = batch.sign(keys.private, digests, "tc26-256-b", threads=threads)
    signatures[5, 0] ^= 1
    good = batch.verify(keys.public, signatures, digests, "tc26-256-b", threads=threads)
    assert [i for i in range(n) if not good[i]] == [5]
    rows = np.frombuffer(bytes(range(n * 3)), np.uint8).reshape(n, 3)
    expected = [gostkey.streebog512(row.tobytes()).digest() for row in rows]
    got = batch.digest(rows, 512, threads=threads)
    assert [row.tobytes() for row in got] == expected


def test_one_key_serves_all(each_backend: str) -> None:
    key = SigningKey.generate("tc26-256-b")
    private = np.frombuffer(key.to_bytes(), np.uint8)
    public = np.frombuffer(key.verifying_key.to_bytes(), np.uint8)
    digests = batch.digest([b"one", b"two", b"three"])
    signatures = batch.sign(private, digests, "tc26-256-b")
    for message, signature in zip((b"one", b"two", b"three"), signatures, strict=True):
        key.verifying_key.verify(signature.tobytes(), message)
    assert batch.verify(public, signatures, digests, "tc26-256-b").all()
    assert not batch.verify(public, signatures, digests[::-1], "tc26-256-b")[::2].any()
    off = public.copy()
    off[0] ^= 1
    assert not batch.verify(off, signatures, digests, "tc26-256-b").any()


def test_bad_rows_are_false_and_leave_the_others_alone(each_backend: str) -> None:
    keys = batch.generate(6)
    digests = batch.digest([bytes([i]) for i in range(6)])
    signatures = batch.sign(keys.private, digests, "tc26-256-b")
    keys.public[1] = 0xFF  # not below p
    keys.public[2, 0] ^= 1  # off the curve
    signatures[3, :32] = 0  # s = 0
    signatures[4, 32:] = 0xFF  # r not below q
    good = batch.verify(keys.public, signatures, digests, "tc26-256-b")
    assert good.tolist() == [True, False, False, False, False, True]


def test_key_of_small_order_is_false(each_backend: str) -> None:
    # Neutral signature of a key without order q: u G + v Q cannot be trusted.
    curve = curves.get("tc26-256-a")
    keys = batch.generate(2, curve)
    digests = batch.digest([b"a", b"b"])
    signatures = batch.sign(keys.private, digests, curve)
    x = 0x7F7F80C60535007538B45A5D95C39353BC5D80D1F36A9DC0ACE7C5118C2F5977
    y = 0x7E7E82520F9F015FAA1D0F18C14AB9FB35188275DA3FD94206B74F34A48E0ECD
    small = little(x, curve) + little(y, curve)
    keys.public[0] = np.frombuffer(small, np.uint8)
    assert batch.verify(keys.public, signatures, digests, curve).tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize("row", [0, 9])
@pytest.mark.parametrize("value", ["0", "q"])
def test_private_key_out_of_range_is_named(
    each_backend: str, row: int, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "SMALLEST_SHARE", 4)
    curve = curves.get("tc26-256-b")
    private = np.ones((row + 2, 32), np.uint8)
    private[row] = np.frombuffer(little(0 if value == "0" else curve.q, curve), "u1")
    with pytest.raises(gostkey.PrivateKeyRange, match=f"private, row {row}: "):
        batch.public_keys(private, curve, threads=2)
    with pytest.raises(gostkey.PrivateKeyRange, match=f"private, row {row}: "):
        batch.sign(private, np.zeros((row + 2, 32), np.uint8), curve, threads=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda a: batch.sign(a(3, 31), a(3, 32), "tc26-256-b"),
            r"private: has shape \(3, 31\); must be \(3, 32\)",
        ),
        (
            lambda a: batch.sign(a(2, 32), a(3, 32), "tc26-256-b"),
            r"private: has shape \(2, 32\); must be \(3, 32\)",
        ),
        (
            lambda a: batch.sign(a(31), a(3, 32), "tc26-256-b"),
            r"private: has shape \(31,\); must be \(32,\) or \(3, 32\)",
        ),
        (
            lambda a: batch.sign(a(3, 64), a(3, 32), "tc26-512-a"),
            r"digests: has shape \(3, 32\); must be \(n, 64\)",
        ),
        (
            lambda a: batch.verify(a(3, 64), a(3, 65), a(3, 32), "tc26-256-b"),
            r"signatures: has shape \(3, 65\); must be \(3, 64\)",
        ),
        (
            lambda a: batch.verify(a(4, 64), a(3, 64), a(3, 32), "tc26-256-b"),
            r"public: has shape \(4, 64\); must be \(3, 64\)",
        ),
        (
            lambda a: batch.public_keys(a(32), "tc26-256-b"),
            r"private: has shape \(32,\); must be \(n, 32\)",
        ),
        (
            lambda a: batch.public_keys(a(2, 32).astype(np.int64), "tc26-256-b"),
            r"private: has dtype int64; must be uint8 \(n, 32\)",
        ),
        (lambda a: batch.generate(-1), "n: is -1; must not be negative"),
        (lambda a: batch.generate(1, threads=0), "threads: is 0; must be at least 1"),
    ],
)
def test_wrong_shapes_are_named_with_the_right_ones(call, message: str) -> None:  # type: ignore[no-untyped-def]
    def zeros(*shape: int) -> np.ndarray:  # type: ignore[type-arg]
        return np.ones(shape, np.uint8)

    with pytest.raises(gostkey.LengthError, match=message):
        call(zeros)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batch.generate("3"), "n: is str; must be a whole number"),  # type: ignore[arg-type]
        (lambda: batch.generate(3.0), "n: is float; must be"),  # type: ignore[arg-type]
        (
            lambda: batch.generate(1, threads="2"),  # type: ignore[arg-type]
            "threads: is str; must be a whole number",
        ),
        (
            lambda: batch.digest([b""], threads=2.0),  # type: ignore[arg-type]
            "threads: is float; must be",
        ),
        (
            lambda: batch.generate(1, curve=None),  # type: ignore[arg-type]
            "curve: is NoneType; must be a name, an OID or a Curve",
        ),
    ],
)
def test_arguments_of_a_wrong_type_are_named(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_whole_numbers_of_numpy_are_taken() -> None:
    assert len(batch.generate(np.int64(2), threads=np.uint8(1)).private) == 2  # type: ignore[arg-type]


def test_empty_lists_are_no_rows() -> None:
    none = batch.sign([], [], "tc26-256-b")
    assert none.shape == (0, 64) and none.dtype == np.uint8
    assert batch.sign(np.ones(32, np.uint8), [], "tc26-256-b").shape == (0, 64)
    assert batch.public_keys([], "tc26-512-b").shape == (0, 128)
    assert batch.verify([], [], [], "tc26-256-b").shape == (0,)
    with pytest.raises(gostkey.LengthError, match=r"must be \(2, 32\)"):
        batch.sign([], np.ones((2, 32), np.uint8), "tc26-256-b")


def test_unknown_curve_and_bits_are_refused() -> None:
    with pytest.raises(gostkey.UnknownCurve):
        batch.generate(1, "P-256")
    with pytest.raises(gostkey.UnknownAlgorithm, match="must be 256 or 512"):
        batch.digest([b""], 384)


def test_arrays_that_are_not_contiguous_are_taken(each_backend: str) -> None:
    keys = batch.generate(4)
    digests = batch.digest([bytes([i]) for i in range(4)])
    wide = np.zeros((4, 80), np.uint8)
    wide[:, 8:40] = keys.private
    signatures = batch.sign(wide[:, 8:40], digests, "tc26-256-b")
    assert batch.verify(keys.public, signatures, digests, "tc26-256-b").all()
    backwards = batch.verify(
        keys.public[::-1], signatures[::-1], digests[::-1], "tc26-256-b"
    )
    assert backwards.all()


def test_arrays_of_the_caller_are_not_changed(each_backend: str) -> None:
    keys = batch.generate(3)
    before = keys.private.copy()
    digests = batch.digest([b"", b"", b""])
    digests.setflags(write=False)
    keys.private.setflags(write=False)
    signatures = batch.sign(keys.private, digests, "tc26-256-b")
    signatures.setflags(write=False)
    assert batch.verify(keys.public, signatures, digests, "tc26-256-b").all()
    assert np.array_equal(keys.private, before)


@pytest.mark.parametrize("name", NAMES)
def test_generated_keys_are_all_different_and_fit(name: str) -> None:
    keys = batch.generate(9, name)
    assert len({row.tobytes() for row in keys.private}) == 9
    for private, public in zip(keys.private, keys.public, strict=True):
        key = SigningKey.from_bytes(private.tobytes(), name)
        assert key.verifying_key == VerifyingKey.from_bytes(public.tobytes(), name)


def test_generated_keys_are_not_shown_pickled_or_copied() -> None:
    keys = batch.generate(8)
    assert f"{keys} {keys!r} {keys!s}" == " ".join(3 * ["<KeyBatch of 8 keys>"])
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            way(keys)
    private, public = keys
    assert private is keys.private and public is keys.public


def test_nonces_in_a_batch_differ_for_equal_items(each_backend: str) -> None:
    key = SigningKey.generate("tc26-256-b")
    private = np.frombuffer(key.to_bytes(), np.uint8)
    digests = np.repeat(batch.digest([b"same"]), 5, axis=0)
    signatures = batch.sign(private, digests, "tc26-256-b")
    assert len({row.tobytes() for row in signatures}) == 5


@pytest.mark.skipif(
    bindings.core is None, reason="only the native core lets other threads run"
)
def test_other_threads_run_during_a_batch() -> None:
    if active.name != "native":
        pytest.skip("the Python backend is in use; unset GOSTKEY_BACKEND")
    keys = batch.generate(64)
    digests = np.zeros((64, 32), np.uint8)
    signatures = batch.sign(keys.private, digests, "tc26-256-b")
    many = [np.tile(array, (60, 1)) for array in (keys.public, signatures, digests)]
    done = threading.Event()
    ticks = 0

    def check() -> None:
        assert batch.verify(*many, "tc26-256-b", threads=1).all()
        done.set()

    worker = threading.Thread(target=check)
    worker.start()
    # With the GIL held for the whole call, this loop would turn once or twice.
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    worker.join()
    assert ticks > 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system with fork")
def test_child_process_generates_other_keys() -> None:
    batch.generate(2)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, batch.generate(2, threads=1).private.tobytes())
        finally:
            os._exit(0)
    os.close(writing)
    ours = batch.generate(2).private.tobytes()
    with os.fdopen(reading, "rb") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)
    assert len(theirs) == 64
    assert {theirs[:32], theirs[32:]}.isdisjoint({ours[:32], ours[32:]})
