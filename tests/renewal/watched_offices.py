"""An office that a watch works on, with clocks that the test turns."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from renewal.offices import Office
from renewal.test_pacing import MSK, Turned

from gostkey.errors import (
    MediumError,
)
from gostkey.random.policy import Policy
from gostkey.renewal import Campaign, FolderTransport, Listing
from gostkey.renewal.pacing import Pacing
from gostkey.renewal.planning.subscribers import RowError
from gostkey.renewal.randomness import Randomness
from gostkey.renewal.tokens import Tokens
from gostkey.renewal.unattended import (
    Intervals,
    Left,
    Rounds,
    Watch,
)
from gostkey.renewal.unattended.watch import Office as Work

HOUR, DAY = 3600, 86400


@dataclass
class Station:
    """An office that a watch works on, and an authority that a test moves."""

    office: Office
    day: Turned = field(default_factory=Turned)
    said: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    errors: tuple[RowError, ...] = ()
    gathered: list[int] = field(default_factory=list)
    fault: Exception | None = None
    published: float = -1e9

    @property
    def folder(self) -> Path:
        return self.office.folder / "watched"

    def transport(self) -> FolderTransport:
        base = self.office.folder
        return FolderTransport(base / "out", base / "in", base / "trust")

    def answer(self) -> int:
        """Answer what is in the outbox, as the authority does."""
        inbox, answered = self.office.folder / "in", 0
        inbox.mkdir(exist_ok=True)
        for request in (self.office.folder / "out").glob("*.p7m"):
            target = inbox / f"{request.stem}.cer"
            if not target.exists():
                one = self.office.authority.issue_renewal(
                    request.read_bytes(), self.day.wall
                )
                target.write_bytes(one.der)
                answered += 1
        if answered or self.day.seconds - self.published > DAY:
            trust = self.office.folder / "trust"
            trust.mkdir(exist_ok=True)
            (trust / "ca.cer").write_bytes(self.office.authority.certificate.der)
            (trust / "ca.crl").write_bytes(self.office.authority.crl(self.day.wall))
            self.published = self.day.seconds
        return answered

    def listing(self) -> Listing:
        if self.fault is not None:
            raise self.fault
        return Listing(tuple(self.office.subscribers), self.errors)

    def gather(
        self, keys: int, policy: Policy | None
    ) -> AbstractContextManager[Randomness | None]:
        self.gathered.append(keys)
        return contextlib.nullcontext(None)

    def watch(self, pacing: Pacing | None = None, **more: object) -> Watch:
        pacing = pacing or Pacing()
        pacing.time = self.day.time()
        pacing.zone = MSK
        work = Work(
            listing=self.listing,
            transport=self.transport,
            gather=more.pop("gather", self.gather),  # type: ignore[arg-type]
            tokens=Tokens,
            clock=lambda: self.day.wall,
            **more,  # type: ignore[arg-type]
        )
        intervals = Intervals(receive=600, at_most=2 * HOUR, look=12 * HOUR)
        return Watch(
            self.folder,
            work,
            pacing,
            intervals,
            tell=self.said.append,
            code_of=lambda error: 4 if isinstance(error, MediumError) else 3,
            on_left=self.left.append,
        )

    def during(self, seconds: float, then: Callable[[], object] | None = None) -> None:
        """Let the watch go on for so long, then ask it to end."""
        begin = self.day.seconds

        def nap(count: int) -> None:
            if then is not None:
                then()
            self.day.stopped = self.day.seconds - begin >= seconds

        self.day.stopped = False
        self.day.at_nap = nap

    def groups(self) -> dict[str, list[str]]:
        """The groups of the keys in each campaign."""
        found = {}
        for folder in Rounds(self.folder).campaigns():
            with Campaign.open(folder, clock=lambda: self.day.wall) as campaign:
                found[folder.name] = [row["group"] for row in campaign.report().rows]
        return found


@pytest.fixture
def station(office: Office) -> Station:
    return Station(office)
