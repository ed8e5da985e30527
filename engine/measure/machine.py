"""What a measurement must say about where it was made."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from gostkey.backend import backend

__all__ = ["facts", "processor", "usable_cpus"]


def processor() -> tuple[str, frozenset[str]]:
    """Return the processor's name, and all features that it tells of."""
    model = platform.processor() or platform.machine()
    found: set[str] = set()
    numbers: dict[str, str] = {}
    if sys.platform == "linux":
        try:
            text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        for line in text.splitlines():
            name, _colon, value = line.partition(":")
            name, value = name.strip(), value.strip()
            if name == "model name":
                model = value
            elif name in ("cpu family", "model"):
                numbers[name] = value
            elif name in ("flags", "Features"):
                found.update(value.split())
            if not line and found:
                break
    if len(numbers) == 2:
        # Virtual machines often hide the name, but not these.
        model = f"{model}, family {numbers['cpu family']} model {numbers['model']}"
    return model, frozenset(found)


def usable_cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def facts() -> dict[str, object]:
    """Collect processor, system, versions, backend and commit."""
    active = backend()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": processor()[0],
        "cpus": usable_cpus(),
        "load": round(load, 2) if load is not None else None,
        "platform": platform.platform(),
        "python": f"{platform.python_version()}, {platform.python_compiler()}",
        "backend": active.name,
        "kernels": dict(active.kernels),
        "commit": _commit(),
    }


def _commit() -> str:
    """Return the commit measured, with a + if the tree differs; "" if unknown."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()
