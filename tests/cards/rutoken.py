"""Rutoken Lite and ECP: one command set, big-endian, rules of 15 bytes.

Rutoken S, which has the same commands in another spelling, is in `rutoken_s`.

Left open by the notes that this is written from, and chosen here: a condition that
a rule does not give is "never"; one login at a time (a second VERIFY: 6F86); a
folder that is not empty cannot be deleted (6985); writing past the end of a file is
6B00.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cards.files import ROOT, Kind, Node, node_of
from cards.pins import ADMIN, USER, Pin, pin_of
from cards.rutoken_commands import RutokenCommands
from cards.rutoken_files import NEVER

FILES = {
    "masks.key": (1, 60),
    "primary.key": (2, 70),
    "header.key": (3, 0),
    "masks2.key": (4, 60),
    "primary2.key": (5, 70),
    "name.key": (6, 300),
}
"""Of a container: the number in its folder, and the least size."""


class RutokenLite(RutokenCommands):
    """Rutoken Lite as it leaves the factory, firmware 8.0, 64 KB.

    Args:
        serial: four bytes, as a number.
        free: bytes free for files; None: what 64 KB leave.
        folder_limit: the most files in one folder (more: 6F85).
        user_pin, admin_pin: the PINs.
        tries: of each PIN, 1 to 15.
        t0: see `VirtualCard`.
        answers_free: GET DATA of the free memory is known.
        create_selects: a new file becomes the selected one.
        deletes_full_folders: with all that is in them.
        tells_tries: a wrong PIN is answered with 63Cx, else 6300.
        fresh: the byte that a new file is full of; traced files end with FF behind
            what was written into them.
    """

    KIND: ClassVar[str] = "rutoken-lite"
    ATR: ClassVar[bytes] = bytes.fromhex("3B8B015275746F6B656E6C697465C2")
    MEMORY: ClassVar[int] = 64 * 1024
    INFO: ClassVar[bytes] = bytes.fromhex("023308010800020800020000")
    CONTAINERS: ClassVar[tuple[int, ...]] = (0x1000, 0x1003)

    def __init__(
        self,
        *,
        serial: int = 0x30DA6803,
        free: int | None = None,
        folder_limit: int = 64,
        user_pin: str = "12345678",
        admin_pin: str = "87654321",
        tries: int = 10,
        t0: bool | None = None,
        answers_free: bool = True,
        create_selects: bool = True,
        deletes_full_folders: bool = False,
        tells_tries: bool = True,
        fresh: int = 0xFF,
    ) -> None:
        super().__init__(t0=t0)
        self.serial = serial
        self.folder_limit = folder_limit
        self.answers_free = answers_free
        self.create_selects = create_selects
        self.deletes_full_folders = deletes_full_folders
        self.tells_tries = tells_tries
        self.fresh = fresh
        self.given = bytearray()
        """Random bytes that were given out."""
        self.pins: dict[int, Pin] = {}
        for reference, value in ((ADMIN, admin_pin), (USER, user_pin)):
            rule = self.pin_rule(reference)
            self.pins[reference] = Pin(
                reference, value, rule, maximum=self.LONGEST_PIN, tries=tries
            )
            self.pins[reference].left = tries
        self.root: Node | None = self.factory_tree()
        self.formatting = False
        self.capacity = self.MEMORY if free is None else self.used + free
        self.forget_session()

    # -- how this family writes things down ----------

    @classmethod
    def rule(cls, mask: int, *conditions: int) -> bytes:
        """A rule of 15 bytes from its mask and up to seven conditions."""
        return bytes([mask, *conditions]).ljust(cls.RULE_LENGTH, b"\0")

    @classmethod
    def pin_rule(cls, reference: int) -> bytes:
        """The admin PIN is changed by itself, the user's by both."""
        if reference == ADMIN:
            return cls.rule(0x43, NEVER, ADMIN, 0, 0, 0, 0, NEVER)
        return cls.rule(0x43, ADMIN, 3, 0, 0, 0, 0, NEVER)

    @classmethod
    def user_folder(cls, *, deletable: bool = False) -> bytes:
        """The user may add to it; nobody, or the user, may delete it."""
        return cls.rule(0x43, USER, USER, 0, 0, 0, 0, USER if deletable else NEVER)

    @classmethod
    def user_file(cls, *, readable: bool = False) -> bytes:
        """The user may read, write, delete it; all may read it if *readable*."""
        return cls.rule(0x43, 0 if readable else USER, USER, 0, 0, 0, 0, USER)

    def factory_tree(self) -> Node:
        root = Node(ROOT, Kind.FOLDER, self.rule(0x47, USER, USER, ADMIN))
        system = root.folder(0x1000, self.user_folder())
        for fid in range(0x1000, 0x1005):
            system.folder(fid, self.user_folder())
        vendor = system.children[0x1001]
        rule = self.rule(0x43, 0, NEVER, 0, 0, 0, 0, NEVER)
        vendor.file(0x8001, rule, bytes.fromhex("525001").ljust(16, b"\0"))
        vendor.file(0x8002, rule, bytes(16))
        return root

    def allows(self, rule: bytes, operation: int) -> bool:
        """Whether the rule lets who is logged in do that."""
        if not rule[0] >> operation & 1:
            return False
        condition = rule[1 + operation]
        if condition == 0:
            return True
        login = {1: (ADMIN,), 2: (USER,), 3: (ADMIN, USER)}.get(condition, ())
        return self.logged_in in login

    # -- what the tests look at and prepare ----------

    @property
    def containers(self) -> dict[int, Node]:
        """The folders of containers, by id."""
        folder = self.root.at(*self.CONTAINERS) if self.root else None
        return folder.children if folder else {}

    def add_container(self, fid: int, files: dict[str, bytes]) -> Node:
        """Put a container there, as another program would have left it.

        Args:
            fid: id of its folder, 0x0A00 and on.
            files: by their names (masks.key, primary.key, ...); padded with FF.
        """
        assert self.root is not None
        parent = self.root.at(*self.CONTAINERS)
        assert parent is not None and fid not in parent.children
        folder = parent.folder(fid, self.user_folder(deletable=True))
        for name, content in files.items():
            number, least = FILES[name]
            rule = self.user_file(readable=name in ("header.key", "name.key"))
            folder.file(fid | number, rule, content.ljust(least, b"\xff"))
        assert self.free >= 0, "more than the card holds"
        self.changed = True
        return folder

    def files_of(self, fid: int) -> dict[str, bytes]:
        """What is in a container's files, padding and all."""
        folder = self.containers[fid]
        return {
            name: bytes(folder.children[fid | number].content)
            for name, (number, _) in FILES.items()
            if fid | number in folder.children
        }

    # -- without power ----------

    def state(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "capacity": self.capacity,
            "formatting": self.formatting,
            "pins": [pin.state() for pin in self.pins.values()],
            "tree": self.root.state() if self.root else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.serial = state["serial"]
        self.capacity = state["capacity"]
        self.formatting = state["formatting"]
        self.pins = {pin["reference"]: pin_of(pin) for pin in state["pins"]}
        self.root = node_of(state["tree"]) if state["tree"] else None
        self.forget_session()


class RutokenEcp(RutokenLite):
    """Rutoken ECP 3.0, 128 KB: more memory, a generator, folders for key objects."""

    KIND = "rutoken-ecp"
    ATR = bytes.fromhex("3B8B015275746F6B656E20445320C1")
    MEMORY = 128 * 1024
    INFO = bytes.fromhex("013C10011E02000000000000")
    HAS_RANDOM = True

    def factory_tree(self) -> Node:
        root = super().factory_tree()
        keys = root.at(0x1000, 0x1000)
        assert keys is not None
        for fid in range(0x6001, 0x6006):
            keys.folder(fid, self.user_folder())
        return root


class RutokenEcpCard(RutokenEcp):
    """Rutoken ECP SC, the plastic card that speaks T=0."""

    KIND = "rutoken-ecp-sc"
    ATR = bytes.fromhex("3B9C96005275746F6B656E4543507363")
    T0 = True
