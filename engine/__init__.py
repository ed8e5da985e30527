"""GOST R 34.10-2012 keys and signatures, Streebog, key containers and their renewal."""

from .backend import FallbackWarning, backend
from .errors import GostKeyError, InvalidSignature

__all__ = ["FallbackWarning", "GostKeyError", "InvalidSignature", "backend"]
__version__ = "0.1.0"
