"""Run each benchmark on each backend; head the output with what was measured."""

from __future__ import annotations

from collections.abc import Iterator

import machine
import pytest

import gostkey
from gostkey.backend import available, use


def pytest_report_header() -> list[str]:
    return [f"{name}: {value}" for name, value in machine.facts().items()]


@pytest.fixture(params=available())
def each_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the benchmark once per backend of this machine."""
    before = gostkey.backend().name
    use(request.param)
    yield request.param
    use(before)
