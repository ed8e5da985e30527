"""What a Rutoken does with files: select, list, read, write, make and delete them.

How a family spells it is said by `cards.rutoken` and `cards.rutoken_s`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cards.card import VirtualCard
from cards.commands import (
    EXISTS,
    FOLDER_FULL,
    FULL,
    NO_CONDITIONS,
    NO_FILE_SELECTED,
    NO_RIGHT,
    NOT_FOUND,
    PAST_THE_END,
    WRONG_DATA,
    WRONG_LENGTH,
    WRONG_PARAMETERS,
    Command,
    field,
    fields,
    need,
)
from cards.files import ACTIVE, ROOT, Kind, Node
from cards.pins import Pin

# Bits of a rule's mask; the condition is in the byte after that many.
CREATE = READ = UNBLOCK = 0
CREATE_OBJECT = UPDATE = CHANGE = 1
PUT_DATA = 2
DELETE = 6

NEVER = 0xFF


class FileCommands(VirtualCard):
    """The file system of a Rutoken; its families say the rest."""

    RULE_LENGTH: ClassVar[int] = 15
    TEMPLATE: ClassVar[int] = 0x6F
    ENDIAN: ClassVar[Any] = "big"
    LONGEST_PIN: ClassVar[int] = 32

    root: Node | None
    pins: dict[int, Pin]
    capacity: int
    formatting: bool
    folder_limit: int
    create_selects: bool
    deletes_full_folders: bool
    fresh: int

    def allows(self, rule: bytes, operation: int) -> bool:
        """Whether the rule lets who is logged in do that."""
        raise NotImplementedError

    def number(self, value: int, length: int = 2) -> bytes:
        return value.to_bytes(length, self.ENDIAN)

    def value(self, data: bytes) -> int:
        return int.from_bytes(data, self.ENDIAN)

    @property
    def used(self) -> int:
        nodes = self.root.walk() if self.root else ()
        return sum(node.allocated for node in nodes)

    @property
    def free(self) -> int:
        return self.capacity - self.used

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
