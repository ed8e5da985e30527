"""The chain of a key's certificate, and whether it was revoked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import samples
import small_pki
from small_pki import DAY, NOW, PERSON, Party

from gostkey.containers import build_container
from gostkey.doctor import Doctor, Surroundings, Trust
from gostkey.pki import extensions as ext
from gostkey.pki.crls import Revoked
from gostkey.pki.names import Name

from .conftest import faults

MIDDLE = Name.build([("C", "RU"), ("CN", "Пробный промежуточный")])
OTHER = Name.build([("C", "RU"), ("CN", "Чужой корень")])
ISSUER_URLS = "http://ca.example.ru/middle.cer"
CRL_URL = "http://ca.example.ru/list.crl"


@pytest.fixture(scope="module")
def root() -> Party:
    return small_pki.new_root()


@pytest.fixture(scope="module")
def middle(root: Party) -> Party:
    return root.authority(MIDDLE, "cryptopro-xcha")


@pytest.fixture(scope="module")
def owner(middle: Party) -> Party:
    points = ext.crl_distribution_points([CRL_URL])
    return middle.subscriber(PERSON, "cryptopro-xcha", more=[points])


@pytest.fixture
def place(owner: Party, drive: Path) -> Path:
    files = build_container(
        "ivanov",
        owner.key,
        certificate=owner.certificate.der,
        not_after=NOW + 400 * DAY,
    )
    return samples.write(drive / "ivanov.000", files)


def look(
    place: Path, around: Surroundings, trust: Trust, at: Any = NOW
) -> dict[str, Any]:
    return faults(list(Doctor(trust=trust, at=at, around=around).examine(place)))


def all_of(root: Party, middle: Party, **changes: Any) -> Trust:
    known: dict[str, Any] = {
        "roots": [root.certificate],
        "intermediates": [middle.certificate],
        "crls": [root.crl(), middle.crl()],
    }
    return Trust(**{**known, **changes})


def test_a_whole_chain_is_right(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    assert look(place, around, all_of(root, middle)) == {}


def test_without_an_authority_it_is_said_that_nothing_was_checked(
    place: Path, around: Surroundings
) -> None:
    (one,) = Doctor(at=NOW, around=around).examine(place)
    told = next(f for f in one.findings if f.check == "chain")
    assert (told.fault, told.severity.value) == ("chain-not-asked", "not-checked")
    assert not told.stops


def test_a_missing_intermediate_certificate(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    told = look(place, around, all_of(root, middle, intermediates=[]))
    assert list(told) == ["chain-broken"]
    assert "Пробный промежуточный" in told["chain-broken"].cause


def test_a_missing_root(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    other = small_pki.new_root(subject=OTHER)
    told = look(place, around, all_of(root, middle, roots=[other.certificate]))
    assert list(told) == ["chain-broken"]
    assert "Пробный корень" in told["chain-broken"].cause


def test_a_root_that_nobody_trusts(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    other = small_pki.new_root(subject=OTHER)
    trust = all_of(
        root,
        middle,
        roots=[other.certificate],
        intermediates=[middle.certificate, root.certificate],
    )
    told = look(place, around, trust)
    assert list(told) == ["chain-untrusted"]
    assert "Пробный корень" in told["chain-untrusted"].cause


def test_an_authority_whose_time_is_over(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    told = look(place, around, all_of(root, middle), NOW + 66 * DAY)
    assert "chain-expired" in told


def test_a_chain_that_does_not_fit_together(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    # An authority of the same name with another key.
    impostor = root.authority(MIDDLE, "cryptopro-xcha")
    told = look(
        place, around, all_of(root, middle, intermediates=[impostor.certificate])
    )
    assert list(told) == ["chain-invalid"]


@pytest.mark.parametrize("kept", [0, 1])
def test_a_missing_list_of_revoked_certificates(
    place: Path, around: Surroundings, root: Party, middle: Party, kept: int
) -> None:
    crls = [root.crl(), middle.crl()][kept : kept + 1]
    told = look(place, around, all_of(root, middle, crls=crls))
    assert list(told) == ["crl-missing"]
    where = CRL_URL if kept == 0 else "the authority's site"
    assert where in told["crl-missing"].cure


def test_a_list_that_is_out_of_date(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    told = look(place, around, all_of(root, middle), NOW + 2 * DAY)
    assert list(told) == ["crl-stale"]


def test_a_list_that_another_has_signed(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    impostor = root.authority(MIDDLE, "cryptopro-xcha")
    told = look(place, around, all_of(root, middle, crls=[root.crl(), impostor.crl()]))
    assert list(told) == ["crl-invalid"]


def test_a_revoked_certificate(
    place: Path, around: Surroundings, root: Party, middle: Party, owner: Party
) -> None:
    line = Revoked(owner.certificate.serial, NOW - timedelta(hours=30))
    told = look(
        place, around, all_of(root, middle, crls=[root.crl(), middle.crl(line)])
    )
    assert list(told) == ["certificate-revoked"]


def test_revocation_that_was_not_asked_for(
    place: Path, around: Surroundings, root: Party, middle: Party
) -> None:
    trust = all_of(root, middle, crls=[], require_crl=False)
    told = look(place, around, trust)
    assert list(told) == ["crl-not-asked"]
