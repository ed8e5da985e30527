"""Build the abi3 wheel, audit it, and try it on every Python that is there.

    python tools/wheel.py                 (make wheel)

The wheel is built from the source archive, so a file that the archive lacks is
noticed; repaired to a manylinux tag; audited by auditwheel, abi3audit and
twine; then installed into an empty environment of each Python 3.10 to 3.13
(PATH and pyenv are searched), where tools/smoke.py must pass on the native
core.  The result is in dist/.  Exit status 1 if anything failed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
VERSIONS = [(3, minor) for minor in range(10, 14)]


def run(*command: str | Path, quiet: bool = False, **environment: str) -> str:
    """Run a command; return its output, or end here and show it."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ... {command[-1]}:\n{done.stdout}")
    if not quiet:
        print("\n".join(f"   {line}" for line in done.stdout.splitlines()))
    return done.stdout


def step(text: str) -> None:
    print(f"\n== {text}", flush=True)


def interpreters() -> dict[tuple[int, int], Path]:
    """Find a Python of each version: on PATH, else among pyenv's."""
    found: dict[tuple[int, int], Path] = {}
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in VERSIONS:
        name = "python{}.{}".format(*version)
        places = [shutil.which(name), *sorted(root.glob(f"versions/*/bin/{name}"))]
        for place in places:
            if place is None:
                continue
            # A version manager's shim exists for versions that do not run.
            asked = subprocess.run(
                [place, "-c", "import sys, venv; print(sys.executable)"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=False,
            )
            if asked.returncode == 0:
                found[version] = Path(asked.stdout.strip())
                break
    return found


def build() -> Path:
    """Build the source archive and the repaired wheel; return the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    bin_folder = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as raw:
        step("Building the source archive, and the wheel from it")
        run(
            *(sys.executable, "-m", "build", "--no-isolation", "--outdir", raw),
            quiet=True,
            GOSTKEY_REQUIRE_NATIVE="1",
        )
        (wheel,) = Path(raw).glob("*.whl")
        (archive,) = Path(raw).glob("*.tar.gz")
        DIST.mkdir()
        shutil.copy(archive, DIST)
        print(f"   {archive.name}\n   {wheel.name}")
        if "-cp310-abi3-" not in wheel.name:
            raise RuntimeError(f"{wheel.name}: not an abi3 wheel")
        if sys.platform == "linux":
            step("auditwheel")
            path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
            run(bin_folder / "auditwheel", "show", wheel, PATH=path)
            run(
                *(bin_folder / "auditwheel", "repair", "-w", DIST, wheel),
                quiet=True,
                PATH=path,
            )
        else:
            shutil.copy(wheel, DIST)
    (wheel,) = DIST.glob("*.whl")
    print(f"   repaired: {wheel.name}")
    step("abi3audit --strict")
    run(bin_folder / "abi3audit", "--strict", "--verbose", wheel)
    step("twine check")
    run(bin_folder / "twine", "check", "--strict", wheel)
    return wheel


def try_on(python: Path, wheel: Path) -> str:
    """Install the wheel into an empty environment and try it there."""
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-m", "venv", folder, quiet=True)
        scripts = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        inside = scripts / "python"
        run(
            *(inside, "-m", "pip", "-q", "--disable-pip-version-check"),
            *("install", "--only-binary", ":all:", wheel),
            quiet=True,
        )
        # -P would need 3.11: the script's own folder on the path does no harm,
        # it holds no gostkey.
        said = run(inside, ROOT / "tools" / "smoke.py", "native", quiet=True)
        run(scripts / "gostkey", "info", quiet=True)
        run(inside, "-W", "error", "-c", "import gostkey.cli", quiet=True)
    (count,) = re.findall(r"(\d+) vectors pass", said)
    return f"{count} vectors pass"


def main() -> int:
    wheel = build()
    step("In empty environments")
    found = interpreters()
    failed = 0
    passed = 0
    for version in VERSIONS:
        name = "Python {}.{}".format(*version)
        if version not in found:
            print(f"   {name:12} not installed here")
            continue
        start = time.monotonic()
        try:
            result = try_on(found[version], wheel)
            passed += 1
        except RuntimeError as error:
            result = f"FAILED\n{error}"
            failed += 1
        print(f"   {name:12} {result} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"\ndist/{wheel.name}\n\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"\n{error}")
