"""The list of faults: whole, tested, and as docs/doctor.md tells it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from gostkey.doctor import FAULTS, Severity
from gostkey.doctor.catalogue import found

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_of_the_list() -> None:
    page = runpy.run_path(str(ROOT / "tools" / "doctor_table.py"))["page"]
    told = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert told.splitlines() == "\n".join(page()).rstrip().splitlines(), (
        "run: .venv/bin/python tools/doctor_table.py > docs/doctor.md"
    )


@pytest.mark.parametrize("code", FAULTS)
def test_every_fault_has_its_words_and_a_test_that_makes_it(code: str) -> None:
    fault = FAULTS[code]
    assert fault.code == code and re.fullmatch(r"[a-z0-9-]+", code)
    assert fault.severity is not Severity.OK
    for text in (fault.cause, fault.cure):
        assert text[0].islower() or text[0] in "-`{" or text.split()[0].isupper()
        assert not text.endswith(".")
    tests = [file for file in (ROOT / "tests").rglob("test_*.py")]
    tests.remove(Path(__file__))
    assert any(f'"{code}"' in file.read_text(encoding="utf-8") for file in tests)


def test_faults_of_one_check_stand_together() -> None:
    checks = [fault.check for fault in FAULTS.values()]
    groups = [
        check for n, check in enumerate(checks) if n == 0 or check != checks[n - 1]
    ]
    assert len(groups) == len(set(groups))


def test_a_word_that_is_wanting_is_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError, match="{disks}"):
        found("drive-not-mounted", "x", "y")
