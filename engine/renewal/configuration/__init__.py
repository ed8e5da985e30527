"""The configuration file of a renewal: TOML, read strictly, checked before it matters.

A key of the file stands for an option of the command of the same meaning; the command
line wins.  `tables` says what there is, `kinds` what a value may be, `reading` reads a
file, `checking` looks at what the file says about this machine.
"""

from .checking import check
from .kinds import Kind, read_offset, read_span
from .reading import Configuration, Finding, read_configuration
from .tables import TABLES, Key, Table, known_keys

__all__ = [
    "TABLES",
    "Configuration",
    "Finding",
    "Key",
    "Kind",
    "Table",
    "check",
    "known_keys",
    "read_configuration",
    "read_offset",
    "read_span",
]
