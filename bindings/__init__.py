"""The only place that knows whether the native core is there.

`core` is ``(ffi, lib)`` of the compiled module or None; the modules beside
this one wrap its functions under the names of `gostkey.primitives`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cffi import FFI

    from gostkey.bindings._native import Lib

__all__ = ["core", "kernel_names", "kernels", "missing", "select_kernels"]

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


def kernel_names() -> list[str]:
    """List the kernel families that this machine can run, fastest first."""
    return ["portable"] if core is not None else []


def select_kernels(name: str) -> bool:
    """Choose a kernel family by name; False if this machine cannot run it.

    There is the portable family alone so far; a vector family adds its name
    to `kernel_names` where the processor has it, and switches here.
    """
    return name in kernel_names()


def kernels() -> dict[str, str]:
    """Return the kernel in use for each part of the native core."""
    return {"ec256": "portable", "ec512": "portable", "streebog": "portable"}
