"""A small SMTP server that does what real ones do on their bad days, when told to."""

from __future__ import annotations

import socketserver
import time
from collections.abc import Callable

from office.scripted import Scripted

Fault = Callable[["Session", str], bool]
"""Is given the session and the command; True if it has answered in its way."""


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: ScriptedSMTP

    def handle(self) -> None:
        """Talk until QUIT, or until a fault ends it."""
        owner = self.server
        owner.sessions += 1
        if owner.fault(self, "CONNECT"):
            return
        self.say("220 scripted ESMTP")
        while True:
            line = self.rfile.readline(4096).decode("ascii", "replace").strip()
            if not line:
                return
            verb = line.split()[0].upper()
            owner.commands.append(line)
            if owner.fault(self, verb):
                if self.connection.fileno() < 0:
                    return
                continue
            if verb == "EHLO":
                self.say("250-scripted")
                self.say("250-AUTH PLAIN")
                self.say("250 8BITMIME")
            elif verb == "AUTH":
                self.say("235 ok")
            elif verb == "DATA":
                self.say("354 go on")
                data = self.read_data()
                if data is None or owner.fault(self, "END"):
                    return
                owner.taken.append(data)
                self.say("250 taken")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def read_data(self) -> bytes | None:
        """Read a message up to the dot."""
        lines = []
        while True:
            line = self.rfile.readline(1 << 16)
            if not line:
                return None
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line)

    def say(self, text: str) -> None:
        """Answer a line."""
        self.wfile.write(text.encode() + b"\r\n")

    def cut(self) -> bool:
        """Cut the connection, in the middle of what goes on."""
        self.connection.close()
        return True


class ScriptedSMTP(Scripted):
    """The server."""

    def __init__(self, fault: Fault = lambda session, verb: False) -> None:
        """Listen on a free port of this machine."""
        self.fault = fault
        self.taken: list[bytes] = []
        self.commands: list[str] = []
        super().__init__(Session)


def times(count: int, verb: str, act: Callable[[Session], object]) -> Fault:
    """Make a fault that happens the first *count* times that a command comes."""
    left = [count]

    def fault(session: Session, said: str) -> bool:
        if said != verb or left[0] <= 0:
            return False
        left[0] -= 1
        act(session)
        return True

    return fault


def silence(seconds: float) -> Callable[[Session], object]:
    """Give what says nothing for a while, and then cuts."""

    def act(session: Session) -> None:
        time.sleep(seconds)
        session.cut()

    return act
