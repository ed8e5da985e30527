"""What the audit log consists of: lines of JSON, each with the digest of the last one.

A line is one JSON object in UTF-8 and ends with a line feed.  All lines begin with
``{"n":N,"prev":"DIGEST",``: N counts from 0, DIGEST is Streebog-256 of the line
before, without its line feed, in hex (64 zeros in the first line).  ``kind`` says
what follows, ``journal`` is the number of the last outcome of the journal that is in
the log up to this line and with it:

``log``
    The first line: the log's own name (random, 32 hex digits), the moment when the
    campaign was begun, and who began the log and when; ``bad_rows`` are the rows of
    the list that could not be used, how many and their Streebog-256.
``step``
    An outcome of the journal: when, who (user@host:process), the number of the item
    in the store, the key (Streebog-256 of the old certificate, hex), the step, what
    came of it ("after" is done, "refused", "failed", "skipped") and its details.
``run``
    A run begins, or goes on.
``repair``
    After a crash: so many bytes were no whole line and were cut off; their digest.
``lost``
    When the log was opened, lines that had been signed in this folder were gone: the
    name of their log, and number and digest of the line that had signed it last.
``seal``
    A signature of all lines before.  It signs this line as it is without its member
    ``signature``: over Streebog as wide as the key, ``s || r`` in hex (RFC 9215);
    ``public_key`` is SubjectPublicKeyInfo in hex, ``folder`` the campaign's folder on
    its machine.  ``certificate``, if it is there, is Streebog-256 of the certificate
    with which the log is signed as a CMS message, too.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring as _quoted
from typing import Any

import sqlalchemy as sa

from gostkey.backend import active

from ..storage.schema import item, journal

LOG_NAME = "audit.jsonl"
CMS_NAME = LOG_NAME + ".p7s"
FORMAT = 1
NOTHING = "0" * 64
"""In place of a digest, in the first line."""
MOST = 1 << 20
"""Bytes that a line may have."""

_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def digest_of(line: bytes) -> str:
    """Give Streebog-256 of a line without its line feed, in hex."""
    return active.hashes.streebog_one(256, line).hex()


def line_of(number: int, prev: str, rest: str) -> bytes:
    """Put a line together, without its line feed.

    Args:
        number: of the line, from 0.
        prev: digest of the line before.
        rest: the other members, as `members` or `step` gave them.
    """
    text = f'{{"n":{number},"prev":"{prev}",{rest}}}'
    return text.encode("utf-8", "surrogatepass")


def members(**values: object) -> str:
    """Write members of a JSON object, in their order and without the braces."""
    return _text(values)[1:-1]


def step(row: sa.Row[Any]) -> str:
    """Write what a row of `outcomes` is in the log, without number and digest.

    The details are taken as they stand in the journal, byte by byte.
    """
    number, at, who, item_id, key, step_name, phase, detail = tuple(row)
    return (
        f'"kind":"step","journal":{number},"at":{_quoted(at)},"who":{_quoted(who)},'
        f'"item":{item_id},"key":{"null" if key is None else _quoted(key)},'
        f'"step":{_quoted(step_name)},"outcome":{_quoted(phase)},"detail":{detail}'
    )


def outcomes(after: int, until: int | None = None) -> sa.Select[Any]:
    """Select what belongs into the log, oldest first: no beginnings, only outcomes.

    Args:
        after: leave out what has this number in the journal, or a lower one.
        until: leave out what has a higher one.
    """
    query = (
        sa.select(
            journal.c.id,
            journal.c.at,
            journal.c.who,
            journal.c.item_id,
            item.c.fingerprint,
            journal.c.step,
            journal.c.phase,
            journal.c.detail,
        )
        .join(item, item.c.id == journal.c.item_id)
        .where(journal.c.id > after, journal.c.phase != "before")
        .order_by(journal.c.id)
    )
    return query if until is None else query.where(journal.c.id <= until)


def parse(line: bytes) -> dict[str, Any] | None:
    """Read a line without its line feed; None if it is no line of a log."""
    try:
        found = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    number, prev, last = found.get("n"), found.get("prev"), found.get("journal")
    whole = (
        type(number) is int
        and type(last) is int
        and isinstance(prev, str)
        and isinstance(found.get("kind"), str)
        and line.startswith(f'{{"n":{number},"prev":"{prev}",'.encode())
    )
    return found if whole else None
