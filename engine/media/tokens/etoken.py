"""eToken PRO (Java), JaCarta PRO and SafeNet of that kind: containers, read.

The PIN never goes to the token.  A key is made of it, and with that key a number that
the token chose is encrypted; that gives the right to read once.

Source: a published trace of CryptoPro CSP with such tokens, repeated by its author; the
key is that of RFC 7292, B.2 (SHA-1, use 3, 999 iterations).  How folders and files are
made is not public, so nothing is written.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from gostkey.backend import active
from gostkey.containers.pfx_protection import pkcs12_key
from gostkey.pcsc import Card

from .driver import NUMBERS, PUBLIC, NeedsLogin
from .model import TokenInfo
from .status import Status, as_refused_pin, refused
from .tlv import object_length
from .untold import MISSING, UntoldToken

_SELECT = bytes.fromhex("00A4040007A0000003120202")
_CHALLENGE = bytes.fromhex("8017000008")
_ANSWER = bytes.fromhex("801100110A1008")
_READ = bytes.fromhex("80180000040E02")

_CONTAINERS = bytes.fromhex("66665000E00E0B00")
_SALT_FILE = bytes.fromhex("66665000000F")
_SALT = 20
_SLOTS = tuple(f"CC{number:02X}" for number in range(16))

_ITERATIONS = 999
_USE = 3
_KEY = 24


def login_key(pin: bytes, salt: bytes) -> bytes:
    """Make the key for the answer to the token's challenge.

    Args:
        pin: ASCII.
        salt: 20 bytes of the token.

    Returns:
        24 bytes, a key of 3DES.
    """
    text = pin.decode("ascii").encode("utf-16-be") + b"\0\0"
    return pkcs12_key("sha1", text, salt, _ITERATIONS, _USE, _KEY)


def answer_to(challenge: bytes, key: bytes) -> bytes:
    """Encrypt the token's 8 bytes: 3DES, CBC, the initial value being zero."""
    encryptor = Cipher(TripleDES(key), modes.CBC(bytes(8))).encryptor()
    return encryptor.update(challenge) + encryptor.finalize()


class Etoken(UntoldToken):
    """One eToken; a `Driver`."""

    cannot_write = (
        "how containers are made on an eToken or JaCarta PRO is not public; copy them "
        "with CryptoPro CSP, or to another medium"
    )

    def __init__(self, card: Card, model: str) -> None:
        super().__init__(card, model)
        self._key = bytearray()

    def start(self) -> str:
        """Select the applet; which command tells a serial number is not known."""
        _, status = self.card.transmit(_SELECT)
        if status != Status.DONE:
            raise refused(self.title, "selecting its applet", status)
        return ""

    def describe(self, *, fully: bool) -> TokenInfo:
        """Say who the token is; see `Driver.describe`."""
        return TokenInfo(
            address=f"token:{self.card.reader}",
            reader=self.card.reader,
            atr=self.card.atr,
            family="etoken",
            model=self.model,
            serial="",
            slots_total=len(_SLOTS) if fully else None,
        )

    def slots(self) -> list[str]:
        """Return the folders that are there: "CC00"."""
        found = []
        for slot in _SLOTS:
            if self._select(_CONTAINERS + bytes.fromhex(slot)) and any(
                self.read_file(slot, "name.key") or b""
            ):
                found.append(slot)
        return found

    def read_file(self, slot: str, name: str) -> bytes | None:
        """Read a file of a container; see `Driver.read_file`."""
        if slot not in _SLOTS:
            return None
        secret = name not in PUBLIC
        if secret and not self._key:
            raise NeedsLogin
        path = _CONTAINERS + bytes.fromhex(slot) + bytes([0xF0, NUMBERS[name]])
        if not self._select(path):
            return None
        return self._read(f"{slot} {name}", login=secret)

    def verify(self, who: str, pin: bytearray) -> int:
        """Prove that the PIN is known; see `Driver.verify`."""
        if not self._select(_SALT_FILE):
            return Status.NOT_FOUND
        salt = self._read("its salt", login=False)[:_SALT]
        self._key = bytearray(login_key(bytes(pin), salt))
        status = self._log_in()
        if status != Status.DONE:
            self.logout()
        return as_refused_pin(status)

    def logout(self) -> None:
        """Forget the key; the right that it gave ends with each reading."""
        active.generators.wipe(self._key)
        self._key = bytearray()

    def _log_in(self) -> int:
        challenge, status = self.card.transmit(_CHALLENGE)
        if status != Status.DONE or len(challenge) != 8:
            raise refused(self.title, "giving a challenge", status)
        answer = answer_to(challenge, bytes(self._key))
        return self.card.transmit(_ANSWER + answer)[1]

    def _select(self, path: bytes) -> bool:
        head = bytes.fromhex("00A40804") + bytes([len(path)])
        _, status = self.card.transmit(head + path + b"\0")
        if status in MISSING:
            return False
        if status != Status.DONE:
            raise refused(self.title, f"selecting {path.hex().upper()}", status)
        return True

    def _read(self, what: str, *, login: bool) -> bytes:
        data = b""
        wanted = 1
        while len(data) < wanted:
            if login:
                status = self._log_in()
                if status != Status.DONE:
                    raise refused(self.title, f"logging in to read {what}", status)
            command = _READ + len(data).to_bytes(2, "big") + b"\0"
            piece, status = self.card.transmit(command)
            if status == Status.NOT_ALLOWED and not login:
                raise NeedsLogin
            if status not in (Status.DONE, Status.END_OF_FILE):
                raise refused(self.title, f"reading {what}", status)
            if not piece:
                break
            if not data:
                wanted = object_length(piece) or len(piece)
            data += piece
        return data[:wanted]
