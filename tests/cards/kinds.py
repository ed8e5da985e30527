"""The virtual cards by name, and the ones that live in files."""

from __future__ import annotations

import json
from pathlib import Path

from cards.card import VirtualCard
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite

KINDS: dict[str, type[VirtualCard]] = {
    kind.KIND: kind for kind in (RutokenLite, RutokenEcp, RutokenEcpCard)
}


def load(path: Path) -> VirtualCard:
    """Take the card out of its file; it goes on living there."""
    state = json.loads(path.read_text(encoding="utf-8"))
    card = KINDS[state["kind"]]()
    card.restore(state)
    card.keep_in(path)
    return card
