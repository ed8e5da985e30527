"""From the USB port to a card that answers: reader, service, pyscard, driver, ATR."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from gostkey import pcsc
from gostkey.errors import (
    CardServiceAbsent,
    CardServiceDenied,
    MediumError,
    PyscardMissing,
)

from .catalogue import found
from .findings import Finding, right
from .surroundings import Surroundings
from .usb import UsbReader, plugged_in

_SERVICE = "pcscd"
_SOCKET = Path("pcscd") / "pcscd.comm"


def look_at_readers(around: Surroundings) -> tuple[list[Finding], list[str]]:
    """Check all that lies between a USB port and a token.

    Returns:
        What was found, and the names of the readers, with or without a token.
    """
    devices = plugged_in(around.sys)
    readers: list[str] = []
    error: MediumError | None = None
    try:
        readers = pcsc.readers()
    except MediumError as fault:
        error = fault
    findings = list(_reader(devices, readers, error))
    if isinstance(error, PyscardMissing):
        # Without pyscard the service cannot be asked; its socket can be looked at.
        findings += _socket(around)
        text = "it is not installed"
        findings.append(found("pyscard-missing", "pyscard", text, error=error))
        return findings, []
    if error is not None:
        findings.append(_service(error, around))
        return findings, []
    findings.append(right("service", _SERVICE, "it answers"))
    findings.append(right("pyscard", "pyscard", "it is installed"))
    findings += _drivers(devices or [], readers)
    return findings, readers


def _reader(
    devices: list[UsbReader] | None, readers: list[str], error: MediumError | None
) -> Iterator[Finding]:
    if readers:
        yield right("reader", ", ".join(readers), "it is there")
    elif devices:
        names = ", ".join(f"{one.name} ({one.ids})" for one in devices)
        yield right("reader", names, "it is plugged in")
    elif devices is not None or error is None:
        text = "there is no token and no card reader"
        absent = MediumError(f"{text}; plug the token in")
        yield found("reader-absent", "USB", text, error=absent)


def _service(error: MediumError, around: Surroundings) -> Finding:
    if isinstance(error, CardServiceDenied):
        return found("service-denied", _SERVICE, "it refuses this user", error=error)
    if not isinstance(error, CardServiceAbsent):
        return found("service-failing", _SERVICE, str(error), error=error)
    if sys.platform.startswith("linux") and not around.installed(_SERVICE):
        return found("service-missing", _SERVICE, "it is not installed", error=error)
    return found("service-stopped", _SERVICE, "it does not answer", error=error)


def _socket(around: Surroundings) -> Iterator[Finding]:
    """Look at the service without asking it."""
    if not sys.platform.startswith("linux"):
        return
    # Where the library looks, too (pcsc-lite, PCSCLITE_CSOCK_NAME).
    named = os.environ.get("PCSCLITE_CSOCK_NAME")
    socket = Path(named) if named else around.run / _SOCKET
    if not socket.exists():
        yield _service(CardServiceAbsent(f"{socket}: the service does not run"), around)
    elif not os.access(socket, os.R_OK | os.W_OK):
        yield _service(CardServiceDenied(f"{socket}: access is denied"), around)
    else:
        yield right("service", _SERVICE, "it runs")


def _drivers(devices: list[UsbReader], readers: list[str]) -> Iterator[Finding]:
    without = [one for one in devices if not one.is_among(readers)]
    for one in without:
        code = "driver-rutoken-s" if one.is_rutoken_s else "driver-missing"
        text = f"the service has no reader for it ({one.ids})"
        error = MediumError(f"{one.name}: {text}")
        yield found(code, one.name, text, error=error)
    if devices and not without:
        names = ", ".join(one.name for one in devices)
        yield right("driver", names, "the service has a reader for it")
