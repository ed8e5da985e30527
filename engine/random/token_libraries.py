"""Random bytes of a token behind a PKCS #11 library: C_GenerateRandom.

Source: PKCS #11 (Cryptoki) 2.40, section 5.15.  No PIN is asked for: the function
needs a session, not a login.  This is the only file of the entropy layer that
knows python-pkcs11.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gostkey.errors import MediumError

__all__ = ["library_tokens", "read_library"]

_one_at_a_time = threading.Lock()
"""python-pkcs11 initialises a library for use by one thread."""


def library_tokens(library: str) -> list[tuple[str, str]]:
    """Return label and serial number of the tokens that have a generator.

    Args:
        library: path of the maker's PKCS #11 library.

    Raises:
        MediumError: if python-pkcs11 is not installed or the library cannot be
            used.
    """
    pkcs11 = _python_pkcs11()
    with _one_at_a_time, _naming(pkcs11, library, "cannot be used"):
        return [_identity(token) for token in _tokens(pkcs11, library)]


def read_library(library: str, label: str, serial: str, count: int) -> bytearray:
    """Return *count* bytes of C_GenerateRandom of the token so labelled.

    Raises:
        MediumError: if it is not there, has no generator, or goes away.
    """
    pkcs11 = _python_pkcs11()
    name = f"token {label}"
    with _one_at_a_time, _naming(pkcs11, name, "gave no random bytes"):
        for token in _tokens(pkcs11, library):
            if _identity(token) == (label, serial):
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


def _python_pkcs11() -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise MediumError(
            "PKCS #11 libraries need python-pkcs11, which is not installed: "
            "pip install 'gostkey[pkcs11]'"
        ) from error
    return pkcs11


def _tokens(pkcs11: Any, library: str) -> Iterator[Any]:
    if not Path(library).is_file():
        raise MediumError(f"{library}: there is no such PKCS #11 library")
    tokens: Iterator[Any] = pkcs11.lib(library).get_tokens(
        token_flags=pkcs11.TokenFlag.RNG
    )
    return tokens


def _identity(token: Any) -> tuple[str, str]:
    return token.label.strip(), token.serial.decode("ascii", "replace").strip()


@contextmanager
def _naming(pkcs11: Any, what: str, wrong: str) -> Iterator[None]:
    try:
        yield
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        # Most of its exceptions have a name and no text.
        reason = str(error) or type(error).__name__
        raise MediumError(f"{what} {wrong}: {reason}") from error
