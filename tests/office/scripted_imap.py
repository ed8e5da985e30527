"""A small IMAP server of an empty mailbox that misbehaves when told to."""

from __future__ import annotations

import socketserver
from collections.abc import Callable

from office.scripted import Scripted

Fault = Callable[["Session", str, str], bool]
"""Is given the session, the tag and the rest of the command; True if it answered."""


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: ScriptedIMAP

    def handle(self) -> None:
        """Talk until LOGOUT, or until the other side has gone."""
        self.server.sessions += 1
        try:
            if self.server.fault(self, "*", "CONNECT"):
                return
            self.say("* OK [CAPABILITY IMAP4rev1] scripted")
            while line := self.rfile.readline(1 << 16).decode("ascii").rstrip("\r\n"):
                self.answer(*line.split(" ", 1))
        except OSError:
            pass

    def answer(self, tag: str, command: str) -> None:
        """Answer one command."""
        verb = command.split()[0].upper()
        if self.server.fault(self, tag, command):
            return
        if verb == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1")
        elif verb == "SELECT":
            self.say("* 0 EXISTS")
            self.say("* OK [UIDVALIDITY 1] valid")
        elif verb == "LOGOUT":
            self.say("* BYE")
        self.say(f"{tag} OK done")

    def say(self, text: str) -> None:
        """Answer a line."""
        self.wfile.write(text.encode() + b"\r\n")


class ScriptedIMAP(Scripted):
    """The server."""

    def __init__(self, fault: Fault = lambda session, tag, command: False) -> None:
        """Listen on a free port of this machine."""
        self.fault = fault
        super().__init__(Session)
