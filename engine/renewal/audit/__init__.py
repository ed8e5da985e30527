"""The audit log of a campaign: one line an outcome, chained, signed, and checked.

`AuditLog` writes it beside the store, `verify` checks it.  What stands in a line is
told in `lines`.
"""

from .check import Problem, Verification, verify
from .keys import AUDIT_KEY, AUDIT_PUBLIC, campaigns_key, signers
from .lines import LOG_NAME
from .log import AUDIT_LOCK, AuditLog

__all__ = [
    "AUDIT_KEY",
    "AUDIT_LOCK",
    "AUDIT_PUBLIC",
    "LOG_NAME",
    "AuditLog",
    "Problem",
    "Verification",
    "campaigns_key",
    "signers",
    "verify",
]
