"""A crash may lose records, and never gives one out twice.

Three kinds of crash, at every step and in the middle of every write: the
process is killed; the disk fails; the power goes, and of what was not synced
any part may be there and any part not.
"""

from __future__ import annotations

import errno
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from crashes import forks, in_child
from gamma_pairs import (
    Quick,
    Stepping,
    content,
    copies,
    datum,
    events,
    journal,
    new_pair,
    pieces,
    record,
    salted,
    write,
)
from hypothesis import example, given
from hypothesis import strategies as st

from gostkey.errors import GammaError, GostKeyError, MediumError
from gostkey.primitives import Readable
from gostkey.random.gamma import GammaPair, check, make
from gostkey.random.gamma.disk import Disk

COUNT = 9
AT_ONCE = 2


class Deadly(Stepping):
    """Kills its process at one step."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.steps = 0

    def at_step(self, name: str) -> None:
        self.steps += 1
        if self.steps == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def given_out(file: Path) -> list[bytes]:
    return pieces(file.read_bytes()) if file.exists() else []


def take_all(root: Path, out: Path, disk: Disk, takes: int) -> None:
    """Take and write down what was given out, as one who uses it would."""
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with GammaPair.open(root, disk=disk) as pair:
        for _ in range(takes):
            os.write(descriptor, pair.take(AT_ONCE).data)
    os.close(descriptor)


def settle(root: Path, out: list[bytes], lost_at_most: int, whole: set[bytes]) -> None:
    """Open after a crash, go on, and add up what was given out and what is left."""
    with GammaPair.open(root, disk=Quick()) as pair:
        left = pair.remaining
        for path in copies(root):
            assert path.read_bytes() == content(COUNT)[: 36 * left]
        # In the journal: whatever anybody got.
        used = {text for event in events_or_none(root) for text in event}
        assert {salted(root, data) for data in out} <= used
        rest = [datum(number) for number in range(left)]
        # Not the last one: a disk may take long to empty a file.
        if left > 1:
            assert pieces(pair.take(1).data) == rest[-1:]
    assert len(set(out)) == len(out)
    assert not set(out) & set(rest)
    assert set(out) | set(rest) <= whole
    assert 0 <= len(whole) - len(out) - len(rest) <= lost_at_most


def events_or_none(root: Path) -> list[list[str]]:
    if not journal(root).exists() or not journal(root).read_bytes():
        return []
    return [event["hashes"] for event in events(root) if "hashes" in event]


WHOLE = {datum(number) for number in range(COUNT)}


@forks
def test_a_kill_at_every_step_loses_at_most_what_was_in_flight(tmp_path: Path) -> None:
    kills = 0
    for step in range(1, 1000):
        root = new_pair(tmp_path / str(step), COUNT)
        out = tmp_path / f"{step}.out"
        ended = in_child(lambda: take_all(root, out, Deadly(step), 2))  # noqa: B023
        settle(root, given_out(out), AT_ONCE, WHOLE)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        kills += 1
    # The journal's beginning: a file, a line, a folder. Each take: two lines in
    # the journal, and in each copy a write, a cut, two syncs and one of the
    # folder. A write has three places to die, anything else two.
    line, cut = 3 + 2, 3 + 2 + 2 + 2 + 2
    assert kills == (2 + line + 2) + 2 * (2 * line + 2 * cut)


@forks
def test_a_kill_at_every_step_of_the_healing_too(tmp_path: Path) -> None:
    # Killed in the middle of the second copy's overwriting, then at each step
    # of the run that puts it in order and goes on.
    for step in range(1, 1000):
        root = new_pair(tmp_path / str(step), COUNT)
        out = tmp_path / f"{step}.out"
        assert in_child(lambda: take_all(root, out, Deadly(27), 1)) == -9  # noqa: B023
        sizes = [len(path.read_bytes()) for path in copies(root)]
        assert sizes == [36 * (COUNT - AT_ONCE), 36 * COUNT]
        assert check(root).records == COUNT - AT_ONCE
        ended = in_child(lambda: take_all(root, out, Deadly(step), 1))  # noqa: B023
        settle(root, given_out(out), 2 * AT_ONCE, WHOLE)
        if ended == 0:
            break
    assert step > 20


@forks
@pytest.mark.parametrize("old", [0, 1])
def test_a_kill_at_every_step_of_cutting_an_old_copy(tmp_path: Path, old: int) -> None:
    for step in range(1, 1000):
        root = new_pair(tmp_path / str(step), COUNT)
        out = tmp_path / f"{step}.out"
        take_all(root, out, Quick(), 1)
        write(copies(root)[old], content(COUNT))
        ended = in_child(lambda: take_all(root, out, Deadly(step), 1))  # noqa: B023
        settle(root, given_out(out), AT_ONCE, WHOLE)
        if ended == 0:
            break
    assert step > 2 * 5 + 11


@forks
def test_kills_one_after_the_other_until_all_is_used(tmp_path: Path) -> None:
    root = new_pair(tmp_path / "pair", COUNT)
    out = tmp_path / "out"
    kills = 0
    while True:
        with GammaPair.open(root, disk=Quick()) as pair:
            if pair.remaining < AT_ONCE:
                break
        # The hand-out itself is the last step before the end.
        step = 3 + 7 * kills
        kills += in_child(lambda: take_all(root, out, Deadly(step), 1)) != 0  # noqa: B023
    assert kills >= 2
    settle(root, given_out(out), AT_ONCE * kills, WHOLE)


@forks
@pytest.mark.parametrize("force", [False, True])
def test_a_kill_at_every_step_of_making(tmp_path: Path, force: bool) -> None:
    for step in range(1, 1000):
        root = tmp_path / f"{step}"
        if force:
            new_pair(root, COUNT)
            with GammaPair.open(root, disk=Quick()) as pair:
                pair.take(1)

        def work() -> None:
            make(root, 5, "00000001", force=force, disk=Deadly(step))  # noqa: B023

        ended = in_child(work)
        try:
            with GammaPair.open(root, disk=Quick()) as pair:
                # The old pair, or the new one, or one copy of it.
                assert pair.remaining in ((5, COUNT - 1) if force else (5,))
                assert pair.take(1)
        except GammaError as error:
            told = str(error)
            assert "there is no" in told or "differ from record 1" in told
            assert ended
        make(root, 5, "00000002", force=True, disk=Quick())
        with GammaPair.open(root, disk=Quick()) as pair:
            assert pair.remaining == 5
            assert pair.warnings == ()
            pair.take(4)
        assert not list(root.rglob("*.new"))
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert step > 40


# -- a disk that fails ------------------------------------------------------


class Failing(Stepping):
    """Fails at one step, once or from then on."""

    def __init__(self, step: int, error: int, lasting: bool) -> None:
        self.step, self.error, self.lasting = step, error, lasting
        self.steps = 0

    def at_step(self, name: str) -> None:
        self.steps += 1
        if self.steps == self.step or (self.lasting and self.steps > self.step):
            raise OSError(self.error, os.strerror(self.error))


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EROFS, "the medium is read-only"),
        (errno.EIO, "the medium fails"),
    ],
)
def test_a_fault_at_every_step_is_told_and_loses_little(
    tmp_path: Path, error: int, words: str, lasting: bool
) -> None:
    for step in range(1, 1000):
        root = new_pair(tmp_path / str(step), COUNT)
        disk = Failing(step, error, lasting)
        out: list[bytes] = []
        told = ""
        with GammaPair.open(root, disk=disk) as pair:
            try:
                for _ in range(2):
                    out += pieces(pair.take(AT_ONCE).data)
            except MediumError as caught:
                told = str(caught)
                with pytest.raises(GammaError, match="an earlier error stopped it"):
                    pair.take(1)
        settle(root, out, AT_ONCE, WHOLE)
        if not told:
            break
        assert words in told
        assert told.startswith(f"{root}")
    assert step > 60


@pytest.mark.parametrize("lasting", [False, True])
def test_a_full_disk_leaves_no_half_of_a_new_pair(
    tmp_path: Path, lasting: bool
) -> None:
    for step in range(1, 1000):
        root = tmp_path / str(step)
        try:
            made = make(root, 5, "00000001", disk=Failing(step, errno.ENOSPC, lasting))
        except MediumError as caught:
            assert "the disk is full" in str(caught)
            assert not list(root.rglob("*.new"))
            for path in copies(root):
                assert not path.exists() or len(path.read_bytes()) == 5 * 36
        else:
            assert made.records == 5
            break
    assert step > 40


@pytest.mark.skipif(
    not hasattr(os, "fork") or not hasattr(signal, "SIGXFSZ"),
    reason="needs a limit on file sizes: run it on Linux or macOS",
)
def test_a_real_limit_of_the_system_in_the_journal(tmp_path: Path) -> None:
    # The journal may not grow beyond a limit: the system itself refuses.
    import resource

    root = new_pair(tmp_path / "pair", COUNT)
    out = tmp_path / "out"
    take_all(root, out, Quick(), 1)
    limit = len(journal(root).read_bytes()) + 50

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            take_all(root, out, Quick(), 1)
        except MediumError as error:
            os._exit(7 if f"{journal(root)}: the system allows" in str(error) else 1)

    assert in_child(work) == 7
    settle(root, given_out(out), 0, WHOLE)


# -- a power cut ------------------------------------------------------------


class Crash(BaseException):
    """The end of the machine; nothing in the code under test may catch it."""


class PowerCut(Disk):
    """Goes on until a step; then of what was not synced, parts are lost.

    Writes and cuts are really done, and written down.  At the crash each file
    is put back to what was synced last, and of what came after it each
    operation is done, or not, or half.
    """

    def __init__(self, step: int, choose: Callable[[int], int]) -> None:
        self.step, self.choose = step, choose
        self.steps = 0
        self.synced: dict[Path, bytes | None] = {}
        self.since: dict[Path, list[tuple[int, bytes | None]]] = {}
        self.paths: dict[int, Path] = {}

    def at_step(self) -> None:
        self.steps += 1
        if self.steps == self.step:
            self.lose()
        if self.steps >= self.step:
            raise Crash

    def know(self, file: io.FileIO) -> Path:
        path = Path(os.readlink(f"/proc/self/fd/{file.fileno()}"))
        if path not in self.synced:
            self.synced[path] = path.read_bytes()
            self.since[path] = []
        return path

    def write(self, file: io.FileIO, data: Readable, offset: int) -> None:
        self.at_step()
        self.since[self.know(file)].append((offset, bytes(data)))
        super().write(file, data, offset)

    def truncate(self, file: io.FileIO, size: int) -> None:
        self.at_step()
        self.since[self.know(file)].append((size, None))
        super().truncate(file, size)

    def sync(self, file: io.FileIO) -> None:
        self.at_step()
        path = self.know(file)
        if self.synced[path] is not None:
            self.synced[path] = path.read_bytes()
            self.since[path] = []

    def sync_folder(self, folder: Path) -> None:
        self.at_step()
        for path, data in self.synced.items():
            if path.parent == folder and data is None:
                self.synced[path] = path.read_bytes()
                self.since[path] = []

    def create(self, path: Path) -> io.FileIO:
        self.at_step()
        file = super().create(path)
        self.synced[path] = None
        self.since[path] = []
        return file

    def lose(self) -> None:
        for path, durable in self.synced.items():
            if durable is None and self.choose(2):
                path.unlink()
                continue
            data = bytearray(durable or b"")
            for offset, written in self.since[path]:
                done = self.choose(3)
                if not done:
                    continue
                if written is None:
                    data = data[:offset].ljust(offset, b"\0")
                    continue
                # Half a write is one end of it, and zeros where the other was
                # new; the length is that of the whole.
                if done == 2:
                    cut = self.choose(len(written) + 1)
                    size = offset + len(written)
                    if self.choose(2):
                        size = max(len(data), offset + cut)
                    data = data.ljust(size, b"\0")
                    data[offset : offset + cut] = written[:cut]
                    continue
                data = data.ljust(offset + len(written), b"\0")
                data[offset : offset + len(written)] = written
            path.write_bytes(data)


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="needs /proc: run it on Linux"
)
@given(data=st.data(), runs=st.integers(1, 3))
def test_a_power_cut_at_any_step_never_brings_a_record_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, runs: int
) -> None:
    root = new_pair(tmp_path_factory.mktemp("power"), COUNT).resolve()
    out: list[bytes] = []
    crashes = 0
    for _ in range(runs):
        disk = PowerCut(
            data.draw(st.integers(1, 40)), lambda n: data.draw(st.integers(0, n - 1))
        )
        pair = None
        try:
            pair = GammaPair.open(root, disk=disk)
            while pair.remaining >= AT_ONCE:
                out += pieces(pair.take(AT_ONCE).data)
        except Crash:
            crashes += 1
        finally:
            if pair is not None:
                pair.close()
    settle(root, out, AT_ONCE * crashes, WHOLE)


# -- any sequence -----------------------------------------------------------


class Stopping(Stepping):
    """Ends everything at a step, as a kill does, but within this process."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.dead = False

    def at_step(self, name: str) -> None:
        self.left -= 1
        if self.left <= 0:
            self.dead = True
            raise Crash


