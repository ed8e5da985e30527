"""eToken PRO (Java), which JaCarta PRO and SafeNet 5100 are too: to be read.

The PIN never goes over the wire: the card gives a challenge, and the answer is that
challenge encrypted with a key of the PIN.  One answer opens one protected read.
Folders and files are not made here over the wire (that is not public); a test puts
them there (`add_container`).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, ClassVar

from cards.card import VirtualCard
from cards.commands import (
    NO_CONDITIONS,
    NO_FILE_SELECTED,
    NO_RIGHT,
    NO_SUCH_COMMAND,
    NOT_FOUND,
    PAST_THE_END,
    PIN_BLOCKED,
    WRONG_DATA,
    WRONG_LENGTH,
    WRONG_PARAMETERS,
    Command,
    Refused,
    field,
    need,
)
from cards.files import ROOT, Kind, Node, node_of
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

FILES = {
    "masks.key": 0xF001,
    "primary.key": 0xF002,
    "header.key": 0xF003,
    "masks2.key": 0xF004,
    "primary2.key": 0xF005,
    "name.key": 0xF006,
}
SERVICE = 0xF00F
OPEN, PROTECTED = b"\0", b"\1"
"""The rule of a file here: read by all, or after an answer to a challenge."""


def key_of_pin(pin: str, salt: bytes) -> bytes:
    """24 bytes: the derivation of PKCS #12 (RFC 7292, appendix B) with SHA-1.

    Identifier 3, 999 rounds, the PIN in UTF-16BE with a zero at its end.
    """

    def filled(data: bytes) -> bytes:
        length = (len(data) + 63) // 64 * 64
        return (data * (length // len(data) + 1))[:length]

    given = bytearray(filled(salt) + filled((pin + "\0").encode("utf-16-be")))
    key = b""
    while len(key) < 24:
        digest = b"\3" * 64 + bytes(given)
        for _ in range(999):
            digest = hashlib.sha1(digest).digest()
        key += digest
        addend = int.from_bytes(filled(digest)[:64], "big") + 1
        for at in range(0, len(given), 64):
            block = int.from_bytes(given[at : at + 64], "big") + addend
            given[at : at + 64] = (block % (1 << 512)).to_bytes(64, "big")
    return key[:24]


class EtokenPro(VirtualCard):
    """eToken PRO (Java) 72K.

    Args:
        user_pin: the PIN.
        tries: of the PIN.
        salt: the first 20 bytes of file 6666 5000 000F.
    """

    KIND: ClassVar[str] = "etoken-pro"
    ATR: ClassVar[bytes] = bytes.fromhex("3BD518008131FE7D8073C82110F4")
    APPLET: ClassVar[bytes] = bytes.fromhex("A0000003120202")
    SELECTED: ClassVar[bytes] = bytes.fromhex("6F108407A0000003120202A5059F65020212")

    def __init__(
        self,
        *,
        user_pin: str = "1234567890",
        tries: int = 15,
        salt: bytes = bytes(range(1, 21)),
        t0: bool | None = None,
    ) -> None:
        super().__init__(t0=t0)
        self.tries = self.left = tries
        self.key = key_of_pin(user_pin, salt)
        self.challenges = 0
        self.root = Node(ROOT, Kind.FOLDER, OPEN)
        folder = self.root.folder(0x6666, OPEN).folder(0x5000, OPEN)
        folder.file(0x000F, OPEN, salt + bytes(12))
        folder.folder(0xE00E, OPEN).folder(0x0B00, OPEN)
        self.forget_session()

    def add_container(self, fid: int, files: dict[str, bytes]) -> Node:
        """Put a container there: CC00, CC01 and on."""
        parent = self.root.at(0x6666, 0x5000, 0xE00E, 0x0B00)
        assert parent is not None and fid not in parent.children
        folder = parent.folder(fid, OPEN)
        for name, content in files.items():
            readable = name in ("header.key", "name.key")
            folder.file(FILES[name], OPEN if readable else PROTECTED, content)
        folder.file(SERVICE, OPEN, bytes(20))
        self.changed = True
        return folder

    def forget_session(self) -> None:
        self.selected = False
        self.file: Node | None = None
        self.challenge = b""
        self.opened = False

    def run(self, command: Command) -> bytes:
        run = {
            0x00A4: self._select,
            0x8017: self._challenge,
            0x8011: self._login,
            0x8018: self._read,
        }.get(command.head)
        need(run is not None, NO_SUCH_COMMAND)
        assert run is not None
        return run(command)

    def _select(self, command: Command) -> bytes:
        if command.p1 == 0x04:
            need(command.data == self.APPLET, NOT_FOUND)
            self.selected, self.file = True, None
            return self.SELECTED
        need(command.p1 == 0x08 and command.p2 in (0x04, 0x0C), WRONG_PARAMETERS)
        need(self.selected, NOT_FOUND)
        data = command.data
        need(bool(data) and len(data) % 2 == 0, WRONG_LENGTH)
        path = [
            int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)
        ]
        node = self.root.at(*path)
        need(node is not None, NOT_FOUND)
        assert node is not None
        self.file = node
        if command.p2 == 0x0C:
            return b""
        return (
            field(0x01, node.fid.to_bytes(2, "big"))
            + field(0x02, bytes([node.kind]))
            + field(0x03, len(node.content).to_bytes(2, "big"))
        )

    def _challenge(self, command: Command) -> bytes:
        need(command.parameters == 0 and not command.data, WRONG_PARAMETERS)
        need(command.expected == 8, WRONG_LENGTH)
        self.challenges += 1
        number = hashlib.sha256(b"challenge %d" % self.challenges)
        self.challenge = number.digest()[:8]
        return self.challenge

    def _login(self, command: Command) -> bytes:
        need(command.parameters == 0x0011, WRONG_PARAMETERS)
        need(len(command.data) == 10 and command.data[:2] == b"\x10\x08", WRONG_DATA)
        need(bool(self.challenge), NO_CONDITIONS)
        need(self.left > 0, PIN_BLOCKED)
        cipher = Cipher(TripleDES(self.key), modes.CBC(bytes(8))).encryptor()
        right = cipher.update(self.challenge)
        self.challenge, self.changed = b"", True
        if not hmac.compare_digest(right, command.data[2:]):
            self.left -= 1
            raise Refused(0x63C0 | self.left)
        self.left, self.opened = self.tries, True
        return b""

    def _read(self, command: Command) -> bytes:
        need(command.parameters == 0, WRONG_PARAMETERS)
        data = command.data
        need(len(data) == 4 and data[:2] == b"\x0e\x02", WRONG_DATA)
        need(self.file is not None and not self.file.is_folder, NO_FILE_SELECTED)
        assert self.file is not None
        if self.file.rule == PROTECTED:
            need(self.opened, NO_RIGHT)
            self.opened = False
        start = int.from_bytes(data[2:], "big")
        need(start < len(self.file.content), PAST_THE_END)
        return bytes(self.file.content[start : start + (command.expected or 256)])

    def state(self) -> dict[str, Any]:
        return {
            "tries": self.tries,
            "left": self.left,
            "key": self.key.hex(),
            "tree": self.root.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.tries, self.left = state["tries"], state["left"]
        self.key = bytes.fromhex(state["key"])
        self.root = node_of(state["tree"])
        self.forget_session()
