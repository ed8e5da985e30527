"""PINs of a Rutoken: values, counters, and the rule that guards each."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from typing import Any

from cards.commands import PIN_BLOCKED, WRONG_PIN, Refused, need

ADMIN = 1
USER = 2


@dataclass
class Pin:
    """One PIN object (file descriptor 10 00)."""

    reference: int
    value: str | None
    """None: made, but not set yet."""
    rule: bytes
    """Operations: unblock, change, -, delete."""
    minimum: int = 6
    maximum: int = 32
    tries: int = 10
    left: int = 10
    flags: int = 0

    @property
    def properties(self) -> bytes:
        """Tag 85."""
        counters = self.tries << 4 | self.left
        return bytes([1, self.minimum, self.flags, counters, 0, 0])

    def check(self, given: bytes, tells_tries: bool) -> None:
        """Compare; each wrong one costs a try.

        Raises:
            Refused: 6983 when there are no tries left, 63Cx or 6300 when wrong.
        """
        need(self.left > 0, PIN_BLOCKED)
        right = (self.value or "").encode("latin-1")
        if self.value is None or not hmac.compare_digest(right, given):
            self.left -= 1
            raise Refused(0x63C0 | self.left if tells_tries else WRONG_PIN)
        self.left = self.tries

    def state(self) -> dict[str, Any]:
        return {**asdict(self), "rule": self.rule.hex()}


def pin_of(state: dict[str, Any]) -> Pin:
    """The reverse of `Pin.state`."""
    return Pin(**{**state, "rule": bytes.fromhex(state["rule"])})
