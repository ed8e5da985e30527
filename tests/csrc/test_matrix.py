"""The C core on its own: every compiler and machine of the matrix, and memcheck.

csrc/Makefile has the configurations; each builds without a warning under
-Wall -Wextra -Wpedantic -Wconversion -Werror and then runs its self-test.
"""

from __future__ import annotations

import glob
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from c_core import CSRC, OUT, ROOT, build

NATIVE = ["gcc", "/usr/include/stdlib.h"]
CLANG = ["clang", "/usr/include/stdlib.h"]
WINE = ["x86_64-w64-mingw32-gcc", "/usr/lib/wine/wine64"]
VALGRIND = ["valgrind", "/usr/include/valgrind/memcheck.h"]

SELFTESTS = {
    "gcc": NATIVE,
    "clang": CLANG,
    "gcc-no-int128": NATIVE,
    "clang-no-int128": CLANG,
    "sanitize": NATIVE,
    "sanitize-avx512": NATIVE,
    "bounds": NATIVE,
    "aarch64": [
        "aarch64-linux-gnu-gcc",
        "/usr/aarch64-linux-gnu/include/stdlib.h",
        "qemu-aarch64",
    ],
    "s390x": [
        "s390x-linux-gnu-gcc",
        "/usr/s390x-linux-gnu/include/stdlib.h",
        "qemu-s390x",
    ],
    "windows": WINE,
    "windows-avx512": WINE,
}
"""Configuration -> what it needs, as tools/debian.txt names it."""

MEMCHECKS = {
    "gcc": NATIVE + VALGRIND,
    "clang": CLANG + VALGRIND,
    "gcc-o2": NATIVE + VALGRIND,
    "gcc-no-int128": NATIVE + VALGRIND,
}


def packages() -> dict[str, str]:
    """Read tools/debian.txt: what is looked for -> the package that brings it."""
    lines = (ROOT / "tools" / "debian.txt").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {word[1]: word[2] for word in words}


def need(*wanted: str) -> None:
    """Skip the test, naming the packages that would make it run."""
    package_of = packages()
    missing = [
        package_of[what]
        for what in ("make", *wanted)
        if not (glob.glob(what) if what.startswith("/") else shutil.which(what))
    ]
    if missing:
        pytest.skip(f"to run it: apt-get install {' '.join(sorted(set(missing)))}")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command without input; keep what it says.

    Through a file and not a pipe: wine leaves a server behind for a while,
    and a pipe would stay open until that ends.
    """
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=1200,
            check=False,
        )
        said.seek(0)
        output = said.read().decode(errors="replace")
    return subprocess.CompletedProcess(done.args, done.returncode, output)


def make(target: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Make what a target runs, alone, and run it, beside others."""
    kind, _, configuration = target.partition("-")
    build(f"build-{configuration if kind == 'test' else target}")
    return run("make", "-C", CSRC, f"OUT={OUT}", *options, target)


def parts(folder: str) -> set[str]:
    """Names of the parts that have a test_<part>.c or check_<part>.c."""
    files = [*(CSRC / folder).glob("test_*.c"), *(CSRC / folder).glob("check_*.c")]
    return {path.stem.partition("_")[2] for path in files}


def lines_saying_ok(output: str) -> set[str]:
    words = [line.split() for line in output.splitlines()]
    return {word[0] for word in words if len(word) == 2 and word[1] == "ok"}


def test_every_part_has_a_selftest_and_a_memcheck() -> None:
    wanted = {"hashes", "ciphers", "elliptic"}
    assert parts("selftest") >= wanted
    assert parts("memcheck") >= wanted


SLOW = {"sanitize-avx512", "windows-avx512", "clang-no-int128"}
"""Configurations that take minutes to compile, or that another one comes close to."""

SLOW_MEMCHECKS = {"gcc-o2", "gcc-no-int128"}


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in SELFTESTS
    ],
)
def test_selftest_passes(configuration: str) -> None:
    need(*SELFTESTS[configuration])
    done = make(f"test-{configuration}")
    if "LeakSanitizer does not work under ptrace" in done.stdout:
        # Some containers trace their processes; all other checks still run.
        done = make(f"test-{configuration}", "LEAKS=0")
    assert done.returncode == 0, done.stdout
    assert lines_saying_ok(done.stdout) == parts("selftest"), done.stdout


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW_MEMCHECKS else [])
        for name in MEMCHECKS
    ],
)
def test_no_secret_decides_a_branch_or_an_address(configuration: str) -> None:
    need(*MEMCHECKS[configuration])
    done = make(f"memcheck-{configuration}")
    assert done.returncode == 0, done.stdout
    assert lines_saying_ok(done.stdout) == parts("memcheck"), done.stdout


@pytest.mark.parametrize("configuration", ["gcc", "clang"])
def test_memcheck_would_notice(configuration: str) -> None:
    need(*MEMCHECKS[configuration])
    build(f"build-memcheck-{configuration}")
    program = OUT / f"memcheck-{configuration}" / "run-memcheck"
    done = run("valgrind", "--error-exitcode=9", program, "canary")
    assert done.returncode == 9, done.stdout
    assert "Conditional jump or move depends on uninitialised" in done.stdout
    assert "Use of uninitialised value" in done.stdout
    assert "canary: branch noticed, address noticed" in done.stdout


@pytest.mark.parametrize("tool", ["", "none"])
def test_memcheck_program_fails_where_memcheck_is_not_active(tool: str) -> None:
    need(*MEMCHECKS["gcc"])
    build("build-memcheck-gcc")
    runner = ["valgrind", f"--tool={tool}"] if tool else []
    done = run(*runner, OUT / "memcheck-gcc" / "run-memcheck")
    assert done.returncode == 3, done.stdout
    assert "memcheck is not active" in done.stdout


def test_shared_core_exports_only_its_own_names() -> None:
    need(*NATIVE, "gcc")
    folder = build("code-gcc")
    objects = [folder / f"{path.stem}.o" for path in CSRC.glob("*.c")]
    listed = run("nm", "--defined-only", "--extern-only", "--just-symbols", *objects)
    names = [
        line for line in listed.stdout.split() if line and not line.endswith(".o:")
    ]
    assert names
    assert [name for name in names if not name.startswith("gostkey_")] == []


@pytest.mark.skipif(platform.machine() != "x86_64", reason="looks for x86-64 code")
def test_no_instruction_of_a_kernel_gets_into_portable_code() -> None:
    need(*NATIVE, "gcc")
    folder = build("code-gcc")
    of_kernels = re.compile(r"_(mulx|avx2|avx512)", re.ASCII)
    listed = run(
        "objdump",
        "--disassemble",
        "--no-show-raw-insn",
        *(
            folder / f"{path.stem}.o"
            for path in CSRC.glob("*.c")
            if not of_kernels.search(path.stem)
        ),
    )
    assert "<gostkey_invert>:" in listed.stdout
    # Registers of AVX, and what BMI2 and ADX have.
    foreign = re.compile(
        r"%[yz]mm|\t(v[a-z]|mulx|ad[co]x|rorx|s[ah][lr]x|pdep|pext|bzhi)"
    )
    found = [line for line in listed.stdout.splitlines() if foreign.search(line)]
    assert [line for line in found if "verw" not in line and "verr" not in line] == []
