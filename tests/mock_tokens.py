"""A PKCS #11 library with a GOST token that does not exist, for tests of several parts.

tests/pkcs11/ has its source, which says what can be ordered of it.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path
from typing import Any

import c_core
import pytest

from gostkey.media.chips import Chip, ChipToken, open_chip

SOURCES = Path(__file__).parent / "pkcs11"
OUT = c_core.OUT.parent / "mock-cryptoki"
PIN = "12345678"


class MockToken:
    """One copy of the library, with objects and orders of its own."""

    def __init__(self, folder: Path) -> None:
        """Copy the library; see `mock_token`."""
        self.library = str(folder / "libmock.so")
        shutil.copy(built(), self.library)

    def order(self, *lines: str) -> None:
        """Give orders in place of the earlier ones."""
        self._beside("orders").write_text("".join(f"{line}\n" for line in lines))

    @property
    def calls(self) -> list[str]:
        """Names of the functions called so far, in all processes."""
        log = self._beside("log")
        return log.read_text().split() if log.exists() else []

    def forget(self) -> None:
        """Let the next process, or test, begin with an empty token."""
        self._beside("state").unlink(missing_ok=True)

    def restart(self) -> None:
        """Unload the library from this process, as the end of a program does."""
        import pkcs11

        pkcs11.unload(self.library)

    def _beside(self, suffix: str) -> Path:
        return Path(f"{self.library}.{suffix}")


def built() -> Path:
    """Build the library, once for all tests and runs until its source changes."""
    OUT.mkdir(parents=True, exist_ok=True)
    library = OUT / "libmock.so"
    sources = sorted(SOURCES.glob("*.c"))
    with (OUT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = [*SOURCES.iterdir(), *c_core.CSRC.glob("*.[ch]"), Path(__file__)]
        newest = max(one.stat().st_mtime for one in known)
        if not library.exists() or library.stat().st_mtime < newest:
            _compile([*c_core.CSRC.glob("*.c"), *sources], library)
    return library


def _compile(sources: list[Path], library: Path) -> None:
    # As fast as it compiles; kernels for newer processors are of no use here.
    done = subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O0", "-shared", "-fPIC"]
        + ["-fvisibility=hidden", "-Wl,-Bsymbolic,-z,defs", "-I", str(c_core.CSRC)]
        + ["-DGOSTKEY_NO_AVX512", "-DGOSTKEY_NO_VECTORS"]
        + ["-o", str(library), *map(str, sources), "-ldl"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def mock_token(folder: Path) -> MockToken:
    """Make a token of the mock library; the test is skipped without gcc."""
    pytest.importorskip("pkcs11", reason="needs: pip install 'gostkey[pkcs11]'")
    c_core.need("gcc")
    return MockToken(folder)


def pin(token: ChipToken) -> str:
    """Answer with the right PIN."""
    return PIN


def nobody(token: ChipToken) -> str:
    """Fail the test if the PIN is asked for."""
    raise AssertionError("the PIN was asked for")


def opened(mock: MockToken, **options: Any) -> Chip:
    """Open the token with the right PIN, unless the options say otherwise."""
    return open_chip(mock.library, **{"pin": pin, **options})


def made(mock: MockToken, curve: str = "CryptoPro-A", label: str = "Иванов") -> str:
    """Make a key; return its identifier in hex."""
    with opened(mock) as chip:
        return chip.generate(curve, label).entry.identifier.hex()
