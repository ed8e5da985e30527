"""Peers are found, or missed by name; those that are here do the same as we."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gostkey.measure import PEERS, Row, Task, Workshop, measure
from gostkey.measure.peers import PROGRAMS, environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop() as opened:
        yield opened


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_found_or_missed_with_what_installs_it(
    workshop: Workshop, name: str
) -> None:
    found = workshop.find(name)
    assert bool(found.version) != bool(found.reason)
    assert found.install == ("" if found.version else PEERS[name].install)
    assert found.record()["status"] == ("found" if found.version else "missing")


# The same on both sides, so that figures of one are figures of the other.
COMPARABLE = [
    *(
        ("gost-engine", f"hash:{bits}:{n}")
        for bits in (256, 512)
        for n in (0, 63, 4096)
    ),
    *(("nettle", f"hash:{bits}:63") for bits in (256, 512)),
    *(("libgcrypt", f"hash:{bits}:63") for bits in (256, 512)),
    *(("botan", f"hash:{bits}:63") for bits in (256, 512)),
    *(("gostcrypto", f"hash:{bits}:63") for bits in (256, 512)),
    ("gost-engine", "container_key:a password"),
]


@pytest.mark.parametrize(("peer", "what"), COMPARABLE)
def test_a_peer_gets_the_same_result(workshop: Workshop, peer: str, what: str) -> None:
    theirs = workshop.start(Task(peer, what))
    if isinstance(theirs, str):
        pytest.skip(f"to run it: {PEERS[peer].install} ({theirs})")
    ours = workshop.start(
        Task("gostkey", what.replace("container_key", "kdf.container_keys"))
    )
    assert not isinstance(ours, str)
    with ours, theirs:
        assert theirs.proof
        assert theirs.proof == ours.proof


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_says_what_it_lacks(workshop: Workshop, peer: str) -> None:
    if workshop.find(peer).reason:
        pytest.skip(f"to run it: {PEERS[peer].install}")
    lacking = workshop.start(Task(peer, "sign:no-such-curve"))
    assert isinstance(lacking, str)
    # The latter is what `openssl speed` says in place of a program of ours.
    assert "curve" in lacking or "does not measure this" in lacking


def test_programs_compile_without_warnings(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("to run it: apt-get install gcc")
    header = tmp_path / "any.c"
    header.write_text(
        '#include "peer.h"\nstatic void prepare(void) { none(is(0, "") ? "" : "x"); }\n'
        'static void once(void) {}\nstatic const char *version(void) { return ""; }\n'
    )
    warnings = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    done = subprocess.run(
        [compiler, *warnings, "-I", PROGRAMS, "-fsyntax-only", header],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for peer in PEERS.values():
        if not peer.program:
            continue
        for flags in peer.flags:
            done = subprocess.run(
                [compiler, *warnings[:-2], "-Werror", "-fsyntax-only", *flags]
                + [str(PROGRAMS / peer.program)],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0 or "No such file" in done.stderr, done.stderr


def test_debian_packages_of_peers_are_those_that_make_bench_installs() -> None:
    listed = (ROOT / "tools" / "debian.txt").read_text(encoding="utf-8")
    for peer in PEERS.values():
        if peer.install.startswith("apt-get"):
            for package in peer.install.split()[2:]:
                assert f" {package} " in listed, package


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any command."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", [p.name for p in PEERS.values() if p.program])
def test_without_a_compiler_libraries_are_missing(no_programs: Path, name: str) -> None:
    with Workshop() as workshop:
        found = workshop.find(name)
    assert found.reason == "there is no C compiler to build its program with"
    assert found.install == PEERS[name].install
    assert "gcc" in found.install


def test_without_a_library_the_compilers_words_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(
        "#!/bin/sh\necho 'x.c:1:9: fatal error: x.h: gone' >&2\nexit 1\n"
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.delenv("CC", raising=False)
    with Workshop() as workshop:
        found = workshop.find("nettle")
    assert found.reason == "its headers or its library are not here (x.h: gone)"


SPEED = """#!/bin/sh
case "$1" in
version) echo "OpenSSL 9.9.9" ;;
speed) echo "+DTP:256:sign:ecdsa:1"; echo "+F4:3:256:50000.000000:20000.000000" ;;
esac
"""


@pytest.mark.parametrize(("what", "ns"), [("sign:p256", 20e3), ("verify:p256", 50e3)])
def test_without_a_compiler_openssl_speed_answers(
    no_programs: Path, what: str, ns: float
) -> None:
    command = no_programs / "openssl"
    command.write_text(SPEED)
    command.chmod(0o755)
    with Workshop() as workshop:
        assert workshop.find("openssl").version == "OpenSSL 9.9.9 (openssl speed)"
        side = workshop.start(Task("openssl", what))
        assert not isinstance(side, str)
        with side:
            assert side.measure(0.01) == ns
        assert isinstance(workshop.start(Task("openssl", "keygen:p256")), str)


def test_a_family_of_kernels_is_forced_and_the_users_choice_put_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOSTKEY_BACKEND", "native")
    task = Task("gostkey", "hash:256:63", "portable")
    assert environment(task)["GOSTKEY_KERNELS"] == "portable"
    assert "GOSTKEY_BACKEND" not in environment(task)
    pure = environment(Task("gostkey", "hash:256:63", "pure"))
    assert (pure["GOSTKEY_BACKEND"], pure.get("GOSTKEY_KERNELS")) == ("pure", None)
    free = environment(Task("gostkey", "hash:256:63"))
    assert free["GOSTKEY_BACKEND"] == "native"


# -- rows ---------------------------------------------------------------------


def one_row(ours: Task, theirs: Task | None, **more: int | str) -> Row:
    fields = {"group": "peers", **more}
    return Row("row", str(fields.pop("group")), ours, theirs, **fields)  # type: ignore[arg-type]


PURE = Task("gostkey", "hash:256:63", "pure")


def test_a_row_is_measured(workshop: Workshop) -> None:
    row = one_row(PURE, Task("gostkey", "hash:512:63", "pure"))
    # The two hashes differ, which only a comparison of the same may not.
    failed = measure(workshop, row, rounds=1, seconds=0.001)
    assert failed.status == "failed"
    assert "do not do the same" in failed.reason
    good = measure(workshop, one_row(PURE, PURE), rounds=5, seconds=0.001)
    assert good.status == "measured"
    assert good.ratio is not None and good.ours is not None
    # Half as many rounds where nothing is judged.
    assert len(good.rounds) == 3
    assert good.ratio.min == min(good.rounds)
    row = one_row(PURE, PURE, floor=1)
    assert len(measure(workshop, row, rounds=5, seconds=0.001).rounds) == 5


def test_a_kernel_that_is_not_here_makes_a_row_absent(workshop: Workshop) -> None:
    row = one_row(Task("gostkey", "hash:256:63", "sse9"), PURE)
    result = measure(workshop, row, rounds=1, seconds=0.001)
    assert result.status == "absent"
    assert "'sse9' is unknown" in result.reason


def test_a_kernel_is_not_compared_with_itself(workshop: Workshop) -> None:
    row = one_row(PURE, PURE, group="kernels")
    result = measure(workshop, row, rounds=1, seconds=0.001)
    assert (result.status, result.reason) == ("absent", "pure is what runs here anyway")


def test_a_missing_peer_makes_a_row_absent_and_names_the_cure(
    no_programs: Path,
) -> None:
    with Workshop() as workshop:
        row = one_row(PURE, Task("nettle", "hash:256:63"))
        result = measure(workshop, row, rounds=1, seconds=0.001)
    assert result.status == "absent"
    assert "no C compiler" in result.reason
    assert "nettle-dev" in result.install


def test_too_few_cpus_make_a_row_absent(workshop: Workshop) -> None:
    row = one_row(PURE, PURE, cpus=100_000)
    result = measure(workshop, row, rounds=1, seconds=0.001)
    assert result.status == "absent"
    assert "needs 100000 CPUs" in result.reason


def test_memory_is_counted_beside_the_arrays(workshop: Workshop) -> None:
    row = one_row(
        Task("gostkey", "memory:public_keys:tc26-256-b"), None, most_bytes=8 << 20
    )
    result = measure(workshop, row, rounds=1, seconds=0)
    if result.status == "absent":
        assert "/proc" in result.reason
        pytest.skip("to run it: Linux, which tells the peak of memory")
    assert result.items > 0
    assert result.extra_bytes is not None and result.extra_bytes >= 0
    # Plain Python may take more; the native core must not.
    good = result.extra_bytes <= 8 << 20
    assert result.status == ("met" if good else "not_met")
    assert good or result.kernel == "pure"
