"""What a measurement must say about where it was made."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import gostkey

ROOT = Path(__file__).resolve().parent.parent


def processor() -> str:
    """Return the processor's own name and family numbers."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    except OSError:
        return platform.processor() or platform.machine()
    family, model = fields.get("cpu family", "?"), fields.get("model", "?")
    return f"{fields.get('model name', '?')}, family {family} model {model}"


def commit() -> str:
    """Return the commit measured, with a + if the tree differs from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "not a git checkout"


def facts() -> dict[str, str]:
    """Collect processor, system, versions, backend and commit."""
    backend = gostkey.backend()
    kernels = ", ".join(f"{part} {name}" for part, name in backend.kernels.items())
    return {
        "processor": f"{processor()}; {os.cpu_count()} CPUs",
        "system": platform.platform(),
        "python": f"{platform.python_version()}, {platform.python_compiler()}",
        "gostkey": f"{gostkey.__version__}, {backend.name} ({kernels})",
        "commit": commit(),
    }
