"""PKCS #11 libraries (Cryptoki); the only module that knows python-pkcs11.

python-pkcs11 is optional and imported when it is asked for.  `calling` is the way
to it: it lets one thread in at a time and turns the library's error codes into
words with a cure.

python-pkcs11 takes a mechanism only if it is a member of its enumeration, and the
numbers of GOST R 34.10-2012 with 512 bits are not in it: the Russian committee for
standardisation has them in the range for makers.  `mechanism` makes a member for
one call with the constructor of `int`, as `enum.Flag` makes its own nameless
members; the enumeration itself is not changed.  Key types of that range are read as
plain numbers (`attribute_mapper`).  So nothing of Cryptoki is declared here a
second time.

Sources: PKCS #11 (Cryptoki) 2.40, sections 4 and 5; PKCS #11 Current Mechanisms
2.40, 2.50 (GOST); TC26's numbers in the range of makers.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gostkey.errors import (
    GostKeyError,
    MediumError,
    PinBlocked,
    PinRequired,
    TokenAbsent,
    TokenBusy,
    TokenFull,
    TokenRefused,
    TokenUnknown,
    WrongPin,
)

__all__ = ["attribute_mapper", "calling", "identity", "mechanism", "tokens"]

LONGEST_SECONDS = 60.0
"""So long a thread waits until another one's call of a library has come back."""

_TC26 = 0xD4321000

KEY_256 = 0x30
KEY_512 = _TC26 | 0x003
"""Key types: of 256 bits, by either standard, and of 512 bits."""
MAKE_256 = 0x1200
MAKE_512 = _TC26 | 0x005
"""Mechanisms that make a pair of keys."""
SIGN_256 = 0x1201
SIGN_512 = _TC26 | 0x006
"""Mechanisms that sign a digest."""

_one_at_a_time = threading.Lock()
"""python-pkcs11 initialises a library for use by one thread."""

_AGAIN = "take the token out, put it in again and repeat"

_WORDS: dict[str, tuple[type[GostKeyError], str]] = {
    # The PIN.
    "PinIncorrect": (WrongPin, "the PIN is another one"),
    "PinInvalid": (WrongPin, "the PIN has characters that no PIN of this token has"),
    "PinLenRange": (WrongPin, "the PIN is shorter or longer than this token's PINs"),
    "PinLocked": (
        PinBlocked,
        "the PIN is blocked after too many wrong ones; the administrator's PIN "
        "unblocks it",
    ),
    "PinExpired": (
        PinRequired,
        "the PIN has expired; give it another value with the maker's program first",
    ),
    "UserNotLoggedIn": (PinRequired, "the token wants its PIN for this"),
    "UserPinNotInitialized": (
        TokenRefused,
        "the token has no user's PIN yet; set it up with the maker's program first",
    ),
    "AnotherUserAlreadyLoggedIn": (
        TokenBusy,
        "the administrator is logged in to it; close the program that did so",
    ),
    "UserTooManyTypes": (TokenBusy, "too many users are logged in to it"),
    "FunctionCancelled": (PinRequired, "it was cancelled at the token"),
    "FunctionRejected": (PinRequired, "it was refused at the token"),
    # The token is not there, or another program has it.
    "DeviceRemoved": (TokenAbsent, f"it was taken out; {_AGAIN}"),
    "TokenNotPresent": (TokenAbsent, "it is not there; put it in and repeat"),
    "SlotIDInvalid": (TokenAbsent, "its reader is not there; plug it in and repeat"),
    "SessionClosed": (TokenAbsent, f"the connection was cut; {_AGAIN}"),
    "SessionHandleInvalid": (TokenAbsent, f"the connection was cut; {_AGAIN}"),
    "ObjectHandleInvalid": (
        TokenAbsent,
        "the key or certificate is not on it any more; another program removed it",
    ),
    "KeyHandleInvalid": (
        TokenAbsent,
        "the key is not on it any more; another program removed it",
    ),
    "SessionCount": (
        TokenBusy,
        "too many programs use it; close other programs and repeat",
    ),
    "OperationActive": (
        TokenBusy,
        f"it is in the middle of something else; {_AGAIN}",
    ),
    "TokenNotRecognised": (
        TokenUnknown,
        "the library does not know this token; use the library of its maker",
    ),
    # It cannot, may not, or has no room.
    "DeviceMemory": (
        TokenFull,
        "it has no room left; remove a key or certificate that is not needed any "
        "more, or take another token",
    ),
    "TokenWriteProtected": (TokenRefused, "it is write-protected"),
    "SessionReadOnly": (TokenRefused, "it may only be read now"),
    "MechanismInvalid": (
        TokenRefused,
        "it does not know this kind of key; see which ones the model has",
    ),
    "MechanismParamInvalid": (TokenRefused, "it does not know this kind of key"),
    "FunctionNotSupported": (
        TokenRefused,
        "its library has no such function; see whether the maker has a newer one",
    ),
    "DomainParamsInvalid": (TokenRefused, "it does not know this curve"),
    "AttributeValueInvalid": (
        TokenRefused,
        "it does not take one of the values, mostly because it does not know this "
        "curve under this name",
    ),
    "AttributeTypeInvalid": (TokenRefused, "it does not know one of the attributes"),
    "AttributeReadOnly": (TokenRefused, "it does not let one of the values be chosen"),
    "TemplateInconsistent": (
        TokenRefused,
        "the values do not go together for it, mostly because it does not know this "
        "curve under this name",
    ),
    "TemplateIncomplete": (TokenRefused, "it wants to be told more"),
    "KeyTypeInconsistent": (TokenRefused, "the key is not for this kind of signature"),
    "KeySizeRange": (TokenRefused, "it has no keys of this size"),
    "DataLenRange": (TokenRefused, "it does not sign digests of this length"),
    "RandomNoRNG": (TokenRefused, "it has no random generator"),
    # Faults.
    "DeviceError": (TokenRefused, f"it reports a fault of its own; {_AGAIN}"),
    "FunctionFailed": (
        TokenRefused,
        f"its library could not do it and does not say why; {_AGAIN}",
    ),
    "GeneralError": (
        TokenRefused,
        f"its library could not do it and does not say why; {_AGAIN}",
    ),
    "HostMemory": (TokenRefused, "this computer has no memory left"),
}
"""What python-pkcs11's exceptions, each of them one code of Cryptoki, mean."""


