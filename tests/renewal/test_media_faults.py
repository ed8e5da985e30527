"""Media that are full, locked, absent or pulled; names that are taken; copies.

As in `test_faults`: the second of three subscribers is the bad one.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from renewal.offices import NOW, Office, certificate_in, check_others, run, snapshot

from gostkey.containers import Container, build_container
from gostkey.errors import GostKeyError, MediumError
from gostkey.media import FolderStore
from gostkey.media import durable as media_files
from gostkey.media.groups import Job, Replacing, Writing
from gostkey.renewal import (
    Campaign,
    EmbeddedCA,
    Listing,
    Pending,
    Report,
    make_plan,
)
from gostkey.renewal.copies import Copy, unpack
from gostkey.renewal.storage.store import Store
from gostkey.signing import SigningKey


@pytest.fixture
def small_disk(trio: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a medium for the second item on which the disk is full."""
    full = trio.folder / "full"
    full.mkdir()
    trio.change(1, destination=full)
    original = media_files.write_file
    state = {"full": True}

    def write_file(path: str, data: bytes) -> None:
        if state["full"] and full in Path(path).parents:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        original(path, data)

    monkeypatch.setattr(media_files, "write_file", write_file)
    yield full
    state["full"] = False


def test_a_full_disk_stops_one_item_and_leaves_no_half(
    trio: Office, small_disk: Path
) -> None:
    bad = check_others(run(trio), "medium", group="failed")
    assert "full" in bad["text"]
    assert str(small_disk) in bad["text"]
    assert list(small_disk.iterdir()) == []


