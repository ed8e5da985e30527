"""Where a pair lies: owner and mode, locks, files that vanish, kinds of disk."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gamma_pairs import (
    content,
    copies,
    datum,
    journal,
    new_pair,
    only_posix,
    only_root,
    pieces,
)

from gostkey.errors import (
    GammaError,
    GammaLocked,
    MediumError,
)
from gostkey.primitives import Readable
from gostkey.random.gamma import (
    GammaPair,
    check,
    status,
)
from gostkey.random.gamma.disk import Disk, read_at
from gostkey.random.gamma.mounts import kind_in

# -- owner, mode, kind ------------------------------------------------------


@only_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_file_that_others_may_read_is_refused(
    tmp_path: Path, mode: int, which: int
) -> None:
    root = new_pair(tmp_path, 3)
    with GammaPair.open(root) as pair:
        pair.take(1)
    path = (*copies(root), journal(root))[which]
    path.chmod(mode)
    for open_ in (GammaPair.open, check, status):
        with pytest.raises(GammaError) as caught:
            open_(root)
        assert str(caught.value).startswith(f"{path}: other users may read or change")
        assert f"{mode:04o}" in str(caught.value)
        assert f"chmod 600 {path}" in str(caught.value)


@only_root
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 3)
    with GammaPair.open(root) as pair:
        pair.take(1)
    for path in (*copies(root), journal(root)):
        os.chown(path, 65534, -1)
        for open_ in (GammaPair.open, check, status):
            with pytest.raises(GammaError) as caught:
                open_(root)
            assert f"{path}: it belongs to user 65534 and not to you (0)" in str(
                caught.value
            )
            assert f"chown 0 {path}" in str(caught.value)
        os.chown(path, 0, -1)
    assert check(root).records == 2


@only_posix
def test_the_owner_is_compared_with_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same without being root: this user is said to be another one.
    root = new_pair(tmp_path, 3)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(GammaError, match=f"belongs to user {me} and not to you"):
        GammaPair.open(root)


@only_posix
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 3)
    path = copies(root)[0]
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(GammaError, match="kis_1: it is not a file"):
        GammaPair.open(root)
    path.unlink()
    path.mkdir()
    with pytest.raises(GammaError, match="kis_1: it is not a file"):
        check(root)


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(GammaError, match="there is no gamma"):
        GammaPair.open(tmp_path)
    for open_ in (GammaPair.open, check, status):
        with pytest.raises(GammaError, match="there is nothing"):
            open_(tmp_path / "absent")


# -- two runs ---------------------------------------------------------------


def test_a_second_run_is_locked_out_at_once(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    with GammaPair.open(root) as pair:
        for place in (root, *copies(root)):
            with pytest.raises(GammaLocked, match="locked by another run"):
                GammaPair.open(place)
            with pytest.raises(GammaLocked):
                check(place)
        assert status(root).in_use
        pair.take(1)
    assert not status(root).in_use
    GammaPair.open(root).close()


def test_another_process_is_locked_out_and_its_end_sets_free(tmp_path: Path) -> None:
    root = new_pair(tmp_path, 5)
    program = (
        "import sys; from gostkey.random.gamma import GammaPair\n"
        "pair = GammaPair.open(sys.argv[1]); print('open', flush=True)\n"
        "sys.stdin.read()"
    )
    launcher = Path(__file__).parent.parent / "cli" / "launcher.py"
    # The launcher's first part makes the package importable on a bare checkout.
    start = launcher.read_text().split("from gostkey.cli import main")[0]
    start = start.replace("__file__", repr(str(launcher)))
    with subprocess.Popen(
        [sys.executable, "-c", start + program, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"open"
        with pytest.raises(GammaLocked, match=r"db1.kis_1: locked by another run"):
            GammaPair.open(root)
        other.kill()
    with GammaPair.open(root) as pair:
        pair.take(1)


def test_two_who_check_do_not_mind_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = new_pair(tmp_path, 5)
    from gostkey.random.gamma import pair as module

    real = module.examine
    inner: list[int] = []

    def twice(*arguments: object) -> object:
        monkeypatch.setattr(module, "examine", real)
        if os.name == "posix":
            inner.append(check(root).records)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "examine", twice)
    assert check(root).records == 5
    assert inner in ([5], [])


@only_posix
def test_a_disk_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(GammaError, match="cannot be locked here .*No locks available"):
        GammaPair.open(new_pair(tmp_path, 2))


# -- faults in the middle ---------------------------------------------------


@only_posix
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("how", ["gone", "replaced"])
def test_a_file_that_vanishes_between_two_takes(
    tmp_path: Path, which: int, how: str
) -> None:
    root = new_pair(tmp_path, 6)
    path = (*copies(root), journal(root))[which]
    with GammaPair.open(root) as pair:
        pair.take(1)
        aside = path.rename(tmp_path / "aside")
        if how == "replaced":
            shutil.copy2(aside, path)
        with pytest.raises(GammaError) as caught:
            pair.take(1)
        assert str(path) in str(caught.value)
        assert "put it back" in str(caught.value)
        with pytest.raises(GammaError, match="an earlier error stopped it"):
            pair.take(1)
    os.replace(aside, path)
    with GammaPair.open(root) as pair:
        assert pieces(pair.take(1).data) == [datum(4)]


@only_posix
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("step", range(1, 12))
def test_a_file_that_vanishes_within_a_take_gives_nothing(
    tmp_path: Path, which: int, step: int
) -> None:
    root = new_pair(tmp_path, 6)
    path = (*copies(root), journal(root))[which]
    with GammaPair.open(root) as pair:
        pair.take(1)

    class Vanishing(Disk):
        steps = 0

        def sync(self, file: io.FileIO) -> None:
            super().sync(file)
            self.pass_by()

        def truncate(self, file: io.FileIO, size: int) -> None:
            super().truncate(file, size)
            self.pass_by()

        def write(self, file: io.FileIO, data: Readable, offset: int) -> None:
            super().write(file, data, offset)
            self.pass_by()

        def pass_by(self) -> None:
            self.steps += 1
            if self.steps == step:
                path.rename(tmp_path / "aside")

    got: list[bytes] = []
    with GammaPair.open(root, disk=Vanishing()) as pair:
        try:
            got = pieces(pair.take(1).data)
        except GammaError as error:
            assert str(path) in str(error)
    os.replace(tmp_path / "aside", path)
    if got:
        # Everything was done by then but the last line's write and sync.
        assert step >= 11
    with GammaPair.open(root) as pair:
        assert pair.remaining in (4, 5)
        assert not set(got) & set(pieces(pair.take(pair.remaining).data))


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("change", ["cut", "longer", "bit"])
def test_a_file_that_another_program_changes_is_told(
    tmp_path: Path, which: int, change: str
) -> None:
    root = new_pair(tmp_path, 6)
    with GammaPair.open(root) as pair:
        path = copies(root)[which]
        data = {
            "cut": content(5),
            "longer": content(7),
            "bit": content(5) + content(6, seed=1)[-36:],
        }[change]
        with path.open("r+b") as stream:
            stream.write(data)
            stream.truncate()
        with pytest.raises(GammaError, match="another program changed") as caught:
            pair.take(1)
        assert str(path) in str(caught.value)
    assert not journal(root).exists()


@only_posix
def test_a_read_only_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = new_pair(tmp_path, 3)
    real = os.open

    def read_only(path: str | Path, flags: int, *rest: int) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY) and str(path).startswith(str(root)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(MediumError, match="kis_1: the medium is read-only") as caught:
        GammaPair.open(root)
    assert "mount it for writing" in str(caught.value)
    # To look at, it is good enough.
    assert check(root).records == 3


@only_root
def test_a_medium_that_is_mounted_read_only(tmp_path: Path) -> None:
    root = new_pair(tmp_path / "medium", 3)
    program = (
        f"mount --bind {root} {root} && mount -o remount,ro,bind {root} {root} && "
        f"exec {sys.executable} {Path(__file__).parent.parent / 'cli' / 'launcher.py'} "
        f"entropy gamma"
    )

    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", f"{program} {' '.join(words)}"],
            capture_output=True,
            text=True,
            timeout=60,
        )

    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True)
    if probe.returncode:
        pytest.skip("may not mount here: run it as root outside a container")
    done = ran("check", str(root))
    assert done.returncode == 0, done.stderr
    done = ran("make", "5", "00000001", str(root), "--no-bio", "--force")
    assert done.returncode == 4, done.stderr
    assert "the medium is read-only" in done.stderr


def test_a_journal_that_cannot_be_read_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = new_pair(tmp_path, 3)
    with GammaPair.open(root) as pair:
        pair.take(1)
    new_pair(root, 3)
    real = os.stat

    def failing(path: str | Path, *rest: object, **more: object) -> os.stat_result:
        if str(path) == str(journal(root)):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", failing)
    for open_ in (GammaPair.open, check, status):
        with pytest.raises(MediumError, match=r"kis_1\.journal: the medium fails"):
            open_(root)


def test_what_was_read_before_a_fault_is_wiped(tmp_path: Path) -> None:
    class Worn(io.FileIO):
        seen = bytearray()

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if self.seen:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            Worn.seen = buffer.obj  # type: ignore[assignment]
            return super().readinto(buffer[:36])

    path = new_pair(tmp_path, 2) / "db1" / "kis_1"
    with Worn(path) as file, pytest.raises(OSError, match="error"):
        read_at(file, 72, 0)
    assert Worn.seen == bytes(72)


# -- network disks ----------------------------------------------------------

MOUNTINFO = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw
40 22 0:35 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
41 40 254:2 / /home/me/local\\040disk rw - ext4 /dev/sdb1 rw
42 22 0:36 / /mnt/share rw shared:4 master:1 - cifs //server/share rw
43 42 254:3 / /mnt/share rw - xfs /dev/sdc1 rw
a line of another kind
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "ext4"),
        ("/home/me", "nfs4"),
        ("/home", "nfs4"),
        ("/homes", "ext4"),
        ("/home/me/local disk/gamma", "ext4"),
        ("/mnt/share/x", "xfs"),
    ],
)
def test_the_kind_of_disk_is_read_from_the_mounts(path: str, kind: str) -> None:
    assert kind_in(MOUNTINFO, path) == kind


@only_posix
def test_a_network_disk_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gostkey.random.gamma import mounts

    root = new_pair(tmp_path / "gamma", 3)
    table = tmp_path / "mountinfo"
    table.write_text(f"9 1 0:35 / {os.path.realpath(root)} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    with GammaPair.open(root) as pair:
        assert any("network disk (nfs4)" in text for text in pair.warnings)
        assert len(pair.take(1).data) == 32
