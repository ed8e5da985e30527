"""The nine parameter sets of GOST R 34.10-2012 by their names and OIDs.

A set may have several OIDs (CryptoPro-A, CryptoPro-XchA and tc26-256-b are the
same numbers).  An OID is part of the DER of a key, so a `Curve` remembers the
one it was asked by; two curves are equal if their numbers are.

Sources: RFC 4357 10.8 (CryptoPro names), RFC 7836 A, RFC 9215 B (TC26 names).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .errors import UnknownCurve
from .pure.curve_parameters import PARAMETERS

__all__ = ["ALL", "Curve", "find", "get"]

_CRYPTOPRO = "1.2.643.2.2"
_TC26 = "1.2.643.7.1.2.1"

# For each set its OIDs and their official names; the first OID is the default:
# the TC26 one where there are two.
_NAMES: dict[str, dict[str, str]] = {
    "test-256": {f"{_CRYPTOPRO}.35.0": "id-GostR3410-2001-TestParamSet"},
    "tc26-256-a": {f"{_TC26}.1.1": "id-tc26-gost-3410-2012-256-paramSetA"},
    "tc26-256-b": {
        f"{_TC26}.1.2": "id-tc26-gost-3410-2012-256-paramSetB",
        f"{_CRYPTOPRO}.35.1": "id-GostR3410-2001-CryptoPro-A-ParamSet",
        f"{_CRYPTOPRO}.36.0": "id-GostR3410-2001-CryptoPro-XchA-ParamSet",
    },
    "tc26-256-c": {
        f"{_TC26}.1.3": "id-tc26-gost-3410-2012-256-paramSetC",
        f"{_CRYPTOPRO}.35.2": "id-GostR3410-2001-CryptoPro-B-ParamSet",
    },
    "tc26-256-d": {
        f"{_TC26}.1.4": "id-tc26-gost-3410-2012-256-paramSetD",
        f"{_CRYPTOPRO}.35.3": "id-GostR3410-2001-CryptoPro-C-ParamSet",
        f"{_CRYPTOPRO}.36.1": "id-GostR3410-2001-CryptoPro-XchB-ParamSet",
    },
    "test-512": {f"{_TC26}.2.0": "id-tc26-gost-3410-2012-512-paramSetTest"},
    "tc26-512-a": {f"{_TC26}.2.1": "id-tc26-gost-3410-12-512-paramSetA"},
    "tc26-512-b": {f"{_TC26}.2.2": "id-tc26-gost-3410-12-512-paramSetB"},
    "tc26-512-c": {f"{_TC26}.2.3": "id-tc26-gost-3410-2012-512-paramSetC"},
}

# Other spellings, with the OID they stand for.  RFC 7836 and RFC 9215 disagree on
# "12" and "2012" in the 512-bit names; both are read.
_ALIASES = {
    "cryptopro-a": f"{_CRYPTOPRO}.35.1",
    "cryptopro-b": f"{_CRYPTOPRO}.35.2",
    "cryptopro-c": f"{_CRYPTOPRO}.35.3",
    "cryptopro-xcha": f"{_CRYPTOPRO}.36.0",
    "cryptopro-xchb": f"{_CRYPTOPRO}.36.1",
    "test256": f"{_CRYPTOPRO}.35.0",
    "test512": f"{_TC26}.2.0",
    "id-tc26-gost-3410-2012-512-paramseta": f"{_TC26}.2.1",
    "id-tc26-gost-3410-2012-512-paramsetb": f"{_TC26}.2.2",
    "id-tc26-gost-3410-12-512-paramsetc": f"{_TC26}.2.3",
    "id-tc26-gost-3410-12-512-paramsettest": f"{_TC26}.2.0",
}


@dataclass(frozen=True)
class Curve:
    """A parameter set: y^2 = x^3 + a x + b over GF(p), base point (x, y) of order q."""

    name: str
    """Canonical name, such as "tc26-256-b"."""
    oid: str = field(compare=False)
    """The OID it was asked by, else the default one: what a DER form must keep."""
    oids: tuple[str, ...] = field(repr=False)
    """All OIDs of these numbers, the default first."""
    index: int = field(repr=False)
    """Number of the set in the backends (`primitives.CURVES`)."""
    size: int
    """Bytes of a private key, a coordinate, r and s: 32 or 64."""
    p: int = field(repr=False)
    a: int = field(repr=False)
    b: int = field(repr=False)
    q: int = field(repr=False)
    x: int = field(repr=False)
    y: int = field(repr=False)
    cofactor: int = field(repr=False)
    """Points of the curve divided by q: 1 or 4."""

    @property
    def bits(self) -> int:
        """Bits of the field, 256 or 512; also those of the digest that is signed."""
        return 8 * self.size

    @property
    def official_name(self) -> str:
        """The name of `oid` in the standards, such as id-tc26-gost-..."""
        return _NAMES[self.name][self.oid]

    def __hash__(self) -> int:
        return hash(self.index)

    def __str__(self) -> str:
        return self.name


ALL: tuple[Curve, ...] = tuple(
    Curve(
        name=numbers.name,
        oid=next(iter(_NAMES[numbers.name])),
        oids=tuple(_NAMES[numbers.name]),
        index=index,
        size=numbers.size,
        p=numbers.p,
        a=numbers.a,
        b=numbers.b,
        q=numbers.q,
        x=numbers.x,
        y=numbers.y,
        cofactor=numbers.cofactor,
    )
    for index, numbers in enumerate(PARAMETERS)
)
"""The nine sets under their default OIDs, 256 bits first."""

_BY_NAME: dict[str, Curve] = {}
for _curve in ALL:
    _BY_NAME[_curve.name] = _curve
    for _oid, _official in _NAMES[_curve.name].items():
        _asked = _curve if _oid == _curve.oid else replace(_curve, oid=_oid)
        _BY_NAME[_oid] = _BY_NAME[_official.lower()] = _asked
for _alias, _oid in _ALIASES.items():
    _BY_NAME[_alias] = _BY_NAME[_oid]


def get(name_or_oid: str) -> Curve:
    """Return the parameter set of a name or OID.

    Args:
        name_or_oid: a canonical name ("tc26-256-b"), an official one
            ("id-GostR3410-2001-CryptoPro-A-ParamSet"), a short CryptoPro one
            ("CryptoPro-XchA") or an OID in dots; case does not matter.

    Returns:
        The set; its `oid` is the one asked for, if one was.

    Raises:
        UnknownCurve: if there is none of that name.
        TypeError: if it is no text.
    """
    if not isinstance(name_or_oid, str):
        raise TypeError(
            f"curve: is {type(name_or_oid).__name__}; must be a name, an OID or a Curve"
        )
    try:
        return _BY_NAME[name_or_oid.strip().lower()]
    except KeyError:
        raise UnknownCurve(
            f"curve: {name_or_oid!r} is unknown; use an OID or one of "
            f"{', '.join(curve.name for curve in ALL)}"
        ) from None


def find(curve: str | Curve) -> Curve:
    """Return *curve* itself, or the one of that name."""
    return curve if isinstance(curve, Curve) else get(curve)
