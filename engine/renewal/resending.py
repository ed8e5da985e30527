"""Sending overdue requests again: the same bytes, which the authority knows.

For requests that got lost on their way, as a mail does.  It is asked for by a person
(`renew receive --send-again`), never done by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gostkey.errors import GeneratorFailure, GostKeyError

from .overdue import is_overdue
from .reasons import Reason, Verdict
from .steps import Context, Work, fault_of
from .storage.records import parse_moment


def send_again(
    context: Context, works: Sequence[Work], now: datetime
) -> dict[int, Verdict | None]:
    """Send the requests of those that are overdue once more.

    Returns:
        For each item that was tried None, or why it failed or was refused.
    """
    if not context.send_again:
        return {}
    begun = context.created_at or datetime.min.replace(tzinfo=now.tzinfo)
    late = [
        work
        for work in works
        if work.item.sent_at is not None
        and is_overdue(parse_moment(work.item.sent_at), begun, now)
    ]
    if not late:
        return {}
    answers: Sequence[GostKeyError | OSError | None]
    try:
        answers = context.transport.submit([work.pending() for work in late])
    except GeneratorFailure:
        raise
    except (GostKeyError, OSError) as error:
        answers = [error] * len(late)
    return {
        work.item.id: None if answer is None else fault_of(answer, Reason.TRANSPORT)
        for work, answer in zip(late, answers, strict=True)
    }
