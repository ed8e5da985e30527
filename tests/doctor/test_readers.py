"""From the USB port to the service: what is plugged in, runs, and is allowed."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from gostkey import pcsc
from gostkey.doctor import Finding, Surroundings
from gostkey.doctor.readers import look_at_readers
from gostkey.errors import (
    CardServiceAbsent,
    CardServiceDenied,
    MediumError,
    PyscardMissing,
)

LITE = "Aktiv Rutoken lite 00 00"


class Service:
    """A smart card service that has some readers, or refuses."""

    def __init__(self, *names: str, error: MediumError | None = None) -> None:
        self.names = list(names)
        self.error = error

    def readers(self) -> list[str]:
        if self.error is not None:
            raise self.error
        return self.names

    def atr_of(self, reader: str) -> bytes | None:
        return None

    def connect(self, reader: str) -> AbstractContextManager[pcsc.Card]:
        raise NotImplementedError


Look = Callable[[Service], dict[str, Finding]]


@pytest.fixture
def look(around: Surroundings) -> Look:
    def call(service: Service) -> dict[str, Finding]:
        with pcsc.using(service):
            findings, _ = look_at_readers(around)
        return {one.fault: one for one in findings if one.fault}

    return call


@pytest.fixture(autouse=True)
def bus(around: Surroundings) -> Path:
    folder = around.sys / "bus" / "usb" / "devices"
    folder.mkdir(parents=True)
    return folder


def plug(bus: Path, ids: str, *, product: str = "", interface: str = "0b") -> None:
    """Make a device as the kernel shows it."""
    port = bus / f"1-{len(list(bus.iterdir()))}"
    (port / "1-1:1.0").mkdir(parents=True)
    vendor, number = ids.split(":")
    (port / "idVendor").write_text(f"{vendor}\n")
    (port / "idProduct").write_text(f"{number}\n")
    (port / "product").write_text(f"{product}\n")
    (port / "1-1:1.0" / "bInterfaceClass").write_text(f"{interface}\n")


def test_a_reader_with_its_driver_is_right(look: Look, bus: Path) -> None:
    plug(bus, "0a89:0025", product="Rutoken lite")
    assert look(Service(LITE)) == {}


def test_a_token_that_is_not_plugged_in(look: Look, bus: Path) -> None:
    plug(bus, "046d:c31c", product="Keyboard", interface="03")
    assert list(look(Service())) == ["reader-absent"]


def test_without_sysfs_the_service_is_believed(look: Look, bus: Path) -> None:
    bus.rmdir()
    assert list(look(Service())) == ["reader-absent"]
    assert look(Service(LITE)) == {}
    told = look(Service(error=CardServiceAbsent("stopped")))
    assert "reader-absent" not in told


def test_a_rutoken_s_without_the_driver_of_its_maker(look: Look, bus: Path) -> None:
    plug(bus, "0a89:0020", interface="ff")
    plug(bus, "0a89:0025")
    told = look(Service(LITE))
    assert list(told) == ["driver-rutoken-s"]
    assert "ifd-rutokens" in told["driver-rutoken-s"].cure
    assert look(Service(LITE, "Aktiv Rutoken S 00 00")) == {}


@pytest.mark.parametrize("ids", ["0a89:0030", "24dc:0102", "1234:5678"])
def test_a_reader_that_the_service_does_not_know(
    look: Look, bus: Path, ids: str
) -> None:
    plug(bus, ids, product="Reader 3000")
    told = look(Service())
    assert list(told) == ["driver-missing"]
    assert ids in told["driver-missing"].text


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has pcscd; run it there"
)
def test_a_service_that_is_not_installed_or_does_not_run(
    look: Look, bus: Path, around: Surroundings
) -> None:
    plug(bus, "0a89:0025")
    service = Service(error=CardServiceAbsent("no answer"))
    for installed, fault in ((False, "service-missing"), (True, "service-stopped")):
        machine = replace(around, installed=lambda program, is_=installed: is_)
        with pcsc.using(service):
            findings, readers = look_at_readers(machine)
        assert [one.fault for one in findings] == ["", fault] and readers == []


def test_a_service_that_refuses_or_fails(look: Look, bus: Path) -> None:
    plug(bus, "0a89:0025")
    told = look(Service(error=CardServiceDenied("polkit")))
    assert list(told) == ["service-denied"]
    assert list(look(Service(error=MediumError("0x1")))) == ["service-failing"]


@pytest.fixture
def listening(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = around.run / "pcscd" / "pcscd.comm"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        # By its name alone: the path of a temporary folder may be too long.
        monkeypatch.chdir(path.parent)
        server.bind(path.name)
        yield path


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has pcscd; run it there"
)
def test_without_pyscard_the_service_is_looked_at_all_the_same(
    around: Surroundings, listening: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PCSCLITE_CSOCK_NAME", raising=False)
    service = Service(error=PyscardMissing("no pyscard"))
    machine = replace(around, installed=lambda program: True)

    def told() -> list[str]:
        with pcsc.using(service):
            findings, _ = look_at_readers(machine)
        return [one.fault for one in findings if one.fault]

    assert told() == ["reader-absent", "pyscard-missing"]
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert told() == ["reader-absent", "service-denied", "pyscard-missing"]
    listening.unlink()
    assert told() == ["reader-absent", "service-stopped", "pyscard-missing"]


def test_pyscard_is_really_asked_for(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "smartcard", None)
    findings, readers = look_at_readers(around)
    assert findings[-1].fault == "pyscard-missing" and readers == []
    assert isinstance(findings[-1].error, PyscardMissing)
