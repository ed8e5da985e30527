"""Other centres: the office's own programs send requests and fetch answers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from renewal.offices import Office

from gostkey.errors import RequestRefused, TransportError
from gostkey.pki.bundles import certs_only
from gostkey.pki.certificates import Certificate
from gostkey.renewal import Campaign
from gostkey.renewal.local_claims import state_folder
from gostkey.renewal.transports import CommandTransport, Pending
from gostkey.renewal.transports.alone import FOLDER
from gostkey.renewal.transports.hooks import Program

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the programs of these tests are POSIX scripts"
)
PENDING = Pending("ab" * 32, b"\x30\x03\x02\x01\x05", b"", "Иванов (k001)")


@dataclass
class Centre:
    """Two scripts of an office, and a folder where a centre's clerk works."""

    office: Office
    desk: Path
    send: Path
    fetch: Path

    @property
    def trusted(self) -> Path:
        folder = self.office.folder / "trusted"
        folder.mkdir(exist_ok=True)
        (folder / "ca.cer").write_bytes(self.office.authority.certificate.der)
        (folder / "ca.crl").write_bytes(self.office.authority.crl(self.office.clock()))
        return folder

    def transport(
        self, send: str | None = None, fetch: str | None = None, timeout: float = 60
    ) -> CommandTransport:
        return CommandTransport(
            send or f"{self.send} {{id}} {{request}}",
            fetch or f"{self.fetch} {{id}} {{answer}}",
            self.trusted,
            timeout,
        )

    def issue(self, form: Callable[[Certificate], bytes]) -> int:
        """Do what the centre's clerk does with what has come."""
        requests = sorted(self.desk.glob("*.p7m"))
        for one in requests:
            found = self.office.authority.issue_renewal(
                one.read_bytes(), self.office.clock()
            )
            one.with_suffix(".cer").write_bytes(form(found))
        return len(requests)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def centre(office: Office) -> Centre:
    desk = office.folder / "desk"
    desk.mkdir()
    return Centre(
        office,
        desk,
        script(office.folder / "send", f'cp "$2" "{desk}/$1.p7m"'),
        script(
            office.folder / "fetch",
            f'[ -f "{desk}/$1.cer" ] || {{ echo not yet >&2; exit 75; }}\n'
            f'cp "{desk}/$1.cer" "$2"',
        ),
    )


@pytest.mark.parametrize(
    "form",
    [
        lambda one: one.der,
        lambda one: one.to_pem().encode(),
        lambda one: certs_only([one]),
    ],
    ids=["der", "pem", "bundle"],
)
def test_a_campaign_through_two_programs(
    centre: Centre, form: Callable[[Certificate], bytes]
) -> None:
    for _ in range(3):
        centre.office.add()
    with centre.office.begin(centre.transport()) as campaign:
        report = campaign.run()
    assert report.counts["waiting"] == 3, report.rows
    assert {row["request_id"] for row in report.rows} == {
        one.stem for one in centre.desk.iterdir()
    }
    assert centre.issue(form) == 3
    # `receive` finds both programs in the store.
    with Campaign.open(centre.office.campaign, clock=centre.office.clock) as campaign:
        report = campaign.receive()
    assert report.counts["renewed"] == 3, report.rows


def submit(centre: Centre, text: str, **options: float) -> object:
    """Submit one request to a script; give what came of it."""
    one = centre.transport(
        send=f"{script(centre.office.folder / 'try', text)} {{id}}", **options
    )
    return one.submit([PENDING])[0]


def test_exit_codes_say_what_came_of_it(centre: Centre) -> None:
    assert submit(centre, "exit 0") is None
    later = submit(centre, "echo come back >&2; exit 75")
    assert isinstance(later, TransportError) and "come back" in str(later)
    refused = submit(centre, "echo first >&2; echo is revoked >&2; exit 77")
    assert isinstance(refused, RequestRefused) and str(refused) == "is revoked"


@pytest.mark.parametrize("code", [1, 2, 7, 64, 76, 78, 126, 127, 255])
def test_a_crash_is_not_taken_for_a_refusal(centre: Centre, code: int) -> None:
    fault = submit(centre, f"echo oh >&2; exit {code}")
    assert isinstance(fault, TransportError)
    assert f"ended with {code} (oh)" in str(fault)


def test_a_program_that_kills_itself_is_a_fault(centre: Centre) -> None:
    fault = submit(centre, "kill -9 $$")
    assert isinstance(fault, TransportError) and "signal 9" in str(fault)


