"""Run the command in a process of its own, installed or from a bare checkout."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("gostkey") is None:
    root = Path(__file__).resolve().parent.parent.parent
    spec = importlib.util.spec_from_file_location(
        "gostkey",
        root / "engine" / "__init__.py",
        submodule_search_locations=[str(root / "engine"), str(root)],
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gostkey"] = module
    spec.loader.exec_module(module)

from gostkey.cli import main  # noqa: E402

sys.exit(main())
