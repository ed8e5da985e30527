"""A PostgreSQL server of one's own: private, in a temporary folder, on a Unix socket.

Usable without pytest.
"""

from __future__ import annotations

import getpass
import glob
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["WANTED", "Cluster"]

_PROGRAMS = "/usr/lib/postgresql/*/bin"
_numbers = itertools.count(1)
WANTED = "PostgreSQL is not installed: apt-get install postgresql"


class Cluster:
    """A server that can be started, stopped and killed."""

    def __init__(self, *, durable: bool = False) -> None:
        """Make the server's files; it does not run yet.

        Args:
            durable: whether a commit waits for the disk, as it must where it matters.

        Raises:
            FileNotFoundError: if PostgreSQL is not installed.
        """
        programs = sorted(glob.glob(_PROGRAMS))
        if not programs:
            raise FileNotFoundError(WANTED)
        self._programs = Path(programs[-1])
        # Short: a socket's path has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="gostkey-pg-"))
        self.folder.chmod(0o755)
        # The server refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        if os.geteuid() == 0:
            try:
                who = pwd.getpwnam("postgres")
            except KeyError:
                who = pwd.getpwnam("nobody")
            self.user = who.pw_name
            os.chown(self.folder, who.pw_uid, who.pw_gid)
        self._run("initdb", "-D", self._data, "-N", "-A", "trust", "-U", "gostkey")
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write(
                "listen_addresses = ''\n"
                f"unix_socket_directories = '{self.folder}'\n"
                f"fsync = {'on' if durable else 'off'}\n"
                "shared_buffers = 16MB\nmax_connections = 60\n"
                "log_min_messages = fatal\n"
            )

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = [
                "setpriv",
                f"--reuid={self.user}",
                f"--regid={self.user}" if self.user != "nobody" else "--regid=65534",
                "--clear-groups",
                *command,
            ]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=_environment()
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-s", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; "immediate" is a crash."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "-s", "stop")

    def remove(self) -> None:
        """Stop it if it runs, and remove its files."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres", campaign: str | None = None) -> str:
        """Give the address of a campaign, or of a database."""
        url = f"postgresql://gostkey@/{database}?host={self.folder}"
        return url if campaign is None else f"{url}&campaign={campaign}"

    def new_database(self) -> str:
        """Make an empty database; return its name."""
        name = f"office{next(_numbers)}"
        # Whoever has no psycopg does not come here.
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return name

    def new_campaign(self) -> str:
        """Give the address of a campaign in a database of its own."""
        return self.url(self.new_database(), f"test-{next(_numbers)}")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
