"""How fast this machine is, ours beside other implementations.

A row compares one operation of ours with one of another's.  Each side is a
process of its own that sets the operation up and then does it for as long as it
is told; both are pinned to one CPU and take turns in short rounds, so that a
change of clock speed or a busy neighbour meets both.  `rows` says what is
compared, `peers` with whom, `pairs` does it, `results` judges.

    operations      our side: what a program calls, prepared
    python_peers    the same for implementations called from Python
    programs/       the same for C libraries, compiled when they are asked for
    worker          the process of one side in Python
"""

from __future__ import annotations

from .peers import PEERS, Found, Workshop
from .results import Result, Spread
from .rows import GROUPS, ROWS, Row, Task, choose
from .run import measure

__all__ = [
    "GROUPS",
    "PEERS",
    "ROWS",
    "Found",
    "Result",
    "Row",
    "Spread",
    "Task",
    "Workshop",
    "choose",
    "measure",
]
