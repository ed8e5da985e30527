"""Write the table of all that the doctor knows: docs/doctor.md.

    .venv/bin/python tools/doctor_table.py > docs/doctor.md

A test compares the page with the code, so it stays true.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from gostkey.doctor import FAULTS, Fault

HEAD = """\
# What the doctor knows

`gostkey container check` and `gostkey token check` look at these things in this
order. How they are used is told in [not-seen.md](not-seen.md). With `--json` every
finding has `code` (what was looked at), `severity`, `fault` (what is wrong, or
empty), `subject`, `text`, `cause` and `cure`, and `state` as in earlier versions. Codes
do not change. Words in braces are filled in.

| severity | means |
|---|---|
| `ok` | it is as it should be |
| `note` | worth knowing; nothing needs to be done |
| `warning` | it works here and may not elsewhere, or not for long |
| `error` | this is why it does not work; the exit code is not 0 |
| `not-checked` | it could not be looked at, for the reason that is told |

(This page is made by `tools/doctor_table.py`.)
"""


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield HEAD
    for check, faults in groupby(FAULTS.values(), lambda fault: fault.check):
        yield f"## `{check}`\n"
        yield "| fault | severity | cause | cure |\n|---|---|---|---|"
        yield from map(row, faults)
        yield ""


def row(fault: Fault) -> str:
    """Return a fault as a row of the table."""
    cells = (f"`{fault.code}`", fault.severity.value, fault.cause, fault.cure)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    print("\n".join(page()).rstrip())
