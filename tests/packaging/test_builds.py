"""Archives, wheels and installations: with a compiler and without one."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import gostkey

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = [
    *("engine", "bindings", "cli", "csrc", "docs", "tools", "tests", "bench", ".ci"),
    *("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"),
    *("CHANGELOG.md", "Makefile"),
]

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("setuptools", "cffi")),
    reason="to run it: pip install 'setuptools>=77' cffi (make test does)",
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the source tree, without anything that was built in it."""
    copy = tmp_path_factory.mktemp("sources") / "gostkey"
    copy.mkdir()
    dirt = shutil.ignore_patterns("*.so", "*.pyd", "*.o", "__pycache__", "*.egg-info")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=dirt)
        elif source.exists():
            shutil.copy(source, copy / name)
    return copy


def run(
    *command: str | Path, cwd: Path, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GOSTKEY_")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert not check or done.returncode == 0, done.stdout
    return done


def backend_call(call: str, **variables: str) -> list[str]:
    """Call the build backend of setuptools, as pip and build do."""
    return [
        sys.executable,
        "-c",
        f"from setuptools import build_meta; print(build_meta.{call})",
    ]


@pytest.fixture(scope="module")
def archive(sources: Path) -> Path:
    run(*backend_call("build_sdist('out')"), cwd=sources)
    (found,) = (sources / "out").glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def fallback_wheel(sources: Path) -> tuple[Path, str]:
    """Build a wheel on a machine whose compiler does not work."""
    done = run(*backend_call("build_wheel('pure')"), cwd=sources, CC="/bin/false")
    (found,) = (sources / "pure").glob("*.whl")
    return found, done.stdout


def headers_and_compiler() -> bool:
    include = Path(sysconfig.get_paths()["include"])
    return shutil.which("gcc") is not None and (include / "Python.h").exists()


needs_compiler = pytest.mark.skipif(
    not headers_and_compiler(),
    reason="to run it: apt-get install gcc libc6-dev python3-dev",
)


@pytest.fixture(scope="module")
def native_wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from nothing but the source archive."""
    folder = tmp_path_factory.mktemp("from_archive")
    with tarfile.open(archive) as tar:
        if sys.version_info >= (3, 12):
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder)
    (tree,) = folder.iterdir()
    run(*backend_call("build_wheel('out')"), cwd=tree, GOSTKEY_REQUIRE_NATIVE="1")
    (found,) = (tree / "out").glob("*.whl")
    return found


@pytest.fixture
def empty_environment(tmp_path: Path) -> Iterator[Path]:
    """Make an environment that has our dependencies, but not gostkey."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    (site,) = folder.glob("lib/python*/site-packages")
    # The dependencies of this environment are lent, not fetched again.  A .pth
    # file found by way of another is not read, so an editable gostkey is not.
    lent = sysconfig.get_paths()["purelib"]
    (site / "lent.pth").write_text(f"{lent}\n", encoding="utf-8")
    yield folder


def install(wheel: Path, environment: Path) -> None:
    (site,) = environment.glob("lib/python*/site-packages")
    run(
        *(sys.executable, "-m", "pip", "-q", "install", "--no-deps", "--no-index"),
        *("--target", site, wheel),
        cwd=environment,
    )


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        return opened.namelist()


def test_archive_holds_all_that_a_build_and_its_tests_need(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        inside = {name.partition("/")[2] for name in tar.getnames()}
    for wanted in (
        *("LICENSE", "README.md", "setup.py", "Makefile", "bindings/ffi_build.py"),
        *("engine/py.typed", "csrc/Makefile", "csrc/ct.h", "csrc/selftest/main.c"),
        *("tests/conftest.py", "tests/vectors/streebog.json", "tools/debian.txt"),
        *("engine/measure/programs/peer.h", "engine/measure/programs/openssl.c"),
    ):
        assert wanted in inside
    assert [name for name in inside if name.endswith((".so", ".o", ".pyc"))] == []


@needs_compiler
def test_wheel_from_the_archive_holds_only_the_package(native_wheel: Path) -> None:
    version = gostkey.__version__
    inside = names(native_wheel)
    outside = [
        name
        for name in inside
        if not name.startswith(("gostkey/", f"gostkey-{version}.dist-info/"))
    ]
    assert outside == []
    sources = [n for n in inside if n.endswith((".c", ".h", "ffi_build.py"))]
    # Only what `gostkey bench --peers` compiles.
    assert "gostkey/measure/programs/peer.h" in sources
    assert {n.rpartition("/")[0] for n in sources} == {"gostkey/measure/programs"}
    assert "gostkey/py.typed" in inside
    assert f"gostkey-{version}.dist-info/licenses/LICENSE" in inside
    compiled = [n for n in inside if n.endswith((".so", ".pyd"))]
    assert len(compiled) == 1
    assert "abi3" in compiled[0]
    assert f"gostkey-{version}-cp310-abi3-" in native_wheel.name


@needs_compiler
def test_native_wheel_runs_in_an_empty_environment(
    native_wheel: Path, empty_environment: Path
) -> None:
    install(native_wheel, empty_environment)
    python = empty_environment / "bin" / "python"
    done = run(python, ROOT / "tools" / "smoke.py", "native", cwd=empty_environment)
    assert "vectors pass" in done.stdout
    assert str(empty_environment) in done.stdout
    assert "FallbackWarning" not in done.stdout


def test_without_a_compiler_the_wheel_is_pure_and_the_build_says_so(
    fallback_wheel: tuple[Path, str],
) -> None:
    wheel, said = fallback_wheel
    assert wheel.name == f"gostkey-{gostkey.__version__}-py3-none-any.whl"
    assert [n for n in names(wheel) if n.endswith((".so", ".pyd"))] == []
    assert "The native core of gostkey was NOT built" in said
    assert "apt-get install gcc" in said


def test_without_a_compiler_the_package_runs_and_says_so(
    fallback_wheel: tuple[Path, str], empty_environment: Path
) -> None:
    wheel, _ = fallback_wheel
    install(wheel, empty_environment)
    python = empty_environment / "bin" / "python"
    done = run(python, ROOT / "tools" / "smoke.py", "pure", cwd=empty_environment)
    assert "vectors pass" in done.stdout
    assert str(empty_environment) in done.stdout
    assert "FallbackWarning" in done.stdout
    assert "was not built" in done.stdout
    info = run(python, "-m", "gostkey.cli", "info", cwd=empty_environment)
    assert "pure" in info.stdout
    assert "was not built" in info.stdout
    forced = run(
        *(python, "-c", "import gostkey"),
        cwd=empty_environment,
        check=False,
        GOSTKEY_BACKEND="native",
    )
    assert forced.returncode != 0
    assert "the native backend cannot run" in forced.stdout


def test_require_native_makes_a_missing_compiler_an_error(sources: Path) -> None:
    done = run(
        *backend_call("build_wheel('required')"),
        cwd=sources,
        check=False,
        CC="/bin/false",
        GOSTKEY_REQUIRE_NATIVE="1",
    )
    assert done.returncode != 0
    assert not list((sources / "required").glob("*.whl"))
