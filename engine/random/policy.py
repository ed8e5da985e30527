"""What a run that makes keys wants of a person: the operator's policy.

The system's generator always carries the full strength; so a missing person is a
clear error or a documented fall-back, as the policy says, and never a hang.
"""

from __future__ import annotations

import enum

__all__ = ["Policy"]


class Policy(str, enum.Enum):
    """Whether a person at mouse and keyboard is asked before keys are made."""

    REQUIRE_HUMAN = "require-human"
    """No key is made without it."""

    PREFER_HUMAN = "prefer-human"
    """It is asked for where somebody can be asked; else the system's generator
    serves alone, and the run says so."""

    OS_ONLY = "os-only"
    """Nobody is asked."""
