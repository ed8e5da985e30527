"""What the doctor says: one finding a thing that was looked at.

A fault has a code that does not change, a cause and a cure (`catalogue` has them
all); a finding is a fault at a place, or the word that something is right.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field


class Severity(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing needs to be done."""
    WARNING = "warning"
    """It works here and may not elsewhere, or not for long."""
    ERROR = "error"
    """This is why it does not work."""
    NOT_CHECKED = "not-checked"
    """It could not be looked at, for the reason that is told."""


_STATES = {
    Severity.OK: "good",
    Severity.NOTE: "good",
    Severity.WARNING: "warning",
    Severity.ERROR: "bad",
    Severity.NOT_CHECKED: "unchecked",
}
"""What `gostkey container check --json` has said since its first version."""


@dataclass(frozen=True)
class Fault:
    """A fault that the doctor knows."""

    code: str
    check: str
    """What is looked at when it is found."""
    severity: Severity
    cause: str
    """One sentence; words in braces stand for what a finding fills in."""
    cure: str


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """What was looked at; does not change."""
    subject: str
    """The drive, file, key or reader."""
    severity: Severity
    text: str
    """What was seen."""
    fault: str = ""
    """Code of the fault; "" if it is right."""
    cause: str = ""
    cure: str = ""
    error: Exception | None = field(default=None, compare=False, repr=False)
    """The exception behind it, if there was one."""

    @property
    def stops(self) -> bool:
        """Whether it is to be counted as a failure of what was examined."""
        return self.severity is Severity.ERROR or self.error is not None

    def as_dict(self) -> dict[str, str]:
        """Return the finding for JSON."""
        return {
            "code": self.check,
            "subject": self.subject,
            "state": _STATES[self.severity],
            "text": self.text,
            "severity": self.severity.value,
            "fault": self.fault,
            "cause": self.cause,
            "cure": self.cure,
        }


@dataclass(frozen=True)
class Examination:
    """What was found at one place."""

    item: str
    """The place as the user would name it."""
    name: str
    """The container's or token's name; "" where it cannot be told."""
    findings: tuple[Finding, ...]
    is_container: bool = True
    """False for a drive or reader, whose containers are examined on their own."""

    @property
    def first_fault(self) -> Finding | None:
        """What stops first, in the order in which an office would look."""
        return next((one for one in self.findings if one.stops), None)


def right(check: str, subject: str, text: str) -> Finding:
    """Return the finding that something is as it should be."""
    return Finding(check, subject, Severity.OK, text)


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the severity of the worst finding."""
    order = (
        Severity.OK,
        Severity.NOTE,
        Severity.NOT_CHECKED,
        Severity.WARNING,
        Severity.ERROR,
    )
    return max((one.severity for one in findings), key=order.index, default=order[0])