def test_a_slow_program_is_killed_with_what_it_started(centre: Centre) -> None:
    left = centre.office.folder / "left"
    began = time.monotonic()
    fault = submit(centre, f"(sleep 1; touch {left}) & sleep 60", timeout=0.3)
    assert isinstance(fault, TransportError)
    assert "try: was not done in 0.3 s and was killed" in str(fault)
    assert time.monotonic() - began < 10
    time.sleep(1.2)
    assert not left.exists()


def test_ctrl_c_ends_the_programs_too(centre: Centre) -> None:
    where = script(centre.office.folder / "try", "sleep 60")
    one = centre.transport(send=f"{where} {{id}}")
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        one.submit([PENDING] * 30)
    assert time.monotonic() - began < 10


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_program_that_outlives_its_run_is_alone_with_its_request(
    centre: Centre,
) -> None:
    folder = centre.office.folder
    begun, end = folder / "begun", folder / "end"
    where = script(
        folder / "try",
        f"echo $1 $$ >> {begun}\nwhile [ ! -e {end} ]; do sleep 0.05; done",
    )
    text = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gostkey.renewal.transports import CommandTransport, Pending\n"
        "send, trusted, name = sys.argv[1:]\n"
        "one = CommandTransport(send + ' {id}', 'sh {answer}', Path(trusted))\n"
        "one.submit([Pending(name, b'', b'')])\n"
    )
    name = PENDING.request_id
    # Of a run that was killed long ago.
    old = state_folder() / FOLDER / name
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_text("1234567")
    run = subprocess.Popen(
        [sys.executable, "-c", text, str(where), str(centre.trusted), name]
    )
    try:
        until(lambda: begun.exists() and begun.read_text().endswith("\n"))
        run.kill()
        run.wait()
        process = begun.read_text().split()[1]
        one = centre.transport(send=f"{where} {{id}}")
        (fault,) = one.submit([PENDING])
        assert isinstance(fault, TransportError)
        assert "try: was not started" in str(fault)
        assert f"process {process}" in str(fault)
        assert len(begun.read_text().splitlines()) == 1
    finally:
        run.kill()
        end.touch()
    until(lambda: one.submit([PENDING]) == [None])
    assert len(begun.read_text().splitlines()) == 2
    # Nothing is left of the lock.
    assert list((state_folder() / "programs").iterdir()) == []


def test_what_a_program_leaves_running_keeps_no_other_from_being_started(
    centre: Centre,
) -> None:
    where = script(centre.office.folder / "try", "sleep 20 & exit 0")
    one = centre.transport(send=f"{where} {{id}}")
    assert one.submit([PENDING]) == one.submit([PENDING]) == [None]


def test_what_a_program_leaves_running_is_not_waited_for(centre: Centre) -> None:
    began = time.monotonic()
    assert submit(centre, "sleep 20 & exit 0") is None
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_what_a_program_leaves_running_costs_nothing(centre: Centre) -> None:
    def held() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    before = held()
    for _ in range(3):
        fault = submit(centre, "sleep 20 & echo the last word >&2; exit 1")
        assert "the last word" in str(fault)
    assert held() == before


def test_a_program_that_says_a_lot_does_not_fill_the_memory(centre: Centre) -> None:
    fault = submit(centre, "head -c 20000000 /dev/zero | tr '\\0' x >&2; echo; exit 3")
    assert isinstance(fault, TransportError) and len(str(fault)) < 700


def test_a_dead_program_is_not_started_for_every_request(centre: Centre) -> None:
    count = centre.office.folder / "count"
    text = f"echo x >> {count}; sleep 60"
    one = centre.transport(
        send=str(script(centre.office.folder / "try", text)), timeout=0.2
    )
    for _ in range(5):
        (fault,) = one.submit([PENDING])
        assert isinstance(fault, TransportError)
    assert count.read_text() == "x\n"


def test_try_later_is_said_of_one_request(centre: Centre) -> None:
    where = script(
        centre.office.folder / "try",
        "case $1 in *8) exit 0;; *) echo is busy >&2; exit 75;; esac",
    )
    one = centre.transport(send=f"{where} {{id}}")
    names = [f"{number:064x}" for number in range(9)]
    outcomes = one.submit([Pending(name, PENDING.request, b"") for name in names])
    assert [str(outcome) for outcome in outcomes] == [
        *(["try: is busy (to be tried later)"] * 8),
        "None",
    ]


def test_no_shell_reads_the_template(centre: Centre) -> None:
    told = centre.office.folder / "told"
    text = f'for one in "$@"; do echo "$one" >> {told}; done'
    where = script(centre.office.folder / "try", text)
    one = centre.transport(send=f"{where} '$(touch x)' '; a  b' --id={{id}} '*'")
    assert one.submit([PENDING]) == [None]
    assert told.read_text().splitlines() == [
        "$(touch x)",
        "; a  b",
        f"--id={PENDING.request_id}",
        "*",
    ]