@given(
    runs=st.lists(
        st.tuples(
            st.lists(st.integers(1, 4), max_size=4),
            st.none() | st.integers(1, 60),
            st.sampled_from(["", "old first", "old second", "no first", "no second"]),
        ),
        max_size=6,
    )
)
@example(runs=[([1], None, "old second"), ([], 1, "old first"), ([], None, "")])
def test_no_sequence_of_takes_crashes_and_old_copies_gives_a_record_twice(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[list[int], int | None, str]],
) -> None:
    count = 20
    root = new_pair(tmp_path_factory.mktemp("runs"), count)
    out: list[bytes] = []
    lost = 0
    for takes, step, mishap in runs:
        disk: Disk = Quick() if step is None else Stopping(step)
        pair = None
        in_flight = 0
        try:
            pair = GammaPair.open(root, disk=disk)
            for wanted in takes:
                if wanted <= pair.remaining:
                    in_flight = wanted
                    out += pieces(pair.take(wanted).data)
                    in_flight = 0
        except Crash:
            lost += in_flight
        except GostKeyError as error:
            # Both copies are old ones, put back before the other was cut; as below.
            assert "was used before" in str(error)
            break
        finally:
            if pair is not None:
                pair.close()
        # Then somebody puts an old copy back, or takes one away.
        path = copies(root)["second" in mishap]
        other = copies(root)["second" not in mishap]
        if mishap.startswith("old") and other.exists():
            write(path, content(count))
        elif mishap.startswith("no") and other.exists() and path.exists():
            path.unlink()
    try:
        with GammaPair.open(root, disk=Quick()) as pair:
            rest = [datum(number) for number in range(pair.remaining)]
            for path in copies(root):
                assert not path.exists() or path.read_bytes() == b"".join(
                    map(record, rest)
                )
    except GostKeyError as error:
        # The first copy is away and the second is an old one, or the like.
        assert "was used before" in str(error)
        rest = []
        lost = count
    assert len(set(out)) == len(out)
    assert not set(out) & set(rest)
    assert count - len(out) - len(rest) <= lost
