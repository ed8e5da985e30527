"""Whether a way to an authority can be gone, before a campaign needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gostkey.errors import GostKeyError

from .collecting import leaving
from .http import HttpTransport
from .mail import MailTransport
from .transport import Transport


def faults_of(transport: Transport) -> Iterator[GostKeyError]:
    """Ask those whom a transport needs; nothing is sent to the authority but that.

    Mail: both servers are logged in to.  HTTPS: the server is asked for its
    certificates and CRL.  Others: what they have of these is read.

    Yields:
        What is wrong, of each server by itself.
    """
    with leaving(transport):
        for check in _checks_of(transport):
            try:
                check()
            except GostKeyError as error:
                yield error


def _checks_of(transport: Transport) -> tuple[Callable[[], object], ...]:
    if isinstance(transport, MailTransport):
        return transport.checks
    if isinstance(transport, HttpTransport):
        return (transport.check,)
    return (transport.trust,)
