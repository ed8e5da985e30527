"""OpenSSL with the GOST engine, as an oracle beside our own code.

The engine is named in a configuration file of its own, so nothing of the
machine's OpenSSL is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CONFIGURATION = """\
openssl_conf = all
[all]
engines = engines
[engines]
gost = gost
[gost]
engine_id = gost
default_algorithms = ALL
[req]
distinguished_name = name
string_mask = utf8only
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[subscriber]
keyUsage = critical, digitalSignature, nonRepudiation
authorityKeyIdentifier = keyid
[ca]
default_ca = ca_here
[ca_here]
dir = .
database = $dir/index.txt
new_certs_dir = $dir
crlnumber = $dir/crlnumber
serial = $dir/serial
unique_subject = no
policy = any
[any]
commonName = optional
"""

WANTED = (
    "OpenSSL with the GOST engine is not here: "
    "apt-get install openssl libengine-gost-openssl makes this test run"
)


class OpenSSL:
    """The openssl command in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Write the configuration; see `missing` first."""
        self.folder = folder
        self._configuration = folder / "gost.cnf"
        self._configuration.write_text(CONFIGURATION, encoding="utf-8")

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> tuple[int, str]:
        """Run a command in the folder: exit code, and all that it said."""
        done = subprocess.run(
            [_command(), *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "OPENSSL_CONF": str(self._configuration)},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def check(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Run a command that must succeed; return what it said."""
        code, said = self.run(*arguments, stdin=stdin)
        assert code == 0, f"openssl {' '.join(map(str, arguments))}:\n{said}"
        return said

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        data = content.encode("utf-8") if isinstance(content, str) else content
        path.write_bytes(data)
        return path


def _command() -> str:
    return shutil.which("openssl") or "openssl"


def missing(folder: Path) -> str:
    """Return why the oracle cannot run, "" if it can."""
    if shutil.which("openssl") is None:
        return WANTED
    code, said = OpenSSL(folder).run("engine", "gost", "-t")
    return "" if code == 0 and "[ available ]" in said else WANTED
