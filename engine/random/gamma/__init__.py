"""Gamma: random records from outside, each of them used once.

A gamma file is a run of 36-byte records (`records`), kept as a pair of equal
copies, ``db1/kis_1`` and ``db2/kis_1`` in one folder.  Records are taken from
the end and destroyed on the disk before anyone gets them (`pair`); a journal
beside the pair (`journal`) makes that safe against crashes and tells an old
copy that was put back.  A record is mixed into the seed of the process's
generator (`feed`), never used as a key.
"""

from __future__ import annotations

from .feed import Fed, GammaFeed
from .journal import Summary
from .making import Made, make, refuse_taken
from .pair import GammaPair, Report, Taken, check, keys_possible, needed, status
from .records import MOST_RECORDS

__all__ = [
    "MOST_RECORDS",
    "Fed",
    "GammaFeed",
    "GammaPair",
    "Made",
    "Report",
    "Summary",
    "Taken",
    "check",
    "keys_possible",
    "make",
    "needed",
    "refuse_taken",
    "status",
]
