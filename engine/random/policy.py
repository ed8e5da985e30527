"""Whether keys wait for a person: the operator's policy, and what follows from it.

The system's generator always carries the full strength; so a missing person is
a clear error or a documented fall-back, as the policy says, and never a hang.
"""

from __future__ import annotations

import enum

from gostkey.errors import EntropyNeeded

__all__ = ["Policy", "asks_a_person"]


class Policy(str, enum.Enum):
    """What a run that makes keys wants of a person at mouse and keyboard."""

    REQUIRE_HUMAN = "require-human"
    """No key is made without it."""

    PREFER_HUMAN = "prefer-human"
    """It is asked for where somebody can be asked; else the system's generator
    serves alone, and the run says so."""

    OS_ONLY = "os-only"
    """Nobody is asked."""


def asks_a_person(policy: Policy, obstacle: str) -> bool:
    """Say whether a sensor session is to be held before keys are made.

    Args:
        policy: the operator's.
        obstacle: why nobody can be asked ("there is no terminal"); empty if
            somebody can.

    Raises:
        EntropyNeeded: if the policy requires a person and none can be asked.
    """
    if policy is Policy.OS_ONLY:
        return False
    if not obstacle:
        return True
    if policy is Policy.REQUIRE_HUMAN:
        raise EntropyNeeded(
            f"the policy {policy.value} wants input of a person and {obstacle}; "
            "no key was made"
        )
    return False
