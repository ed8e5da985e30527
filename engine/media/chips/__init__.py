"""Keys that never leave their token: made, kept and used inside the chip.

Rutoken ECP, JaCarta-2 GOST and their like make a pair of keys themselves and sign a
digest; the private key cannot be read out.  They are reached through the PKCS #11
library of their maker, which is named by its path.

    with open_chip(library, pin=ask) as chip:
        key = chip.generate("CryptoPro-A", "Ivanov 2027")
        request = build_request(key, subject)

Whoever has to sign takes a `gostkey.signing.SupportsSigning`, which a key on a chip
is.  Containers that lie on a token as files are another thing: `media.tokens`.
"""

from .chip import LONGEST_LABEL, Chip
from .key import ChipKey
from .libraries import usual_libraries
from .model import ChipKeyEntry, ChipToken, PinSource, PinTries
from .opening import list_chips, open_chip

__all__ = [
    "LONGEST_LABEL",
    "Chip",
    "ChipKey",
    "ChipKeyEntry",
    "ChipToken",
    "PinSource",
    "PinTries",
    "list_chips",
    "open_chip",
    "usual_libraries",
]
