"""Run each benchmark on each kernel; head the output with what was measured.

A group of the output is one operation: the kernels of this machine, fastest
first, then their portable twin, then plain Python.  Times are those of a call.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import gostkey
from gostkey import bindings
from gostkey.backend import use
from gostkey.measure.machine import facts

KERNELS = [*bindings.kernel_names(), "pure"]


def pytest_report_header() -> list[str]:
    return [f"{name}: {value}" for name, value in facts().items()]


def choose(name: str) -> None:
    """Switch to a family of kernels, or to plain Python."""
    if name == "pure":
        use("pure")
        return
    assert bindings.select_kernels(name)
    use("native")


@pytest.fixture(params=KERNELS)
def each_kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the benchmark once for each family of kernels."""
    before = gostkey.backend().name
    choose(request.param)
    yield request.param
    choose(KERNELS[0] if before == "native" else "pure")


@pytest.fixture(autouse=True)
def group(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> None:
    """Show one operation, with one set of parameters, in one table."""
    name = benchmark.name
    kernel = request.node.callspec.params.get("each_kernel", "")
    words = name.removeprefix("test_").partition("[")
    others = [word for word in words[2].rstrip("]").split("-") if word != kernel]
    benchmark.group = " ".join([words[0].replace("_", " "), "-".join(others)]).strip()
