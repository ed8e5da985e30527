"""VKO and KEG against the GOST engine of OpenSSL."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop.openssl import OpenSSL, missing
from parameter_sets import NAMES

from gostkey import SigningKey, VerifyingKey, agreement, keyforms

SEED = bytes(range(1, 33))


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSSL:
    reason = missing(tmp_path)
    if reason:
        pytest.skip(reason)
    return OpenSSL(tmp_path)


def derive(
    openssl: OpenSSL, key: SigningKey, peer: VerifyingKey, ukm: bytes, *options: str
) -> bytes:
    """Let the engine derive a key."""
    openssl.write("own.pem", keyforms.pem(key.to_pkcs8(), "PRIVATE KEY"))
    openssl.write("peer.pem", keyforms.pem(peer.to_spki(), "PUBLIC KEY"))
    command = "pkeyutl -engine gost -derive -inkey own.pem -peerkey peer.pem -out key"
    chosen = [f"ukmhex:{ukm.hex()}", *options]
    openssl.check(*command.split(), *(x for o in chosen for x in ("-pkeyopt", o)))
    return (openssl.folder / "key").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_engine_derives_the_same_keys(openssl: OpenSSL, name: str) -> None:
    key, peer = SigningKey.generate(name), SigningKey.generate(name)
    public = peer.verifying_key
    assert derive(openssl, key, public, SEED) == agreement.keg(
        key.to_bytes(), public.to_bytes(), SEED, name
    )
    for bits in (256, 512):
        for ukm in (SEED[:8], SEED):
            ours = peer.exchange(key.verifying_key, ukm, bits)
            assert derive(openssl, key, public, ukm, f"vko:{bits}") == ours
