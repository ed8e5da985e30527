"""What is in the files: name, header, password, both pairs, certificate, dates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import samples
from cryptography.hazmat import asn1

from gostkey.containers import Container, build_container, schemas
from gostkey.containers.header import put_certificate, put_elements, read_header, seal
from gostkey.doctor import Doctor, Passwords, Severity, Surroundings
from gostkey.errors import PasswordRequired
from gostkey.signing import SigningKey

from .conftest import Look, faults

MADE, DAY = samples.MADE, timedelta(days=1)


def flip(file: Path, position: int = -1) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)


def without(files: dict[str, bytes], *tags: bytes) -> bytes:
    """Return header.key without some of its elements, with a right MAC."""
    header = read_header(files["header.key"])
    left = [one for one in header.elements if one.tag_bytes not in tags]
    return seal(header.profile, asn1.encode_der(schemas.Elements(element=left)))


# -- name and header --------------------------------------------


def test_a_damaged_name(look: Look, box: Path) -> None:
    flip(box / "name.key", 0)
    assert list(look(box)) == ["name-damaged"]


@pytest.mark.parametrize("position", [0, 40, -1])
def test_a_damaged_header(look: Look, box: Path, position: int) -> None:
    flip(box / "header.key", position)
    assert list(look(box)) == ["header-damaged"]


def test_a_container_of_an_unknown_kind(look: Look, box: Path) -> None:
    header = read_header((box / "header.key").read_bytes())
    shared = asn1.decode_der(asn1.TLV, asn1.encode_der(asn1.BitString(b"\x50", 4)))
    (box / "header.key").write_bytes(put_elements(header, shared))
    assert list(look(box)) == ["header-unsupported"]


# -- passwords --------------------------------------------------


@pytest.fixture
def locked(drive: Path) -> Path:
    """Make a container with a password."""
    sample = samples.container("ivanov-2026", password="Gostkey-1")
    return sample.write(drive / "ivanov-2.000")


def given(password: str | None) -> Passwords:
    return Passwords(lambda container, place: password)


def kept(remembered: str, password: str | None = None) -> Passwords:
    return Passwords(lambda *_: password, lambda *_: remembered)


def test_the_right_password(look: Look, locked: Path) -> None:
    assert look(locked, passwords=given("Gostkey-1")) == {}


def test_without_the_password_only_the_keys_are_not_looked_at(
    look: Look, locked: Path
) -> None:
    told = look(locked)
    assert list(told) == ["password-needed", "key-not-opened"]
    assert told["password-needed"].severity is Severity.NOT_CHECKED
    assert told["password-needed"].error is None


def test_nobody_there_to_be_asked(look: Look, locked: Path) -> None:
    def ask(container: Container, place: Path) -> str | None:
        raise PasswordRequired("no terminal")

    told = look(locked, passwords=Passwords(ask))
    assert isinstance(told["password-needed"].error, PasswordRequired)


def test_a_wrong_password(look: Look, locked: Path) -> None:
    told = look(locked, passwords=given("Gostkey-2"))
    assert list(told) == ["password-wrong", "key-not-opened"]


@pytest.mark.parametrize(
    ("typed", "how"),
    [
        ("gOSTKEY-1", "Caps Lock"),
        ("Gostkey-1 ", "spaces"),
        ("Пщыелун-1", "the keyboard layout"),
        ("пЩЫЕЛУН-1", "and Caps Lock"),
    ],
)
def test_a_right_password_that_was_typed_wrong(
    look: Look, locked: Path, typed: str, how: str
) -> None:
    told = look(locked, passwords=given(typed))
    assert list(told) == ["password-keyboard", "key-not-opened"]
    assert how in told["password-keyboard"].cause
    for finding in told.values():
        assert "Gostkey-1" not in repr(finding) and typed.strip() not in repr(finding)


def test_a_wrong_remembered_password_is_named(look: Look, locked: Path) -> None:
    told = look(locked, passwords=kept("old", "Gostkey-1"))
    assert list(told) == ["password-remembered-wrong"]
    assert f"--forget {locked}`" in told["password-remembered-wrong"].cure

    def nobody(*_: object) -> None:
        raise PasswordRequired("no terminal")

    told = look(locked, passwords=Passwords(nobody, lambda *_: "old"))
    assert list(told) == ["password-remembered-wrong", "key-not-opened"]
    assert told["password-remembered-wrong"].severity is Severity.ERROR
    assert look(locked, passwords=kept("Gostkey-1")) == {}


def test_a_header_that_cannot_test_the_password(look: Look, locked: Path) -> None:
    files = samples.read(locked)
    header = without(files, schemas.TAG_PASSWORD_MAC)
    (locked / "header.key").write_bytes(header)
    told = look(locked, passwords=given("Gostkey-1"))
    assert list(told) == ["password-untested"]
    told = look(locked, passwords=given("Gostkey-2"))
    assert list(told) == [
        "password-untested",
        "pair-damaged",
        "reserve-damaged",
        "key-lost",
    ]


def test_a_password_that_the_container_does_not_have(look: Look, box: Path) -> None:
    told = look(box, passwords=Passwords(offered=True))
    assert list(told) == ["password-not-used"]
    assert told["password-not-used"].severity is Severity.NOTE


# -- keys -------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        ("primary.key", "pair-damaged"),
        ("masks.key", "pair-damaged"),
        ("primary2.key", "reserve-damaged"),
        ("masks2.key", "reserve-damaged"),
    ],
)
def test_a_damaged_pair_and_its_cure(
    look: Look, box: Path, file: str, fault: str
) -> None:
    flip(box / file)
    told = look(box)
    assert list(told) == [fault]
    # tests/cli/test_container_check.py tries the cure.
    assert f"`gostkey container repair {box}`" in told[fault].cure


def test_a_key_of_which_no_copy_is_whole(look: Look, box: Path) -> None:
    flip(box / "primary.key")
    (box / "masks2.key").unlink()
    told = look(box)
    assert list(told) == [
        "key-file-missing",
        "pair-damaged",
        "reserve-missing",
        "key-lost",
    ]
    for fault in ("pair-damaged", "reserve-missing", "key-lost"):
        assert "repair" not in told[fault].cure and "backup" in told[fault].cure


def test_a_container_that_never_had_a_reserve(look: Look, box: Path) -> None:
    header = read_header((box / "header.key").read_bytes())
    none = asn1.decode_der(asn1.TLV, asn1.encode_der(asn1.BitString(b"", 0)))
    (box / "header.key").write_bytes(put_elements(header, none))
    for name in ("primary2.key", "masks2.key"):
        (box / name).unlink()
    told = look(box)
    assert list(told) == ["reserve-absent"]
    assert told["reserve-absent"].severity is Severity.WARNING


def test_a_reserve_that_was_deleted(look: Look, box: Path) -> None:
    for name in ("primary2.key", "masks2.key"):
        (box / name).unlink()
    assert list(look(box)) == ["reserve-missing"]


def test_a_container_without_a_public_key(look: Look, box: Path) -> None:
    header = without(samples.read(box), schemas.TAG_PRIMARY_FINGERPRINT)
    (box / "header.key").write_bytes(header)
    assert list(look(box)) == ["public-key-absent"]


def test_a_reserve_of_another_container(look: Look, box: Path) -> None:
    header = without(samples.read(box), schemas.TAG_PRIMARY_FINGERPRINT)
    (box / "header.key").write_bytes(header)
    other = samples.container("other").files
    for name in ("primary2.key", "masks2.key"):
        (box / name).write_bytes(other[name])
    assert "reserve-other-key" in look(box)


# -- certificates -----------------------------------------------


def install(box: Path, certificate: bytes) -> None:
    header = read_header((box / "header.key").read_bytes())
    (box / "header.key").write_bytes(put_certificate(header, "primary", certificate))


def test_a_key_without_a_certificate(look: Look, drive: Path) -> None:
    place = samples.container("abc", with_certificate=False).write(drive / "abc.000")
    assert list(look(place)) == ["certificate-absent"]


def test_a_certificate_of_another_key(look: Look, box: Path) -> None:
    install(box, samples.certificate_of(SigningKey.generate("tc26-256-b")))
    assert list(look(box)) == ["certificate-other-key"]


def test_something_that_is_no_certificate(look: Look, box: Path) -> None:
    install(box, b"0\x03\x02\x01\x00")
    assert list(look(box)) == ["certificate-unreadable"]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, ["certificate-early", "renewal-due"]),
        (1, []),
        (304, []),
        (306, ["renewal-due"]),
        (364, ["renewal-due"]),
        (365 - 1 / 24, ["renewal-refused"]),
        (366, ["certificate-expired", "key-expired", "renewal-refused"]),
    ],
)
def test_the_dates(look: Look, box: Path, days: float, expected: list[str]) -> None:
    told = look(box, at=MADE + days * DAY)
    if days < 0:  # not due for a year, whatever the clock says
        expected = ["certificate-early"]
    assert list(told) == expected


def test_a_key_that_may_not_be_used_yet(look: Look, box: Path) -> None:
    header = read_header((box / "header.key").read_bytes())
    period = asn1.encode_der(
        schemas.UsagePeriod(
            not_before=asn1.GeneralizedTime(MADE + 9 * DAY),
            not_after=asn1.GeneralizedTime(MADE + 99 * DAY),
        )
    )
    oid = schemas.PERIOD_OF_EXCHANGE_KEY
    one = schemas.Extensions(element=[schemas.Extension(oid=oid, value=period)])
    element = next(e for e in header.elements if e.tag_bytes == schemas.TAG_EXTENSIONS)
    new = asn1.encode_der(one)
    elements = [
        asn1.decode_der(schemas.Elements, b"0" + bytes([len(new)]) + new).element[0]
        if one_ is element
        else one_
        for one_ in header.elements
    ]
    sealed = seal(header.profile, asn1.encode_der(schemas.Elements(element=elements)))
    (box / "header.key").write_bytes(sealed)
    told = look(box)
    assert "key-early" in told


def test_real_containers_are_sound(around: Surroundings, fixtures: Path) -> None:
    from real_containers import PASSWORDS

    for name, password in PASSWORDS.items():
        doctor = Doctor(given(password), around=around, at=MADE)
        told = faults(list(doctor.examine(fixtures / "containers" / name)))
        severities = {one.severity for one in told.values()}
        assert Severity.ERROR not in severities, (name, told)


def test_a_container_with_two_keys_tells_of_both(
    around: Surroundings, fixtures: Path
) -> None:
    doctor = Doctor(around=around, at=MADE)
    (one,) = doctor.examine(fixtures / "containers" / "the4ups-two-keys")
    renewals = [f.subject for f in one.findings if f.check == "renewal"]
    assert renewals == ["primary key", "secondary key"]


# -- a certificate without a key --------------------------------


def test_certificates_whose_key_is_elsewhere(look: Look, box: Path) -> None:
    key = SigningKey.generate("tc26-256-b")
    (box.parent / "petrov.cer").write_bytes(samples.certificate_of(key))
    mine = Container.parse(samples.read(box)).keys[0].certificate
    assert mine is not None
    (box.parent / "ivanov.cer").write_bytes(mine)
    (box / "broken.cer").write_bytes(b"0")
    told = look(box.parent)
    assert list(told) == ["certificate-without-key"]
    assert told["certificate-without-key"].severity is Severity.WARNING


def test_a_certificate_beside_its_key_has_its_key(look: Look, drive: Path) -> None:
    key = SigningKey.generate("tc26-256-b")
    files = build_container("abc", key, not_after=MADE + 400 * DAY)
    place = samples.write(drive / "abc.000", files)
    (place / "abc.cer").write_bytes(samples.certificate_of(key))
    assert list(look(place)) == ["certificate-absent"]
