"""Chooses, once at import, the native core or the pure-Python fallback.

``GOSTKEY_BACKEND`` = ``native`` | ``pure`` and ``GOSTKEY_KERNELS`` =
``portable`` | ``avx2`` | ``avx512`` | ``neon`` force a choice; what this machine
lacks is an error and never another choice in silence.
"""

from __future__ import annotations

import os
import sys
import warnings

from gostkey import bindings
from gostkey.pure import ciphers as pure_ciphers
from gostkey.pure import elliptic as pure_elliptic
from gostkey.pure import generators as pure_generators
from gostkey.pure import hashes as pure_hashes

from .errors import BackendError
from .primitives import Ciphers, Elliptic, Generators, Hashes

__all__ = ["Backend", "FallbackWarning", "active", "available", "backend", "use"]


KERNELS = ("portable", "avx2", "avx512", "neon")
"""Names that GOSTKEY_KERNELS takes; a machine lacks some of them."""


class FallbackWarning(RuntimeWarning):
    """The native core is missing, so the slow Python code runs instead."""


class Backend:
    """The functions in use; the one instance is `active`.

    Read its attributes at call time (``active.hashes.hmac(...)``): `use`
    replaces them.
    """

    name: str
    """"native" or "pure"."""
    kernels: dict[str, str]
    """Kernel for each part of the native core, such as {"ec256": "portable"}."""
    reason: str
    """Why the fallback runs; empty if the native core does."""
    hashes: Hashes
    ciphers: Ciphers
    elliptic: Elliptic
    generators: Generators

    def __repr__(self) -> str:
        return f"<gostkey backend {self.name} {self.kernels}>"


active = Backend()


def backend() -> Backend:
    """Return the backend in use."""
    return active


def available() -> list[str]:
    """List the backends that run here, fastest first."""
    return ["native", "pure"] if bindings.core is not None else ["pure"]


def use(name: str) -> None:
    """Switch to the backend "native" or "pure".

    For tests and for comparing the two; a program chooses with
    ``GOSTKEY_BACKEND``.

    Raises:
        BackendError: if it is unknown or cannot run here; nothing changes.
    """
    if name == "native":
        if bindings.core is None:
            raise BackendError(
                f"GOSTKEY_BACKEND: the native backend cannot run: {bindings.missing}"
            )
        from gostkey.bindings import ciphers, elliptic, generators, hashes

        active.hashes = hashes
        active.ciphers = ciphers
        active.elliptic = elliptic
        active.generators = generators
        active.kernels = bindings.kernels()
        active.reason = ""
    elif name == "pure":
        active.hashes = pure_hashes
        active.ciphers = pure_ciphers
        active.elliptic = pure_elliptic
        active.generators = pure_generators
        active.kernels = {}
        active.reason = bindings.missing or "it was asked for"
    else:
        raise BackendError(
            f"GOSTKEY_BACKEND: {name!r} is unknown; use 'native' or 'pure'"
        )
    active.name = name


def _choose() -> None:
    wanted = os.environ.get("GOSTKEY_BACKEND", "")
    kernels = os.environ.get("GOSTKEY_KERNELS", "")
    if kernels:
        _select_kernels(kernels, wanted)
    elif bindings.core is not None:
        bindings.select_kernels(bindings.kernel_names()[0])
    if wanted:
        use(wanted)
    elif bindings.core is not None:
        use("native")
    else:
        use("pure")
        warnings.warn(
            f"gostkey: {bindings.missing}; the slow Python fallback runs "
            "(its arithmetic is not constant-time)",
            FallbackWarning,
            stacklevel=_level_of_the_importer(),
        )


def _level_of_the_importer() -> int:
    """Return the stack level, seen from the caller, of who imported gostkey.

    A warning that points there names a line that its reader knows.  The
    frames of the import system are not counted, as `warnings` does not.
    """
    level = 1
    frame = sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            level += 1
        elif "importlib" not in frame.f_code.co_filename:
            break
        frame = frame.f_back
    return level


def _select_kernels(kernels: str, wanted: str) -> None:
    if kernels not in KERNELS:
        raise BackendError(
            f"GOSTKEY_KERNELS: {kernels!r} is unknown; use one of {', '.join(KERNELS)}"
        )
    if wanted == "pure":
        raise BackendError(
            f"GOSTKEY_KERNELS={kernels} asks for the native core and "
            "GOSTKEY_BACKEND=pure for none of it; set one of the two"
        )
    if bindings.core is None:
        raise BackendError(
            f"GOSTKEY_KERNELS={kernels}: there is no native core: {bindings.missing}"
        )
    if not bindings.select_kernels(kernels):
        raise BackendError(
            f"GOSTKEY_KERNELS={kernels}: not on this machine or not in this build; "
            f"available: {', '.join(bindings.kernel_names())}"
        )


_choose()
