"""What the tree promises about itself: floors, names, versions, the build's words."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gostkey
from gostkey import renewal

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("engine", "bindings", "cli")


def modules() -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name != "ffi_build.py"
    ]


def imports(path: Path) -> list[tuple[int, str]]:
    """Return (level, module) of every import of a file; level 0 is absolute."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
            if node.module == "gostkey":
                found += [(0, f"gostkey:{name.name}") for name in node.names]
    return found


def test_floors_hold() -> None:
    if subprocess.run(
        [sys.executable, "-c", "import importlinter"], capture_output=True
    ).returncode:
        pytest.skip("to run it: pip install import-linter")
    # From elsewhere, so that the package is found where it is installed, or not.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "importlinter.cli", "lint-imports"),
            *("--config", str(ROOT / "pyproject.toml"), "--no-cache"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if "Could not find package 'gostkey'" in done.stdout + done.stderr:
        pytest.skip("to run it: pip install -e . (the floors are read by name)")
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_command_line_imports_the_package_as_a_whole() -> None:
    """`from gostkey import X` in a part would bring in parts above it unseen."""
    parts = {path.stem for path in (ROOT / "engine").glob("*.py")}
    parts |= {path.parent.name for path in (ROOT / "engine").glob("*/__init__.py")}
    parts |= {"bindings", "cli"}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules()
        if path.relative_to(ROOT).parts[0] != "cli"
        for level, name in imports(path)
        if level == 0
        and (
            name == "gostkey:*"
            or (name.startswith("gostkey:") and name.partition(":")[2] not in parts)
        )
    ]
    assert wrong == []


def test_relative_imports_stay_in_their_folder() -> None:
    """Across folders imports are absolute: true on the disk and installed."""
    wrong = []
    for path in modules():
        depth = len(path.relative_to(ROOT).parts) - 1
        for level, name in imports(path):
            if level > depth or (level and depth == 2 and level > 1):
                wrong.append(f"{path.relative_to(ROOT)}: {'.' * level}{name}")
    assert wrong == []


def test_only_bindings_touches_the_compiled_module() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.relative_to(ROOT).parts[0] != "bindings"
        for _, name in imports(path)
        if "_native" in name or name.split(".")[0] in {"cffi", "ctypes"}
    ]
    assert wrong == []


def test_renewal_has_what_it_names_and_reads_it_late() -> None:
    """A signature waits for no database, which campaigns have."""
    for name in renewal.__all__:
        assert getattr(renewal, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'campaigns'"):
        _ = renewal.campaigns
    code = (
        "import sys; from gostkey.cli import sign, cert; "
        "print({'sqlalchemy', 'numpy'} & {*sys.modules})"
    )
    done = try_code(code)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_version_stands_in_one_place() -> None:
    text = (ROOT / "engine" / "__init__.py").read_text(encoding="utf-8")
    found = re.findall(r'^__version__ = "(\d+\.\d+\.\d+)"$', text, re.MULTILINE)
    assert found == [gostkey.__version__]
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text()


def try_import(**environment: str) -> subprocess.CompletedProcess[str]:
    """Import the package under test anew, with other environment variables."""
    return try_code("print(m.backend().name)", **environment)


def try_code(last: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import it as `m` and run a line of Python."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GOSTKEY_")}
    where = Path(gostkey.__file__ or "").parent
    places = [str(where)] if where.name == "gostkey" else [str(where), str(ROOT)]
    code = (
        "import importlib.util as u, sys\n"
        f"s = u.spec_from_file_location('gostkey', {str(where / '__init__.py')!r},\n"
        f"    submodule_search_locations={places!r})\n"
        "m = u.module_from_spec(s); sys.modules['gostkey'] = m\n"
        "s.loader.exec_module(m)\n"
        f"{last}\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**kept, **environment},
    )


NATIVE = "native" in sys.modules["gostkey.backend"].available()
only_native = pytest.mark.skipif(
    not NATIVE, reason="to run it: build the native core (a C compiler, pip install .)"
)


def test_pure_backend_can_be_asked_for_without_a_warning() -> None:
    done = try_import(GOSTKEY_BACKEND="pure")
    assert (done.stdout, done.stderr) == ("pure\n", "")


@only_native
@pytest.mark.parametrize(
    "environment",
    [{}, {"GOSTKEY_BACKEND": "native"}, {"GOSTKEY_KERNELS": "portable"}],
)
def test_native_backend_runs_where_it_is_built(environment: dict[str, str]) -> None:
    done = try_import(**environment)
    assert (done.stdout, done.stderr) == ("native\n", "")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"GOSTKEY_BACKEND": "fast"}, ["'fast' is unknown", "native", "pure"]),
        ({"GOSTKEY_KERNELS": "sse9"}, ["'sse9' is unknown", "portable", "avx512"]),
        (
            {"GOSTKEY_KERNELS": "portable", "GOSTKEY_BACKEND": "pure"},
            ["GOSTKEY_KERNELS=portable", "GOSTKEY_BACKEND=pure"],
        ),
    ],
)
def test_a_choice_that_cannot_be_met_is_an_error(
    environment: dict[str, str], words: list[str]
) -> None:
    done = try_import(**environment)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "BackendError" in last
    for word in words:
        assert word in last


@only_native
@pytest.mark.parametrize("kernels", ["avx2", "avx512"])
def test_kernels_run_or_are_refused_by_name(kernels: str) -> None:
    from gostkey import bindings

    done = try_import(GOSTKEY_KERNELS=kernels)
    if kernels in bindings.kernel_names():
        assert done.stdout == "native\n"
    else:
        assert done.returncode != 0
        assert f"GOSTKEY_KERNELS={kernels}: not on this machine" in done.stderr
        assert "portable" in done.stderr


def test_every_debian_package_is_named_with_what_it_is_for() -> None:
    text = (ROOT / "tools" / "debian.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            group, _, _, *purpose = line.split()
            assert group in {"build", "test", "token", "bench", "office"}
            assert purpose
