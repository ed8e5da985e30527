"""BouncyCastle, as an oracle beside our own code: java/GostVerifier.java.

One Java process answers all questions of a call, as starting one takes a second.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("java") / "GostVerifier.java"
JARS = [
    Path("/usr/share/java") / f"{name}.jar" for name in ("bcprov", "bcpkix", "bcutil")
]

WANTED = (
    "BouncyCastle is not here: apt-get install libbcprov-java libbcpkix-java "
    "default-jdk-headless makes this test run"
)


def missing() -> str:
    """Return why the oracle cannot run, "" if it can."""
    tools = shutil.which("java") and shutil.which("javac")
    return "" if tools and all(jar.exists() for jar in JARS) else WANTED


class BouncyCastle:
    """The compiled verifier."""

    def __init__(self, folder: Path) -> None:
        """Compile it into *folder*; see `missing` first."""
        self._path = ":".join(map(str, [folder, *JARS]))
        subprocess.run(
            ["javac", "-cp", self._path, "-d", str(folder), str(SOURCE)],
            check=True,
            timeout=180,
        )

    def ask(self, questions: list[list[str | Path]]) -> list[str]:
        """Return "ok" or "refused: why" for each question.

        Questions: certificate FILE ISSUER; request FILE; crl FILE ISSUER;
        revoked FILE CERTIFICATE; cms FILE CERTIFICATE; detached FILE CERTIFICATE
        CONTENT.  All files are DER.
        """
        text = "".join("\t".join(map(str, q)) + "\n" for q in questions)
        done = subprocess.run(
            ["java", "-cp", self._path, "GostVerifier"],
            input=text.encode("utf-8"),
            stdout=subprocess.PIPE,
            timeout=180,
            check=True,
        )
        return done.stdout.decode("utf-8").splitlines()
