"""An office's renewal, run by itself: database, mail, authority, workers, and a crash.

    python tests/office/demo.py [--subscribers 10000] [--workers 2] [--folder FOLDER]

`make demo-office` installs what is needed and does this.  On this machine alone, and
without rights, are started: PostgreSQL, an SMTP and an IMAP server, and an authority
that answers its mailbox.  The keys of invented subscribers are renewed by two worker
processes; one of them is killed on the way.  All commands are those of an office; they
are shown, and what they say is kept in FOLDER/log.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.machinery
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
if importlib.machinery.PathFinder.find_spec("gostkey") is None:
    # A bare checkout is made importable by the tests' own way.
    import conftest  # noqa: F401

from office.mail_servers import DOMAIN, HOST, MailServers  # noqa: E402
from office.postgres_server import Cluster  # noqa: E402

from gostkey.pki.ca import CertificateAuthority  # noqa: E402
from gostkey.renewal.trial import Trial, make_trial  # noqa: E402

GOSTKEY = [sys.executable, "-m", "gostkey.cli"]
MARK = "an office's demo of gostkey"
"""Says that a folder is of this program, which may remove it."""
PATIENCE = 1800.0
"""Seconds that the office waits for its last certificate."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    description, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser("demo.py", description=description)
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("gostkey-demo-office"))
    return parser.parse_args(arguments)


