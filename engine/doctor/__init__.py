"""The doctor: why a drive is not seen, why a container does not open, and the cure.

It looks at everything in the order in which an office would, changes nothing, and
never spends a try of a PIN.
"""

from .catalogue import FAULTS
from .chains import Trust
from .examine import Doctor
from .findings import Examination, Fault, Finding, Severity
from .passwords import Passwords
from .surroundings import Surroundings

__all__ = [
    "Doctor",
    "Examination",
    "FAULTS",
    "Fault",
    "Finding",
    "Passwords",
    "Severity",
    "Surroundings",
    "Trust",
]
