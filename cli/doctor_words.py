"""How the doctor's findings are shown: a line each, with cause and cure below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gostkey.doctor import Examination, Finding, Severity

from .failures import Failure, describe, expected
from .output import Output
from .texts import _, plural

__all__ = ["brief_option", "failure_of", "show"]

F = TypeVar("F", bound=Callable[..., Any])

_INDENT = " " * 15

_SEVERITIES = {
    Severity.OK: _("ok"),
    Severity.NOTE: _("note"),
    Severity.WARNING: _("warning"),
    Severity.ERROR: _("ERROR"),
    Severity.NOT_CHECKED: _("not checked"),
}


def brief_option(command: F) -> F:
    """Add --brief to a command; it gets the flag."""
    return click.option(
        "--brief",
        is_flag=True,
        help=_("Show only what is wrong, with cause and cure."),
    )(command)


def show(
    out: Output, one: Examination, code: str, *, brief: bool = False
) -> Failure | None:
    """Print an examination; return its first fault as a failure.

    Args:
        out: where to.
        one: what was examined.
        code: the beginning of the failure's code, "container" or "token".
        brief: leave out what is right, and what only could not be looked at.
    """
    failure = failure_of(one, code)
    if out.json:
        record: dict[str, Any] = {
            "item": one.item,
            "status": "failed" if failure else "done",
            "name": one.name,
            "findings": [finding.as_dict() for finding in one.findings],
        }
        if failure:
            record["error"] = failure.record()
        out.record(record)
        return failure
    out.text(f"{one.item}: {_verdict(one, failure)}")
    loud = (Severity.WARNING, Severity.ERROR)
    for finding in one.findings:
        if brief and finding.severity not in loud and not finding.stops:
            continue
        out.text(_line(finding))
        if finding.fault:
            out.text(_INDENT + _("cause: {cause}").format(cause=finding.cause))
            out.text(_INDENT + _("cure: {cure}").format(cure=finding.cure))
    return failure


def _verdict(one: Examination, failure: Failure | None) -> str:
    if failure:
        return _("BAD")
    count = sum(finding.severity is Severity.WARNING for finding in one.findings)
    if count:
        return plural("good, with 1 warning", "good, with {n} warnings", count)
    return _("good")


def _line(finding: Finding) -> str:
    severity = _SEVERITIES[finding.severity]
    what = f"{finding.subject}: {finding.text}" if finding.subject else finding.text
    return f"  {severity:<11}  {finding.check:<17}  {what}"


def failure_of(one: Examination, code: str) -> Failure | None:
    """Return the first fault that stops, as a failure."""
    fault = one.first_fault
    if fault is None:
        return None
    if fault.error is not None and expected(fault.error):
        told = describe(fault.error)
        message = told.message
        if one.item not in message:
            message = f"{one.item}: {message}"
        return Failure(told.code, message, fault.cure, told.exit)
    return Failure(
        f"{code}_{fault.check.replace('-', '_')}",
        f"{fault.subject}: {fault.text}",
        fault.cure,
    )
