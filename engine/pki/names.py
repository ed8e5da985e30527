"""Distinguished names with Russian attributes, kept as they were received.

A renewal copies the subject octet for octet, so a name is its DER first and its
attributes second: they are read when somebody asks.  Lengths are not held to
RFC 5280's 64 characters, which real certificates exceed.

Sources: RFC 5280 4.1.2.4; FSB order 795 and RFC 9215 for INN, OGRN and SNILS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from cryptography.hazmat import asn1

from gostkey.errors import EncodingError

from . import identifiers
from .coding import decode, encode, read_string, string_tlv, string_value, unwrap, wrap
from .coding import oid as coding_oid
from .schemas import OID, AttributeTypeAndValue, NameList

__all__ = ["LABELS", "Attribute", "Name"]


@dataclass(frozen=True)
class Kind:
    """What is known of an attribute type."""

    label: str
    """Short name, as `Name.get` takes it."""
    words: str
    """Name for people."""
    type_name: str = "UTF8String"
    """String type that a new value is written as."""


LABELS = {
    "2.5.4.3": Kind("CN", "common name"),
    "2.5.4.4": Kind("SN", "surname"),
    "2.5.4.42": Kind("G", "given name and patronymic"),
    "2.5.4.10": Kind("O", "organization"),
    "2.5.4.11": Kind("OU", "unit"),
    "2.5.4.12": Kind("T", "title"),
    "2.5.4.6": Kind("C", "country", "PrintableString"),
    "2.5.4.8": Kind("S", "region"),
    "2.5.4.7": Kind("L", "city"),
    "2.5.4.9": Kind("STREET", "street"),
    "2.5.4.5": Kind("SERIALNUMBER", "serial number", "PrintableString"),
    "1.2.840.113549.1.9.1": Kind("E", "e-mail", "IA5String"),
    "1.2.840.113549.1.9.2": Kind("UN", "unstructured name", "UTF8String"),
    "1.2.643.3.131.1.1": Kind("INN", "INN", "NumericString"),
    "1.2.643.100.4": Kind("INNLE", "INN of the legal person", "NumericString"),
    "1.2.643.100.1": Kind("OGRN", "OGRN", "NumericString"),
    "1.2.643.100.5": Kind("OGRNIP", "OGRNIP", "NumericString"),
    "1.2.643.100.3": Kind("SNILS", "SNILS", "NumericString"),
    "0.9.2342.19200300.100.1.25": Kind("DC", "domain component", "IA5String"),
}
"""Attribute OID -> what is known of it."""

_OIDS = {kind.label: oid for oid, kind in LABELS.items()}
_OIDS.update({"ST": "2.5.4.8", "GN": "2.5.4.42", "EMAIL": "1.2.840.113549.1.9.1"})


def _oid(label: str) -> str:
    return label if "." in label else _OIDS.get(label.upper(), "")


class Attribute(NamedTuple):
    """One attribute: OID, name of its string type, text.

    A value that is no string has the type name "" and its DER in hex as text.
    """

    oid: str
    type_name: str
    value: str

    @property
    def label(self) -> str:
        """Short name, or the OID if it has none."""
        kind = LABELS.get(self.oid)
        return kind.label if kind else self.oid


class Name:
    """A distinguished name; equal to another if the octets are."""

    def __init__(self, der: bytes) -> None:
        """Take DER that has the outer form of a name; use `from_der`."""
        self.der = der

    @classmethod
    def from_der(cls, der: bytes) -> Name:
        """Read a name.

        Raises:
            EncodingError: if it is not one.
        """
        # The same few names come again and again: authorities', and a subject in its
        # old certificate and its new one.
        der = bytes(der)
        return _read_small(der) if len(der) <= _SMALL else _read(der)

    @classmethod
    def build(
        cls, attributes: Iterable[tuple[str, str] | tuple[str, str, str] | Attribute]
    ) -> Name:
        """Make a name, one attribute per RDN, in the order given.

        Args:
            attributes: (label or OID, text), with the string type of the label,
                or (label or OID, text, string type), or `Attribute`.

        Raises:
            EncodingError: for an unknown label, an empty value, a text that the
                type cannot hold, or a number of a wrong length.
        """
        rdns = []
        for attribute in attributes:
            if isinstance(attribute, Attribute):
                label, text, type_name = (
                    attribute.oid,
                    attribute.value,
                    attribute.type_name,
                )
            elif len(attribute) == 3:
                label, text, type_name = attribute
            else:
                (label, text), type_name = attribute, ""
            oid = _oid(label)
            if not oid:
                raise EncodingError(
                    f"subject attribute {label!r} is unknown; use an OID or one of "
                    + ", ".join(_OIDS)
                )
            kind = LABELS.get(oid)
            type_name = type_name or (kind.type_name if kind else "UTF8String")
            _check(label, kind, text)
            value = AttributeTypeAndValue(
                type=coding_oid(oid), value=string_tlv(type_name, text)
            )
            rdns.append(asn1.SetOf([value]))
        return cls(unwrap(encode(NameList(rdns=rdns))))

    @cached_property
    def _rdns(self) -> list[list[AttributeTypeAndValue]]:
        found = decode(NameList, wrap(self.der, "name"), "name")
        return [rdn.as_list() for rdn in found.rdns]

    @cached_property
    def _firsts(self) -> dict[OID, AttributeTypeAndValue]:
        """The first attribute of each type."""
        backwards = (item for rdn in reversed(self._rdns) for item in reversed(rdn))
        return {item.type: item for item in backwards}

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The attributes in the order of the DER."""
        return tuple(_attribute(item) for rdn in self._rdns for item in rdn)

    def get(self, label: str) -> str | None:
        """Return the first value of an attribute by label or OID, else None."""
        oid = _oid(label)
        if not oid:
            return None
        # Lists want two or three of a dozen attributes.
        item = self._firsts.get(coding_oid(oid))
        return None if item is None else _string(item)[1]

    @property
    def inn(self) -> str | None:
        """The INN that the owner is known by: the legal person's, else the person's.

        Ten digits are returned without the two zeros of the old spelling.
        """
        number = self.get("INNLE") or self.get("INN")
        return identifiers.split_inn(number)[1] if number else None

    @property
    def owner(self) -> str:
        """A name for lists: the common name, else the organization, else all."""
        return self.get("CN") or self.get("O") or self.text() or "(empty name)"

    def replaced(self, label: str, text: str) -> Name:
        """Return the name with another value of one attribute.

        Order and string types of everything stay as they are.

        Raises:
            EncodingError: if there is no such attribute, or it cannot hold it.
        """
        oid = _oid(label)
        if not oid or self.get(oid) is None:
            raise EncodingError(f"subject has no attribute {label}")
        _check(label, LABELS.get(oid), text)
        rdns = []
        for rdn in self._rdns:
            items = []
            for item in rdn:
                if item.type.dotted_string == oid:
                    type_name, _ = string_value(item.value, label)
                    item = AttributeTypeAndValue(
                        type=item.type, value=string_tlv(type_name, text)
                    )
                items.append(item)
            rdns.append(asn1.SetOf(items))
        return Name(unwrap(encode(NameList(rdns=rdns))))

    def faults(self) -> list[str]:
        """List numbers whose check digits do not fit."""
        found = []
        for attribute in self.attributes:
            if attribute.label in identifiers.LENGTHS:
                text = identifiers.fault(attribute.label, attribute.value)
                if text:
                    found.append(text)
        return found

    def text(self) -> str:
        """Write the name on one line: LABEL=value, separated by commas."""
        return self._text

    @cached_property
    def _text(self) -> str:
        # An authority's is wanted for each of its certificates.
        return ", ".join(f"{a.label}={_quoted(a.value)}" for a in self.attributes)

    def __eq__(self, other: object) -> bool:
        return self.der == other.der if isinstance(other, Name) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"<Name {self.text()}>"


