"""Any bytes as key, point, signature or UKM: a result or one of our errors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parameter_sets import NAMES

import gostkey
from gostkey import SigningKey, VerifyingKey, curves

KEYS = {name: SigningKey.from_bytes(b"\x05" * 32, name) for name in NAMES[2:5]}
KEYS |= {name: SigningKey.from_bytes(b"\x05" * 64, name) for name in NAMES[6:]}

octets = st.binary(max_size=130)
sized = st.one_of(octets, *(st.binary(min_size=n, max_size=n) for n in (32, 64, 128)))


@given(name=st.sampled_from(NAMES), data=sized)
@settings(max_examples=300, deadline=None)
def test_private_key_is_taken_or_refused(name: str, data: bytes) -> None:
    curve = curves.get(name)
    number = int.from_bytes(data, "little")
    good = len(data) == curve.size and 0 < number < curve.q
    try:
        key = SigningKey.from_bytes(data, name)
    except gostkey.GostKeyError as error:
        assert not good
        assert data.hex() not in str(error) or len(data) < 4
    else:
        assert good and key.to_bytes() == data


@given(name=st.sampled_from(NAMES), data=sized)
@settings(max_examples=300, deadline=None)
def test_random_points_are_refused(name: str, data: bytes) -> None:
    with pytest.raises(gostkey.GostKeyError, match="public key: "):
        VerifyingKey.from_bytes(data, name)


@given(name=st.sampled_from(sorted(KEYS)), signature=sized, message=octets)
@settings(max_examples=300, deadline=None)
def test_random_signatures_do_not_verify(
    name: str, signature: bytes, message: bytes
) -> None:
    with pytest.raises(gostkey.InvalidSignature):
        KEYS[name].verifying_key.verify(signature, message)


@given(name=st.sampled_from(sorted(KEYS)), ukm=sized)
@settings(max_examples=200, deadline=None)
def test_ukm_is_taken_or_refused(name: str, ukm: bytes) -> None:
    key = KEYS[name]
    curve = key.curve
    good = 1 <= len(ukm) <= curve.size and int.from_bytes(ukm, "little") % curve.q
    try:
        shared = key.exchange(key.verifying_key, ukm)
    except gostkey.GostKeyError as error:
        assert not good and "UKM" in str(error)
    else:
        assert good and len(shared) == 32
