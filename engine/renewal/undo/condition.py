"""In what condition an old container is, and its copy: which of them is to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gostkey.containers import Container
from gostkey.containers.findings import BAD, UNCHECKED
from gostkey.errors import GostKeyError

_OF_TIME = ("certificate-dates", "key-dates")
_PAIRS = ("pair", "reserve")


@dataclass(frozen=True)
class Condition:
    """What is known of the files of a container that is for the right key."""

    faults: int
    """What is bad about it, counted."""
    holds_key: bool
    """Whether one of its pairs has the key, as far as was looked."""
    is_known: bool
    """Whether the pairs were looked into, which needs the password."""


def condition_of(
    files: Mapping[str, bytes], certificate: bytes | None, password: str | None
) -> Condition | None:
    """Look at everything in a container; None if it is not one with that certificate.

    Args:
        files: name to content.
        certificate: of the key that must be in it, DER.
        password: of the container; None if it has none, or none is known.
    """
    try:
        container = Container.parse(files)
    except GostKeyError:
        return None
    if all(key.certificate != certificate for key in container.keys):
        return None
    # That the key has ended since is no fault of the container.
    found = [one for one in container.check(password) if one.code not in _OF_TIME]
    return Condition(
        faults=sum(one.state == BAD for one in found),
        holds_key=any(
            one.code in _PAIRS and one.state != BAD and not one.fault for one in found
        ),  # fmt: skip
        is_known=all(one.state != UNCHECKED for one in found),
    )
