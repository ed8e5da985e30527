"""What a message is known by: its Message-ID, and the words in its subject.

The Message-ID of a request is made of the request's id and of its campaign's, so a
request that is sent twice has the same one, and an answer says in In-Reply-To which
request of which campaign it is for.  Some servers give messages a Message-ID of their
own, and some people begin a new message instead of answering: the subject and a header
have the id too.

Source: RFC 5322 3.6.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

REQUEST, ANSWER = "request", "answer"
MARK = "[gostkey "
"""How the id begins in a subject; mailboxes are searched for it."""
HEADER = "Gostkey-Request"
"""Header with the id of the request that a message is about."""

_MESSAGE_ID = re.compile(
    r"<gostkey\.(request|answer)\.([0-9a-f]{64})\.([0-9a-f]{16})@[^<>@\s]{1,255}>"
)
_MARKED = re.compile(r"\[gostkey\s+([0-9a-f\s]{64,72})\]")
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


@dataclass(frozen=True)
class Named:
    """The request that a message names."""

    kind: str
    """`REQUEST` or `ANSWER`: what the message named is itself."""
    request_id: str
    campaign: str


def message_id(kind: str, request_id: str, campaign: str, address: str) -> str:
    """Make a Message-ID, at the domain of the sender's address."""
    return f"<gostkey.{kind}.{request_id}.{campaign}@{address.rpartition('@')[2]}>"


def named_in(*fields: str) -> list[Named]:
    """Find Message-IDs of ours in header fields, in their order."""
    return [
        Named(*found.groups())
        for text in fields
        for found in _MESSAGE_ID.finditer(text)
    ]


def marked(request_id: str) -> str:
    """Write a request's id for a subject."""
    return f"{MARK}{request_id}]"


def id_in_subject(text: str) -> str | None:
    """Find the id that `marked` wrote; a folded line may have put blanks into it."""
    for found in _MARKED.finditer(text.lower()):
        bare = re.sub(r"\s", "", found[1])
        if len(bare) == 64:
            return bare
    return None


def id_in_names(names: Iterable[str]) -> str | None:
    """Find an id in the names of attachments."""
    for name in names:
        found = _ID.search(name.lower())
        if found:
            return found[0]
    return None


def ids_in(text: str) -> list[str]:
    """Find all ids in a text."""
    return _ID.findall(text)
