"""GOST R 34.10-2012 keys and signatures, Streebog, key containers and their renewal."""

from __future__ import annotations

import importlib
from types import ModuleType

from . import curves, random
from .backend import FallbackWarning, backend
from .errors import (
    BackendError,
    CampaignError,
    CampaignLocked,
    CertificateError,
    CertificateMismatch,
    ContainerDamaged,
    ContainerError,
    EncodingError,
    GeneratorFailure,
    GostKeyError,
    IntegrityError,
    InvalidPoint,
    InvalidSignature,
    LengthError,
    MeasureError,
    MediumError,
    PasswordRequired,
    PrivateKeyRange,
    RequestRefused,
    TransportError,
    UnknownAlgorithm,
    UnknownCurve,
    WrongPassword,
)
from .hashing import gostr3411_94, streebog256, streebog512
from .signing import Scheme, SigningKey, VerifyingKey

__all__ = [
    "BackendError",
    "CampaignError",
    "CampaignLocked",
    "CertificateError",
    "CertificateMismatch",
    "ContainerDamaged",
    "ContainerError",
    "EncodingError",
    "FallbackWarning",
    "GeneratorFailure",
    "GostKeyError",
    "IntegrityError",
    "InvalidPoint",
    "InvalidSignature",
    "LengthError",
    "MeasureError",
    "MediumError",
    "PasswordRequired",
    "PrivateKeyRange",
    "RequestRefused",
    "Scheme",
    "SigningKey",
    "TransportError",
    "UnknownAlgorithm",
    "UnknownCurve",
    "VerifyingKey",
    "WrongPassword",
    "backend",
    "batch",
    "curves",
    "gostr3411_94",
    "random",
    "streebog256",
    "streebog512",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    # NumPy is loaded when somebody wants arrays, not before.
    if name == "batch":
        return importlib.import_module(".batch", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
