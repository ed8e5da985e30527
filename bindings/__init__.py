"""The only place that knows whether the native core is there.

`core` is ``(ffi, lib)`` of the compiled module or None; the modules beside
this one wrap its functions under the names of `gostkey.primitives`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cffi import FFI

    from gostkey.bindings._native import Lib

__all__ = [
    "core",
    "kernel_names",
    "kernels",
    "missing",
    "prepared",
    "select_kernels",
]

PARTS = ("ec256", "ec512", "streebog", "gostr3411_94")
"""Parts of the core that have kernels of their own."""

core: tuple[FFI, Lib] | None = None
"""The compiled module's ffi and lib; None on the Python fallback."""

missing = ""
"""Why there is no native core; empty if there is one."""

try:
    from gostkey.bindings._native import ffi as _ffi
    from gostkey.bindings._native import lib as _lib

    core = (_ffi, _lib)
except ModuleNotFoundError as error:
    if error.name not in {f"{__name__}._native", "_cffi_backend"}:
        raise
    missing = (
        "the native core was not built when the package was installed "
        "for want of a C compiler or of Python's headers"
    )
except ImportError as error:
    missing = f"the native core does not load ({error})"


prepared: set[int] = set()
"""Numbers of the curves whose tables the kernels in use have made."""


def kernel_names() -> list[str]:
    """List the kernel families that this machine can run, fastest first."""
    names: list[str] = []
    if core is not None:
        ffi, lib = core
        while (name := lib.gostkey_kernel_family(len(names))) != ffi.NULL:
            names.append(_text(name))
    return names


def select_kernels(name: str) -> bool:
    """Choose a kernel family by name; False if this machine cannot run it.

    For the start of the program, and for tests: no other thread may be in the
    core meanwhile.
    """
    if core is None or core[1].gostkey_kernels_select(name.encode("ascii")) != 0:
        return False
    prepared.clear()
    return True


def kernels() -> dict[str, str]:
    """Return the kernel in use for each part of the native core."""
    if core is None:
        return {}
    lib = core[1]
    return {name: _text(lib.gostkey_kernel_of(name.encode("ascii"))) for name in PARTS}


def _text(name: Any) -> str:
    """Return a static string of the core."""
    assert core is not None
    text = core[0].string(name)
    assert isinstance(text, bytes)
    return text.decode("ascii")
