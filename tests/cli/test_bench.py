"""`gostkey bench` measures rows, names what is missing, and judges no time here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gostkey.measure import PEERS, ROWS

from .conftest import Run

BRIEF = ("--rounds", 1, "--seconds", 0.001)
OWN = "sign-one-256-b/pure"

KEYS = [
    *("item", "status", "group", "ours", "against", "kernel", "peer", "n", "cpus"),
    *("ours_ns", "peer_ns", "ratio", "rounds", "floor", "aim", "extra_bytes"),
    *("most_bytes", "reason", "install"),
]


def test_a_row_is_shown_in_a_table(run: Run) -> None:
    ran = run("bench", "--only", "hash-512-63/*", "--only", OWN, *BRIEF)
    assert ran.code == 0, ran.stderr
    assert "processor" in ran.stdout
    for name in (OWN, "hash-512-63/nettle", "hash-512-63/gostcrypto"):
        assert any(line.startswith(name) for line in ran.stdout.splitlines())


def test_json_has_machine_peers_rows_and_counts(run: Run, tmp_path: Path) -> None:
    saved = tmp_path / "results.json"
    ran = run(
        *("bench", "--json", "--save", saved, *BRIEF),
        *("--only", OWN, "--only", "digest-63"),
    )
    assert ran.code == 0, ran.stderr
    machine, peer, *rows, last = ran.records
    assert machine["item"] == "machine"
    assert {"cpu", "cpus", "kernels", "backend", "commit", "rounds"} <= set(machine)
    assert list(peer) == ["item", "status", "version", "reason", "install"]
    assert peer["item"] == "gost-engine"
    assert [row["item"] for row in rows] == ["digest-63", OWN]
    for row in rows:
        assert list(row) == KEYS
    measured = rows[1]
    if measured["status"] == "measured":
        ratio = measured["peer_ns"]["median"] / measured["ours_ns"]["median"]
        # One round: each median is that round's figure.
        assert measured["ratio"]["median"] == pytest.approx(ratio, abs=0.002, rel=0.01)
    assert sum(last["summary"]["counts"].values()) == 2
    lines = saved.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == ran.records


def test_an_unknown_row_is_a_usage_error(run: Run) -> None:
    ran = run("bench", "--only", "nonsense", "--json")
    assert ran.code == 1
    assert ran.error["code"] == "usage"
    assert "--only nonsense: no row has that name" in ran.error["message"]


def test_missing_peers_are_named_with_what_installs_them(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    arguments = ("bench", "--only", "hash-512-63/nettle", *BRIEF)
    ran = run(*arguments)
    assert ran.code == 0
    assert "no C compiler" in ran.stdout
    assert "gostkey: hint: nettle: apt-get install" in ran.stderr
    _machine, peer, row, _summary = run(*arguments, "--json").records
    assert (peer["status"], row["status"]) == ("missing", "absent")
    assert "nettle-dev" in peer["install"] and "nettle-dev" in row["install"]


def test_a_row_that_fails_is_told_in_the_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "cc"
    # A "program" that gets ready when it is looked for and fails when it is used.
    compiler.write_text(
        "#!/bin/sh\nwhile [ $1 != -o ]; do shift; done\n"
        "/bin/echo '#!/bin/sh' > $2; /bin/echo 'echo ready - 1 fake; exit 1' >> $2\n"
        "/bin/chmod +x $2\n"
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    ran = run("bench", "--only", "hash-512-63/nettle", *BRIEF, "--json")
    assert ran.code == 3
    row = ran.records[-2]
    assert row["status"] == "failed"
    assert "ended with status 1" in row["reason"]


def test_rows_are_listed_by_name(run: Run) -> None:
    assert run("bench", "--only", "*", "--list").stdout.splitlines() == [
        row.name for row in ROWS
    ]
    own = run("bench", "--list").stdout.splitlines()
    assert OWN in own
    assert not any(name.endswith(f"/{peer}") for name in own for peer in PEERS)
    assert run("bench", "--list", "--peers").stdout.count("\n") == len(ROWS)
    (one,) = run("bench", "--list", "--only", "digest-63", "--json").records
    assert one == {
        "item": "digest-63",
        "group": "goals",
        "ours": "batch.digest 256 63",
        "against": "gost-engine hash 256 63",
    }
