"""The generated C headers are what their scripts make today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"


@pytest.mark.parametrize(
    ("script", "header"),
    [
        ("make_pi_bitslice.py", "pi_bitslice.h"),
        ("make_streebog_slices.py", "streebog_slices_gates.h"),
        ("selftest/make_vectors_ciphers.py", "selftest/vectors_ciphers.h"),
    ],
)
def test_header_is_up_to_date(
    script: str, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CSRC / script
    monkeypatch.syspath_prepend(CSRC)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (CSRC / header).read_text(encoding="utf-8") == module.render(), (
        f"run: python csrc/{script}"
    )
