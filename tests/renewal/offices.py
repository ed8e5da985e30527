"""A small office for the tests: an authority, subscribers, a clock to be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from gostkey.containers import Container, build_container
from gostkey.media import FolderStore
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate
from gostkey.pki.names import Name
from gostkey.pki.requests import build_request
from gostkey.renewal import (
    Campaign,
    EmbeddedCA,
    Listing,
    Plan,
    Report,
    Subscriber,
    Transport,
    make_plan,
)
from gostkey.renewal.planning.people import person
from gostkey.signing import SigningKey

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=timezone.utc)


@dataclass
class SetClock:
    """A clock that stands until it is set."""

    moment: datetime = NOW

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        """Set it forward by a timedelta's arguments."""
        self.moment += timedelta(**span)


@dataclass
class Office:
    """An authority and containers that it has certified."""

    folder: Path
    authority: CertificateAuthority
    clock: SetClock
    subscribers: list[Subscriber] = field(default_factory=list)
    store: str | None = None
    """Address of the campaign's database; None for a file."""

    @property
    def keys(self) -> Path:
        """The medium with the subscribers' containers."""
        return self.folder / "keys"

    @property
    def campaign(self) -> Path:
        """The campaign's folder."""
        return self.folder / "campaign"

    def add(
        self,
        *,
        days_left: int = 30,
        password: str | None = None,
        curve: str = "1.2.643.2.2.36.0",
        usage: str = "exchange",
        name: str | None = None,
        subject: Name | None = None,
        exchanges_finished: bool = True,
        form: Mapping[str, str] | None = None,
        key_status: str = "ok",
        root: Path | None = None,
    ) -> Subscriber:
        """Make a subscriber whose last day is *days_left* days away."""
        number = len(self.subscribers)
        # It ends an hour after this hour, so that the last day has begun.
        issued = self.clock() - timedelta(days=365 - days_left, hours=-1)
        container = name or f"k{number:03d}-test"
        with SigningKey.generate(curve) as key:
            request = build_request(key, subject or person(number).subject)
            certificate = self.authority.issue(request, issued, days=365)
            files = build_container(
                container,
                key,
                password=password,
                certificate=certificate.der,
                not_after=issued + timedelta(days=450),
                usage=usage,
            )
        root = root or self.keys
        root.mkdir(exist_ok=True)
        place = FolderStore(root).write(container, files)
        password_file = None
        if password is not None:
            password_file = self.folder / f"password-{number}.txt"
            password_file.write_text(password + "\n", encoding="utf-8")
        who = Subscriber(
            source="test",
            container=place,
            password_file=password_file,
            new_password_file=password_file,
            exchanges_finished=exchanges_finished,
            key_status=key_status,
            form=dict(form or {}),
        )
        self.subscribers.append(who)
        return who

    def change(self, index: int, **values: object) -> None:
        """Change what is stated of a subscriber."""
        self.subscribers[index] = replace(self.subscribers[index], **values)  # type: ignore[arg-type]

    def plan(self) -> Plan:
        """Plan the renewal of all subscribers."""
        return make_plan(Listing(tuple(self.subscribers)), self.clock())

    def transport(self) -> EmbeddedCA:
        """Give the way to the authority."""
        return EmbeddedCA(self.authority, self.folder / "ca", self.clock)

    def begin(self, transport: Transport | None = None) -> Campaign:
        """Begin a campaign on all subscribers."""
        return Campaign.begin(
            self.campaign,
            self.plan(),
            transport or self.transport(),
            clock=self.clock,
            store=self.store,
        )

    def open(self, transport: Transport | None = None) -> Campaign:
        """Open the campaign again."""
        return Campaign.open(
            self.campaign, clock=self.clock, transport=transport or self.transport()
        )


def new_office(folder: Path) -> Office:
    """Make an office without subscribers."""
    authority = CertificateAuthority.create(
        folder / "ca",
        subject=Name.build([("C", "RU"), ("O", "Тест"), ("CN", "Тестовый УЦ")]),
        curve="1.2.643.2.2.35.1",
        at=NOW - timedelta(days=800),
    )
    (folder / "keys").mkdir()
    return Office(folder, authority, SetClock())


def snapshot(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def certificate_in(folder: Path) -> Certificate | None:
    """Read the certificate of a container."""
    entry = Container.parse(FolderStore(folder.parent).read(folder)).keys[0]
    return Certificate.from_bytes(entry.certificate) if entry.certificate else None


def run(office: Office) -> Report:
    """Run a campaign and check that nothing old is lost or changed."""
    before = snapshot(office.keys)
    with office.begin() as campaign:
        report = campaign.run()
    after = snapshot(office.keys)
    assert {name: after[name] for name in before} == before
    return report


def check_others(report: Report, reason: str, *, group: str | None = None) -> Any:
    """Check that the second item alone has stopped; return its row."""
    first, bad, last = report.rows
    assert (first["group"], last["group"]) == ("renewed", "renewed")
    assert bad["reason"] == reason, bad["text"]
    if group is not None:
        assert bad["group"] == group
    assert bad["text"] and bad["cure"]
    assert bad["new_ends"] is None
    assert report.exit_code == 2
    return bad
