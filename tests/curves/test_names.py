"""The parameter sets: their numbers, names and OIDs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from parameter_sets import SET_OF

import gostkey
from gostkey import curves
from gostkey.primitives import CURVES


def test_numbers_are_those_of_the_standards(vectors: Callable[[str], Any]) -> None:
    published = vectors("curves")["curves"]
    assert len(published) == len(curves.ALL) == 9
    for expected in published:
        curve = SET_OF[expected["id"]]
        for key in "pabqxy":
            assert getattr(curve, key) == int(expected[key], 16), (curve.name, key)
        assert curve.bits == expected["bits"] == 8 * curve.size
        assert curve.cofactor == expected["cofactor"]


def test_order_is_that_of_the_backends() -> None:
    assert tuple(curve.name for curve in curves.ALL) == CURVES
    assert [curve.index for curve in curves.ALL] == list(range(9))


def test_every_published_name_and_oid_is_found(vectors: Callable[[str], Any]) -> None:
    for expected in vectors("curves")["curves"]:
        for identifier in expected["oids"]:
            by_oid = curves.get(identifier["oid"])
            assert by_oid == SET_OF[expected["id"]]
            assert by_oid.oid == identifier["oid"]
            assert by_oid.official_name == identifier["name"]
            assert curves.get(identifier["name"]).oid == identifier["oid"]
            assert curves.get(identifier["name"].upper()).oid == identifier["oid"]


@pytest.mark.parametrize(
    ("name", "canonical", "oid"),
    [
        ("CryptoPro-A", "tc26-256-b", "1.2.643.2.2.35.1"),
        ("CryptoPro-XchA", "tc26-256-b", "1.2.643.2.2.36.0"),
        ("CryptoPro-B", "tc26-256-c", "1.2.643.2.2.35.2"),
        ("CryptoPro-C", "tc26-256-d", "1.2.643.2.2.35.3"),
        ("CryptoPro-XchB", "tc26-256-d", "1.2.643.2.2.36.1"),
        ("tc26-256-b", "tc26-256-b", "1.2.643.7.1.2.1.1.2"),
        ("TC26-512-A", "tc26-512-a", "1.2.643.7.1.2.1.2.1"),
    ],
)
def test_alias_keeps_its_own_oid(name: str, canonical: str, oid: str) -> None:
    curve = curves.get(name)
    assert (curve.name, curve.oid) == (canonical, oid)
    assert curve == curves.get(canonical)
    assert hash(curve) == hash(curves.get(canonical))


def test_curves_of_other_numbers_differ() -> None:
    assert len(set(curves.ALL)) == 9
    assert curves.get("tc26-256-a") != curves.get("tc26-256-b")


@pytest.mark.parametrize("name", ["", "tc26-256-e", "P-256", "1.2.643.2.2.35.9"])
def test_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(gostkey.UnknownCurve, match="tc26-256-b") as caught:
        curves.get(name)
    assert repr(name) in str(caught.value)


def test_groups_are_what_the_parameters_say() -> None:
    for curve in curves.ALL:
        x, y = curve.x, curve.y
        assert (y * y - x**3 - curve.a * x - curve.b) % curve.p == 0
        # Hasse: the number of points differs from p + 1 by at most 2 sqrt(p).
        assert (curve.cofactor * curve.q - curve.p - 1) ** 2 <= 4 * curve.p
        # Fermat, for two bases: p and q are (in all likelihood) prime.
        for prime in (curve.p, curve.q):
            assert pow(2, prime - 1, prime) == pow(3, prime - 1, prime) == 1