@contextmanager
def calling(what: str, failed: str) -> Iterator[Any]:
    """Let one thread use python-pkcs11; tell its errors in words.

    Args:
        what: the library or token that is used, for messages.
        failed: what did not work, such as "gave no random bytes".

    Yields:
        The module python-pkcs11.

    Raises:
        MediumError: if it is not installed, or a library does not come back from
            another thread's call; and of its kinds what the code means.
        PinRequired, WrongPin, PinBlocked, TokenFull: as the code says.
    """
    pkcs11 = _python_pkcs11()
    if not _one_at_a_time.acquire(timeout=LONGEST_SECONDS):
        raise TokenBusy(
            f"{what} {failed}: a PKCS #11 library does not answer; take the token out "
            "and start again"
        )
    try:
        with _hearing_no_complaints(pkcs11):
            yield pkcs11
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise _in_words(error, what, failed) from error
    finally:
        _one_at_a_time.release()


def tokens(pkcs11: Any, library: str) -> list[Any]:
    """Return the tokens that a library sees, set up or not; inside `calling`.

    Raises:
        MediumError: if there is no such library.
    """
    if not Path(library).is_file():
        raise MediumError(f"{library}: there is no such PKCS #11 library")
    return list(pkcs11.lib(library).get_tokens())


def identity(token: Any) -> tuple[str, str]:
    """Return label and serial number of a token."""
    return token.label.strip(), token.serial.decode("ascii", "replace").strip("\0 ")


def mechanism(pkcs11: Any, number: int) -> Any:
    """Return a mechanism as python-pkcs11 takes it, of its list or not."""
    try:
        return pkcs11.Mechanism(number)
    except ValueError:
        return _nameless(pkcs11.Mechanism, number)


def key_type(pkcs11: Any, number: int) -> Any:
    """Return a key type as python-pkcs11 takes it, of its list or not."""
    try:
        return pkcs11.KeyType(number)
    except ValueError:
        return _nameless(pkcs11.KeyType, number)


def _nameless(kind: Any, number: int) -> Any:
    member = int.__new__(kind, number)
    member._name_ = f"{number:#x}"
    member._value_ = number
    return member


def attribute_mapper(pkcs11: Any) -> Any:
    """Return what reads and writes attributes that python-pkcs11 does not.

    Key types become plain numbers, labels of other programs may be no UTF-8, and the
    category of a certificate is added.
    """
    from pkcs11 import attributes

    mapper = attributes.AttributeMapper()
    pack, unpack = attributes.handle_ulong
    for number in (
        pkcs11.Attribute.KEY_TYPE,
        pkcs11.Attribute.CERTIFICATE_TYPE,
        pkcs11.Attribute.CERTIFICATE_CATEGORY,
    ):
        mapper.register_handler(number, lambda value: pack(int(value)), unpack)
    mapper.register_handler(
        pkcs11.Attribute.LABEL,
        lambda text: text.encode("utf-8"),
        lambda data: data.decode("utf-8", "replace"),
    )
    return mapper


@contextmanager
def _hearing_no_complaints(pkcs11: Any) -> Iterator[None]:
    """Keep python-pkcs11 from printing what it cannot raise.

    It ends an interrupted search when the object of it goes, and a token that was
    taken out refuses that too; the error that is raised has said so already.
    """
    before = sys.unraisablehook

    def listen(told: Any) -> None:
        if not isinstance(told.exc_value, pkcs11.PKCS11Error):
            before(told)

    sys.unraisablehook = listen
    try:
        yield
    finally:
        sys.unraisablehook = before


def _python_pkcs11() -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise MediumError(
            "PKCS #11 libraries need python-pkcs11, which is not installed: "
            "pip install 'gostkey[pkcs11]'"
        ) from error
    return pkcs11


def _in_words(error: RuntimeError, what: str, failed: str) -> GostKeyError:
    name = type(error).__name__
    kind, words = _WORDS.get(name, (TokenRefused, ""))
    # Most of its exceptions have a name and no text; a code that is a maker's own
    # has a text with the number.
    return kind(f"{what} {failed}: {words or str(error) or name}")
