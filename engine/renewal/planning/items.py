"""The items of a new campaign: what the store keeps of each key of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from gostkey import batch

from ..storage.store import Item, moment
from .plan import PlanItem

__all__ = ["numbered"]

_AT_ONCE = 256
"""Certificates that are hashed together."""


def numbered(items: Iterable[PlanItem]) -> Iterator[Item]:
    """Turn a plan's items into those of a store, numbered from 1."""
    coming = enumerate(items, start=1)
    while some := list(islice(coming, _AT_ONCE)):
        # A text that is not there is never looked at.
        certificates = [one.holding.certificate or b"" for _, one in some]
        text = batch.digest(certificates, 256, threads=1).tobytes().hex()
        for place, (number, one) in enumerate(some):
            yield _item_of(number, one, text[64 * place : 64 * (place + 1)])


def _item_of(number: int, one: PlanItem, fingerprint: str) -> Item:
    holding, who, why = one.holding, one.holding.subscriber, one.verdict
    validity = holding.validity
    if why is None:
        state = "planned"
    else:
        state = "not-due" if why.kind == "skipped" else "due"
    return Item(
        id=number,
        source=who.source,
        container=str(who.container),
        container_name=holding.container_name,
        slot=holding.slot,
        password_file=_text(who.password_file),
        new_password_file=_text(who.new_password_file),
        pin_file=_text(who.pin_file),
        new_pin_file=_text(who.new_pin_file),
        owner=holding.owner,
        inn=holding.inn,
        old_begins=moment(validity.begins) if validity else None,
        old_ends=moment(validity.ends) if validity else None,
        fingerprint=None if holding.certificate is None else fingerprint,
        curve=holding.curve,
        usage=holding.usage,
        exportable=holding.exportable,
        destination=_text(one.destination),
        new_name=one.new_name,
        new_folder=None,
        moving_to=None,
        public_key=None,
        request_id=None,
        sent_at=None,
        new_begins=None,
        new_ends=None,
        archive=None,
        backup=None,
        state=state,
        reason=why.reason.value if why else None,
        text=why.text if why else None,
        cure=why.cure if why else None,
        note=None,
        old_certificate=holding.certificate,
        request=None,
        certificate=None,
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
