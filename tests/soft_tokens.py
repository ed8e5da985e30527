"""A PKCS #11 token in software, for tests of several parts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def soft_token(base: Path) -> tuple[Path, Path, Path]:
    """Make a token "office token" of SoftHSM; the test is skipped without it.

    The variable GOSTKEY_SOFTHSM names the library of another SoftHSM, such as one that
    was built with GOST.

    Returns:
        The library, the folder where the token lives, and the file that the
        variable SOFTHSM2_CONF has to name.
    """
    pytest.importorskip("pkcs11", reason="needs: pip install 'gostkey[pkcs11]'")
    named = os.environ.get("GOSTKEY_SOFTHSM")
    libraries = list(Path("/usr/lib").glob("**/libsofthsm2.so"))
    libraries = [Path(named)] if named else libraries
    tool = shutil.which("softhsm2-util")
    if not libraries or tool is None:
        pytest.skip("needs a PKCS #11 token: apt-get install softhsm2")
    folder = base / "tokens"
    folder.mkdir()
    settings = base / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}\nlog.level = ERROR\n")
    subprocess.run(
        [tool, "--module", str(libraries[0]), "--init-token", "--free"]
        + ["--label", "office token"]
        + ["--so-pin", "12345678", "--pin", "1234"],
        check=True,
        capture_output=True,
        env={**os.environ, "SOFTHSM2_CONF": str(settings)},
    )
    return libraries[0], folder, settings
