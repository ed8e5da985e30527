"""All faults that the doctor knows, in the order in which an office would look.

`docs/doctor.md` is made of this (tests/doctor compares them), so a cause and a cure
are whole sentences that stand without the finding that they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping

from .faults_of_drives import FAULTS_OF_DRIVES
from .faults_of_keys import FAULTS_OF_KEYS
from .faults_of_tokens import FAULTS_OF_TOKENS
from .findings import Fault, Finding, Severity

FAULTS: Mapping[str, Fault] = {
    fault.code: fault
    for fault in (*FAULTS_OF_TOKENS, *FAULTS_OF_DRIVES, *FAULTS_OF_KEYS)
}


class _Words(dict[str, str]):
    """What a finding fills in; what it does not know is left out."""

    def __missing__(self, word: str) -> str:
        raise KeyError(f"the fault's texts want {{{word}}}")


def found(
    code: str,
    subject: str,
    text: str,
    *,
    check: str = "",
    severity: Severity | None = None,
    error: Exception | None = None,
    **words: object,
) -> Finding:
    """Return the finding of a fault.

    Args:
        code: of the fault.
        subject: where it is.
        text: what was seen.
        check: what was looked at, if it is not what this fault usually belongs to.
        severity: if it is not the usual one of this fault.
        error: the exception behind it.
        **words: what is filled into cause and cure.
    """
    fault = FAULTS[code]
    filled = _Words({name: str(value) for name, value in words.items()})
    return Finding(
        check=check or fault.check,
        subject=subject,
        severity=severity or fault.severity,
        text=text,
        fault=code,
        cause=fault.cause.format_map(filled),
        cure=fault.cure.format_map(filled),
        error=error,
    )
