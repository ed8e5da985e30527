"""Containers made by CryptoPro CSP give the keys that their owners published."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import samples
from real_containers import Real, read_real

from gostkey.containers import Container, with_certificate
from gostkey.errors import (
    CertificateMismatch,
    ContainerDamaged,
    PasswordRequired,
    WrongPassword,
)
from gostkey.signing import Scheme, SigningKey, VerifyingKey

AT = datetime(2020, 1, 1, tzinfo=timezone.utc)


def keys_of(keys: dict[str, SigningKey]) -> dict[str, tuple[bytes, bytes]]:
    return {
        slot: (key.to_bytes(), key.verifying_key.to_bytes())
        for slot, key in keys.items()
    }


def test_first_pair_gives_the_published_keys(real: Real) -> None:
    with Container.parse(real.files).open(real.password) as opened:
        assert keys_of(opened.keys) == real.expected
        assert not opened.used_reserve
        assert opened.notes == []


@pytest.mark.parametrize("lost", ["primary.key", "masks.key"])
def test_reserve_pair_gives_the_published_keys(real: Real, lost: str) -> None:
    del real.files[lost]
    with Container.parse(real.files).open(real.password) as opened:
        assert keys_of(opened.keys) == real.expected
        assert opened.used_reserve
        assert lost in opened.notes[0]


def test_every_check_is_good(real: Real) -> None:
    findings = Container.parse(real.files).check(real.password, AT)
    assert not [finding for finding in findings if finding.state == "bad"]
    pairs = [f for f in findings if f.code in ("pair", "reserve")]
    assert len(pairs) == 2 * len(real.expected)
    assert {finding.state for finding in pairs} == {"good"}


def test_check_without_the_password_leaves_the_keys_unchecked(real: Real) -> None:
    findings = Container.parse(real.files).check(None, AT)
    pairs = {f.state for f in findings if f.code in ("pair", "reserve")}
    assert pairs == ({"unchecked"} if real.password else {"good"})


def test_a_password_is_asked_for_and_tested(real: Real) -> None:
    container = Container.parse(real.files)
    assert container.has_password == (real.password is not None)
    if real.password is None:
        with container.open("any") as opened:
            assert "no password" in opened.notes[0]
        return
    with pytest.raises(PasswordRequired):
        container.open()
    for wrong in (real.password + "1", ""):
        with pytest.raises(WrongPassword):
            container.open(wrong)


def test_fingerprint_of_another_key_is_not_accepted(real: Real) -> None:
    with SigningKey.generate() as other:
        foreign = samples.certificate_of(other)
        with pytest.raises(CertificateMismatch):
            with_certificate(real.files, foreign)


def test_certificate_goes_in_and_nothing_else_changes(real: Real) -> None:
    """Certificates for real keys, the MAC under either S-box, second keys, too."""
    for slot, entry in zip(
        real.expected, Container.parse(real.files).keys, strict=True
    ):
        private, public = real.expected[slot]
        with SigningKey.from_bytes(private, entry.curve) as key:
            certificate = samples.certificate_of(key)
        vk = VerifyingKey.from_bytes(public, entry.curve)
        changed = with_certificate(real.files, certificate, vk)
        assert {n for n in changed if changed[n] != real.files[n]} == {"header.key"}
        container = Container.parse(changed)
        installed = {k.slot: k.certificate for k in container.keys}
        before = {k.slot: k.certificate for k in Container.parse(real.files).keys}
        assert installed == before | {slot: certificate}
        assert container.header.attributes == (0xC0 if real.password else 0x40)


def test_names_curves_and_dates_are_those_of_the_readme(fixtures: Path) -> None:
    cyrillic = Container.parse(read_real(fixtures, "dbfun-cyrillic").files)
    assert cyrillic.name == "тестовое название контейнера"
    (key,) = cyrillic.keys
    assert (key.usage, key.exportable, key.scheme) == (
        "exchange",
        True,
        Scheme.GOST_2012,
    )
    assert (key.curve.name, key.curve.oid) == ("tc26-256-b", "1.2.643.2.2.36.0")
    assert key.not_after == datetime(2020, 5, 24, 7, 21, 16, tzinfo=timezone.utc)
    description = cyrillic.describe()["keys"][0]
    assert description["certificate"]["sha1"] == (
        "e411292a28b4ed59fdccbba291f9d71759d3511a"
    )
    owner = bytes.fromhex(description["certificate"]["subject_der"])
    assert owner in (key.certificate or b"")

    old = Container.parse(read_real(fixtures, "selenoid-2001").files)
    assert old.keys[0].scheme is Scheme.GOST_2001
    assert (
        not Container.parse(read_real(fixtures, "pysig-test").files).keys[0].exportable
    )

    two = Container.parse(read_real(fixtures, "the4ups-two-keys").files)
    assert [(k.slot, k.usage, k.exportable) for k in two.keys] == [
        ("primary", "signature", False),
        ("secondary", "exchange", False),
    ]
    assert [k.not_after.isoformat() for k in two.keys if k.not_after] == [
        "2022-08-13T10:20:08+00:00",
        "2022-08-13T10:20:21+00:00",
    ]


def test_files_of_different_containers_do_not_mix(fixtures: Path) -> None:
    one = read_real(fixtures, "dbfun-no-pin")
    other = read_real(fixtures, "dbfun-cyrillic")
    mixed = one.files | {"primary.key": other.files["primary.key"]}
    with Container.parse(mixed).open() as opened:
        assert opened.used_reserve
        assert keys_of(opened.keys) == one.expected
    mixed = one.files | {"header.key": other.files["header.key"]}
    with pytest.raises(ContainerDamaged, match="cannot be restored"):
        Container.parse(mixed).open()


def test_one_key_may_come_from_each_pair(fixtures: Path) -> None:
    """Two keys, the first damaged in one pair and the second in the other."""
    real = read_real(fixtures, "the4ups-two-keys")
    for name, at in (("primary.key", 10), ("primary2.key", 50)):
        data = bytearray(real.files[name])
        data[at] ^= 1
        real.files[name] = bytes(data)
    with Container.parse(real.files).open() as opened:
        assert keys_of(opened.keys) == real.expected
        assert opened.used_reserve
