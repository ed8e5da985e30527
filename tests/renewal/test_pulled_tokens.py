"""A token pulled, or the program killed, at a command of a renewal; then resumed.

The end must be that of a renewal which nobody disturbed: the old container as it was,
one new one with its certificate, nothing half-written, one certificate issued.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cards.card import Fault
from cards.commands import Exchange
from cards.kinds import load
from cards.readers import VirtualReaders
from cards.rutoken import RutokenLite
from crashes import forks, in_child
from renewal.offices import Office, new_office
from renewal.token_offices import (
    certificate_on,
    container_on,
    pin_file,
    token_office,
    whole_containers,
)

from gostkey import pcsc
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, EmbeddedCA, Report

READER = "Virtual PCD 00 00"
WRITES = (0x00E0, 0x00D6, 0x00E4)
"""CREATE FILE, UPDATE BINARY, DELETE FILE."""
FAULTS: dict[str, dict[str, bool]] = {
    "before": {},
    "after": {"after": True},
    "torn": {"torn": True},
}
COMMANDS = 600
"""More than a renewal needs."""


class Scene:
    """An office with one subscriber, whose key is on a card that lives in a file."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.card = self.reload()
        self.before = self.card.files_of(0x0A00)

    def reload(self) -> RutokenLite:
        """Take the card out of its file, as it was left there."""
        self.card = load(self.office.folder / "card.json")  # type: ignore[assignment]
        return self.card

    @contextmanager
    def inserted(self) -> Iterator[VirtualReaders]:
        """Have the card in a reader."""
        readers = VirtualReaders(self.card)
        with pcsc.using(readers):
            yield readers

    def transport(self) -> EmbeddedCA:
        """Open the authority anew, as another process does."""
        folder = self.office.folder / "ca"
        return EmbeddedCA(CertificateAuthority.open(folder), folder, self.office.clock)

    def run(self) -> Report:
        """Begin the campaign and run it."""
        with Campaign.begin(
            self.office.campaign,
            self.office.plan(),
            self.transport(),
            clock=self.office.clock,
        ) as campaign:
            return campaign.run()

    def resume(self) -> Report:
        """Resume it; everything else is in the store."""
        with Campaign.open(self.office.campaign, clock=self.office.clock) as campaign:
            return campaign.resume()

    def check(self, report: Report) -> None:
        """Check that nothing was lost, doubled or left over."""
        (row,) = report.rows
        assert row["group"] == "renewed", row["text"]
        card = self.card
        assert card.files_of(0x0A00) == self.before
        new = int(row["new_container"].rpartition("/")[2], 16)
        assert list(card.containers) == [0x0A00, new]
        assert whole_containers(card)[new] == row["new_name"]
        certificate = certificate_on(card, new)
        assert certificate is not None
        with container_on(card, new).open() as opened:
            key = opened.keys["primary"].verifying_key
        assert key == certificate.public_key
        # The one that the old key has, and one for the new key.
        assert len(self.transport().authority.certificates()) == 2
        assert card.pins[2].left == 10


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Scene]:
    """Make scenes that are copies of one."""
    origin = new_office(tmp_path_factory.mktemp("origin"))
    card = RutokenLite()
    token_office(origin, [card])
    origin.authority.close()
    card.keep_in(origin.folder / "card.json")

    def make(folder: Path) -> Scene:
        folder.mkdir(exist_ok=True)
        shutil.copytree(origin.folder, folder, dirs_exist_ok=True)
        # As if on another machine: the same key is renewed in each copy.
        os.environ["GOSTKEY_STATE"] = str(folder / "state")
        office = Office(folder, origin.authority, origin.clock)
        office.subscribers = [replace(origin.subscribers[0], pin_file=pin_file(office))]
        return Scene(office)

    return make


@pytest.fixture(scope="module")
def undisturbed(
    template: Callable[[Path], Scene], tmp_path_factory: pytest.TempPathFactory
) -> list[Exchange]:
    """The commands of a renewal that nobody disturbed."""
    scene = template(tmp_path_factory.mktemp("undisturbed"))
    with scene.inserted():
        scene.check(scene.run())
    assert scene.card.count < COMMANDS
    return scene.card.log


def is_write(exchange: Exchange) -> bool:
    return int.from_bytes(exchange.command[:2], "big") in WRITES


def pulled_and_resumed(scene: Scene, number: int, fault: str) -> None:
    scene.card.pull_at(number, **FAULTS[fault])
    with scene.inserted() as readers:
        first = scene.run()
        assert scene.card.count == number, "the command did not come"
        (row,) = first.rows
        assert row["group"] in ("failed", "unreadable"), row["group"]
        assert row["reason"] == "token-absent", (row["reason"], row["text"])
        assert first.exit_code == 4
        # The old container can be read at any moment.
        assert scene.card.files_of(0x0A00) == scene.before
        if row["group"] == "unreadable":
            return  # pulled while it was planned: nothing was begun
        scene.card.no_faults()
        readers.put(READER, scene.card)
        scene.check(scene.resume())


