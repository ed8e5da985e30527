"""Key rings for tests: one in memory, and a real Secret Service of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

keyring = pytest.importorskip(
    "keyring", reason='the library keyring is not here: pip install "gostkey[keyring]"'
)

from keyring.backend import KeyringBackend  # noqa: E402
from keyring.errors import PasswordDeleteError  # noqa: E402

LONGEST = 1280
"""Characters of a password in the key ring of Windows."""


class InMemory(KeyringBackend):  # type: ignore[misc]
    """A key ring that is gone with the test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.failing: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._fail()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._fail()
        assert len(password) <= LONGEST and "\0" not in username
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._fail()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("no such password")

    def _fail(self) -> None:
        if self.failing is not None:
            raise self.failing


def use(monkeypatch: pytest.MonkeyPatch, ring: Any, *, trusted: bool = True) -> None:
    """Make a key ring the one of this process; taken for the system's or not."""
    from gostkey.media import remembered

    monkeypatch.setattr(keyring, "get_keyring", lambda: ring)
    if trusted:
        monkeypatch.setattr(remembered, "_SYSTEMS_OWN", {type(ring).__module__})


def in_secret_service(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script with a new and empty GNOME key ring, or skip."""
    for tool, package in (
        ("dbus-run-session", "dbus-daemon"),
        ("gnome-keyring-daemon", "gnome-keyring"),
    ):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here: apt-get install {package}")
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    inside = (
        # The daemon ends with the session's bus.
        "printf master | gnome-keyring-daemon --unlock --components=secrets >&2\n"
        + script
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHON_KEYRING_BACKEND" and not name.startswith(("DBUS_", "XDG_"))
    }
    return subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", inside],
        env={**kept, "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
