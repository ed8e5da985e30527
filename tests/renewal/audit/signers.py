"""Keys with certificates that sign an audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from renewal.offices import Office

from gostkey.pki.certificates import Certificate
from gostkey.pki.requests import build_request
from gostkey.renewal.planning.people import person
from gostkey.signing import SigningKey


@contextmanager
def signer(
    office: Office, curve: str = "tc26-256-b", *, days_ago: int = 1, days: int = 365
) -> Iterator[tuple[SigningKey, Certificate]]:
    """Give an officer's key, and what the office's authority has certified."""
    with SigningKey.generate(curve) as key:
        request = build_request(key, person(900).subject)
        issued = office.clock() - timedelta(days=days_ago)
        yield key, office.authority.issue(request, issued, days=days)