def test_resume_after_a_full_disk_makes_the_one_key(
    trio: Office, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(trio)
    monkeypatch.undo()
    with trio.open() as campaign:
        assert campaign.resume().counts["renewed"] == 3
    assert len(list(small_disk.iterdir())) == 1


def test_a_read_only_medium_stops_one_item(
    trio: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = trio.folder / "locked"
    locked.mkdir()
    trio.change(1, destination=locked)
    original = os.mkdir

    def mkdir(path: Any, mode: int = 0o777, **more: Any) -> None:
        if str(path).startswith(str(locked)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        original(path, mode, **more)

    monkeypatch.setattr(os, "mkdir", mkdir)
    bad = check_others(run(trio), "medium", group="failed")
    assert "read-only" in bad["text"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a user whom file permissions bind: run as another user than root",
)
def test_a_medium_without_the_right_to_write_stops_one_item(trio: Office) -> None:
    locked = trio.folder / "locked"
    locked.mkdir(mode=0o500)
    trio.change(1, destination=locked)
    check_others(run(trio), "medium", group="failed")


def test_an_absent_medium_stops_one_item(trio: Office) -> None:
    trio.change(1, destination=trio.folder / "usb" / "not inserted")
    check_others(run(trio), "medium", group="failed")
    assert not (trio.folder / "usb").exists()


def test_a_medium_pulled_after_the_key_was_made_is_resumed(trio: Office) -> None:
    usb, drawer = trio.folder / "usb", trio.folder / "drawer"
    usb.mkdir()
    trio.change(1, destination=usb)

    class Pulling(EmbeddedCA):
        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            if usb.exists():
                usb.rename(drawer)
            return super().submit(pendings)

    transport = Pulling(trio.authority, trio.folder / "ca", trio.clock)
    with trio.begin(transport) as campaign:
        report = campaign.run()
        bad = report.rows[1]
        assert report.counts["renewed"] == 2
        assert bad["group"] == "failed" and bad["cure"]
    drawer.rename(usb)
    with trio.open() as campaign:
        assert campaign.resume().counts["renewed"] == 3
    assert len(list(usb.iterdir())) == 1
    assert len(trio.authority.certificates()) == 6


def test_a_new_container_changed_behind_our_back_is_not_used(trio: Office) -> None:
    class Tampering(EmbeddedCA):
        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            (new,) = trio.keys.glob("k001*.001")
            (other,) = trio.keys.glob("k000*.001")
            for name in ("primary.key", "masks.key", "primary2.key", "masks2.key"):
                (new / name).write_bytes((other / name).read_bytes())
            return super().submit(pendings)

    transport = Tampering(trio.authority, trio.folder / "ca", trio.clock)
    with trio.begin(transport) as campaign:
        report = campaign.run()
    bad = report.rows[1]
    assert bad["reason"] == "test-signature"
    assert report.counts["renewed"] == 2


def test_a_container_of_the_planned_name_from_elsewhere_is_not_touched(
    trio: Office,
) -> None:
    plan = make_plan(Listing(tuple(trio.subscribers)), NOW)
    name = plan.items[1].new_name
    assert name is not None
    with SigningKey.generate("1.2.643.2.2.36.0") as key:
        place = FolderStore(trio.keys).write(name, build_container(name, key))
    before = snapshot(place)
    with Campaign.begin(
        trio.campaign, plan, trio.transport(), clock=trio.clock
    ) as campaign:
        bad = check_others(campaign.run(), "name-taken", group="failed")
    assert str(place) in bad["text"]
    assert snapshot(place) == before


def test_a_campaign_folder_that_cannot_be_made_is_named(office: Office) -> None:
    office.add()
    office.campaign.write_bytes(b"a file")
    with pytest.raises(MediumError, match="campaign"):
        office.begin()


def test_another_days_container_for_the_same_key_is_noticed(trio: Office) -> None:
    plan = make_plan(Listing(tuple(trio.subscribers)), NOW)
    name = plan.items[1].new_name
    assert name is not None
    yesterday = name.replace("-20261102-", "-20261101-")
    assert yesterday != name
    with SigningKey.generate("1.2.643.2.2.36.0") as key:
        FolderStore(trio.keys).write(yesterday, build_container(yesterday, key))
    with Campaign.begin(
        trio.campaign, plan, trio.transport(), clock=trio.clock
    ) as campaign:
        check_others(campaign.run(), "name-taken", group="failed")


@pytest.mark.parametrize(
    "step", [Writing.flush, Writing.rename, Replacing.flush, Replacing.replace]
)
def test_what_a_pulled_medium_has_of_a_new_key_is_removed_by_resume(
    trio: Office,
    kept_in: str | None,
    monkeypatch: pytest.MonkeyPatch,
    step: Callable[[Job], None],
) -> None:
    """Nothing can be removed while it is away; what waits on it is half a container."""
    kind, usb = type_of(step), trio.folder / "usb"
    usb.mkdir()
    trio.change(1, destination=usb)
    trio.store = kept_in

    def away(do: Callable[[Job], None]) -> Callable[[Job], None]:
        def attempt(self: Job) -> None:
            if self.place.startswith(str(usb)):
                raise OSError(errno.EIO, os.strerror(errno.EIO), self.place)
            do(self)

        return attempt

    def leftovers() -> list[Path]:
        return list(usb.rglob(".gostkey*"))

    with monkeypatch.context() as patch:
        patch.setattr(kind, step.__name__, away(step))
        patch.setattr(kind, "undo", away(kind.undo))
        assert stopped_by_media(run(trio)) == [False, True, False]
    assert leftovers()
    with trio.open() as campaign:
        # While it is locked the others are not held up.
        with monkeypatch.context() as patch:
            patch.setattr(media_files, "discard", locked)
            patch.setattr(kind, step.__name__, away(step))
            assert stopped_by_media(campaign.resume()) == [False, True, False]
        assert campaign.resume().counts["renewed"] == 3
    assert not leftovers()


def stopped_by_media(report: Report) -> list[bool]:
    return [row["reason"] == "medium" for row in report.rows]


def type_of(step: Callable[[Job], None]) -> type[Job]:
    return Writing if step.__qualname__.startswith("Writing") else Replacing


def locked(path: str) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


def test_a_key_of_another_campaign_is_no_reason_to_clean_where_that_one_writes(
    trio: Office,
) -> None:
    with trio.begin() as campaign:
        elsewhere = trio.folder / "other"
        plan = trio.plan()
        assert campaign.run().counts["renewed"] == 3
        with Campaign.begin(
            elsewhere, plan, trio.transport(), clock=trio.clock
        ) as other:
            reasons = {row["reason"] for row in other.run().rows}
            assert reasons == {"held-by-another-campaign"}
            half = trio.keys / f"{media_files.TEMPORARY}0011223344556677"
            half.mkdir()
            other.resume()
            assert half.is_dir()


# -- copies ---------------------------------------------------------------


def test_the_copies_are_removed_by_nobody(trio: Office) -> None:
    run(trio)
    shutil.rmtree(trio.keys)
    # The medium is lost: archive and backup still hold every container.
    for kind in ("archive", "backup"):
        copies = list((trio.campaign / kind).iterdir())
        assert len(copies) == 3
        for copy in copies:
            Container.parse(unpack(copy)).open().close()
            # And to any other program it is a folder in a ZIP.
            shutil.unpack_archive(copy, trio.folder / "restored")
    restored = list((trio.folder / "restored").iterdir())
    assert len(restored) == 6
    for folder in restored:
        container = Container.parse(FolderStore(folder.parent).read(folder))
        container.open().close()


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename"])
def test_a_copy_that_cannot_be_made_stops_one_item_and_is_made_by_resume(
    trio: Office, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(os, call)
    current: Copy | None = None

    def failing(*arguments: Any, **options: Any) -> Any:
        if current is not None and Path(current.place).name.startswith("000002-"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **options)

    def watched(step: Callable[[Copy], None]) -> Callable[[Copy], None]:
        def do(copy: Copy) -> None:
            nonlocal current
            current = copy
            try:
                step(copy)
            finally:
                current = None

        return do

    with monkeypatch.context() as patch:
        for step in ("create", "flush", "rename"):
            patch.setattr(Copy, step, watched(getattr(Copy, step)))
        patch.setattr("gostkey.media.groups.WAITING", 1)
        patch.setattr(os, call, failing)
        report = run(trio)
    assert [row["group"] for row in report.rows] == ["renewed", "failed", "renewed"]
    assert report.rows[1]["reason"] == "medium"
    assert "full" in report.rows[1]["text"]
    # Nothing half-made is left, and the new key is in use already.
    names = {one.name for one in trio.campaign.rglob("*")}
    assert not any(name.startswith(".gostkey") for name in names)
    assert certificate_in(Path(report.rows[1]["new_container"])) is not None
    with trio.open() as campaign:
        assert campaign.resume().counts["renewed"] == 3
    assert len(list((trio.campaign / "archive").iterdir())) == 3


def test_a_key_that_cannot_be_taken_back_from_under_a_medium_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add()
    disks = iter([1, *[2] * 9])

    def stuck(*_: object, **__: object) -> None:
        raise MediumError("the disk is locked")

    with office.begin() as campaign:
        monkeypatch.setattr(
            "gostkey.renewal.key_steps.disk_of", lambda root: next(disks)
        )
        monkeypatch.setattr(FolderStore, "remove", stuck)
        assert campaign.run().counts["failed"] == 1
    with Store.open(office.campaign) as store:
        (one,) = store.items()
    assert one.text is not None and one.new_folder is not None
    assert f"remove {one.new_folder}, which holds a key" in one.text
