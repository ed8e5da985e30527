"""Passwords in the key ring: for which container, which rings, and forgotten how."""

from __future__ import annotations

import builtins
import dataclasses
from typing import Any

import pytest
import samples
from key_rings import InMemory, keyring, use

from gostkey.containers import Container, renamed, with_password
from gostkey.errors import ContainerError, KeyRingError, RememberedPasswordWrong
from gostkey.media import KeyRing, recalled

SAMPLE = samples.container("sample-0001", password="secret", with_certificate=False)
CONTAINER = Container.parse(SAMPLE.files)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    ring = InMemory()
    use(monkeypatch, ring)
    return ring


def test_a_container_is_known_by_name_and_public_key(ring: InMemory) -> None:
    KeyRing().remember(CONTAINER, "secret")
    assert recalled(CONTAINER) == "secret"
    public = SAMPLE.key.verifying_key.to_bytes()
    account = f"sample-0001 [{public[:8].hex()}]"
    assert ring.kept["gostkey key container", account] == "secret"
    # A copy is the same; another key of that name and another name are not.
    assert recalled(Container.parse(dict(SAMPLE.files))) == "secret"
    other = samples.container("sample-0001", password="secret", with_certificate=False)
    assert recalled(Container.parse(other.files)) is None
    assert recalled(Container.parse(renamed(SAMPLE.files, "ivanov"))) is None


def test_another_password_takes_the_place_of_the_first(ring: InMemory) -> None:
    KeyRing().remember(CONTAINER, "old")
    KeyRing().remember(CONTAINER, "secret")
    assert recalled(CONTAINER) == "secret" and KeyRing().forget_all() == 1
    assert not ring.kept


def test_a_password_that_was_changed_elsewhere_is_the_cause(ring: InMemory) -> None:
    KeyRing().remember(CONTAINER, "secret")
    changed = Container.parse(with_password(SAMPLE.files, "secret", "Another"))
    with pytest.raises(RememberedPasswordWrong, match="changed elsewhere") as caught:
        recalled(changed)
    assert "secret" not in str(caught.value)


def test_forgetting_one_leaves_the_others(ring: InMemory) -> None:
    second = Container.parse(renamed(SAMPLE.files, "Второй"))
    KeyRing().remember(CONTAINER, "secret")
    KeyRing().remember(second, "secret")
    assert KeyRing().forget(CONTAINER) and not KeyRing().forget(CONTAINER)
    assert recalled(CONTAINER) is None and recalled(second) == "secret"
    assert KeyRing().forget_all() == 1 and not ring.kept


def test_all_are_forgotten_however_many_there_are(ring: InMemory) -> None:
    for number in range(60):
        # Names of the longest kind: the list takes several entries of the ring.
        one = dataclasses.replace(CONTAINER, name=f"{number:0260d}")
        KeyRing().remember(one, "secret")
    assert len(ring.kept) > 61
    ring.kept["another program", "its account"] = "stays"
    assert KeyRing().forget_all() == 60
    assert ring.kept == {("another program", "its account"): "stays"}
    assert KeyRing().forget_all() == 0


def test_without_a_public_key_in_the_header_nothing_is_kept(ring: InMemory) -> None:
    entry = dataclasses.replace(CONTAINER.keys[0], fingerprint=None)
    header = dataclasses.replace(CONTAINER.header, keys=(entry,))
    one = dataclasses.replace(CONTAINER, header=header)
    with pytest.raises(ContainerError, match="public key"):
        KeyRing().remember(one, "secret")
    assert recalled(one) is None and not KeyRing().forget(one) and not ring.kept


# -- key rings that are none -------------------------------------------------


def test_the_library_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "keyring":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(KeyRingError, match=r'pip install "gostkey\[keyring\]"'):
        KeyRing()
    assert recalled(CONTAINER) is None


def test_a_machine_without_a_service_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keyring.backends import fail

    use(monkeypatch, fail.Keyring(), trusted=False)
    with pytest.raises(KeyRingError, match="offers no key ring") as caught:
        KeyRing()
    assert "GNOME Keyring" in str(caught.value)
    assert recalled(CONTAINER) is None


def test_what_forgets_or_keeps_plain_text_is_never_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keyring.backends import null

    plain = type("PlaintextKeyring", (InMemory,), {"__module__": "keyrings.alt.file"})()
    for ring in (null.Keyring(), plain):
        use(monkeypatch, ring, trusted=False)
        with pytest.raises(KeyRingError, match=type(ring).__module__):
            KeyRing()
        assert recalled(CONTAINER) is None
    assert not plain.kept


def test_of_several_in_a_row_the_systems_own_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = type("PlaintextKeyring", (InMemory,), {"__module__": "keyrings.alt.file"})()
    own = InMemory()
    use(monkeypatch, own)
    chain = type("ChainerBackend", (), {"backends": [plain, own]})()
    chain.__class__.__module__ = "keyring.backends.chainer"
    monkeypatch.setattr(keyring, "get_keyring", lambda: chain)
    KeyRing().remember(CONTAINER, "secret")
    assert own.kept and not plain.kept


def test_a_locked_ring_is_told_and_repeats_no_password(ring: InMemory) -> None:
    ring.failing = keyring.errors.KeyringLocked("Failed to unlock the collection!")
    with pytest.raises(KeyRingError, match="Failed to unlock"):
        KeyRing().remember(CONTAINER, "secret")
    ring.failing = RuntimeError("cannot store secret")
    with pytest.raises(KeyRingError, match="RuntimeError") as caught:
        KeyRing().remember(CONTAINER, "secret")
    assert "secret" not in str(caught.value)
    assert recalled(CONTAINER) is None


def test_a_configuration_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise ModuleNotFoundError("No module named 'nowhere'")

    monkeypatch.setattr(keyring, "get_keyring", broken)
    with pytest.raises(KeyRingError, match="cannot be loaded"):
        KeyRing()


def test_a_list_that_another_program_spoiled(ring: InMemory) -> None:
    KeyRing().remember(CONTAINER, "secret")
    ring.kept["gostkey key containers remembered", "1"] = "no list"
    assert recalled(CONTAINER) == "secret"
    KeyRing().remember(CONTAINER, "secret")
    assert KeyRing().forget_all() == 1
