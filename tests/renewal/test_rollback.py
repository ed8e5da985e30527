"""Rolling back: the old container in its place, the new one kept, nothing twice."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cards.rutoken import RutokenLite
from crashes import every_step, forks, in_child, killed_at
from renewal.offices import Office, SetClock, certificate_in, new_office, snapshot
from renewal.scenes import kill_at
from renewal.token_offices import address_of, token_office

from gostkey.errors import CampaignError, MediumError
from gostkey.media import FolderStore, read_container
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, EmbeddedCA, FolderTransport, Listing, make_plan
from gostkey.renewal.copies import pack, unpack
from gostkey.renewal.undo import Undone
from gostkey.renewal.undo.archives import PRUNED

LATER = {"days": 500}


def states(campaign: Campaign) -> list[str]:
    return [row["group"] for row in campaign.report().rows]


def renewed(office: Office) -> list[Path]:
    """The new containers on the medium."""
    return [one for one in office.keys.iterdir() if one.name.endswith(".001")]


def one(done: list[Undone]) -> Undone:
    (undone,) = done
    return undone


@pytest.fixture
def by_hand(office: Office) -> Campaign:
    """A campaign of two whose requests lie in a folder."""
    office.add()
    office.add()
    folder = office.folder
    transport = FolderTransport(folder / "out", folder / "in", folder / "trust")
    with office.begin(transport) as campaign:
        campaign.run()
    return Campaign.open(office.campaign, clock=office.clock, transport=transport)


# -- before the certificate is installed --------------------------------------


def test_a_request_that_was_sent_is_rolled_back_and_named(
    office: Office, by_hand: Campaign
) -> None:
    before = snapshot(office.keys)
    new = sorted(renewed(office))
    row = by_hand.report().rows[0]
    mine, other = sorted(new, key=lambda p: str(p) != row["new_container"])
    files = read_container(mine)
    undone = one(by_hand.roll_back(["1"]))
    assert undone.error is None and undone.restored is None
    assert undone.request_id == row["request_id"] and undone.serial is None
    assert undone.moved_to is not None and unpack(Path(undone.moved_to)) == files
    assert not mine.exists()
    gone = {name for name in before if name.startswith(mine.name)}
    after = snapshot(office.keys)
    assert after == {name: before[name] for name in before if name not in gone}
    assert states(by_hand) == ["rolled-back", "waiting"]
    told = by_hand.report().rows[0]
    assert row["request_id"] in told["cure"] and undone.moved_to in told["text"]
    assert by_hand.report().exit_code == 0
    # Once more changes nothing; neither does resume.
    assert one(by_hand.roll_back(["1"])).already
    by_hand.resume()
    assert states(by_hand) == ["rolled-back", "waiting"]
    assert snapshot(office.keys) == after
    steps = [(r["step"], r["phase"]) for r in by_hand.history(1)][-2:]
    assert steps == [("rolled-back", "before"), ("rolled-back", "after")]


@pytest.mark.parametrize("name", ["container", "new_container", "new_name",
                                  "container_name", "request_id", "id"])  # fmt: skip
def test_a_key_is_named_in_many_ways(by_hand: Campaign, name: str) -> None:
    row = by_hand.report().rows[1]
    assert one(by_hand.roll_back([str(row[name])])).item_id == 2


def test_what_names_no_key_is_an_error_and_nothing_is_done(by_hand: Campaign) -> None:
    for text in ("3", "0", "nobody", "", "9" * 23):
        with pytest.raises(CampaignError, match="names no key"):
            by_hand.roll_back(["1", text])
    assert states(by_hand) == ["waiting", "waiting"]


def test_an_answer_that_comes_later_is_not_installed(
    office: Office, by_hand: Campaign
) -> None:
    by_hand.roll_back(["1"])
    inbox = office.folder / "in"
    inbox.mkdir()
    trust = office.folder / "trust"
    trust.mkdir()
    (trust / "ca.cer").write_bytes(office.authority.certificate.der)
    (trust / "ca.crl").write_bytes(office.authority.crl(office.clock()))
    for request in (office.folder / "out").iterdir():
        answer = office.authority.issue_renewal(request.read_bytes(), office.clock())
        (inbox / f"{request.stem}.cer").write_bytes(answer.der)
    by_hand.receive()
    assert states(by_hand) == ["rolled-back", "renewed"]
    assert len(renewed(office)) == 1


def test_a_key_that_was_rolled_back_can_be_renewed_by_a_new_campaign(
    office: Office, by_hand: Campaign
) -> None:
    by_hand.roll_back(["1"])
    by_hand.close()
    plan = office.plan()
    assert [item.verdict is None for item in plan.items] == [True, False]
    with Campaign.begin(
        office.folder / "second", plan, office.transport(), clock=office.clock
    ) as second:
        assert second.run().counts["renewed"] == 1


def test_what_was_only_planned_is_not_renewed_any_more(office: Office) -> None:
    office.add()
    office.add(exchanges_finished=False)
    with office.begin() as campaign:
        undone = one(campaign.roll_back(["1"]))
        assert undone.error is None and undone.moved_to is None
        assert undone.request_id is None
        refused = one(campaign.roll_back(["2"]))
        assert "nothing was done" in str(refused.error)
        campaign.run()
        assert states(campaign) == ["rolled-back", "refused"]
    assert renewed(office) == []


# -- after it is installed ----------------------------------------------------


def test_an_installed_certificate_needs_a_word(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
        (new,) = renewed(office)
        before = snapshot(office.keys)
        refused = one(campaign.roll_back(["1"]))
        assert "--confirm-not-used" in str(refused.error)
        assert snapshot(office.keys) == before and states(campaign) == ["renewed"]
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert undone.error is None
        certificate = campaign.report().rows[0]
        assert undone.serial is not None and undone.serial in certificate["cure"]
        assert not new.exists()
        assert certificate_in(office.subscribers[0].container) is not None
    authority = EmbeddedCA(office.authority, office.folder / "ca", office.clock)
    serials = {f"{one.serial:x}" for one in authority.authority.certificates()}
    assert undone.serial in serials


@forks
def test_a_run_that_was_cut_off_after_installing_needs_it_too(office: Office) -> None:
    office.add()
    plan = make_plan(Listing(tuple(office.subscribers)), office.clock())
    folder = office.folder / "ca"
    office.authority.close()

    def work() -> None:
        # Twelve writes: "installed" is begun and done, and its end is not written.
        kill_at(12, "before")()
        transport = EmbeddedCA(CertificateAuthority.open(folder), folder, office.clock)
        with Campaign.begin(
            office.campaign, plan, transport, clock=office.clock
        ) as campaign:
            campaign.run()

    assert in_child(work) == -signal.SIGKILL
    (new,) = renewed(office)
    assert certificate_in(new) is not None
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        assert campaign.report().rows[0]["state"] == "checked"
        assert "--confirm-not-used" in str(one(campaign.roll_back(["1"])).error)
        assert one(campaign.roll_back(["1"], not_used=True)).error is None


# -- the old container --------------------------------------------------------


@pytest.fixture
def done(office: Office) -> Office:
    """An office of one, whose key is renewed."""
    office.add(password="word")
    with office.begin() as campaign:
        campaign.run()
    return office


def test_an_old_container_that_is_gone_comes_back(done: Office) -> None:
    place = done.subscribers[0].container
    files = read_container(place)
    shutil.rmtree(place)
    with done.open() as campaign:
        undone = one(campaign.roll_back([str(place)], not_used=True))
    assert undone.restored == str(place)
    assert read_container(place) == files
    assert renewed(done) == []


@pytest.mark.parametrize("name", ["primary.key", "header.key", "masks2.key"])
def test_an_old_container_that_is_damaged_comes_back_and_is_kept(
    done: Office, name: str
) -> None:
    place = done.subscribers[0].container
    files = read_container(place)
    (place / name).write_bytes(b"spoiled")
    spoiled = read_container(place)
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
    assert undone.restored == str(place)
    assert read_container(place) == files
    kept = [unpack(path) for path in (done.campaign / "rolled-back").iterdir()]
    assert spoiled in kept and len(kept) == 2


def spoil_copy(office: Office, name: str | None) -> Path:
    """Leave a file out of the copy of the one old container, or spoil it there."""
    (path,) = (office.campaign / "archive").iterdir()
    files = unpack(path)
    folder = office.subscribers[0].container.name
    path.unlink()
    if name is not None:
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
        path.write_bytes(pack(folder, files))
    return path


@pytest.mark.parametrize("name", ["primary.key", "masks.key", "header.key", None])
def test_a_good_old_container_stays_whatever_became_of_its_copy(
    done: Office, name: str | None
) -> None:
    place = done.subscribers[0].container
    files = read_container(place)
    spoil_copy(done, name)
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
    assert undone.error is None and undone.restored is None
    assert read_container(place) == files
    assert renewed(done) == []


def test_which_is_good_is_asked_if_no_password_can_tell(done: Office) -> None:
    place = done.subscribers[0].container
    password_file = done.subscribers[0].password_file
    assert password_file is not None
    files = read_container(place)
    copy = spoil_copy(done, "primary.key")
    password_file.rename(password_file.with_suffix(".away"))
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert isinstance(undone.error, CampaignError)
        assert "cannot be told without its password" in str(undone.error)
        assert read_container(place) == files and renewed(done) != []
        copy.unlink()
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert "it is not there" in str(undone.error) and renewed(done) != []
        password_file.with_suffix(".away").rename(password_file)
        assert one(campaign.roll_back(["1"], not_used=True)).error is None
    assert read_container(place) == files and renewed(done) == []


def test_the_new_key_stays_while_there_is_no_good_old_one(done: Office) -> None:
    place = done.subscribers[0].container
    for name in ("primary.key", "primary2.key"):
        data = (place / name).read_bytes()
        (place / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    (copy,) = (done.campaign / "archive").iterdir()
    copy.rename(done.folder / copy.name)
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert "it is not there" in str(undone.error) and renewed(done) != []
        (done.folder / copy.name).rename(copy)
        assert one(campaign.roll_back(["1"], not_used=True)).restored == str(place)


def test_a_copy_that_does_not_hold_the_key_is_not_put_back(done: Office) -> None:
    place = done.subscribers[0].container
    spoil_copy(done, "header.key")
    shutil.rmtree(place)
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert "does not hold its key" in str(undone.error)
    assert not place.exists() and renewed(done) != []


def test_another_keys_container_in_its_place_is_left_alone(done: Office) -> None:
    place = done.subscribers[0].container
    other = new_office(done.folder / "other-office").add().container
    shutil.rmtree(place)
    shutil.copytree(other, place)
    before = snapshot(done.keys)
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert "another key" in str(undone.error)
        assert states(campaign) == ["renewed"]
    assert snapshot(done.keys) == before


def test_other_files_beside_it_are_left_alone(done: Office) -> None:
    place = done.subscribers[0].container
    (place / "primary.key").write_bytes(b"")
    (place / "letter.txt").write_text("mine")
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert isinstance(undone.error, MediumError)
        assert "other files" in str(undone.error)
        assert renewed(done) != []
        (place / "letter.txt").unlink()
        assert one(campaign.roll_back(["1"])).error is None


def test_another_container_in_the_new_ones_place_is_left_alone(done: Office) -> None:
    (new,) = renewed(done)
    shutil.rmtree(new)
    other = done.folder / "other-office"
    other.mkdir()
    shutil.copytree(new_office(other).add().container, new)
    before = snapshot(done.keys)
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
    assert "another container" in str(undone.error)
    assert snapshot(done.keys) == before


def test_a_medium_that_is_not_there_is_asked_for(done: Office) -> None:
    done.keys.rename(done.folder / "pulled")
    with done.open() as campaign:
        undone = one(campaign.roll_back(["1"], not_used=True))
        assert "insert the medium" in str(undone.error)
        assert states(campaign) == ["renewed"]
        (done.folder / "pulled").rename(done.keys)
        assert one(campaign.roll_back(["1"], not_used=True)).error is None


def test_without_a_copy_nothing_is_undone(office: Office, by_hand: Campaign) -> None:
    shutil.rmtree(office.subscribers[0].container)
    undone = one(by_hand.roll_back(["1"]))
    assert "no copy of it yet" in str(undone.error)
    assert len(renewed(office)) == 2


# -- kills --------------------------------------------------------------------


class Killed:
    """An office whose rollback is killed in a copy of it, again and again."""

    def __init__(self, folder: Path, damaged: bool) -> None:
        self._folder = folder
        self._damaged = damaged
        self._origin = origin = new_office(folder / "origin")
        origin.add()
        with origin.begin() as campaign:
            campaign.run()
        origin.authority.close()
        self._old = read_container(origin.subscribers[0].container)
        self._new = read_container(renewed(origin)[0])
        self._last = origin

    def prepare(self, step: int) -> Callable[[], object]:
        """Copy the office; give the rollback in it."""
        origin, folder = self._origin, self._folder / str(step)
        shutil.copytree(origin.folder, folder)
        office = Office(folder, origin.authority, SetClock())
        office.subscribers = [
            replace(who, container=folder / who.container.relative_to(origin.folder))
            for who in origin.subscribers
        ]
        # The journal names places, and those of this copy are meant.
        move(office, origin)
        if self._damaged:
            (office.subscribers[0].container / "primary.key").write_bytes(b"x")
        self._last = office

        def work() -> None:
            with Campaign.open(office.campaign, clock=office.clock) as campaign:
                campaign.roll_back(["1"], not_used=True)

        return work

    def finish(self, step: int) -> None:
        """Roll back once more; everything must be as if nobody had been killed."""
        office = self._last
        with Campaign.open(office.campaign, clock=office.clock) as campaign:
            # Half of them go on by resume: what was begun is finished there, too.
            if step % 2 and states(campaign) == ["unfinished"]:
                campaign.resume()
            undone = one(campaign.roll_back(["1"], not_used=True))
            assert undone.error is None, (step, undone.error)
            assert states(campaign) == ["rolled-back"], step
        assert read_container(office.subscribers[0].container) == self._old, step
        assert renewed(office) == [], step
        kept = [
            unpack(path)
            for path in (office.campaign / "rolled-back").iterdir()
            if not path.name.startswith(".")
        ]
        assert self._new in kept, step


@forks
@pytest.mark.parametrize("damaged", [False, True])
def test_a_rollback_killed_at_some_calls_is_finished(
    tmp_path: Path, damaged: bool
) -> None:
    killed = Killed(tmp_path, damaged)
    for step in (8, 15, 22, 31):
        assert killed_at(killed.prepare(step), step)
        killed.finish(step)


@pytest.mark.slow
@forks
@pytest.mark.parametrize("damaged", [False, True])
def test_a_rollback_killed_at_any_call_is_finished(
    tmp_path: Path, damaged: bool
) -> None:
    killed = Killed(tmp_path, damaged)
    for step in every_step(killed.prepare):
        killed.finish(step)


def move(office: Office, origin: Office) -> None:
    """Make a copied campaign name the places of its own office."""
    import sqlite3

    with sqlite3.connect(office.campaign / "campaign.sqlite") as connection:
        for column in ("container", "new_folder", "destination", "archive", "backup"):
            connection.execute(
                f"UPDATE item SET {column} = replace({column}, ?, ?)",
                (str(origin.folder), str(office.folder)),
            )
        connection.execute(
            "UPDATE campaign SET settings = replace(settings, ?, ?)",
            (str(origin.folder), str(office.folder)),
        )


# -- tokens -------------------------------------------------------------------


def test_a_container_on_a_token_is_moved_off_it(
    office: Office, in_readers: Callable[..., object]
) -> None:
    card = RutokenLite()
    in_readers(card)
    token_office(office, [card])
    with office.begin() as campaign:
        report = campaign.run()
        assert report.counts["renewed"] == 1, report.rows
        place = report.rows[0]["new_container"]
        assert place.startswith(address_of(card))
        undone = one(campaign.roll_back([place], not_used=True))
        assert undone.error is None and undone.moved_to is not None
        assert states(campaign) == ["rolled-back"]
    assert b"header" not in Path(undone.moved_to).read_bytes()[:4]
    assert len(unpack(Path(undone.moved_to))) == 6
    with office.open() as campaign:
        assert one(campaign.roll_back(["1"])).already
    # The old one is where it was, and a plan would renew it anew.
    assert office.plan().items[0].verdict is None


# -- archives -----------------------------------------------------------------


def test_copies_stay_for_ever_without_a_policy(done: Office) -> None:
    done.clock.forward(**LATER)
    with done.open() as campaign:
        assert list(campaign.prune_archives(keep_days=501))[0].why
        assert len(list((done.campaign / "archive").iterdir())) == 1


def test_an_old_copy_is_removed_if_the_container_is_in_its_place(done: Office) -> None:
    done.clock.forward(**LATER)
    place = done.subscribers[0].container
    before = snapshot(done.keys)
    with done.open() as campaign:
        (kept,) = campaign.prune_archives(keep_days=501)
        assert kept.days == 500 and "kept for 501 days" in kept.why
        (removed,) = campaign.prune_archives(keep_days=500)
        assert removed.removed and removed.elsewhere
        assert not removed.path.exists()
        assert list(campaign.prune_archives(keep_days=0)) == []
        assert [row["phase"] for row in campaign.history(1)
                if row["step"] == PRUNED] == ["before", "after"]  # fmt: skip
        assert campaign.report().rows[0]["archive"] is None
        # Without a copy the old container must be in its place for a rollback.
        assert one(campaign.roll_back([str(place)], not_used=True)).error is None
    assert place.is_dir() and snapshot(done.keys).items() <= before.items()


@pytest.mark.parametrize("what", ["gone", "damaged", "pulled"])
def test_what_may_be_the_only_copy_is_never_removed(done: Office, what: str) -> None:
    done.clock.forward(**LATER)
    place = done.subscribers[0].container
    if what == "gone":
        shutil.rmtree(place)
    elif what == "damaged":
        (place / "masks.key").write_bytes(b"")
    else:
        done.keys.rename(done.folder / "pulled")
    with done.open() as campaign:
        (kept,) = campaign.prune_archives(keep_days=0)
    assert not kept.removed and "only copy" in kept.why and not kept.elsewhere
    assert kept.path.exists()


def test_a_clock_that_was_set_back_removes_nothing(done: Office) -> None:
    done.clock.moment -= timedelta(days=100)
    with done.open() as campaign:
        (kept,) = campaign.prune_archives(keep_days=0)
        assert not kept.removed


@forks
def test_a_removal_that_was_cut_off_is_finished(done: Office) -> None:
    done.clock.forward(**LATER)
    done.authority.close()

    def work() -> None:
        kill_at(2, "before")()
        with Campaign.open(done.campaign, clock=done.clock) as campaign:
            list(campaign.prune_archives(keep_days=0))

    assert in_child(work) == -signal.SIGKILL
    assert list((done.campaign / "archive").iterdir()) == []
    with Campaign.open(done.campaign, clock=done.clock) as campaign:
        (removed,) = campaign.prune_archives(keep_days=0)
        assert removed.removed
        assert campaign.report().rows[0]["archive"] is None
    assert FolderStore(done.keys).find()
