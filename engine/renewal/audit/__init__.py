"""The audit log of a campaign: one line an outcome, chained, signed, and checked.

`AuditLog` writes it beside the store, `verify` checks it.  What stands in a line is
told in `lines`.
"""

from .check import Problem, Verification, verify
from .keys import AUDIT_KEY, AUDIT_PUBLIC, campaigns_key, signers
from .lines import CMS_NAME, LOG_NAME
from .log import AUDIT_LOCK, AuditLog
from .seals import signed_here
from .signed import CmsSignature

__all__ = [
    "AUDIT_KEY",
    "AUDIT_LOCK",
    "AUDIT_PUBLIC",
    "CMS_NAME",
    "LOG_NAME",
    "AuditLog",
    "CmsSignature",
    "Problem",
    "Verification",
    "campaigns_key",
    "signed_here",
    "signers",
    "verify",
]