@pytest.mark.parametrize("part", range(4))
def test_a_token_pulled_while_it_is_written_to_is_resumed(
    template: Callable[[Path], Scene],
    undisturbed: list[Exchange],
    tmp_path: Path,
    part: int,
) -> None:
    numbers = [n for n, one in enumerate(undisturbed, 1) if is_write(one)]
    assert len(numbers) > 40
    for index, number in enumerate(numbers[part::16]):
        fault = list(FAULTS)[(index + part) % 3]
        pulled_and_resumed(template(tmp_path / str(number)), number, fault)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("part", range(20))
def test_a_token_pulled_at_any_command_is_resumed(
    template: Callable[[Path], Scene],
    undisturbed: list[Exchange],
    tmp_path: Path,
    part: int,
    fault: str,
) -> None:
    # At the last command, which logs out, all is done.
    for number in range(1 + part, len(undisturbed), 20):
        pulled_and_resumed(template(tmp_path / str(number)), number, fault)


def test_a_token_pulled_again_and_again_is_renewed_in_the_end(
    template: Callable[[Path], Scene], undisturbed: list[Exchange], tmp_path: Path
) -> None:
    scene = template(tmp_path)
    writes = [n for n, one in enumerate(undisturbed, 1) if is_write(one)]
    scene.card.pull_at(writes[5])
    with scene.inserted() as readers:
        report = scene.run()
        for attempt in range(12):
            if report.rows[0]["group"] == "renewed":
                break
            scene.card.no_faults()
            scene.card.pull_at(60 + 30 * attempt)
            readers.put(READER, scene.card)
            report = scene.resume()
        scene.check(report)


def killed_and_resumed(scene: Scene, number: int, when: str) -> None:
    """Kill the program at a command; what the card has got, it has."""

    def deadly() -> None:
        answer = RutokenLite.exchange

        def exchange(card: RutokenLite, command: bytes) -> Any:
            if card.count + 1 == number and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = answer(card, command)
            if card.count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        RutokenLite.exchange = exchange  # type: ignore[method-assign]
        scene.run()

    with scene.inserted():
        assert in_child(deadly) == -signal.SIGKILL
    scene.reload()
    assert scene.card.files_of(0x0A00) == scene.before
    with scene.inserted():
        scene.check(scene.resume())


@forks
@pytest.mark.parametrize("part", range(3))
def test_a_kill_while_a_token_is_written_to_changes_nothing_in_the_end(
    template: Callable[[Path], Scene],
    undisturbed: list[Exchange],
    tmp_path: Path,
    part: int,
) -> None:
    numbers = [n for n, one in enumerate(undisturbed, 1) if is_write(one)]
    for index, number in enumerate(numbers[part::12]):
        when = ("before", "after")[(index + part) % 2]
        killed_and_resumed(template(tmp_path / str(number)), number, when)


@forks
@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", range(10))
def test_a_kill_at_any_command_of_the_run_changes_nothing_in_the_end(
    template: Callable[[Path], Scene],
    undisturbed: list[Exchange],
    tmp_path: Path,
    part: int,
    when: str,
) -> None:
    planning = next(n for n, one in enumerate(undisturbed, 1) if is_write(one)) - 20
    for number in range(planning + part, len(undisturbed), 10):
        killed_and_resumed(template(tmp_path / str(number)), number, when)


@pytest.mark.parametrize("fault", ["failure", "swapped", "silently swapped"])
def test_a_failing_and_a_swapped_token_are_resumed(
    template: Callable[[Path], Scene],
    undisturbed: list[Exchange],
    tmp_path: Path,
    fault: str,
) -> None:
    numbers = [n for n, one in enumerate(undisturbed, 1) if is_write(one)]
    for number in numbers[4::20]:
        scene = template(tmp_path / str(number))
        other = RutokenLite(serial=0x11223344)
        scene.card._faults.append(
            Fault(number, fault, other=None if fault == "failure" else other)
        )
        with scene.inserted() as readers:
            report = scene.run()
            (row,) = report.rows
            if fault == "failure":
                assert row["reason"] == "medium", row["text"]
            else:
                assert row["reason"] in ("token-absent", "token-swapped", "medium")
            assert not other.containers
            assert other.pins[2].left == 10
            scene.card.no_faults()
            readers.put(READER, scene.card)
            scene.check(scene.resume())
