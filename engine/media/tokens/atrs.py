"""Which token an answer to reset belongs to.

It tells the family, never the generation: ECP 2.0 and 3.0 have the same.

Source: configuration files of OpenSC and of CryptoPro CSP; the public list of ATRs
(pcsc-tools).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

RUTOKEN = "rutoken"
RUTOKEN_S = "rutoken-s"
JACARTA_LT = "jacarta-lt"
ETOKEN = "etoken"
ACTIVE = "active"
"""Tokens whose keys stay in the chip, or are kept in a way that is not public."""
UNKNOWN = "unknown"

FAMILIES = (RUTOKEN, RUTOKEN_S, JACARTA_LT, ETOKEN)
"""Those that hold containers as files that can be read."""


@dataclass(frozen=True)
class Kind:
    """What an answer to reset tells."""

    family: str
    model: str
    note: str = ""
    """Why its containers cannot be read; empty for the families that can be."""


KEYS_IN_CHIP = (
    "the keys on it stay in its chip, so there are no files of a container to read; "
    "it is used through its maker's PKCS #11 library"
)
_NOT_PUBLIC = "how its containers are read and written is not supported"

# "." stands for any hexadecimal digit.
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("3B6F00FF00567275546F6B6E73302000009000", Kind(RUTOKEN_S, "Rutoken S")),
    ("3B6F00FF00567561546F6B6E73302000009000", Kind(RUTOKEN_S, "uaToken S")),
    ("3B8B015275746F6B656E6C697465C2", Kind(RUTOKEN, "Rutoken Lite")),
    ("3B..96005275746F6B656E4C697465534332", Kind(RUTOKEN, "Rutoken Lite SC")),
    ("........5275746F6B656E4C697465534332", Kind(RUTOKEN, "Rutoken Lite SC")),
    ("3B8B005275746F6B656E6C745344E3", Kind(RUTOKEN, "Rutoken Lite SD")),
    ("3B8B015275746F6B656E20445320C1", Kind(RUTOKEN, "Rutoken ECP")),
    ("3B8B015275746F6B656E20454350A0", Kind(RUTOKEN, "Rutoken ECP (first)")),
    ("3B9C9600.*4543507363", Kind(RUTOKEN, "Rutoken ECP SC")),
    ("3B9C9[47]801140.*4543507363..", Kind(RUTOKEN, "Rutoken ECP SC")),
    ("3B88800152745343778183206A", Kind(RUTOKEN, "Rutoken ECP SC NFC")),
    ("3B18967275746F6B656E6D", Kind(RUTOKEN, "Rutoken ECP 2151")),
    ("3B1A967275746F6B656E6D7363", Kind(RUTOKEN, "Rutoken ECP 2151 SC")),
    ("3B781300007275746F6B656E6D", Kind(RUTOKEN, "Rutoken ECP 2151")),
    ("3B7A1300007275746F6B656E6D7363", Kind(RUTOKEN, "Rutoken ECP 2151 SC")),
    ("3B88800152744D430081C10061", Kind(RUTOKEN, "Rutoken ECP 2151 NFC")),
    ("3B8B01527450494E5061642020329C", Kind(RUTOKEN, "Rutoken PINPad")),
    ("3B8B015275746F6B656E44534254D7", Kind(RUTOKEN, "Rutoken ECP Bluetooth")),
    (
        "3B9896008031C072F7418107",
        Kind(ACTIVE, "Rutoken Magistra or BIFIT iBank2Key", _NOT_PUBLIC),
    ),
    ("3BDC18FF8111FE8073C82113660106013080018D", Kind(JACARTA_LT, "JaCarta LT")),
    (
        "3BDC18FF8191FE1FC38073C821136601061159000128",
        # Several models have this one; the applet tells which it is.
        Kind(JACARTA_LT, "JaCarta LT, PKI or GOST"),
    ),
    ("3BD518008131FE7D8073C82110F4", Kind(ETOKEN, "eToken PRO (Java) or JaCarta PRO")),
    ("3BD5180081313A7D8073C8211030", Kind(ETOKEN, "eToken Java 1.0b or NG-Flash")),
    ("3BE200FFC11031FE55C8029C", Kind(ACTIVE, "eToken PRO (CardOS)", _NOT_PUBLIC)),
    ("3BF2.800FFC11031FE55C80315", Kind(ACTIVE, "eToken PRO (CardOS)", _NOT_PUBLIC)),
    ("3BF21800..C10A31FE5.C8.*", Kind(ACTIVE, "eToken PRO (CardOS)", _NOT_PUBLIC)),
    (
        "3B7C95000045534D415254474F53543130",
        Kind(ACTIVE, "ESMART Token GOST", _NOT_PUBLIC),
    ),
    (
        "3BBE9600004206210000000000000000009000",
        Kind(ACTIVE, "ESMART Token", _NOT_PUBLIC),
    ),
)


def identify(atr: bytes) -> Kind:
    """Return what an answer to reset tells; never fails."""
    text = atr.hex().upper()
    for pattern, kind in _KINDS:
        if re.fullmatch(pattern, text):
            return kind
    if not atr:
        return Kind(
            UNKNOWN,
            "card that gives no answer",
            "turn it round, clean its contacts, or try another port",
        )
    return Kind(
        UNKNOWN,
        "unknown card",
        f"no supported token has this answer to reset (ATR {text})",
    )
