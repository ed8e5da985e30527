"""Taking a chunk of items through the steps, each journalled before and after.

The items of a chunk are written into the journal together: once with what is going
to be done, before it is done, and once with what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .answer_steps import BACK_TO_SENT, settle
from .pacing import Pacing
from .reasons import Reason, Verdict
from .steps import Context, Done, Outcome, Step, Work
from .storage.schema import STATES
from .storage.store import Change, Item
from .transports.collecting import Resting, Slow


@dataclass(frozen=True)
class Event:
    """What happens during a run, for a progress bar."""

    kind: str
    """"begin", "step", "item" (it has ended, well or not), "waiting"."""
    done: int
    """Steps done so far in this run."""
    total: int
    """Steps that this run has to do at most; fewer as keys stop."""
    step: str = ""
    owner: str = ""
    container: str = ""
    state: str = ""
    reason: str = ""
    text: str = ""
    cure: str = ""
    keys: int = 0
    """Keys of this run."""


OnEvent = Callable[[Event], None]


class HasItem(Protocol):
    """An item that is being worked on, here or by another process."""

    @property
    def item(self) -> Item:
        """Give the item."""


TOGETHER = 256
"""Requests that go together, unless the transport says another number (`Slow`): into a
folder, which may be on a slow share."""
WITH_AUTHORITY = ("sent", "certified")
"""The steps that wait for the authority."""


def parts(
    context: Context, step: Step, works: Sequence[Work]
) -> Iterator[Sequence[Work]]:
    """Part a chunk for a step that waits for the authority; others take it whole."""
    size, transport = len(works), context.transport
    if step.name in WITH_AUTHORITY and isinstance(transport, Slow):
        size = transport.together
    elif step.name == "sent" and not transport.checks_requests:
        # One that checks them is in this process: it does not keep anybody waiting.
        size = TOGETHER
    for first in range(0, len(works), size or 1):
        yield works[first : first + size]
    if step.name in WITH_AUTHORITY and isinstance(transport, Resting):
        transport.rest()


def state_before(step: Step) -> str:
    """Give the state from which a step leads on."""
    return STATES[STATES.index(step.name) - 1]


def do_step(context: Context, step: Step, works: Sequence[Work]) -> int:
    """Take the items of a chunk that are ready for a step through it.

    Returns:
        How many were ready.
    """
    ready = [
        work
        for work in works
        if work.item.reason is None and work.item.state == state_before(step)
    ]
    if not ready:
        return 0
    changes, going = [], []
    for work, outcome in zip(ready, _prepared(context, step, ready), strict=True):
        if isinstance(outcome, Done):
            going.append(work)
            # One that waits for its answer is not journalled at every look.
            again = step.name == "certified" and context.was_begun(step.name, work.item)
            if again and not outcome.values and "sent_again" not in outcome.detail:
                continue
            changes.append(
                Change(
                    work.item.id, step.name, "before", outcome.values, outcome.detail
                )
            )
        elif isinstance(outcome, Verdict):
            changes.append(_stopped(work.item, step, outcome))
    record(context, works, changes)
    if not step.in_memory:
        context.store.wait()
    changes = []
    for work, outcome in zip(going, _done(context, step, going), strict=True):
        if isinstance(outcome, Done):
            values = {**outcome.values, "state": step.name}
            changes.append(
                Change(work.item.id, step.name, "after", values, outcome.detail)
            )
        elif isinstance(outcome, Verdict):
            changes.append(_stopped(work.item, step, outcome))
    record(context, works, changes)
    refused = [work.item for work in ready if _is_refused(work.item)]
    if refused and step.name == "keyed":
        context.claims.release(refused)
    if step.name in ("certified", "checked"):
        settle(context, step.name, ready)
    return len(ready)


def _is_refused(one: Item) -> bool:
    return one.verdict is not None and one.verdict.kind == "refused"


def _prepared(context: Context, step: Step, works: list[Work]) -> Sequence[Outcome]:
    wrong = context.clock_verdict()
    return step.prepare(context, works) if wrong is None else [wrong for _ in works]


def _done(context: Context, step: Step, works: list[Work]) -> Sequence[Outcome]:
    # Looked at again: a clock that was set back may make the authority refuse.
    wrong = context.clock_verdict()
    return step.run(context, works) if wrong is None else [wrong for _ in works]


def record(context: Context, works: Sequence[Work], changes: Sequence[Change]) -> None:
    """Write changes into the store, then into the items at hand."""
    if not changes:
        return
    context.store.record(changes, context.clock())
    take_over(works, changes)


def take_over(works: Sequence[HasItem], changes: Sequence[Change]) -> None:
    """Write changes into the items at hand alone."""
    if not changes:
        return
    by_id = {work.item.id: work.item for work in works}
    for change in changes:
        if change.values:
            by_id[change.item_id].__dict__.update(change.values)


def _stopped(one: Item, step: Step, why: Verdict) -> Change:
    values: dict[str, Any] = {
        "reason": why.reason.value,
        "text": why.text,
        "cure": why.cure,
    }
    detail = {"reason": why.reason.value, "text": why.text}
    if step.name == "keyed":
        values["new_folder"] = one.new_folder
    if step.name == "checked" and why.reason in BACK_TO_SENT:
        # The bad answer is put aside; the request still waits for a good one.
        values |= {
            "state": "sent",
            "certificate": None,
            "new_begins": None,
            "new_ends": None,
        }
        detail["answer"] = hashlib.sha256(one.certificate or b"").hexdigest()
    if why.reason is Reason.REQUEST_RETURNED:
        values |= {"state": "requested", "sent_at": None}
    return Change(one.id, step.name, why.kind, values, detail)


class Progress:
    """Counts the steps and tells of them."""

    def __init__(
        self,
        on_event: OnEvent | None,
        states: Mapping[str, int],
        steps: Sequence[Step],
        pacing: Pacing | None = None,
    ) -> None:
        """Begin to count.

        Args:
            on_event: is told.
            states: how many keys nothing has stopped, by state.
            steps: of the run.
            pacing: counts the failures.
        """
        self._tell = on_event
        self._pacing = pacing
        self._steps = [STATES.index(step.name) for step in steps]
        first = self._steps[0] - 1
        here = {
            STATES.index(state): count
            for state, count in states.items()
            if state in STATES[first:-1]
        }
        self._done = 0
        self._total = sum(self._after(at) * count for at, count in here.items())
        self._keys = sum(here.values())
        self._event("begin")

    def _after(self, state: int) -> int:
        """Count the steps of the run that lead farther than a state."""
        return sum(1 for step in self._steps if step > state)

    def step(self, name: str, count: int) -> None:
        """Tell that *count* items went through a step."""
        self._done += count
        if count:
            self._event("step", step=name)

    def handled(self, works: Sequence[HasItem]) -> None:
        """Have the keys counted that were handled: too many failures end a run."""
        if self._pacing is not None:
            self._pacing.after(work.item for work in works)

    def end_chunk(self, works: Sequence[HasItem]) -> None:
        """Tell how the items of a chunk have ended."""
        for work in works:
            one = work.item
            waits = one.reason is None and one.state == "sent"
            if waits or one.reason is not None:
                # The step at which it stopped was counted, the others never will be.
                at = STATES.index(one.state) if one.state in STATES else 0
                self._total = max(self._done, self._total - self._after(at + 1))
            self._event(
                "waiting" if waits else "item",
                owner=one.owner,
                container=one.container,
                state=one.state,
                reason=one.reason or "",
                text=one.text or "",
                cure=one.cure or "",
            )

    def _event(self, kind: str, **values: str) -> None:
        if self._tell is not None:
            done, total = self._done, self._total
            self._tell(Event(kind, done, total, keys=self._keys, **values))
