"""Real containers and one of ours."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
import samples
from real_containers import PASSWORDS, Real, read_real

import gostkey
from gostkey import kdf


@pytest.fixture(params=PASSWORDS)
def real(request: pytest.FixtureRequest, fixtures: Path) -> Real:
    """Each of the real containers."""
    return read_real(fixtures, request.param)


@pytest.fixture(scope="session")
def sample() -> samples.Sample:
    """A container of ours with a certificate and without a password."""
    return samples.container("sample-0001")


@lru_cache(maxsize=256)
def _derived(backend: str, password: str, salt: bytes, hash_name: str) -> bytes:
    return _container_key(password, salt, hash_name)


_container_key = kdf.container_key


@pytest.fixture(autouse=True)
def derive_each_storage_key_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember storage keys: with a password each takes seconds on the fallback."""
    monkeypatch.setattr(
        kdf,
        "container_key",
        lambda password, salt, hash_name: _derived(
            gostkey.backend().name, password, bytes(salt), hash_name
        ),
    )
    monkeypatch.setattr(
        kdf,
        "container_keys",
        lambda passwords, salts, hash_name: [
            _derived(gostkey.backend().name, password, bytes(salt), hash_name)
            for password, salt in zip(passwords, salts, strict=True)
        ],
    )
