"""The virtual cards by name, and the ones that live in files."""

from __future__ import annotations

import json
from pathlib import Path

from cards.card import VirtualCard
from cards.etoken import EtokenPro
from cards.jacarta_lt import JacartaLt
from cards.rutoken import RutokenEcp, RutokenEcpCard, RutokenLite
from cards.rutoken_s import RutokenS

KINDS: dict[str, type[VirtualCard]] = {
    kind.KIND: kind
    for kind in (
        RutokenLite,
        RutokenEcp,
        RutokenEcpCard,
        RutokenS,
        JacartaLt,
        EtokenPro,
    )
}


def load(path: Path) -> VirtualCard:
    """Take the card out of its file; it goes on living there."""
    state = json.loads(path.read_text(encoding="utf-8"))
    card = KINDS[state["kind"]]()
    card.restore(state)
    card.keep_in(path)
    return card
