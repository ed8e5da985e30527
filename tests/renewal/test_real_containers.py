"""Other people's containers, renewed on copies at a date when they were due."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import samples
from oracles import container_reader
from real_containers import PASSWORDS
from renewal.offices import Office, SetClock, snapshot

from gostkey.containers import Container, with_certificate
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate, build_certificate
from gostkey.pki.names import Name
from gostkey.renewal import Reason, Subscriber, due_list, read_tree
from gostkey.renewal.copies import unpack
from gostkey.signing import Scheme, SigningKey

UTC = timezone.utc
TODAY = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Holder:
    """What is known of a fixture with a certificate."""

    owner: str
    last_day: str
    due: datetime
    slots: tuple[str, ...] = ("primary",)


HOLDERS: Mapping[str, Holder] = {
    "dbfun-cyrillic": Holder(
        "Сидоров Сидор Сидорович",
        "2019-05-24",
        datetime(2019, 5, 1, 9, 0, tzinfo=UTC),
    ),
    "pysig-test": Holder("test", "2024-12-23", datetime(2024, 12, 1, 9, 0, tzinfo=UTC)),
    # Its certificates run to 2030; the period of its keys, which only the
    # container tells, ended on this day.
    "the4ups-two-keys": Holder(
        "test",
        "2022-08-13",
        datetime(2022, 8, 1, 9, 0, tzinfo=UTC),
        ("primary", "secondary"),
    ),
}


def test_today_they_are_expired_and_sent_to_the_office(fixtures: Path) -> None:
    before = snapshot(fixtures / "containers")
    plan = due_list(read_tree(fixtures / "containers"), TODAY)
    assert len(plan.items) == 8
    found: dict[str, list[str]] = {}
    for one in plan.items:
        label = one.holding.subscriber.container.name
        assert one.verdict is not None
        if label not in HOLDERS:
            assert one.verdict.reason is Reason.NO_CERTIFICATE
            continue
        holder = HOLDERS[label]
        assert one.verdict.reason is Reason.EXPIRED
        assert one.verdict.text.endswith(f"its last day was {holder.last_day}")
        assert "office" in one.verdict.cure
        assert one.holding.owner == holder.owner
        found.setdefault(label, []).append(one.holding.slot)
    assert {label: tuple(slots) for label, slots in found.items()} == {
        label: holder.slots for label, holder in HOLDERS.items()
    }
    assert snapshot(fixtures / "containers") == before


def open_office(folder: Path, now: datetime) -> Office:
    """Open an office with an authority of its own at a date of the past."""
    authority = CertificateAuthority.create(
        folder / "ca",
        subject=Name.build([("C", "RU"), ("CN", "Наш УЦ")]),
        at=now - timedelta(days=30),
    )
    (folder / "keys").mkdir()
    return Office(folder, authority, SetClock(now))


def take_in(office: Office, source: Path) -> Path:
    """Copy a container of somebody else's onto our medium."""
    place = office.keys / f"{source.name[:8]}.000"
    shutil.copytree(source, place, copy_function=shutil.copyfile)
    password_file = None
    if PASSWORDS[source.name] is not None:
        password_file = office.folder / "password.txt"
        password_file.write_text(f"{PASSWORDS[source.name]}\n")
    office.subscribers.append(
        Subscriber("test", place, password_file, password_file, exchanges_finished=True)
    )
    return place


def read_by_oracle(folder: Path, password: str | None) -> container_reader.Read:
    """Read a container by code that shares nothing with the package.

    With a password it takes that code half a minute for a pair, so it is asked
    for the first one only.
    """
    return container_reader.read(
        samples.read(folder), password or "", quick=password is not None
    )


@pytest.mark.parametrize("label", HOLDERS)
def test_a_real_container_is_renewed_on_a_copy(
    fixtures: Path, tmp_path: Path, label: str
) -> None:
    holder = HOLDERS[label]
    source = fixtures / "containers" / label
    office = open_office(tmp_path, holder.due)
    place = take_in(office, source)
    old = {entry.slot: entry for entry in Container.parse(samples.read(source)).keys}
    for entry in old.values():
        assert entry.certificate is not None
        office.authority.admit(entry.certificate, holder.due)
    with office.begin() as campaign:
        report = campaign.run()
    assert [row["slot"] for row in report.rows] == list(holder.slots)
    # The original and our copy of it are what they were.
    assert samples.read(place) == samples.read(source)
    for row in report.rows:
        assert row["group"] == "renewed", row["text"]
        assert row["owner"] == holder.owner
        assert row["old_ends"].startswith(holder.last_day)
        entry = old[row["slot"]]
        new = read_by_oracle(Path(row["new_container"]), PASSWORDS[label])
        assert new.name == row["new_name"]
        assert new.curve_oid == entry.curve.oid
        assert new.exchange == (entry.usage == "exchange")
        assert new.exportable == entry.exportable
        # Both pairs hold the one new key, and it is another one than before.
        assert len(set(new.private)) == 1
        assert entry.fingerprint is not None
        assert not new.public.startswith(entry.fingerprint)
        assert new.certificate is not None and entry.certificate is not None
        certificate = Certificate.from_bytes(new.certificate)
        assert certificate.public_key.to_bytes() == new.public
        was = Certificate.from_bytes(entry.certificate)
        assert certificate.subject_der == was.subject_der
        assert certificate.not_after > holder.due + timedelta(days=360)
        assert unpack(Path(row["archive"])) == samples.read(source)


def test_a_2001_key_signs_for_its_successor_of_2012(
    fixtures: Path, tmp_path: Path
) -> None:
    # The one real 2001 container holds no certificate: it gets one of ours.
    label = "selenoid-2001"
    source = fixtures / "containers" / label
    container = Container.parse(samples.read(source))
    assert container.keys[0].not_after is not None
    now = container.keys[0].not_after - timedelta(days=20)
    office = open_office(tmp_path, now)
    place = take_in(office, source)
    with container.open(PASSWORDS[label]) as opened:
        key = opened.keys["primary"].verifying_key
    assert key.scheme is Scheme.GOST_2001
    with SigningKey.generate() as issuer:
        certificate = build_certificate(
            issuer=Name.build([("CN", "Старый УЦ")]),
            signing_key=issuer,
            subject=Name.build([("CN", "Иванов Иван"), ("INN", "500100732259")]),
            public_key=key,
            serial=7,
            not_before=now - timedelta(days=340),
            not_after=now + timedelta(days=25),
        )
    header = with_certificate(samples.read(source), certificate)["header.key"]
    (place / "header.key").write_bytes(header)
    office.authority.admit(certificate, now)
    with office.begin() as campaign:
        report = campaign.run()
    (row,) = report.rows
    assert row["group"] == "renewed", row["text"]
    new = read_by_oracle(Path(row["new_container"]), PASSWORDS[label])
    assert new.key_oid == "1.2.643.7.1.1.6.1"  # 34.10-2012, 256 bits, exchange
    assert new.curve_oid == "1.2.643.2.2.36.0"
    assert new.certificate is not None
    renewed = Certificate.from_bytes(new.certificate)
    assert renewed.public_key.scheme is Scheme.GOST_2012
    assert renewed.public_key.to_bytes() == new.public
    assert row["inn"] == "500100732259"
