"""The hand that pulls virtual tokens out and puts them in again, asked from a shell.

It listens at a socket in the bench's folder; beside it lies the command `card`, which
sends its arguments there and prints the answer.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from cards.bench import EMPTY_SECONDS, Bench
from cards.card import VirtualCard

USAGE = "card [list] | card pull N | card insert N | card log N"

_COMMAND = """#!{python}
import json, socket, sys
with socket.socket(socket.AF_UNIX) as hand:
    hand.connect({address!r})
    hand.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
    hand.shutdown(socket.SHUT_WR)
    code, text = json.load(hand.makefile())
print(text, file=sys.stderr if code else sys.stdout)
sys.exit(code)
"""


class Hand:
    """Cards, the first in the first reader and so on; they are put in."""

    def __init__(self, bench: Bench, cards: Sequence[VirtualCard]) -> None:
        self._bench = bench
        self._cards = list(cards)
        for number, card in enumerate(cards):
            bench.insert(card, number)

    def do(self, arguments: Sequence[str]) -> str:
        """Carry out what the command `card` was given; the answer is for people.

        Raises:
            ValueError: with what would be right.
        """
        verb, *rest = arguments or ["list"]
        if verb == "list" and not rest:
            return self._list()
        if len(rest) != 1 or not rest[0].isdecimal():
            raise ValueError(USAGE)
        number = int(rest[0])
        if number >= len(self._cards):
            raise ValueError(f"there is no token {number}; `card` shows all")
        card = self._cards[number]
        if verb == "pull":
            self._bench.pull(number)
            # The service looks at its readers some times a second.
            time.sleep(EMPTY_SECONDS)
        elif verb == "insert":
            if card.present:
                raise ValueError(f"token {number} is in; `card pull {number}` first")
            self._bench.insert(card, number)
            self._bench.wait_for(number)
        elif verb == "log":
            return "\n".join(str(one) for one in card.log)
        else:
            raise ValueError(USAGE)
        return self._list()

    def _list(self) -> str:
        return "\n".join(
            f"{number}  {card.reader}: {card.KIND}, "
            + ("in" if card.present else "pulled out")
            for number, card in enumerate(self._cards)
        )

    def listen(self, folder: Path) -> None:
        """Answer the command `card`, which is put into *folder*/bin, from now on."""
        address = str(folder / "hand")
        program = folder / "bin" / "card"
        program.parent.mkdir()
        program.write_text(_COMMAND.format(python=sys.executable, address=address))
        program.chmod(0o755)
        hand = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    answer = [0, hand.do(json.loads(self.rfile.readline()))]
                except (ValueError, RuntimeError, OSError) as error:
                    answer = [1, f"card: {error}"]
                self.wfile.write(json.dumps(answer).encode())

        server = socketserver.UnixStreamServer(address, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