def test_without_a_file_the_request_comes_on_the_standard_input(
    centre: Centre,
) -> None:
    got = centre.office.folder / "got"
    assert submit(centre, f"cat > {got}") is None
    assert got.read_bytes() == PENDING.request
    # One that does not read it is no fault, also where it does not fit a pipe.
    large = Pending("cd" * 32, b"x" * 1_000_000, b"")
    one = centre.transport(send=str(script(centre.office.folder / "try", "exit 0")))
    assert one.submit([large]) == [None]


def test_a_program_sees_no_secret_and_no_name(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE_PIN", "12345678")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    seen = centre.office.folder / "seen"
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        text = f"env > {seen}; echo $0 $@ >> {seen}; ls /proc/$$/fd >> {seen}.fd"
        assert submit(centre, text) is None
    finally:
        os.close(read)
        os.close(write)
    told = seen.read_text()
    assert "12345678" not in told and "Иванов" not in told
    assert "PATH=" in told and "LC_ALL=C.UTF-8" in told
    if sys.platform == "linux":
        # Besides the three, only what the shell has open itself.
        assert str(write) not in Path(f"{seen}.fd").read_text().split()


def test_the_request_is_in_a_folder_of_its_own_that_is_gone(centre: Centre) -> None:
    seen = centre.office.folder / "seen"
    where = script(
        centre.office.folder / "try",
        f'ls -ld "$(dirname "$1")" > {seen}; echo $1 >> {seen}',
    )
    assert centre.transport(send=f"{where} {{request}}").submit([PENDING]) == [None]
    mode, path = seen.read_text().splitlines()
    assert mode.startswith("drwx------")
    assert not Path(path).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exit 0", "without an answer"),
        ('ln -s /etc/passwd "$2"', "without an answer"),
        ('mkdir "$2"', "without an answer"),
        ('head -c 2000000 /dev/zero > "$2"', "longer than"),
    ],
)
def test_an_answer_that_is_none_is_told(centre: Centre, text: str, words: str) -> None:
    where = script(centre.office.folder / "try", text)
    one = centre.transport(fetch=f"{where} {{id}} {{answer}}")
    with pytest.raises(TransportError, match=f"^try: .*{words}"):
        one.fetch(PENDING)


def test_a_fault_names_the_program_that_has_it(centre: Centre) -> None:
    def fault(where: Path) -> str:
        one = centre.transport(fetch=f"{where} {{answer}}", timeout=0.2)
        with pytest.raises(TransportError) as told:
            one.fetch(PENDING)
        # A program that hangs holds up itself alone.
        assert one.submit([PENDING]) == [None]
        return str(told.value)

    folder = centre.office.folder
    slow = script(folder / "slow", "sleep 60")
    assert fault(slow).startswith("slow: was not done in 0.2 s")
    bare = folder / "bare"
    bare.write_bytes(b"\x00\x01")
    bare.chmod(0o755)
    assert fault(bare).startswith("bare: cannot be started: Exec format error")
    gone = script(folder / "gone", "exit 0")
    one = centre.transport(fetch=f"{gone} {{answer}}")
    gone.unlink()
    with pytest.raises(TransportError, match="^gone: cannot be started"):
        one.fetch(PENDING)


def test_a_refusal_may_come_with_the_answer(centre: Centre) -> None:
    where = script(centre.office.folder / "try", "echo is dead >&2; exit 77")
    one = centre.transport(fetch=f"{where} {{id}} {{answer}}")
    one.expect([PENDING])
    with pytest.raises(RequestRefused, match="is dead"):
        one.fetch(PENDING)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "is empty"),
        ("sh 'unclosed", "No closing quotation"),
        ("sh {owner}", "is unknown"),
        ("/nowhere/send {id}", "there is no program"),
        ("{request}", "there is no program"),
        ("/etc/passwd {id}", "there is no program"),
    ],
)
def test_templates_that_cannot_be_are_refused(command: str, words: str) -> None:
    with pytest.raises(TransportError, match=words):
        Program.of(command, answers=False)


def test_a_fetching_program_must_name_the_answer() -> None:
    with pytest.raises(TransportError, match="answer"):
        Program.of("sh {id}", answers=True)


def test_what_is_put_in_is_not_filled_in_again() -> None:
    one = Program.of("sh {request} {id}", answers=False)
    values = {"request": "/tmp/{id}", "id": "x", "answer": ""}
    assert one.arguments(values)[1:] == ["/tmp/{id}", "x"]
    # Found once and for all: another PATH later is not another program.
    assert one.words[0] == shutil.which("sh")
