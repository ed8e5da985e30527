"""Working on an open campaign, and undoing what was done.

`run` does what is open, chunk by chunk, each step journalled before and after;
`resume` is `run` that tries the failed items again; `receive` only fetches and
installs certificates.  All three can be called any number of times, by any
process, one at a time.  How a campaign is begun and opened is in `campaign`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gostkey.pki.certificates import Certificate
from gostkey.random.policy import Policy
from gostkey.signing import SigningKey

from . import transports
from .answer_steps import BACK_TO_SENT
from .audit import AuditLog
from .chunks import OnEvent, Progress
from .interrupts import interrupted_too
from .leftovers import clean
from .lock import CampaignLock
from .pacing import Pacing
from .planning.csv_list import read_list
from .planning.items import numbered
from .planning.plan import make_plan
from .randomness import Randomness
from .reasons import FINAL_FAULTS, REFUSALS, Reason
from .report import Report, make_report
from .running import MAKING, RECEIVING, STEPS, Run
from .settings import zone_of
from .stations.claims import shared
from .steps import Context, Step
from .storage.store import Clock, Store
from .tokens import Tokens
from .transports import Transport
from .transports.collecting import leaving
from .trial import FOLDER as TRIAL_FOLDER
from .trial import OnProgress, make_trial, settings_of
from .undo import Archive, Undone, finish_rollbacks, prune_archives, roll_back
from .undo.rollback import find_item

if TYPE_CHECKING:
    from typing_extensions import Self

# What the calendar alone refused is looked at again: a clock may have been set right.
_TRIED_AGAIN = (frozenset(Reason) - REFUSALS - FINAL_FAULTS) | {
    Reason.LAST_DAY,
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
}
_TRIED_AGAIN_BY_RECEIVE = BACK_TO_SENT | {
    Reason.UNSIGNED_REFUSAL,
    Reason.ANSWER_UNREADABLE,
    Reason.TRANSPORT,
    Reason.LOGIN,
}


class OpenCampaign:
    """A campaign that this process has locked; close it, or use it as a context."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        lock: CampaignLock,
        clock: Clock,
        transport: Transport | None = None,
    ) -> None:
        """Take over an open store and a held lock.

        Args:
            folder: the campaign's.
            store: its items and journal.
            lock: keeps other processes out.
            clock: gives the present moment.
            transport: the way to the authority; None: the one of the settings.
        """
        self.folder = folder.absolute()
        self.clock = clock
        self._store = store
        self._lock = lock
        self._transport = transport
        self.audit_key: SigningKey | None = None
        """Signs the audit log; without it the campaign's own key does."""
        self.audit_certificate: Certificate | None = None
        """Of the audit key: the log is signed as a CMS message, too."""

    def close(self) -> None:
        """Close the store and give the lock back."""
        self._store.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        on_event: OnEvent | None = None,
        *,
        randomness: Randomness | None = None,
        tokens: Tokens | None = None,
        workers: int = 1,
        pacing: Pacing | None = None,
    ) -> Report:
        """Do all that is open; items that failed before stay as they are.

        Args:
            on_event: is told of what happens.
            randomness: what is mixed in besides the system's generator, which
                serves alone by default.
            tokens: whom to ask for PINs; without it they come from files alone.
            workers: processes that make keys and requests, each a chunk at a
                time; only where a process can fork.  They add to each other's
                speed up to the number of processors.
            pacing: limit, rate, quiet hours and failures that end the run; its
                `ended` says afterwards whether something is left for them.

        Raises:
            GeneratorFailure: if the random generator fails.
            GammaExhausted: if the gamma file has too few records; what is done
                stays, and `resume` goes on with a new file.
        """
        self._work(STEPS, on_event, randomness, tokens, workers, pacing=pacing)
        return self.report()

    def make_requests(
        self,
        on_event: OnEvent | None = None,
        *,
        randomness: Randomness | None = None,
        tokens: Tokens | None = None,
        workers: int = 1,
        pacing: Pacing | None = None,
    ) -> dict[str, int]:
        """Do what `run` does up to the requests, and send nothing.

        Arguments and errors are those of `run`.

        Returns:
            How many items that nothing has stopped are in which state.
        """
        self._work(MAKING, on_event, randomness, tokens, workers, pacing=pacing)
        return self._store.count_states()

    def resume(
        self,
        on_event: OnEvent | None = None,
        *,
        randomness: Randomness | None = None,
        tokens: Tokens | None = None,
        workers: int = 1,
        pacing: Pacing | None = None,
    ) -> Report:
        """Go on after an interruption, and try the failed items again.

        Arguments and errors are those of `run`.
        """
        tokens = tokens or Tokens()
        self.try_again(tokens)
        finish_rollbacks(self._store, self.folder, self.clock, tokens)
        self._work(STEPS, on_event, randomness, tokens, workers, "resume", pacing)
        return self.report()

    def try_again(self, tokens: Tokens | None = None) -> None:
        """Open the failed items again and remove what is half-written; no more."""
        self.prepare()
        self._store.reopen(_TRIED_AGAIN)
        clean(self._store, self.folder, tokens or Tokens())

    def transport_settings(self) -> dict[str, Any]:
        """Describe the way to the authority, as `Transport.settings` does."""
        self.prepare()
        return dict(self._store.settings()["transport"])

    def change_transport(self, transport: Transport) -> None:
        """Take another way to the authority, for all later runs and stations, too.

        Requests stay as they are, byte for byte, and so does what came of them.
        """
        self.prepare()
        self._store.change_transport(transport.settings())
        self._transport = transport

    @property
    def is_shared(self) -> bool:
        """Whether other stations may work on it: its database is PostgreSQL."""
        return self._store.database.is_shared

    def has_tokens(self) -> bool:
        """Say whether something is to be done at tokens."""
        return len(self._store.open_ids()) > len(self._store.open_ids(on_tokens=False))

    def policy(self) -> Policy | None:
        """Return whom the last run asked for random input; None before the first.

        Nobody is asked for the keys of a trial.
        """
        begun = [one for one in self._store.randomness() if one["kind"] == "begin"]
        if begun:
            return Policy(begun[-1]["detail"]["policy"])
        return Policy.OS_ONLY if "trial" in self._store.settings() else None

    def keys_to_make(
        self, *, failed_too: bool = False, limit: int | None = None
    ) -> int:
        """Count the keys that `run` will make, or `resume` with *failed_too*.

        Args:
            failed_too: also those that failed before they were made.
            limit: begin so many at most that were not begun before.
        """
        if self._store.phase() != "planned":
            self.prepare()
        again = {None, *(one.value for one in _TRIED_AGAIN)} if failed_too else {None}
        keys = self._store.count_planned(again)
        if limit is None:
            return keys
        begun = self._store.count_planned(again, begun_by=STEPS[0].name)
        return begun + min(keys - begun, limit)

    def receive(
        self,
        on_event: OnEvent | None = None,
        *,
        tokens: Tokens | None = None,
        pacing: Pacing | None = None,
        send_again: bool = False,
    ) -> Report:
        """Fetch the certificates that have come, check and install them.

        Args:
            on_event: is told of the progress.
            tokens: the run's.
            send_again: send overdue requests once more before, the same bytes.
        """
        self.prepare()
        self._store.reopen(_TRIED_AGAIN_BY_RECEIVE)
        self._work(
            RECEIVING,
            on_event,
            tokens=tokens,
            doing="receive",
            pacing=pacing,
            send_again=send_again,
        )
        return self.report()

    def roll_back(
        self,
        which: Iterable[str],
        *,
        not_used: bool = False,
        tokens: Tokens | None = None,
    ) -> list[Undone]:
        """Put old containers back and take the new ones out of use.

        Args:
            which: numbers of items, or what names their keys; see `undo.find_item`.
            not_used: the operator's word that a new certificate that is installed was
                not used; without it only those can be rolled back that are not.
            tokens: whom to ask for PINs.

        Raises:
            CampaignError: if something names no item, or several; nothing is done then.
        """
        tokens = tokens or Tokens()
        ids = list(dict.fromkeys(find_item(self._store, one) for one in which))
        clean(self._store, self.folder, tokens)
        with AuditLog(self.folder, self._store, self.clock) as log:
            log.open("rollback")
            done = roll_back(
                self._store, self.folder, self.clock, ids, tokens, not_used=not_used
            )
            log.seal(self.audit_key, self.audit_certificate)
        claims, _ = shared(self._store.database)
        free = [one.item_id for one in done if one.error is None]
        claims.release(self._store.items(free))
        return done

    def prune_archives(
        self, keep_days: int, *, tokens: Tokens | None = None
    ) -> Iterator[Archive]:
        """Remove copies of old containers that are older and not the only ones."""
        removed = False
        tokens = tokens or Tokens()
        try:
            for one in prune_archives(
                self._store, self.clock, tokens, keep_days=keep_days
            ):
                removed |= one.removed
                yield one
        finally:
            if removed:
                with AuditLog(self.folder, self._store, self.clock) as log:
                    log.open("prune")
                    log.seal(self.audit_key, self.audit_certificate)

    def report(self) -> Report:
        """Tell where every item stands."""
        return make_report(self._store, self.clock())

    def history(self, item_id: int | None = None) -> list[dict[str, Any]]:
        """Read the journal, oldest first: of one item, or of all."""
        return self._store.history(item_id)

    def prepare(self, on_progress: OnProgress | None = None) -> None:
        """Make a trial and plan it, if this is a trial that is not made yet.

        A run does so by itself; this is for a command that shows it.
        """
        if self._store.phase() == "planned":
            return
        settings = self._store.settings()
        at = self._store.created_at()
        trial = make_trial(
            self.folder / TRIAL_FOLDER,
            at=at,
            on_progress=on_progress,
            **settings["trial"],
        )
        plan = make_plan(read_list(trial.list), at, zone_of(settings))
        settings["transport"] = settings_of(trial)
        self._store.fill(numbered(plan.items), plan.row_errors, settings, at)

    def _work(
        self,
        steps: Sequence[Step],
        on_event: OnEvent | None,
        randomness: Randomness | None = None,
        tokens: Tokens | None = None,
        workers: int = 1,
        doing: str = "run",
        pacing: Pacing | None = None,
        send_again: bool = False,
    ) -> None:
        self.prepare()
        settings = self._store.settings()
        tokens = tokens or Tokens()
        tokens.experimental |= bool(settings.get("experimental"))
        transport = self._transport
        if transport is None:
            transport = transports.from_settings(settings["transport"], self.clock)
        progress = Progress(on_event, self._store.count_states(), steps, pacing)
        claims, places = shared(self._store.database)
        context = Context(
            folder=self.folder,
            store=self._store,
            transport=transport,
            clock=self.clock,
            zone=zone_of(settings),
            randomness=randomness or Randomness(),
            tokens=tokens,
            places=places,
            claims=claims,
            created_at=self._store.created_at(),
            send_again=send_again,
            places_in_journal=not self.is_shared,
        )
        keys = 0
        if steps[:1] == STEPS[:1]:
            keys = self.keys_to_make(limit=pacing.places if pacing else None)
        with (
            leaving(transport),
            closing(claims),
            AuditLog(self.folder, self._store, self.clock) as log,
        ):
            log.open(doing)
            with interrupted_too(
                partial(log.seal, self.audit_key, self.audit_certificate),
                log.open_again,
            ):
                Run(self._store, context, steps, progress, pacing).do(keys, workers)