def _attribute(item: AttributeTypeAndValue) -> Attribute:
    return Attribute(item.type.dotted_string, *_string(item))


def _string(item: AttributeTypeAndValue) -> tuple[str, str]:
    """Return type and text of a value; "" and its DER in hex, if it is no string."""
    return read_string(item.value) or ("", encode(item.value).hex())


def _read(der: bytes) -> Name:
    name = Name(der)
    name._rdns  # noqa: B018  the attributes are read now, to find faults
    return name


_SMALL = 2048
# Few: to forget what nobody has looked at for long, and what the processor's cache has
# forgotten, too, costs as much as to read it anew.
_read_small = lru_cache(maxsize=64)(_read)


_SPECIAL = frozenset(',"=+')


def _quoted(value: str) -> str:
    if _SPECIAL.isdisjoint(value):
        return value
    return '"' + value.replace('"', '""') + '"'


def _check(label: str, kind: Kind | None, text: str) -> None:
    if not text:
        raise EncodingError(f"subject attribute {label}: is empty; leave it out")
    if kind is None:
        return
    if kind.label in identifiers.LENGTHS:
        lengths = identifiers.LENGTHS[kind.label]
        if len(text) not in lengths or not (text.isascii() and text.isdigit()):
            wanted = " or ".join(str(length) for length in lengths)
            raise EncodingError(
                f"subject attribute {label}: {text!r}; must be {wanted} digits"
            )
    if kind.label == "C" and not (len(text) == 2 and text.isascii()):
        raise EncodingError(
            f"subject attribute C: {text!r}; must be two letters such as RU"
        )
