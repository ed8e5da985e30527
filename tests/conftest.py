"""Make the package importable from a bare checkout, and say what is tested."""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import tally as tally_module

ROOT = Path(__file__).resolve().parent.parent

if importlib.util.find_spec("gostkey") is None:
    # Not installed: present engine/ as the package, with the repository root
    # as the second place where its sub-packages are looked for.
    spec = importlib.util.spec_from_file_location(
        "gostkey",
        ROOT / "engine" / "__init__.py",
        submodule_search_locations=[str(ROOT / "engine"), str(ROOT)],
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gostkey"] = module
    spec.loader.exec_module(module)

import gostkey  # noqa: E402
from gostkey import backend as _backend_function  # noqa: E402, F401

backend_module = sys.modules["gostkey.backend"]

# A shell starts what runs in the background with the first two ignored, nohup with the
# third; tests send them.
for _signal, _handler in (
    ("SIGINT", signal.default_int_handler),
    ("SIGQUIT", signal.SIG_DFL),
    ("SIGHUP", signal.SIG_DFL),
):
    _number = getattr(signal, _signal, None)  # not all on Windows
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

# No test looks into the key ring of the person who runs it.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

# Commands write as on an office's machine; without buffers, what is left in one when a
# command ends could not be seen to go wrong.
os.environ.pop("PYTHONUNBUFFERED", None)

# Nor leaves anything in that person's folders: campaigns claim keys there.
_STATE = Path(tempfile.mkdtemp(prefix="gostkey-tests-"))
os.environ["GOSTKEY_STATE"] = str(_STATE / "session")
atexit.register(shutil.rmtree, _STATE, True)
_tests = itertools.count()

FIXTURES = Path(os.environ.get("GOSTKEY_FIXTURES", ROOT.parent / "shared" / "fixtures"))


# No deadlines: a machine that runs other things makes no test fail.  On failure
# the example is printed in a form that can be pasted back.  `long` is for
# `make test-slow` (--hypothesis-profile=long).
hypothesis.settings.register_profile("short", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "long", deadline=None, print_blob=True, max_examples=1000
)
hypothesis.settings.load_profile("short")


def pytest_report_header() -> list[str]:
    where = Path(gostkey.__file__ or "?").parent
    samples = FIXTURES if FIXTURES.is_dir() else "absent, own samples only"
    return [
        f"gostkey: backend {gostkey.backend().name} of "
        f"{backend_module.available()}, from {where}",
        f"gostkey: other people's sample files: {samples}",
    ]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(tally_module.Plugin(), "tally")


@pytest.fixture
def tally() -> tally_module.Tally:
    """Count the faults that tests inject: ``with tally("full disk"): ...``."""
    return tally_module.fault


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the C matrix: one of its tests takes as long as a thousand others.

    What goes through all families of kernels by itself is the same with any chosen, and
    marked.
    """
    items.sort(key=lambda item: item.path.parent.name != "csrc")
    for item in items:
        if "each_family" in getattr(item, "fixturenames", ()):
            item.add_marker("every_family")


@pytest.fixture(params=backend_module.available())
def each_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per backend of this machine."""
    before = gostkey.backend().name
    backend_module.use(request.param)
    yield request.param
    backend_module.use(before)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str], Any]:
    """Load a file of tests/vectors: vectors("kdf") -> dict."""

    def load(name: str) -> Any:
        path = ROOT / "tests" / "vectors" / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8"))

    return load


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Folder of other people's sample files; the test is skipped without it."""
    if not FIXTURES.is_dir():
        pytest.skip(
            f"no sample files at {FIXTURES}: set GOSTKEY_FIXTURES to the folder; "
            "the tests on our own samples run in their place"
        )
    return FIXTURES


@pytest.fixture(autouse=True)
def own_state() -> Iterator[None]:
    """Keep the claims of one test's campaigns from those of another's."""
    before = os.environ["GOSTKEY_STATE"]
    os.environ["GOSTKEY_STATE"] = str(_STATE / str(next(_tests)))
    yield
    os.environ["GOSTKEY_STATE"] = before
