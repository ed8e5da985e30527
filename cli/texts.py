"""The way every text for people goes, and the form of the help pages.

`_` marks a text for translation and looks it up.  Catalogues are the usual
gettext ones, ``cli/locale/<language>/LC_MESSAGES/gostkey.mo``; none is there
yet, so every text comes out as it was written, in English.
"""

from __future__ import annotations

import gettext
from collections.abc import Sequence
from pathlib import Path

__all__ = ["_", "help_page", "plural"]

_catalogue = gettext.translation(
    "gostkey", localedir=str(Path(__file__).parent / "locale"), fallback=True
)


def _(text: str) -> str:
    """Return *text* in the user's language."""
    return _catalogue.gettext(text)


def plural(one: str, many: str, count: int) -> str:
    """Return the form of a text that fits *count*, with ``{n}`` filled in."""
    return _catalogue.ngettext(one, many, count).format(n=count)


EXIT_TEXTS = {
    0: _("done, or nothing to do"),
    1: _("wrong use of the command"),
    2: _("some items failed, the others are done"),
    3: _("nothing succeeded"),
    4: _("a person is needed: a password, a PIN, a medium, or random input"),
    5: _("the random generator or a self-test failed: make no keys here"),
    6: _("another run works on the same folder"),
    130: _("interrupted; it can be resumed"),
}
"""What each exit code says; the numbers are fixed, see README.md."""


def help_page(
    what: str, *, examples: Sequence[str] = (), exits: Sequence[int] = (0, 1, 3)
) -> str:
    """Lay out a help text: what the command does, examples, exit codes.

    Args:
        what: paragraphs parted by an empty line; the first sentence is also
            the short help in lists of commands.
        examples: command lines as the user types them.
        exits: the exit codes that this command can have.
    """
    parts = [what.strip()]
    if examples:
        # \b keeps click from filling the paragraph.
        lines = "\n".join(f"  {line}" for line in examples)
        parts.append("\b\n" + _("Examples:") + "\n" + lines)
    lines = "\n".join(f"  {code:<3}  {EXIT_TEXTS[code]}" for code in exits)
    parts.append("\b\n" + _("Exit codes:") + "\n" + lines)
    return "\n\n".join(parts)
