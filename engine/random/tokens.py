"""Random bytes of tokens and smart cards: mixed in, credited only by policy.

Two ways to ask: GET CHALLENGE of ISO/IEC 7816-4 through PC/SC (`token_cards`),
and C_GenerateRandom of a maker's PKCS #11 library (`token_libraries`); neither
needs a PIN.  How good the token's own source is cannot be seen from outside, so by
default its bytes count for nothing; what can be seen (stuck, repeated, very uneven
bytes) is tested.

pyscard and python-pkcs11 are optional and imported when they are asked for.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from gostkey.backend import active
from gostkey.errors import HealthFailure, LengthError, MediumError

from .health import Continuous
from .token_cards import Card, card_readers, challenge, read_card
from .token_libraries import library_tokens, read_library

__all__ = [
    "TokenReading",
    "TokenSource",
    "TokenSources",
    "list_token_sources",
    "mix_in",
    "read",
]

T = TypeVar("T")

SAMPLE = 512
"""Bytes that `mix_in` takes: one whole window of the proportion test."""

LONGEST_SECONDS = 20.0
"""A token that another program holds, or that hangs, is waited for so long."""

_ENTROPY = 8.0


@dataclass(frozen=True)
class TokenSource:
    """A token that can be asked for random bytes."""

    kind: str
    """"pcsc" or "pkcs11"."""
    name: str
    """The reader's name, or the token's label."""
    library: str = ""
    """The PKCS #11 library; empty for "pcsc"."""
    serial: str = ""
    """The serial number, for "pkcs11"."""


@dataclass(frozen=True)
class TokenSources:
    """What `list_token_sources` found."""

    sources: tuple[TokenSource, ...]
    problems: tuple[str, ...]
    """What kept it from looking further, each with what would help."""


@dataclass(frozen=True)
class TokenReading:
    """What came of asking a token; holds no secret."""

    name: str
    bytes_read: int
    credited_bits: int
    failure: str
    """Which test it failed; then its credit is 0.  Empty while all is well."""

    def record(self) -> dict[str, object]:
        """Return the object for the report."""
        return {
            "token": self.name,
            "bytes": self.bytes_read,
            "credited_bits": self.credited_bits,
            "failure": self.failure,
        }


def list_token_sources(
    libraries: Sequence[Path | str] = (), *, readers: bool = True
) -> TokenSources:
    """List the tokens that can be asked: cards in readers, and PKCS #11 tokens.

    A card that turns out to know no GET CHALLENGE is listed too.

    Args:
        libraries: PKCS #11 libraries to load.  None is loaded that is not named:
            loading one runs its maker's code in this process.
        readers: whether the card readers are looked at too.
    """
    sources: list[TokenSource] = []
    problems: list[str] = []

    asked: list[tuple[str, Callable[[], list[TokenSource]]]]
    asked = [("smart card readers", _cards)] if readers else []
    asked += [(str(path), partial(_tokens_of, str(path))) for path in libraries]
    for what, ask in asked:
        try:
            sources += _in_time(what, ask)
        except MediumError as error:
            problems.append(str(error))
    return TokenSources(tuple(sources), tuple(problems))


def read(source: TokenSource | Card, count: int) -> bytearray:
    """Return *count* tested bytes of a token.  The caller wipes them.

    The libraries in between keep copies that cannot be wiped.

    Raises:
        LengthError: if *count* is not 1 to 65536.
        MediumError: if the token is gone, offers no random bytes or does not
            answer, or if the extra that reaches it is not installed.
        HealthFailure: if its bytes fail a test; it is named, and must not be
            used as a source any more.
    """
    data = _ask(source, count)
    try:
        _test(_name(source), data)
    except HealthFailure:
        active.generators.wipe(data)
        raise
    return data


def mix_in(
    source: TokenSource | Card,
    *,
    count: int = SAMPLE,
    bits_per_byte: float = 0.0,
) -> TokenReading:
    """Ask a token and add its bytes to the input of every generator.

    Args:
        source: one of `list_token_sources`, or a card of the caller's.
        count: bytes to take.
        bits_per_byte: what the policy says that a byte is worth, 0 to 8.  Bytes
            that fail a test are worth nothing; they are mixed in all the same.

    Raises:
        LengthError: if *count* or *bits_per_byte* is out of its range.
        MediumError: as `read`; nothing was mixed in then.
    """
    from . import add_input

    if not 0 <= bits_per_byte <= 8:
        raise LengthError(
            f"bits_per_byte: {bits_per_byte}; a byte of a token is worth 0 to 8 bits"
        )
    name = _name(source)
    credit = int(count * bits_per_byte)
    try:
        data = _ask(source, count)
    except HealthFailure as failure:
        return TokenReading(name, 0, 0, str(failure))
    failed = ""
    try:
        _test(name, data)
    except HealthFailure as failure:
        failed = str(failure)
        credit = 0
    add_input("token", data, credit)
    active.generators.wipe(data)
    return TokenReading(name, count, credit, failed)


def _cards() -> list[TokenSource]:
    return [TokenSource("pcsc", reader) for reader in card_readers()]


def _tokens_of(library: str) -> list[TokenSource]:
    return [
        TokenSource("pkcs11", label, library, serial)
        for label, serial in library_tokens(library)
    ]


def _test(name: str, data: bytearray) -> None:
    tests = Continuous(f"token {name}", _ENTROPY)
    tests.feed(data)


def _name(source: TokenSource | Card) -> str:
    return source.name if isinstance(source, TokenSource) else "card"


def _ask(source: TokenSource | Card, count: int) -> bytearray:
    if not 1 <= count <= 1 << 16:
        raise LengthError(f"count: {count} bytes; 1 to 65536 can be asked of a token")
    if not isinstance(source, TokenSource):
        return challenge(source, count, "card")
    name = f"token {source.name}"
    if source.kind == "pcsc":
        return _in_time(name, lambda: read_card(source.name, count))
    return _in_time(
        name, lambda: read_library(source.library, source.name, source.serial, count)
    )


def _in_time(what: str, work: Callable[[], T]) -> T:
    """Do something that may hang in foreign code; give up on it after a while.

    Raises:
        MediumError: if there is no answer in LONGEST_SECONDS.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]]
    answers = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((work(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=run, name=what, daemon=True).start()
    try:
        answer, error = answers.get(timeout=LONGEST_SECONDS)
    except queue.Empty:
        raise MediumError(
            f"{what}: no answer in {LONGEST_SECONDS:.0f} seconds; close other programs "
            "that use it, or take the token out, put it in again and repeat"
        ) from None
    if error is not None:
        raise error
    return cast(T, answer)
