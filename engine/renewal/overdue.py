"""Certificates that are overdue: the rule of three hours, and what to do.

How long a request has waited is told by this machine's clock, which may have been set
meanwhile.  So the waiting is never counted from before the campaign was begun (a clock
that stood at 1970 when the request was sent would make everything overdue), and a
request that seems to have been sent in the future (by a clock that was set back since)
is dated anew when its answer is looked for, so that it becomes overdue three hours
after that and not never.

A request whose answer could not be looked for, as the server was down, waits as before:
it is overdue though it counts as failed.  One whose answer has come and is no good is
told as that, and is not overdue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from .planning.rules import CERTIFICATE_EXPECTED
from .reasons import Reason
from .storage.records import Item, moment, parse_moment
from .storage.schema import item
from .storage.store import Store

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Clocks of two machines, or one clock set right by so much, are no jump."""

__all__ = [
    "Overdue",
    "Way",
    "awaits_answer",
    "awaiting_condition",
    "count_overdue",
    "count_undated",
    "is_overdue",
    "list_overdue",
    "overdue_condition",
    "redated",
    "waited",
    "way_of",
]


def waited(sent_at: datetime, begun: datetime, now: datetime) -> timedelta | None:
    """Say how long an answer has been waited for.

    Args:
        sent_at: when its request was sent, by the clock of then.
        begun: when the campaign was begun; nothing was sent before.
        now: by the clock of now.

    Returns:
        Not less than 0; None if the clock was set back since, so that nobody knows.
    """
    start = max(sent_at, begun) if begun <= now else sent_at
    if start > now + CLOCK_TOLERANCE:
        return None
    return max(now - start, timedelta(0))


def is_overdue(sent_at: datetime, begun: datetime, now: datetime) -> bool:
    """Say whether a certificate is overdue."""
    span = waited(sent_at, begun, now)
    return span is not None and span >= CERTIFICATE_EXPECTED


_NOT_LOOKED_FOR = (Reason.LOGIN.value, Reason.TRANSPORT.value)
"""Reasons that say of a sent request that its answer could not be looked for."""


def awaits_answer(state: str, reason: str | None) -> bool:
    """Say whether a request was sent, and no answer to it is known."""
    return state == "sent" and (reason is None or reason in _NOT_LOOKED_FOR)


def awaiting_condition() -> sa.ColumnElement[bool]:
    """Say in SQL, of a row of ``item``, what `awaits_answer` says."""
    unknown = sa.or_(item.c.reason.is_(None), item.c.reason.in_(_NOT_LOOKED_FOR))
    return sa.and_(item.c.state == "sent", unknown)


def redated(one: Item, now: datetime) -> dict[str, str]:
    """Give what a request that was sent in the future is to be dated with; or {}."""
    if one.sent_at is None or parse_moment(one.sent_at) <= now + CLOCK_TOLERANCE:
        return {}
    return {"sent_at": moment(now)}


@dataclass(frozen=True)
class Way:
    """By which transport a campaign's requests went, in words."""

    kind: str
    words: str
    advice: str
    """What to do about an answer that does not come; ``{id}`` is the request's."""


def way_of(settings: Mapping[str, Any] | None) -> Way:
    """Describe the transport of a campaign's settings."""
    found = settings or {}
    kind = str(found.get("kind", ""))
    again = "then run gostkey renew receive"
    if kind == "folder":
        sent = Path(str(found.get("outbox", "")), "{id}.p7m")
        return Way(
            kind,
            f"files in {found.get('outbox')}",
            f"see that {sent} has reached the authority, and ask it; put its answer "
            f"into {found.get('inbox')}, {again}. Giving the file again is harmless "
            "(receive --send-again puts a lost one there anew)",
        )
    if kind == "https":
        return Way(
            kind,
            f"{found.get('url')}",
            f"ask the authority, naming request {{id}}, {again}, which sends the "
            "request again: that is harmless",
        )
    if kind == "mail":
        return Way(
            kind,
            "mail",
            f"ask the authority, naming request {{id}}, and look whether its mail is "
            f"in another folder of the mailbox (junk); {again}. With --send-again "
            "the request is mailed once more first: that is harmless",
        )
    if kind == "command":
        words = found.get("fetch") or [""]
        return Way(
            kind,
            f"the program {Path(str(words[0])).name}",
            f"ask the centre, naming request {{id}}, {again}, which starts the program "
            "again",
        )
    where = f"the authority in {found.get('folder')}" if found.get("folder") else kind
    return Way(
        kind,
        where or "a way that this campaign does not know",
        f"ask the authority, naming request {{id}}, {again}",
    )


@dataclass(frozen=True)
class Overdue:
    """A certificate that should be there."""

    id: int
    owner: str
    container: str
    request_id: str
    sent_at: datetime
    waited: timedelta
    way: Way

    @property
    def advice(self) -> str:
        """What to do."""
        return self.way.advice.replace("{id}", self.request_id)

    def record(self) -> dict[str, Any]:
        """Give it JSON-safe."""
        return {
            "id": self.id,
            "owner": self.owner,
            "container": self.container,
            "request_id": self.request_id,
            "sent_at": moment(self.sent_at),
            "waited_seconds": int(self.waited.total_seconds()),
            "transport": self.way.kind,
            "way": self.way.words,
            "advice": self.advice,
        }


def count_overdue(store: Store, now: datetime) -> int:
    """Count the certificates that are overdue."""
    condition = overdue_condition(store.created_at(), now)
    query = sa.select(sa.func.count()).select_from(item).where(condition)
    ((found,),) = store.rows(query)
    return int(found)


def count_undated(store: Store, now: datetime) -> int:
    """Count the requests that seem to have been sent in the future."""
    query = (
        sa.select(sa.func.count())
        .select_from(item)
        .where(awaiting_condition(), item.c.sent_at > moment(now + CLOCK_TOLERANCE))
    )
    ((found,),) = store.rows(query)
    return int(found)


def list_overdue(
    store: Store, now: datetime, limit: int | None = None
) -> Iterator[Overdue]:
    """List the certificates that are overdue, those that wait longest first."""
    begun = store.created_at()
    condition = overdue_condition(begun, now)
    way = way_of(store.settings().get("transport"))
    columns = (
        item.c.id,
        item.c.owner,
        item.c.container,
        item.c.request_id,
        item.c.sent_at,
    )
    query = sa.select(*columns).where(condition).order_by(item.c.sent_at, item.c.id)
    for row in store.rows(query.limit(limit)):
        sent_at = parse_moment(row.sent_at)
        span = waited(sent_at, begun, now) or timedelta(0)
        yield Overdue(
            row.id, row.owner, row.container, row.request_id or "", sent_at, span, way
        )


def overdue_condition(begun: datetime, now: datetime) -> sa.ColumnElement[bool]:
    """Say in SQL, of a row of ``item``, what `is_overdue` says."""
    if begun <= now < begun + CERTIFICATE_EXPECTED:
        return sa.false()
    late = item.c.sent_at <= moment(now - CERTIFICATE_EXPECTED)
    return sa.and_(awaiting_condition(), late)