class Office:
    """The folder of the demo, and the commands that are run in it."""

    def __init__(self, folder: Path, subscribers: int) -> None:
        self.folder = folder
        self.subscribers = subscribers
        self.campaign = folder / "campaign"
        self.trusted = folder / "trusted"
        self.log = folder / "log"
        self.trial = Trial(folder / "trial")
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Tell of a step, with the seconds since the beginning."""
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)

    def start(self, name: str, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a command; what it says goes to the log of its name."""
        words = [str(one) for one in arguments]
        self.say("$ gostkey " + shlex.join(words))
        with (self.log / f"{name}.txt").open("ab") as log:
            return subprocess.Popen(
                [*GOSTKEY, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run(self, name: str, *arguments: object) -> int:
        """Run a command to its end; return its exit code."""
        return self.start(name, *arguments).wait()

    def status(self) -> dict[str, Any]:
        """Ask how far the campaign is; nothing before it is begun."""
        done = subprocess.run(
            [*GOSTKEY, "renew", "status", "--json", "--campaign", str(self.campaign)],
            capture_output=True,
            text=True,
        )
        found: dict[str, Any] = {}
        for line in done.stdout.splitlines() if done.returncode == 0 else ():
            found |= json.loads(line)
        return found

    def states(self) -> str:
        """Say how many keys are in which state."""
        counts = self.status().get("states", {})
        return ", ".join(f"{count} {state}" for state, count in counts.items())

    def reached(self, *states: str) -> int:
        """Count the keys that have come to one of these states."""
        counts = self.status().get("states", {})
        return sum(int(counts.get(state, 0)) for state in states)


def new_folder(folder: Path) -> Path:
    """Make the demo's folder; one of an earlier demo is removed."""
    mark = folder / "README.txt"
    if folder.exists():
        if not mark.is_file() or not mark.read_text().startswith(MARK):
            sys.exit(f"{folder}: is not of an earlier demo; choose another --folder")
        shutil.rmtree(folder)
    (folder / "log").mkdir(parents=True)
    mark.write_text(f"{MARK}; it may be removed\n")
    return folder.absolute()


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a process that serves as a person does, with Ctrl-C."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def write_mail(office: Office, servers: MailServers, name: str, more: str) -> Path:
    """Write the settings of one of the two who write to each other."""
    word = office.folder / f"{name}-password.txt"
    word.write_text(f"secret-{name}\n")
    word.chmod(0o600)
    common = (
        f'host = "{HOST}"\nuser = "{name}"\npassword_file = "{word.name}"\n'
        f'ca_file = "{servers.ca_file}"\n'
    )
    file = office.folder / f"{name}.toml"
    file.write_text(
        f'from = "{name}@{DOMAIN}"\n{more}\n'
        f'[smtp]\n{common}port = {servers.smtp_port}\ntls = "starttls"\n\n'
        f"[imap]\n{common}port = {servers.imaps_port}\n"
    )
    return file


def publish(office: Office) -> int:
    """Bring the office the authority's certificate and CRL; count its certificates."""
    office.trusted.mkdir(exist_ok=True)
    with CertificateAuthority.open(office.trial.authority) as authority:
        (office.trusted / "authority.cer").write_bytes(authority.certificate.der)
        crl = authority.crl(datetime.now(timezone.utc))
        (office.trusted / "authority.crl").write_bytes(crl)
        return len(authority.certificates())


def children(process: int) -> list[int]:
    """List the processes that a process has started."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(one) for one in text.split()]


def kill_a_worker(office: Office, run: subprocess.Popen[bytes], workers: int) -> bool:
    """Kill one of a run's workers in the middle of its work."""
    while run.poll() is None:
        # Looked at in this order: before, they may have been processes that plan.
        found = []
        if office.reached("keyed", "requested", "sent"):
            found = children(run.pid)
        if len(found) >= workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[-1], signal.SIGKILL)
                office.say(f"kill -9 of worker process {found[-1]}, at work")
                return True
        time.sleep(0.2)
    return False


def renew(office: Office, url: str, mail: Path, workers: int) -> None:
    """Run the campaign until every certificate is installed and copied."""
    run = office.start(
        "run",
        *("renew", "run", "--csv", office.trial.list, "--campaign", office.campaign),
        *("--store", url, "--mail", mail, "--workers", workers),
        *("--entropy", "os-only"),
    )
    killed = kill_a_worker(office, run, workers)
    code = run.wait()
    office.say(f"run has ended (exit code {code}): {office.states()}")
    if not killed:
        sys.exit(f"the run ended before a worker could be killed: see {office.log}")
    until = time.monotonic() + PATIENCE
    while office.reached("backed-up") < office.subscribers:
        if time.monotonic() > until:
            sys.exit(f"certificates are missing: see {office.log}")
        code = office.run(
            "work",
            *("renew", "resume", "--campaign", office.campaign, "--workers", workers),
            *("--entropy", "os-only"),
        )
        office.say(f"exit code {code}: {office.states()}")


def check(office: Office, before: int) -> list[str]:
    """Look whether everybody has one new key, and the old ones are as they were."""
    faults = []
    status = office.status()
    if status["counts"]["renewed"] != office.subscribers:
        faults.append(f"renewed are {status['counts']}")
    with CertificateAuthority.open(office.trial.authority) as authority:
        issued = len(authority.certificates()) - before
    if issued != office.subscribers:
        faults.append(f"{issued} certificates were issued")
    folders = sum(1 for one in office.trial.containers.iterdir())
    if folders != 2 * office.subscribers:
        faults.append(f"{folders} containers are there")
    for copies in ("archive", "backup"):
        count = sum(1 for one in (office.campaign / copies).iterdir())
        if count != office.subscribers:
            faults.append(f"{count} copies in {copies}")
    return faults


def main(arguments: Sequence[str]) -> int:
    """Run the demo; 0 if all went well."""
    given = options(arguments)
    office = Office(new_folder(given.folder), given.subscribers)
    make_trial(office.trial.folder, given.subscribers, at=datetime.now(timezone.utc))
    before = publish(office)
    office.say(
        f"{given.subscribers} subscribers, whose keys end soon, and an authority"
    )
    with ExitStack() as stack:
        cluster = Cluster(durable=True)
        stack.callback(cluster.remove)
        cluster.start()
        office.say("PostgreSQL runs")
        room = stack.enter_context(tempfile.TemporaryDirectory(prefix="gostkey-mail-"))
        Path(room).chmod(0o755)
        words = {"office": "secret-office", "authority": "secret-authority"}
        servers = MailServers(Path(room) / "mail", words)
        stack.enter_context(servers)
        office.say("a mail server runs")
        mine = write_mail(
            office,
            servers,
            "office",
            f'to = "authority@{DOMAIN}"\ntrusted = "trusted"\n',
        )
        its = write_mail(office, servers, "authority", "")
        serve = office.start(
            "authority",
            *("ca", "serve", office.trial.authority, "--mail", its),
            *("--interval", 1),
        )
        stack.enter_context(ended(serve))
        renew(office, cluster.url("postgres", "demo-office"), mine, given.workers)
        faults = check(office, before)
        code = office.run(
            "verify", "renew", "report", "--verify", "--campaign", office.campaign
        )
        if code:
            faults.append("the audit log does not verify")
        page = office.folder / "report.html"
        code = office.run(
            "report",
            *("renew", "report", "--campaign", office.campaign),
            *("--html", page, "--csv", office.folder / "report.csv"),
        )
        if code:
            faults.append(f"the report ended with {code}")
        subprocess.run(
            [*GOSTKEY, "renew", "status", "--campaign", str(office.campaign)]
        )
    for fault in faults:
        print("WRONG:", fault)
    if not faults:
        office.say(
            f"all {given.subscribers} keys are renewed: one new key and one "
            f"certificate each; a worker was killed on the way; report: {page}"
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
