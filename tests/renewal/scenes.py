"""An office whose campaign is run, killed and resumed in child processes.

The end must be that of a campaign which nobody disturbed: the same table, one
new container and one certificate for every subscriber.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from crashes import in_child
from renewal.offices import Office, certificate_in, new_office, snapshot

from gostkey.containers import Container
from gostkey.media import FolderStore
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import STATES, Campaign, EmbeddedCA, Listing, make_plan
from gostkey.renewal.audit import verify
from gostkey.renewal.storage.store import Change, Store

SUBSCRIBERS = 3
# Each of the seven steps is written before it begins and after it has ended.
RECORDS = 2 * len(STATES[2:])


def kill_at(record: int, when: str) -> Callable[[], None]:
    """Make a change to `Store.record`: die at the n-th call."""

    def arm() -> None:
        original = Store.record
        calls = 0

        def deadly(self: Store, changes: Sequence[Change], at: datetime) -> None:
            nonlocal calls
            calls += 1
            if calls == record and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            original(self, changes, at)
            if calls == record and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)

        Store.record = deadly  # type: ignore[method-assign]

    return arm


@dataclass
class Scene:
    """A folder with an office whose campaign is begun by a child."""

    office: Office
    before: dict[str, bytes]
    workers: int = 1

    def reopen(self) -> EmbeddedCA:
        """Open the authority anew, as another process does."""
        folder = self.office.folder / "ca"
        return EmbeddedCA(CertificateAuthority.open(folder), folder, self.office.clock)

    def run(self, arm: Callable[[], None] = lambda: None) -> int:
        """Begin the campaign and run it in a child."""

        def work() -> None:
            arm()
            plan = make_plan(
                Listing(tuple(self.office.subscribers)), self.office.clock()
            )
            with Campaign.begin(
                self.office.campaign,
                plan,
                self.reopen(),
                clock=self.office.clock,
                store=self.office.store,
            ) as campaign:
                campaign.run(workers=self.workers)

        return in_child(work)

    def resume(self, arm: Callable[[], None] = lambda: None) -> int:
        """Resume in a child, which finds everything in the store."""

        def work() -> None:
            arm()
            with Campaign.open(
                self.office.campaign, clock=self.office.clock
            ) as campaign:
                campaign.resume(workers=self.workers)

        return in_child(work)

    def table(self) -> list[tuple[Any, ...]]:
        """Give the part of the report that is the same in every run."""
        with Campaign.open(self.office.campaign, clock=self.office.clock) as campaign:
            rows = campaign.report().rows
        columns = (
            "group state owner inn container slot old_ends new_ends reason new_name "
            "new_container archive backup"
        ).split()
        base = str(self.office.folder)
        return [
            tuple(
                value.replace(base, "") if isinstance(value, str) else value
                for value in (row[name] for name in columns)
            )
            for row in rows
        ]

    def check_one_of_each(self) -> None:
        """Check that nobody has a second key, certificate or leftover."""
        issued = Counter(
            one.subject_der for one in self.reopen().authority.certificates()
        )
        renewed = self.office.subscribers[:SUBSCRIBERS]
        for who in renewed:
            old = certificate_in(who.container)
            assert old is not None
            # The one that the old key has, and one for the new key.
            assert issued[old.subject_der] == 2
        after = snapshot(self.office.keys)
        assert {name: after[name] for name in self.before} == self.before
        new = [one for one in self.office.keys.iterdir() if one.name.endswith(".001")]
        assert len(new) == len(renewed)
        leftovers = list(self.office.folder.rglob(".gostkey*"))
        assert not leftovers, leftovers
        with Campaign.open(self.office.campaign, clock=self.office.clock) as campaign:
            by_place = {
                row["new_container"]: row
                for row in campaign.report().rows
                if row["group"] == "renewed"
            }
        assert {Path(place) for place in by_place} == set(new)
        for place in new:
            container = Container.parse(FolderStore(place.parent).read(place))
            with container.open() as opened:
                certificate = certificate_in(place)
                assert certificate is not None
                key = opened.keys["primary"].verifying_key
                assert certificate.public_key == key
        with Store.open(self.office.campaign) as store:
            found = verify(self.office.campaign, store)
        assert found.good, found.problems
        assert found.seals


Template = Callable[[Path], Scene]


def new_template(folder: Path) -> Template:
    """Make scenes that are copies of one office: three due keys and a refusal."""
    origin = new_office(folder)
    for _ in range(SUBSCRIBERS):
        origin.add()
    origin.add(exchanges_finished=False)
    origin.authority.close()

    def make(folder: Path) -> Scene:
        shutil.copytree(origin.folder, folder, dirs_exist_ok=True)
        # As if on another machine: the same keys are renewed in each copy.
        os.environ["GOSTKEY_STATE"] = str(folder / "state")
        office = Office(folder, origin.authority, origin.clock)
        office.subscribers = [
            replace(who, container=folder / who.container.relative_to(origin.folder))
            for who in origin.subscribers
        ]
        return Scene(office, snapshot(office.keys))

    return make
