"""The storage key and the password MAC give published values on both backends.

Values of containers that their owners published, recovered by a program of
others; they need no fixture files.
"""

from __future__ import annotations

import pytest

from gostkey import curves
from gostkey.containers import protection
from gostkey.signing import Scheme

NO_PASSWORD = {
    "salt": "d2c9e2b957f793ce085ef2d3",
    "key": "ae37a5de157df5b538383fe90108482d6c2880af86974cd3f73aed2b272ccc44",
    "mask": "a3d1fda924362a1d48225554969846f2299a28d67f9ad773eee424cde4a631a7",
    "primary": "9ac5d653e543cae236f86d9f584c75e4eabb39980b12d59cbe94fa928d772b0f",
    "private": "ecdb942778273891576b4eb79f9a60fbba0fbd8d67d424fd0e10ec2bbf94161c",
}


def octets(name: str) -> bytes:
    return bytes.fromhex(NO_PASSWORD[name])


@pytest.mark.usefixtures("each_backend")
def test_storage_key_and_unwrapping() -> None:
    profile = protection.profile_of(Scheme.GOST_2012)
    curve = curves.get("1.2.643.2.2.36.0")
    key = protection.storage_key(profile, "", octets("salt"))
    assert key == octets("key")
    private = protection.unwrap(profile, curve, key, octets("primary"), octets("mask"))
    assert private == octets("private")
    wrapped = protection.wrap(profile, curve, key, private, octets("mask"))
    assert wrapped == octets("primary")


@pytest.mark.usefixtures("each_backend")
def test_mask_mac_of_a_published_token_dump() -> None:
    profile = protection.profile_of(Scheme.GOST_2012)
    mask = "adf4166647178a023958f128ee9a3102133c0168946b217e22e556ed2981ad7f"
    salt = "13368456de015b3fcff62d82"
    mac = protection.mask_mac(profile, bytes.fromhex(mask), bytes.fromhex(salt))
    assert mac.hex() == "d2c35c84"


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize(
    "scheme, password, fingerprint, mac",
    [
        (Scheme.GOST_2012, "12345678", "6f3d7864b8b23a3c", "5f0c1cc8"),
        (Scheme.GOST_2001, "password", "0736fa69f12b2753", "9b7135fa"),
    ],
)
def test_password_mac(
    scheme: Scheme, password: str, fingerprint: str, mac: str
) -> None:
    profile = protection.profile_of(scheme)
    found = protection.password_mac(profile, password, bytes.fromhex(fingerprint))
    assert found.hex() == mac
