"""The command, from start to end of its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("what", ["version", "info", "hash of 1 MiB", "key generate"])
def test_command(benchmark: BenchmarkFixture, tmp_path: Path, what: str) -> None:
    benchmark.group = "command, start of Python included"
    file = tmp_path / "file"
    file.write_bytes(bytes(1 << 20))
    arguments = {
        "version": ["--version"],
        "info": ["info"],
        "hash of 1 MiB": ["hash", str(file)],
        "key generate": [
            *("key", "generate", "--no-password", "--force"),
            *("--out", str(tmp_path / "key")),
        ],
    }[what]
    command = [sys.executable, "-m", "gostkey.cli", *arguments]

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)

    benchmark.pedantic(run, rounds=5, warmup_rounds=1)
