"""What is known of a value: its kind, and where it points."""

from __future__ import annotations

from dataclasses import dataclass

NUMBER, PUBLIC, POINTERS, SECRET_MEMORY, SECRET = range(5)
KINDS = {
    "number": NUMBER,
    "public": PUBLIC,
    "pointers": POINTERS,
    "secret": SECRET_MEMORY,
    "SECRET": SECRET,
}

LOADED = {
    NUMBER: SECRET,
    PUBLIC: PUBLIC,
    POINTERS: SECRET_MEMORY,
    SECRET_MEMORY: SECRET,
    SECRET: SECRET,
}
"""Kind of a pointer -> kind of what it points to."""

Where = tuple[str, str, "int | None"]
"""What more is known of a value, and from which base and offset it is:

    stack        points to that place of the stack
    stack from   somewhere from that place of the stack on; base "?": to any place
    symbol       points so far beyond a symbol
    content of   is what stands there: a pointer to a function, or an address
"""


@dataclass(frozen=True)
class Value:
    kind: int
    where: Where | None = None

    @property
    def on_stack(self) -> bool:
        return self.where is not None and self.where[0].startswith("stack")

    def without_place(self) -> Value:
        """What is known after more than moving it."""
        return Value(self.kind, ANYWHERE if self.on_stack else None)

    def moved(self, by: int | None) -> Value:
        """This pointer plus a number, None if the number is not known."""
        if self.where is None:
            return self
        what, base, offset = self.where
        if what == "content of":
            return Value(self.kind)
        if what == "stack from":
            return self
        if what == "stack" and by is None:
            return Value(self.kind, ("stack from", base, offset))
        known = None if by is None or offset is None else offset + by
        return Value(self.kind, (what, base, known))


ANYWHERE: Where = ("stack from", "?", 0)

A_NUMBER = Value(NUMBER)
A_SECRET = Value(SECRET)


def join(left: Value, right: Value) -> Value:
    """What is certain where two ways through the program meet."""
    if left == right:
        return left
    kind = max(left.kind, right.kind)
    places = [value.where for value in (left, right) if value.on_stack]
    if len(places) == 2 and places[0] and places[1] and places[0][1] == places[1][1]:
        lower = min(places[0][2] or 0, places[1][2] or 0)
        return Value(kind, ("stack from", places[0][1], lower))
    return Value(kind, ANYWHERE if places else None)
