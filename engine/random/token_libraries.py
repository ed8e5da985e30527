"""Random bytes of a token behind a PKCS #11 library: C_GenerateRandom.

Source: PKCS #11 (Cryptoki) 2.40, section 5.15.  No PIN is asked for: the function
needs a session, not a login.
"""

from __future__ import annotations

from gostkey import cryptoki
from gostkey.errors import MediumError

__all__ = ["library_tokens", "read_library"]


def library_tokens(library: str) -> list[tuple[str, str]]:
    """Return label and serial number of the tokens that have a generator.

    Args:
        library: path of the maker's PKCS #11 library.

    Raises:
        MediumError: if python-pkcs11 is not installed or the library cannot be
            used.
    """
    with cryptoki.calling(library, "cannot be used") as pkcs11:
        return [
            cryptoki.identity(token)
            for token in cryptoki.tokens(pkcs11, library)
            if token.flags & pkcs11.TokenFlag.RNG
        ]


def read_library(library: str, label: str, serial: str, count: int) -> bytearray:
    """Return *count* bytes of C_GenerateRandom of the token so labelled.

    Raises:
        MediumError: if it is not there, has no generator, or goes away.
    """
    name = f"token {label}"
    with cryptoki.calling(name, "gave no random bytes") as pkcs11:
        for token in cryptoki.tokens(pkcs11, library):
            if not token.flags & pkcs11.TokenFlag.RNG:
                continue
            if cryptoki.identity(token) == (label, serial):
                with token.open() as session:
                    data = bytearray(session.generate_random(8 * count))
                break
        else:
            raise MediumError(
                f"{name} with the serial number {serial} is not there, or has no "
                "random generator; put it in and repeat"
            )
    if len(data) != count:
        raise MediumError(f"{name} gave {len(data)} random bytes of {count}")
    return data
