"""Subjects with Russian attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import EncodingError
from gostkey.pki import identifiers
from gostkey.pki.names import Attribute, Name

# From vectors to the kinds that `identifiers.fault` knows.
KINDS = {"INN10": "INNLE", "INN12": "INN"}


def test_check_digits_of_the_vectors(vectors: Callable[[str], Any]) -> None:
    found = vectors("identifiers")["vectors"]
    assert len(found) > 90
    for vector in found:
        kind = KINDS.get(vector["kind"], vector["kind"])
        assert (identifiers.fault(kind, vector["value"]) == "") is vector["valid"], (
            vector
        )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("INN", "123"),
        ("INN", "50010073225x"),
        ("SNILS", "112-233-445 95"),
        ("OGRN", "1027700132196"),
        ("INN", "０" * 12),  # digits, but not these
    ],
)
def test_a_fault_names_kind_and_value(kind: str, value: str) -> None:
    text = identifiers.fault(kind, value)
    assert kind in text and value in text


def test_legal_persons_inn_is_told_from_a_persons() -> None:
    assert identifiers.split_inn("007707083893") == ("INNLE", "7707083893")
    assert identifiers.split_inn("7707083893") == ("INNLE", "7707083893")
    assert identifiers.split_inn("500100732259") == ("INN", "500100732259")
    old = Name.build([("INN", "007707083893"), ("CN", "А")])
    new = Name.build([("INNLE", "7707083893"), ("INN", "500100732259"), ("CN", "А")])
    assert old.inn == new.inn == "7707083893"
    # Both zeros stay where they are: a renewal must not convert.
    assert old.get("INN") == "007707083893" and old.get("INNLE") is None


def test_types_are_those_of_the_order() -> None:
    name = Name.build(
        [
            ("INN", "500100732259"),
            ("INNLE", "7707083893"),
            ("OGRN", "1027700132195"),
            ("OGRNIP", "304500116000157"),
            ("SNILS", "11223344595"),
            ("C", "RU"),
            ("E", "a@example.ru"),
            ("CN", "Ж" * 87),
        ]
    )
    types = [a.type_name for a in name.attributes]
    assert types == ["NumericString"] * 5 + [
        "PrintableString",
        "IA5String",
        "UTF8String",
    ]
    assert Name.from_der(name.der) == name
    assert name.get("CN") == "Ж" * 87


def test_replacing_keeps_order_and_types_of_the_rest() -> None:
    name = Name.build(
        [
            ("CN", "Old", "PrintableString"),
            ("L", "Москва", "BMPString"),
            ("1.2.3.4", "anything", "TeletexString"),
        ]
    )
    changed = name.replaced("CN", "New")
    assert changed.attributes == (
        Attribute("2.5.4.3", "PrintableString", "New"),
        Attribute("2.5.4.7", "BMPString", "Москва"),
        Attribute("1.2.3.4", "TeletexString", "anything"),
    )
    assert changed.replaced("CN", "Old").der == name.der


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ([("KPP", "1")], "KPP"),
        ([("CN", "")], "empty"),
        ([("INN", "12")], "must be 12 or 10 digits"),
        ([("SNILS", "112-233-445 95")], "11 digits"),
        ([("C", "Россия")], "two letters"),
        ([("E", "почта@example.ru")], "IA5String"),
        ([("CN", "x", "NumericString")], "NumericString"),
        ([("CN", "x", "OctetString")], "unknown"),
        ([("1.2.x", "x")], "numbers with dots"),
    ],
)
def test_what_cannot_be_written_is_refused(
    attributes: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(EncodingError, match=words):
        Name.build(attributes)


def test_one_line_quotes_what_would_be_misread() -> None:
    name = Name.build([("O", 'ООО "А, Б"'), ("CN", "Иванов")])
    assert name.text() == 'O="ООО ""А, Б""", CN=Иванов'


def test_values_that_are_no_strings_show_in_hex() -> None:
    # 2.5.4.45 (unique identifier) is a BIT STRING.
    der = bytes.fromhex("300f310d300b06035504 2d0304 00abcdef".replace(" ", ""))
    assert Name.from_der(der).attributes == (Attribute("2.5.4.45", "", "030400abcdef"),)


@given(st.lists(st.tuples(st.sampled_from(["CN", "O", "OU"]), st.text(min_size=1))))
def test_any_text_comes_back(attributes: list[tuple[str, str]]) -> None:
    try:
        name = Name.build(attributes)
    except EncodingError:
        # Lone surrogates have no UTF-8.
        assert any("\ud800" <= c <= "\udfff" for _, text in attributes for c in text)
        return
    read = Name.from_der(name.der)
    assert [(a.label, a.value) for a in read.attributes] == attributes
