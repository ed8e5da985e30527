"""Containers opened together: as one after the other, and in two derivations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import samples
from real_containers import Real

from gostkey import kdf
from gostkey.containers import Container, OpenContainer, open_many
from gostkey.errors import (
    ContainerDamaged,
    GostKeyError,
    LengthError,
    PasswordRequired,
    WrongPassword,
)

LOCKED = samples.container("locked", password="Gostkey-1")
OTHER = samples.container("other", curve="tc26-512-a", password="Another-2")
PLAIN = samples.container("plain")


def damaged(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    """Change the last byte of some files."""
    changed = {name: files[name][:-1] + bytes([files[name][-1] ^ 1]) for name in names}
    return files | changed


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many storage keys each call has derived from passwords."""
    counts: list[int] = []
    real = kdf.container_keys

    def counted(passwords: Sequence[str], *rest: Any) -> list[bytes]:
        counts.append(sum(1 for one in passwords if one))
        return real(passwords, *rest)

    monkeypatch.setattr(kdf, "container_keys", counted)
    return counts


def shown(result: OpenContainer | GostKeyError) -> object:
    if isinstance(result, GostKeyError):
        return type(result), str(result)
    keys = {slot: key.to_bytes() for slot, key in result.keys.items()}
    return keys, result.certificates, result.used_reserve, result.notes


CASES: list[tuple[dict[str, bytes], str | None, object]] = [
    (LOCKED.files, "Gostkey-1", LOCKED.key),
    (OTHER.files, "Another-2", OTHER.key),
    (PLAIN.files, None, PLAIN.key),
    (PLAIN.files, "not used", PLAIN.key),
    (LOCKED.files, "Another-2", WrongPassword),
    (LOCKED.files, "", WrongPassword),
    (LOCKED.files, None, PasswordRequired),
    (LOCKED.files, "x" * 257, LengthError),
    (damaged(LOCKED.files, "primary.key"), "Gostkey-1", LOCKED.key),
    (damaged(LOCKED.files, "masks.key"), "Gostkey-1", LOCKED.key),
    (damaged(LOCKED.files, "primary2.key"), "Gostkey-1", LOCKED.key),
    (damaged(LOCKED.files, "masks.key"), "wrong", WrongPassword),
    (damaged(LOCKED.files, "primary.key", "masks2.key"), "wrong", WrongPassword),
    (
        damaged(LOCKED.files, "primary.key", "primary2.key"),
        "Gostkey-1",
        ContainerDamaged,
    ),
]


def test_each_is_as_if_it_were_alone() -> None:
    containers = [Container.parse(files) for files, _, _ in CASES]
    passwords = [password for _, password, _ in CASES]
    together = open_many(containers, passwords)
    for container, (_, password, wanted), result in zip(
        containers, CASES, together, strict=True
    ):
        alone: OpenContainer | GostKeyError
        try:
            alone = container.open(password)
        except GostKeyError as error:
            alone = error
        assert shown(result) == shown(alone)
        if isinstance(wanted, type):
            assert isinstance(result, wanted)
        else:
            assert isinstance(result, OpenContainer)
            assert result.keys["primary"] == wanted
            result.close()


def test_many_need_one_derivation_each_in_one_call(derived: list[int]) -> None:
    containers = [Container.parse(LOCKED.files), Container.parse(OTHER.files)] * 5
    # The same container and password: the key is derived once.
    for opened in open_many(containers, ["Gostkey-1", "Another-2"] * 5):
        assert isinstance(opened, OpenContainer)
        opened.close()
    assert derived == [2]


def test_both_derivations_of_one_container_are_one_call(derived: list[int]) -> None:
    container = Container.parse(damaged(LOCKED.files, "primary.key"))
    with container.open("Gostkey-1") as opened:
        assert opened.used_reserve
    assert [n for n in derived if n] == [1, 2]
    del derived[:]
    with Container.parse(damaged(LOCKED.files, "masks.key")).open("Gostkey-1"):
        assert [n for n in derived if n] == [2]
    del derived[:]
    # Password, pair and reserve pair.
    assert all(
        one.state == "good"
        for one in Container.parse(LOCKED.files).check("Gostkey-1", samples.MADE)
    )
    assert [n for n in derived if n] == [3]


def test_real_containers_together(real: Real) -> None:
    first = Container.parse(real.files)
    (one, two) = open_many([first, Container.parse(PLAIN.files)], [real.password, None])
    assert isinstance(one, OpenContainer) and isinstance(two, OpenContainer)
    for slot, (private, public) in real.expected.items():
        assert one.keys[slot].to_bytes() == private
        assert one.keys[slot].verifying_key.to_bytes() == public


def test_a_password_is_wanted_for_each() -> None:
    with pytest.raises(LengthError, match="1 containers and 0 passwords"):
        open_many([Container.parse(PLAIN.files)], [])
    assert open_many([], []) == []


def test_nothing_stays_open_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def kept(self: Any, *rest: Any, **named: Any) -> None:
        OpenContainer.__init__(self, *rest, **named)  # type: ignore[misc]
        taken.append(self)

    def interrupted(self: Any) -> None:
        raise KeyboardInterrupt

    from gostkey.containers import opening

    class Kept(OpenContainer):
        __init__ = kept

    monkeypatch.setattr(opening, "OpenContainer", Kept)
    monkeypatch.setattr(opening._Opening, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Container.parse(PLAIN.files).open()
    (one,) = taken
    with pytest.raises(GostKeyError):
        one.keys["primary"].to_bytes()
