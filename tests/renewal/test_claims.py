"""One campaign a key: claims, judged by the other campaign's journal."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from crashes import forks, in_child
from renewal.offices import Office
from renewal.scenes import kill_at

from gostkey.errors import MediumError
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, EmbeddedCA, FolderTransport, Report
from gostkey.renewal.forks import CAN_FORK
from gostkey.renewal.local_claims import (
    FILE_NAME,
    VARIABLE,
    LocalClaims,
    _writing,
    state_folder,
)


def by_folder(office: Office) -> FolderTransport:
    base = office.folder
    return FolderTransport(base / "out", base / "in", base / "trust")


def begin(office: Office, name: str, destination: str) -> Campaign:
    """Begin a campaign whose new containers go elsewhere, where no name tells."""
    for index in range(len(office.subscribers)):
        office.change(index, destination=office.folder / destination)
    (office.folder / destination).mkdir(exist_ok=True)
    return Campaign.begin(
        office.folder / name, office.plan(), by_folder(office), clock=office.clock
    )


def claims() -> Path:
    return Path(os.environ[VARIABLE]) / FILE_NAME


def groups(report: Report) -> list[str]:
    return [row["group"] for row in report.rows]


@pytest.fixture
def two(office: Office) -> tuple[Campaign, Campaign]:
    """Two campaigns that would renew the same two keys to different places."""
    office.add()
    office.add()
    first = begin(office, "first", "a")
    return first, begin(office, "second", "b")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_second_campaign_is_refused_and_told_of_the_first(
    office: Office, two: tuple[Campaign, Campaign], workers: int
) -> None:
    if workers > 1 and not CAN_FORK:
        pytest.skip("needs os.fork: run it on Linux or macOS")
    first, second = two
    assert groups(first.run(workers=workers)) == ["waiting", "waiting"]
    report = second.run(workers=workers)
    assert [row["reason"] for row in report.rows] == 2 * ["held-by-another-campaign"]
    assert all(str(office.folder / "first") in row["text"] for row in report.rows)
    assert len(list((office.folder / "a").iterdir())) == 2
    assert list((office.folder / "b").iterdir()) == []
    assert len(list((office.folder / "out").iterdir())) == 2


def test_two_at_once_share_the_keys_without_a_double(office: Office) -> None:
    for _ in range(12):
        office.add()
    campaigns = [begin(office, "first", "a"), begin(office, "second", "b")]

    def run(campaign: Campaign) -> None:
        campaign.run()

    threads = [threading.Thread(target=run, args=(one,)) for one in campaigns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [groups(one.report()) for one in campaigns]
    assert sorted(zip(*found, strict=True)) == sorted(
        [("failed", "waiting")] * found[1].count("waiting")
        + [("waiting", "failed")] * found[0].count("waiting")
    )
    made = [*(office.folder / "a").iterdir(), *(office.folder / "b").iterdir()]
    assert len(made) == 12


def test_a_failure_before_a_key_frees_the_claim(
    office: Office, two: tuple[Campaign, Campaign]
) -> None:
    first, second = two
    place = office.subscribers[0].container
    word = (place / "primary.key").read_bytes()
    for name in ("primary.key", "primary2.key"):
        (place / name).write_bytes(b"")
    assert groups(first.run()) == ["failed", "waiting"]
    for name in ("primary.key", "primary2.key"):
        (place / name).write_bytes(word)
    # The masks are still the old ones only for the first copy; put both back.
    shutil.copy(place / "masks.key", place / "masks2.key")
    assert groups(second.run()) == ["waiting", "failed"]
    # Now the first one is refused, although it was there before.
    report = first.resume()
    assert groups(report) == ["failed", "waiting"]
    assert str(office.folder / "second") in report.rows[0]["text"]


def killed_when_its_key_is_made(office: Office, name: str, destination: str) -> None:
    """Run a campaign that dies before it is written that its only key was made."""

    def work() -> None:
        kill_at(2, "before")()
        with begin(office, name, destination) as campaign:
            campaign.run()

    assert in_child(work) == -signal.SIGKILL


@forks
def test_a_key_on_a_medium_that_is_away_keeps_its_claim(office: Office) -> None:
    office.add()
    killed_when_its_key_is_made(office, "first", "a")
    away = (office.folder / "a").rename(office.folder / "drawer")
    with Campaign.open(office.folder / "first", clock=office.clock) as first:
        report = first.resume()
        assert [row["reason"] for row in report.rows] == ["medium"]
        with begin(office, "second", "b") as second:
            report = second.run()
            assert [row["reason"] for row in report.rows] == [
                "held-by-another-campaign"
            ]
        away.rename(office.folder / "a")
        assert groups(first.resume()) == ["waiting"]
    assert len(list((office.folder / "a").iterdir())) == 1
    assert list((office.folder / "b").iterdir()) == []


@forks
@pytest.mark.parametrize("claimed_by", ["first", "link", "detour"])
@pytest.mark.parametrize("resumed_by", ["first", "link", "detour"])
def test_a_campaign_is_the_same_by_whichever_path(
    office: Office, claimed_by: str, resumed_by: str
) -> None:
    office.add()
    killed_when_its_key_is_made(office, "first", "a")
    paths = {
        "first": office.folder / "first",
        "link": office.folder / "link",
        "detour": office.folder / "keys" / ".." / "first",
    }
    paths["link"].symlink_to(paths["first"], target_is_directory=True)
    # As claims were written before paths were resolved.
    with _writing() as connection:
        path = str(paths[claimed_by])
        connection.execute("update claim set campaign = ?", (path,))
    with Campaign.open(paths[resumed_by], clock=office.clock) as campaign:
        assert groups(campaign.resume()) == ["waiting"]
    with begin(office, "second", "b") as second:
        report = second.run()
    assert [row["reason"] for row in report.rows] == ["held-by-another-campaign"]


@forks
def test_a_campaign_that_was_moved_keeps_its_keys(office: Office) -> None:
    office.add()
    killed_when_its_key_is_made(office, "first", "a")
    moved = (office.folder / "first").rename(office.folder / "moved")
    with Campaign.open(moved, clock=office.clock) as campaign:
        assert groups(campaign.resume()) == ["waiting"]
    with begin(office, "second", "b") as second:
        report = second.run()
    assert [row["reason"] for row in report.rows] == ["held-by-another-campaign"]


def test_a_key_that_could_not_be_written_is_free_when_it_was_rolled_back(
    two: tuple[Campaign, Campaign], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("gostkey.media.durable.write_file", full)
        assert groups(first.run()) == ["failed", "failed"]
    report = second.run()
    assert groups(report) == ["failed", "failed"]
    assert all("gostkey renew rollback" in row["cure"] for row in report.rows)
    assert [one.error for one in first.roll_back(["1", "2"])] == [None, None]
    assert groups(second.resume()) == ["waiting", "waiting"]


def test_a_campaign_that_is_gone_claims_nothing(
    office: Office, two: tuple[Campaign, Campaign]
) -> None:
    first, second = two
    first.run()
    first.close()
    shutil.rmtree(office.folder / "first")
    assert groups(second.run()) == ["waiting", "waiting"]


def test_a_campaign_that_cannot_be_read_keeps_its_claims(
    office: Office, two: tuple[Campaign, Campaign]
) -> None:
    first, second = two
    first.run()
    first.close()
    for one in (office.folder / "first").glob("campaign.sqlite*"):
        one.write_bytes(b"spoiled" * 2000)
    report = second.run()
    assert [row["reason"] for row in report.rows] == 2 * ["held-by-another-campaign"]


def test_a_key_that_was_rolled_back_is_free(
    two: tuple[Campaign, Campaign],
) -> None:
    first, second = two
    first.run()
    first.roll_back(["1"])
    assert groups(second.run()) == ["waiting", "failed"]


def test_a_key_that_is_renewed_stays_claimed(office: Office) -> None:
    office.add()
    second = begin(office, "second", "b")
    office.change(0, destination=None)
    with office.begin() as campaign:
        assert groups(campaign.run()) == ["renewed"]
    assert groups(second.run()) == ["failed"]
    assert groups(second.resume()) == ["failed"]
    # Until that campaign is put away, or has undone it.
    with office.open() as campaign:
        assert campaign.roll_back(["1"], not_used=True)[0].error is None
    assert groups(second.resume()) == ["waiting"]


@forks
def test_a_killed_campaign_keeps_its_claims_and_goes_on(office: Office) -> None:
    office.add()
    office.authority.close()
    plan = office.plan()
    folder = office.folder / "ca"

    def work() -> None:
        # Dies when the key's step is begun, before it is written that it has ended.
        kill_at(2, "before")()
        transport = EmbeddedCA(CertificateAuthority.open(folder), folder, office.clock)
        with Campaign.begin(
            office.campaign, plan, transport, clock=office.clock
        ) as campaign:
            campaign.run()

    second = begin(office, "second", "b")
    assert in_child(work) == -signal.SIGKILL
    assert groups(second.run()) == ["failed"]
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        assert groups(campaign.resume()) == ["renewed"]


# -- the folder ---------------------------------------------------------------


def test_the_folder_is_where_the_variables_say(tmp_path: Path) -> None:
    assert state_folder({VARIABLE: str(tmp_path / "a")}) == tmp_path / "a"
    named = {"XDG_STATE_HOME": str(tmp_path / "b")}
    assert state_folder(named) == tmp_path / "b" / "gostkey"
    if os.name == "posix":
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(MediumError, match=VARIABLE):
        state_folder({VARIABLE: str(tmp_path / "file")})
    # Without a home there are the temporary folders.
    there = state_folder({"XDG_STATE_HOME": str(tmp_path / "file")})
    assert there.is_dir() and "gostkey" in there.name


def test_claims_that_are_damaged_stop_keys_and_say_what_helps(
    office: Office, two: tuple[Campaign, Campaign]
) -> None:
    first, _ = two
    claims().parent.mkdir(parents=True, exist_ok=True)
    claims().write_bytes(b"spoiled" * 2000)
    with pytest.raises(MediumError, match="remove it"):
        first.run()
    claims().unlink()
    assert groups(first.resume()) == ["waiting", "waiting"]


def test_nothing_secret_is_in_the_claims(
    office: Office, two: tuple[Campaign, Campaign]
) -> None:
    two[0].run()
    if os.name == "posix":
        assert claims().stat().st_mode & 0o077 == 0
    data = b"".join(one.read_bytes() for one in claims().parent.iterdir())
    owner = two[0].report().rows[0]["owner"]
    assert owner.encode() not in data


def test_a_claim_is_on_the_disk_when_it_was_made(office: Office) -> None:
    with _writing() as connection:
        (synchronous,) = connection.execute("pragma synchronous").fetchone()
    assert synchronous == 2  # "full": each commit waits for the write-ahead log


def test_an_item_without_a_certificate_claims_nothing(
    office: Office, two: tuple[Campaign, Campaign]
) -> None:
    (one, _) = two[0]._store.items()
    assert (
        LocalClaims(office.campaign).claim([replace(one, old_certificate=None)]) == {}
    )
