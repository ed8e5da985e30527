"""``gostkey info``: what a bug report needs; no secrets."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

import click

import gostkey
from gostkey import pcsc
from gostkey.errors import MediumError
from gostkey.measure.machine import processor, usable_cpus

from .output import Output, json_option
from .texts import _, help_page

LIBRARIES = ("cffi", "click", "cryptography", "numpy", "rich", "SQLAlchemy")
OPTIONAL = (
    "procrastinate",
    "psycopg",
    "imapclient",
    "pyscard",
    "python-pkcs11",
    "keyring",
)
"""Of the extras; told where they are installed."""
VARIABLES = ("GOSTKEY_BACKEND", "GOSTKEY_KERNELS")

# Of all that a processor says about itself, what kernels are chosen by.
FEATURES = (
    "sse4_1",
    "pclmulqdq",
    "bmi2",
    "adx",
    "avx2",
    "gfni",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512ifma",
    "avx512vbmi",
    "asimd",
    "sve",
)


@click.command(
    "info",
    help=help_page(
        _(
            "Show the backend, the processor and all versions.\n\n"
            "And the card readers, or why there are none. "
            "If the slow Python fallback runs instead of the native core, the "
            "reason is told. Put this output into every bug report."
        ),
        examples=["gostkey info", "gostkey info --json"],
        exits=[0, 5],
    ),
)
@json_option
@click.pass_obj
def info_command(out: Output) -> None:
    record = facts()
    if out.json:
        out.record(record)
        return
    kernels = record["kernels"]
    versions = record["versions"]
    assert isinstance(kernels, dict) and isinstance(versions, dict)
    features = record["cpu_features"]
    assert isinstance(features, list)
    pairs = [
        ("gostkey", str(record["gostkey"])),
        ("backend", str(record["backend"])),
    ]
    if record["reason"]:
        pairs.append((_("reason"), str(record["reason"])))
    pairs += [
        (_("kernels"), _words(kernels) or _("none")),
        (_("processor"), str(record["cpu"])),
        (_("features"), " ".join(features) or _("not known on this system")),
        (_("usable CPUs"), str(record["cpus"])),
        ("python", str(record["python"])),
        (_("platform"), str(record["platform"])),
        (_("installed in"), str(record["location"])),
        (_("libraries"), _words(versions)),
        (_("card readers"), _readers(record)),
    ]
    forced = record["forced"]
    assert isinstance(forced, dict)
    if forced:
        pairs.append((_("forced by"), _words(forced)))
    out.pairs(pairs)


def facts() -> dict[str, object]:
    """Collect what `info` shows, under the keys of its JSON."""
    backend = gostkey.backend()
    model, features = processor()
    readers: list[str] = []
    no_readers = ""
    try:
        readers = pcsc.readers()
    except MediumError as error:
        no_readers = str(error)
    return {
        "gostkey": gostkey.__version__,
        "backend": backend.name,
        "reason": backend.reason,
        "kernels": dict(backend.kernels),
        "cpu": model,
        "cpu_features": [name for name in FEATURES if name in features],
        "cpus": usable_cpus(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "location": str(Path(gostkey.__file__).parent),
        "versions": {name: _version(name) for name in LIBRARIES}
        | {name: found for name in OPTIONAL if (found := _version(name)) != "?"},
        "readers": readers,
        "no_readers": no_readers,
        "forced": {
            name: os.environ[name] for name in VARIABLES if os.environ.get(name)
        },
    }


def _readers(record: dict[str, object]) -> str:
    readers = record["readers"]
    assert isinstance(readers, list)
    return ", ".join(readers) or str(record["no_readers"]) or _("none")


def _words(mapping: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in mapping.items())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "?"
