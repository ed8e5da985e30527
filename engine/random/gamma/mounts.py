"""Whether a folder is on a disk of this machine or on the network."""

from __future__ import annotations

import os
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""Linux: what is mounted where; proc(5)."""

NETWORK = frozenset(
    "9p afs ceph cifs coda davfs fuse.davfs fuse.glusterfs fuse.rclone fuse.s3fs "
    "fuse.sshfs gfs2 glusterfs lustre ncpfs nfs nfs4 ocfs2 orangefs prl_fs smb2 "
    "smb3 smbfs vboxsf virtiofs".split()
)
"""File systems that other machines can reach, a host of this one included."""


def network_kind(folder: Path) -> str:
    """Return the kind of the network disk that a folder is on.

    Returns:
        "" for a disk of this machine, and where the system does not tell
        (macOS); "UNC" for a share of Windows.
    """
    real = os.path.realpath(folder)
    if real.startswith("\\\\") and not real.startswith("\\\\?\\"):
        return "UNC"
    if real.startswith("\\\\?\\UNC\\"):
        return "UNC"
    try:
        text = MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    kind = kind_in(text, real)
    return kind if kind in NETWORK else ""


def kind_in(mounts: str, real: str) -> str:
    """Return the kind of file system that a path is on.

    Args:
        mounts: the text of a mountinfo file.
        real: an absolute path without links.
    """
    best, found = -1, ""
    for line in mounts.splitlines():
        front, _, back = line.partition(" - ")
        fields = front.split(" ")
        if len(fields) < 5 or not back:
            continue
        point = _unescaped(fields[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        # Of two on one place the later hides the earlier.
        if inside and len(point) >= best:
            best, found = len(point), back.split(" ", 1)[0]
    return found


def _unescaped(text: str) -> str:
    # Blanks and the like are \ooo; the backslash itself (\134) last.
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
