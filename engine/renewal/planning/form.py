"""The office's form, filled from the certificate, and what differs from it.

A form that differs from the current certificate in any field means a changed
subject, which is not renewed remotely.  Numbers are compared as numbers: the
punctuation of a SNILS, and the two zeros before a legal person's INN in older
certificates, are not a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gostkey.pki.names import Name

_E_MAIL = "1.2.840.113549.1.9.1"
_GIVEN_NAMES = "2.5.4.42"
_INN_OIDS = ("1.2.643.3.131.1.1", "1.2.643.100.4")

_OIDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "common_name": ("2.5.4.3",),
        "organization": ("2.5.4.10",),
        "unit": ("2.5.4.11",),
        "title": ("2.5.4.12",),
        "inn": _INN_OIDS,
        "country": ("2.5.4.6",),
        "region": ("2.5.4.8",),
        "city": ("2.5.4.7",),
        "e_mail": (_E_MAIL,),
        "surname": ("2.5.4.4",),
        "given_name": (_GIVEN_NAMES,),
        "patronymic": (_GIVEN_NAMES,),
        "street": ("2.5.4.9",),
        "snils": ("1.2.643.100.3",),
        "ogrn": ("1.2.643.100.1", "1.2.643.100.5"),
    }
)
FIELDS: tuple[str, ...] = tuple(_OIDS)
"""Names of the form's fields."""

_NUMBERS = frozenset({"inn", "snils", "ogrn"})


def form_of(subject: Name) -> dict[str, list[str]]:
    """Fill the form from a certificate's subject.

    Returns:
        For each field that the subject states, its values in the order of the
        subject (a person's and an organization's INN are both "inn").
    """
    form: dict[str, list[str]] = {}
    for field, oids in _OIDS.items():
        values = [a.value for a in subject.attributes if a.oid in oids]
        if field in ("given_name", "patronymic"):
            cut = _first_word if field == "given_name" else _other_words
            values = [part for part in map(cut, values) if part]
        if values:
            form[field] = values
    return form


def changed_fields(stated: Mapping[str, str], subject: Name) -> tuple[str, ...]:
    """List the fields of a stated form that differ from the subject.

    Args:
        stated: field to value; an empty value states nothing.
        subject: of the current certificate.
    """
    if not any(stated.values()):
        return ()
    current = form_of(subject)
    whole = [a.value for a in subject.attributes if a.oid == _GIVEN_NAMES]
    changed = []
    for field, value in stated.items():
        wanted = _normal(field, value)
        if not wanted:
            continue
        known = [_normal(field, one) for one in current.get(field, [])]
        if field == "given_name":
            # "Иван Иванович" in one field is how the certificate writes it.
            known += [_normal(field, one) for one in whole]
        if wanted not in known:
            changed.append(field)
    return tuple(changed)


def _first_word(value: str) -> str:
    return value.strip().partition(" ")[0]


def _other_words(value: str) -> str:
    return value.strip().partition(" ")[2].strip()


def _normal(field: str, value: str) -> str:
    value = " ".join(value.split())
    if field in _NUMBERS:
        digits = value.translate({ord(c): None for c in " -"})
        if field == "inn" and len(digits) == 12 and digits.startswith("00"):
            return digits[2:]
        return digits
    return value
