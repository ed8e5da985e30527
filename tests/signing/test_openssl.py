"""Bare signatures against the GOST engine of OpenSSL."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop.openssl import OpenSSL, missing
from parameter_sets import NAMES

import gostkey
from gostkey import SigningKey, keyforms


@pytest.fixture
def openssl(tmp_path: Path) -> OpenSSL:
    reason = missing(tmp_path)
    if reason:
        pytest.skip(reason)
    return OpenSSL(tmp_path)


@pytest.mark.parametrize("name", [*NAMES, "CryptoPro-A", "CryptoPro-XchB"])
def test_engine_verifies_ours_and_we_verify_its(openssl: OpenSSL, name: str) -> None:
    key = SigningKey.generate(name)
    digest = key.digest(b"message")
    openssl.write("own.pem", keyforms.pem(key.to_pkcs8(), "PRIVATE KEY"))
    openssl.write("public.pem", keyforms.pem(key.verifying_key.to_spki(), "PUBLIC KEY"))
    openssl.write("digest", digest)
    openssl.write("ours", key.sign_digest(digest))
    verify = "pkeyutl -engine gost -verify -pubin -inkey public.pem -in digest"
    said = openssl.check(*verify.split(), "-sigfile", "ours")
    assert "Signature Verified Successfully" in said
    sign = "pkeyutl -engine gost -sign -inkey own.pem -in digest -out theirs"
    openssl.check(*sign.split())
    theirs = (openssl.folder / "theirs").read_bytes()
    key.verifying_key.verify_digest(theirs, digest)
    with pytest.raises(gostkey.InvalidSignature):
        key.verifying_key.verify(theirs, b"massage")
