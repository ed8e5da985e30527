"""The file system of a card: folders, files, their access rules, their memory.

How a rule is written down differs by family; here it is bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ROOT = 0x3F00

OVERHEAD = 32
"""What a file takes besides its bytes (tag 81 of a traced file of 70: 102)."""


class Kind(enum.IntEnum):
    """First byte of tag 82."""

    FOLDER = 0x38
    FILE = 0x01


ACTIVE = 5
"""Life cycle (tag 8A) of a file that is in use."""


@dataclass(eq=False)
class Node:
    """A folder (DF) or a file (EF)."""

    fid: int
    kind: Kind
    rule: bytes
    content: bytearray = field(default_factory=bytearray)
    children: dict[int, Node] = field(default_factory=dict)
    parent: Node | None = None
    life_cycle: int = ACTIVE

    @property
    def is_folder(self) -> bool:
        return self.kind is Kind.FOLDER

    @property
    def allocated(self) -> int:
        return len(self.content) + OVERHEAD

    def add(self, child: Node) -> Node:
        child.parent = self
        self.children[child.fid] = child
        return child

    def folder(self, fid: int, rule: bytes) -> Node:
        """Add a folder and return it."""
        return self.add(Node(fid, Kind.FOLDER, rule))

    def file(self, fid: int, rule: bytes, content: bytes) -> Node:
        """Add a file and return it."""
        return self.add(Node(fid, Kind.FILE, rule, bytearray(content)))

    def at(self, *path: int) -> Node | None:
        """Follow ids downwards; None where there is no such file."""
        node: Node | None = self
        for fid in path:
            node = node.children.get(fid) if node else None
        return node

    def walk(self) -> Iterator[Node]:
        """This one and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def state(self) -> dict[str, Any]:
        """What it takes to make the same again (for a file of JSON)."""
        return {
            "fid": self.fid,
            "kind": int(self.kind),
            "rule": self.rule.hex(),
            "content": self.content.hex(),
            "life_cycle": self.life_cycle,
            "children": [child.state() for child in self.children.values()],
        }


def node_of(state: dict[str, Any]) -> Node:
    """The reverse of `Node.state`."""
    node = Node(
        state["fid"],
        Kind(state["kind"]),
        bytes.fromhex(state["rule"]),
        bytearray.fromhex(state["content"]),
        life_cycle=state["life_cycle"],
    )
    for child in state["children"]:
        node.add(node_of(child))
    return node
