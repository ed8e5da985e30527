"""Containers opened together: as one after the other, and in two derivations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import samples
from cryptography.hazmat import asn1
from real_containers import Real

from gostkey import curves, kdf
from gostkey.backend import active
from gostkey.containers import (
    Container,
    OpenContainer,
    open_many,
    parse_public_many,
    protection,
    schemas,
)
from gostkey.errors import (
    ContainerDamaged,
    GostKeyError,
    LengthError,
    PasswordRequired,
    WrongPassword,
)
from gostkey.keyforms import Scheme

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


def with_mask(files: dict[str, bytes], mask: bytes) -> dict[str, bytes]:
    """Put another mask into the first pair, with a MAC that is right."""
    old = asn1.decode_der(schemas.MasksFile, files["masks.key"])
    profile = protection.profile_of(Scheme.GOST_2012)
    mac = protection.mask_mac(profile, mask, old.salt)
    made = schemas.MasksFile(mask=mask, salt=old.salt, mac=mac)
    return files | {"masks.key": asn1.encode_der(made)}


def test_a_mask_of_zero_among_others_is_told() -> None:
    zero = with_mask(PLAIN.files, bytes(32))
    wrong = with_mask(PLAIN.files, b"\1" * 32)
    others = [samples.container(f"plain {i}") for i in range(3)]
    files = [others[0].files, zero, others[1].files, wrong, others[2].files]
    parsed = [Container.parse(one) for one in files]
    opened = open_many(parsed, [None] * 5)
    for container, result in zip(parsed, opened, strict=True):
        assert isinstance(result, OpenContainer)
        with container.open() as alone:
            assert shown(result) == shown(alone)
    assert isinstance(opened[1], OpenContainer) and opened[1].used_reserve
    assert "the mask is 0 mod q" in opened[1].notes[0]
    assert isinstance(opened[3], OpenContainer)
    assert "do not hold the primary key" in opened[3].notes[0]
    for sample, result in zip(others, opened[::2], strict=True):
        assert isinstance(result, OpenContainer)
        assert result.keys["primary"] == sample.key and not result.used_reserve


def test_a_mask_that_is_too_short_is_a_fault_of_its_pair() -> None:
    short = schemas.MasksFile(mask=bytes(31), salt=bytes(12), mac=bytes(4))
    files = PLAIN.files | {"masks.key": asn1.encode_der(short)}
    with Container.parse(files).open() as opened:
        assert opened.used_reserve and "MAC does not match" in opened.notes[0]


def told(read: Container | GostKeyError) -> object:
    """What was read, in a form that can be compared."""
    if isinstance(read, GostKeyError):
        return type(read), str(read)
    header = read.header
    elements = [schemas.encode_element(one) for one in header.elements]
    facts = header.keys, header.attributes, header.password_mac, header.profile
    return read.name, facts, elements, read.pairs, read.files


def alone(files: dict[str, bytes]) -> Container | GostKeyError:
    try:
        return Container.parse(files)
    except GostKeyError as error:
        return error


def test_many_are_read_as_each_alone() -> None:
    header, name = PLAIN.files["header.key"], PLAIN.files["name.key"]
    several: list[dict[str, bytes]] = [
        PLAIN.files,
        {},
        {"header.key": header},
        PLAIN.files | {"header.key": header[:-1]},
        damaged(OTHER.files, "masks.key"),
        damaged(PLAIN.files, "header.key"),
        PLAIN.files | {"name.key": name[:-1]},
        PLAIN.files | {"primary.key": bytes(65537)},
        {"name.key": name, "header.key": header},
        LOCKED.files,
    ]
    together = Container.parse_many(several)
    for files, result in zip(several, together, strict=True):
        assert told(result) == told(alone(files))
    good = [isinstance(one, Container) for one in together]
    assert good == [True, *[False] * 3, True, *[False] * 3, True, True]
    for found, result in zip(parse_public_many(several), together, strict=True):
        if isinstance(found, GostKeyError):
            assert told(found) == told(result)
        else:
            assert isinstance(result, Container)
            assert (found[0], found[1].keys) == (result.name, result.keys)


def test_a_header_that_is_no_bytes_is_not_taken_unread() -> None:
    files: Any = PLAIN.files | {"header.key": bytearray(PLAIN.files["header.key"])}
    with pytest.raises(TypeError):
        parse_public_many([PLAIN.files, files])


@pytest.mark.parametrize("call", ["divide_mod_q_into", "multiply_mod_q_into"])
def test_a_key_is_wiped_when_the_call_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    seen: list[bytearray] = []

    def cut_off(curve: int, out: bytearray, *_: object) -> None:
        out[:1] = b"k"
        seen.append(out)
        raise KeyboardInterrupt

    monkeypatch.setattr(active.elliptic, call, cut_off)
    work = protection.unwrap if call.startswith("divide") else protection.wrap
    profile, curve = protection.profile_of(Scheme.GOST_2012), curves.get("tc26-256-a")
    with pytest.raises(KeyboardInterrupt):
        work(profile, curve, bytes(32), bytes(32), bytes([1] * 32))
    (out,) = seen
    assert len(out) == 32 and not any(out)


def test_many_real_headers_are_read_as_each_alone(real: Real) -> None:
    others = [LOCKED.files, OTHER.files, PLAIN.files]
    together = Container.parse_many([*others, real.files, *others])
    assert told(together[3]) == told(alone(real.files))


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
