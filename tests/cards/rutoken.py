"""Rutoken Lite and ECP: one command set, big-endian, rules of 15 bytes.

Rutoken S, which has the same commands in another spelling, is in `rutoken_s`.

Left open by the notes that this is written from, and chosen here: a condition that
a rule does not give is "never"; one login at a time (a second VERIFY: 6F86); a
folder that is not empty cannot be deleted (6985); writing past the end of a file is
6B00.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from cards.card import VirtualCard
from cards.commands import (
    EXISTS,
    FOLDER_FULL,
    FULL,
    LOGGED_IN_ALREADY,
    NO_CONDITIONS,
    NO_FILE_SELECTED,
    NO_RIGHT,
    NO_SUCH_COMMAND,
    NO_SUCH_REFERENCE,
    NOT_FOUND,
    PAST_THE_END,
    PIN_BLOCKED,
    WRONG_DATA,
    WRONG_LENGTH,
    WRONG_PARAMETERS,
    Command,
    field,
    fields,
    need,
)
from cards.files import ACTIVE, ROOT, Kind, Node, node_of
from cards.pins import ADMIN, USER, Pin, pin_of

# Bits of a rule's mask; the condition is in the byte after that many.
CREATE = READ = UNBLOCK = 0
CREATE_OBJECT = UPDATE = CHANGE = 1
PUT_DATA = 2
DELETE = 6

NEVER = 0xFF

FILES = {
    "masks.key": (1, 60),
    "primary.key": (2, 70),
    "header.key": (3, 0),
    "masks2.key": (4, 60),
    "primary2.key": (5, 70),
    "name.key": (6, 300),
}
"""Of a container: the number in its folder, and the least size."""


class RutokenLite(VirtualCard):
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
    HAS_RANDOM: ClassVar[bool] = False
    RULE_LENGTH: ClassVar[int] = 15
    TEMPLATE: ClassVar[int] = 0x6F
    ENDIAN: ClassVar[Any] = "big"
    LONGEST_PIN: ClassVar[int] = 32
    FORMAT_END: ClassVar[tuple[int, int]] = (0x8084, 0x4E19)
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

    def number(self, value: int, length: int = 2) -> bytes:
        return value.to_bytes(length, self.ENDIAN)

    def value(self, data: bytes) -> int:
        return int.from_bytes(data, self.ENDIAN)

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
    def used(self) -> int:
        nodes = self.root.walk() if self.root else ()
        return sum(node.allocated for node in nodes)

    @property
    def free(self) -> int:
        return self.capacity - self.used

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

    # -- session ----------

    def forget_session(self) -> None:
        self.logged_in: int | None = None
        self.folder = self.root
        self.file: Node | None = None

    def selection(self) -> Any:
        return self.folder, self.file

    def select_again(self, selection: Any) -> None:
        self.folder, self.file = selection

    def _select(self, node: Node) -> None:
        if node.is_folder:
            self.folder, self.file = node, None
        else:
            self.folder, self.file = node.parent, node

    @property
    def _current(self) -> Node:
        node = self.file or self.folder
        need(node is not None, NO_FILE_SELECTED)
        assert node is not None
        return node

    def _folder(self) -> Node:
        need(self.folder is not None, NO_FILE_SELECTED)
        assert self.folder is not None
        return self.folder

    def _need_right(self, rule: bytes, operation: int) -> None:
        need(self.formatting or self.allows(rule, operation), NO_RIGHT)

    # -- commands ----------

    def run(self, command: Command) -> bytes:
        commands = {
            0x00A4: self._select_file,
            0x00B0: self._read,
            0x00D6: self._update,
            0x00E0: self._create,
            0x00E4: self._delete,
            0x0020: self._verify,
            0x0024: self._change_pin,
            0x002C: self._unblock,
            0x00CA: self._get_data,
            0x8040: self._logout,
            0x808A: self._begin_format,
            self.FORMAT_END[0]: self._end_format,
        }
        if self.HAS_RANDOM:
            commands[0x0084] = self._random
        run = commands.get(command.head)
        need(run is not None, NO_SUCH_COMMAND)
        assert run is not None
        return run(command)

    def _select_file(self, command: Command) -> bytes:
        need(command.p2 in (0x00, 0x02, 0x04, 0x0C), WRONG_PARAMETERS)
        if command.p2 == 0x02:
            need(command.p1 == 0, WRONG_PARAMETERS)
        node = {0x00: self._by_id, 0x03: self._parent, 0x08: self._by_path}.get(
            command.p1, self._by_name
        )(command)
        need(node is not None, NOT_FOUND)
        assert node is not None
        self._select(node)
        # A card that speaks T=0 insists on telling what it has selected.
        return b"" if command.p2 == 0x0C and not self.t0 else self.description(node)

    def _by_id(self, command: Command) -> Node | None:
        if self.root is None:
            return None
        children = list(self._folder().children.values())
        if not command.data:
            return children[0] if children else None
        need(len(command.data) == 2, WRONG_LENGTH)
        fid = self.value(command.data)
        if command.p2 == 0x02:
            ids = [child.fid for child in children]
            need(fid in ids, NOT_FOUND)
            following = children[ids.index(fid) + 1 :]
            return following[0] if following else None
        return self.root if fid == ROOT else self._folder().children.get(fid)

    def _parent(self, command: Command) -> Node | None:
        need(not command.data, WRONG_LENGTH)
        return self._folder().parent

    def _by_path(self, command: Command) -> Node | None:
        data = command.data
        need(bool(data) and len(data) % 2 == 0, WRONG_LENGTH)
        path = [self.value(data[at : at + 2]) for at in range(0, len(data), 2)]
        return self.root.at(*path) if self.root else None

    def _by_name(self, command: Command) -> Node | None:
        need(False, WRONG_PARAMETERS)
        return None

    def description(self, node: Node) -> bytes:
        """What SELECT answers (FCP)."""
        body = (
            field(0x80, self.number(len(node.content)))
            + field(0x81, self.number(node.allocated))
            + field(0x82, bytes([node.kind, 0]))
            + field(0x83, self.number(node.fid))
            + field(0x8A, bytes([node.life_cycle]))
            + field(0x86, node.rule)
        )
        return field(0x62, body)

    def _data_file(self, operation: int) -> Node:
        need(self.file is not None, NO_FILE_SELECTED)
        assert self.file is not None
        self._need_right(self.file.rule, operation)
        need(self.file.life_cycle == ACTIVE, NO_CONDITIONS)
        return self.file

    def _read(self, command: Command) -> bytes:
        need(command.expected is not None and not command.data, WRONG_LENGTH)
        need(command.p1 < 0x80, WRONG_PARAMETERS)
        content = self._data_file(READ).content
        start = command.parameters
        need(start < len(content), PAST_THE_END)
        return bytes(content[start : start + (command.expected or 0)])

    def _update(self, command: Command) -> bytes:
        data = command.data
        need(bool(data) and command.expected is None, WRONG_LENGTH)
        need(command.p1 < 0x80, WRONG_PARAMETERS)
        content = self._data_file(UPDATE).content
        start = command.parameters
        need(start + len(data) <= len(content), PAST_THE_END)
        if self.torn:
            data = data[: len(data) // 2]
        content[start : start + len(data)] = data
        self.changed = True
        return b""

    def _create(self, command: Command) -> bytes:
        need(bool(command.data) and command.parameters == 0, WRONG_PARAMETERS)
        outer = list(fields(command.data))
        need(len(outer) == 1 and outer[0][0] == self.TEMPLATE, WRONG_DATA)
        given = list(fields(outer[0][1]))
        self._check_template([tag for tag, _ in given])
        template = dict(given)
        for tag, length in ((0x80, 2), (0x82, 2), (0x83, 2), (0x86, self.RULE_LENGTH)):
            need(len(template.get(tag, b"")) == length, WRONG_DATA)
        kind, fid = template[0x82], self.value(template[0x83])
        size, rule = self.value(template[0x80]), template[0x86]
        if kind == b"\x10\x00":
            self._create_pin(fid, rule, template.get(0x85, b""))
            return b""
        need(kind in (b"\x38\x00", b"\x01\x00") and 0x85 not in template, WRONG_DATA)
        is_folder = kind[0] == Kind.FOLDER
        need(not is_folder or size == 0, WRONG_DATA)
        node = Node(fid, Kind(kind[0]), rule, bytearray([self.fresh]) * size)
        if fid == ROOT and self.root is None and self.formatting and is_folder:
            self.root = node
        else:
            self._add(node)
        self.changed = True
        if self.create_selects or self.folder is None:
            self._select(node)
        return b""

    def _check_template(self, tags: list[int]) -> None:
        need(len(tags) == len(set(tags)), WRONG_DATA)
        need(set(tags) <= {0x80, 0x82, 0x83, 0x85, 0x86}, WRONG_DATA)

    def _add(self, node: Node) -> None:
        folder = self._folder()
        need(node.fid not in (ROOT, 0x3FFF, 0xFFFF), WRONG_DATA)
        self._need_right(folder.rule, CREATE)
        need(node.fid not in folder.children, EXISTS)
        need(len(folder.children) < self.folder_limit, FOLDER_FULL)
        need(node.allocated <= self.free, FULL)
        folder.add(node)

    def _create_pin(self, reference: int, rule: bytes, properties: bytes) -> None:
        need(len(properties) == 6 and properties[0] == 1, WRONG_DATA)
        self._need_right(self._folder().rule, CREATE_OBJECT)
        need(reference not in self.pins, EXISTS)
        _, minimum, flags, counters = properties[:4]
        self.pins[reference] = Pin(
            reference,
            None,
            rule,
            minimum=minimum,
            maximum=self.LONGEST_PIN,
            tries=counters >> 4,
            left=counters & 15,
            flags=flags,
        )
        self.changed = True

    def _delete(self, command: Command) -> bytes:
        need(command.parameters == 0, WRONG_PARAMETERS)
        need(len(command.data) in (0, 2), WRONG_LENGTH)
        node: Node | None = self._current
        if command.data:
            node = self._folder().children.get(self.value(command.data))
        need(node is not None, NOT_FOUND)
        assert node is not None
        self._need_right(node.rule, DELETE)
        need(not node.children or self.deletes_full_folders, NO_CONDITIONS)
        parent = node.parent
        need(parent is not None, NO_RIGHT)
        assert parent is not None
        del parent.children[node.fid]
        self._select(parent)
        self.changed = True
        return b""

    # -- PINs ----------

    def _pin(self, reference: int) -> Pin:
        need(reference in self.pins, NO_SUCH_REFERENCE)
        return self.pins[reference]

    def _verify(self, command: Command) -> bytes:
        need(command.p1 == 0, WRONG_PARAMETERS)
        pin = self._pin(command.p2)
        if not command.data:
            # In T=0 a fifth byte of zero may be no more than that.
            bare = command.expected is None or self.t0 or self.GIVES_UNASKED
            need(bare, WRONG_LENGTH)
            need(pin.left > 0, PIN_BLOCKED)
            need(self.logged_in == command.p2, 0x63C0 | pin.left)
            return b""
        need(self.logged_in is None, LOGGED_IN_ALREADY)
        need(len(command.data) <= pin.maximum, WRONG_LENGTH)
        self.changed = True
        pin.check(command.data, self.tells_tries)
        self.logged_in = command.p2
        return b""

    def _logout(self, command: Command) -> bytes:
        need(command.parameters == 0 and not command.data, WRONG_PARAMETERS)
        self.logged_in = None
        return b""

    def _change_pin(self, command: Command) -> bytes:
        need(command.p1 == 1, WRONG_PARAMETERS)
        pin = self._pin(command.p2)
        new = self._new_pin(command.data)
        need(pin.minimum <= len(new) <= pin.maximum, WRONG_DATA)
        # One that was just made has no value that anybody could log in with.
        if pin.value is not None:
            self._need_right(pin.rule, CHANGE)
        pin.value, pin.left = new.decode("latin-1"), pin.tries
        self.changed = True
        return b""

    def _new_pin(self, data: bytes) -> bytes:
        parts = list(fields(data))
        need([tag for tag, _ in parts] == [0x80, 0xA5], WRONG_DATA)
        (_, length), (_, new) = parts
        need(len(length) == 2 and self.value(length) == len(new), WRONG_DATA)
        return new

    def _unblock(self, command: Command) -> bytes:
        need(command.p1 == 3 and not command.data, WRONG_PARAMETERS)
        pin = self._pin(command.p2)
        self._need_right(pin.rule, UNBLOCK)
        pin.left = pin.tries
        self.changed = True
        return b""

    # -- what the card tells of itself ----------

    def _get_data(self, command: Command) -> bytes:
        need(command.p1 == 1 and not command.data, WRONG_PARAMETERS)
        return self.told(command.p2)

    def told(self, item: int) -> bytes:
        """GET DATA 01 *item*."""
        if item == 0x81:
            return self.serial.to_bytes(8, "big")
        if item == 0x89:
            return self.INFO
        if item == 0x8A and self.answers_free:
            return self.free.to_bytes(4, "big")
        need(item in self.pins, NO_SUCH_REFERENCE)
        pin = self.pins[item]
        return field(
            0x62,
            field(0x85, pin.properties)
            + field(0x86, pin.rule)
            + field(0x82, b"\x10\0")
            + field(0x83, self.number(pin.reference))
            + field(0x8A, bytes([ACTIVE])),
        )

    def _random(self, command: Command) -> bytes:
        need(command.parameters == 0 and not command.data, WRONG_PARAMETERS)
        need(command.expected is not None, WRONG_LENGTH)
        data = b""
        while len(data) < (command.expected or 0):
            number = self.instructions[0x0084]
            data += hashlib.sha256(b"card %d %d" % (number, len(data))).digest()
        data = data[: command.expected]
        self.given += data
        return data

    # -- format ----------

    def _begin_format(self, command: Command) -> bytes:
        need(command.parameters == 0, WRONG_PARAMETERS)
        self.root, self.pins, self.formatting = None, {}, True
        self.forget_session()
        self.changed = True
        return b""

    def _end_format(self, command: Command) -> bytes:
        need(command.parameters == self.FORMAT_END[1], WRONG_PARAMETERS)
        need(self.formatting, NO_CONDITIONS)
        self.formatting = False
        self.changed = True
        return b""

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
