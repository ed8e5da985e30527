"""Who is at work: the name of a user, a machine and a process, for the journal."""

from __future__ import annotations

import getpass
import os
import socket

__all__ = ["who"]

_known: tuple[int, str] = (0, "")


def who() -> str:
    """Name this process as ``user@host:process``."""
    global _known
    process = os.getpid()
    if _known[0] != process:
        _known = (process, f"{_user()}@{socket.gethostname()}:{process}")
    return _known[1]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A number without a name: a container's user, say.
        return str(os.getuid()) if hasattr(os, "getuid") else "?"
