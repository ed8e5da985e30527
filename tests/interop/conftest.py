"""The oracles, made once a run; a test is skipped where one is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from interop import bouncycastle
from interop import openssl as openssl_module
from interop.bouncycastle import BouncyCastle
from interop.openssl import OpenSSL


@pytest.fixture(scope="session")
def _openssl_missing(tmp_path_factory: pytest.TempPathFactory) -> str:
    return openssl_module.missing(tmp_path_factory.mktemp("openssl"))


@pytest.fixture
def openssl(_openssl_missing: str, tmp_path: Path) -> OpenSSL:
    """OpenSSL with the GOST engine, in a folder of the test."""
    if _openssl_missing:
        pytest.skip(_openssl_missing)
    return OpenSSL(tmp_path)


@pytest.fixture(scope="session")
def bc(tmp_path_factory: pytest.TempPathFactory) -> BouncyCastle:
    """BouncyCastle's verifier."""
    why = bouncycastle.missing()
    if why:
        pytest.skip(why)
    return BouncyCastle(tmp_path_factory.mktemp("bouncycastle"))
