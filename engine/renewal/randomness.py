"""Where the random numbers of a run come from, and the record of it.

One sensor session, held before the run, serves all of its keys; a gamma file,
if there is one, gives a record for each key.  Both are mixed into the seed and
only add to the system's generator.  The store keeps counts, verdicts of tests
and salted hashes of gamma records: enough to show afterwards how the keys were
made, and not a bit of what they were made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gostkey import random
from gostkey.random import jitter
from gostkey.random.gamma import GammaFeed
from gostkey.random.policy import Policy

from .storage.store import Clock, Store

__all__ = ["Randomness", "summary_of"]


@dataclass
class Randomness:
    """What a run is given besides the system's generator."""

    policy: Policy = Policy.OS_ONLY
    session: Mapping[str, Any] | None = None
    """Record of the sensor session that was held for this run; it has been
    mixed in already."""
    fallback: str = ""
    """Why there was none, though the policy asks for one."""
    gamma: GammaFeed | None = None
    tokens: Sequence[Mapping[str, Any]] = ()
    """What came of asking tokens for random bytes; it has been mixed in already."""
    _store: Store | None = field(default=None, repr=False)
    _clock: Clock | None = field(default=None, repr=False)
    _campaign: bytes = field(default=b"", repr=False)
    _counted: tuple[int, int] = field(default=(0, 0), repr=False)
    _of_workers: tuple[int, int] = field(default=(0, 0), repr=False)

    def begin(self, store: Store, clock: Clock, keys: int) -> None:
        """Begin a run that has *keys* keys to make: count the gamma, record.

        Raises:
            GammaExhausted: if the gamma file has too few records for them.
        """
        if self.gamma is not None:
            self.gamma.require(keys)
        self._store, self._clock = store, clock
        self._campaign = f"{store.where} {store.created_at().isoformat()}".encode()
        self._counted = counters()
        self._of_workers = (0, 0)
        detail = {
            "policy": self.policy.value,
            "session": None if self.session is None else dict(self.session),
            "fallback": self.fallback,
            "gamma": self.gamma is not None,
            "gamma_trusted": self.gamma is not None and self.gamma.trusted,
            "tokens": [dict(one) for one in self.tokens],
            "jitter": jitter.mix_in() or "passed",
            "keys": keys,
        }
        store.record_randomness("begin", detail, clock())

    def before_keys(self, count: int) -> None:
        """Bind the generator to the campaign; mix in gamma for the next keys.

        Raises:
            GammaExhausted: if the gamma file is used up; what was made stays.
        """
        if self.gamma is not None:
            self._record("gamma", self.gamma.feed(count).record())
        random.generator().reseed(self._campaign)

    def count_worker(self, reseeds: int, given: int) -> None:
        """Add what the generators of a worker process did."""
        self._of_workers = (self._of_workers[0] + reseeds, self._of_workers[1] + given)

    def end(self) -> None:
        """Record what the generators did during the run."""
        reseeds, given = counters()
        detail = {
            "reseeds": reseeds - self._counted[0] + self._of_workers[0],
            "bytes": given - self._counted[1] + self._of_workers[1],
            "failure": random.status().failure,
        }
        self._record("end", detail)

    def _record(self, kind: str, detail: Mapping[str, Any]) -> None:
        assert self._store is not None and self._clock is not None
        self._store.record_randomness(kind, detail, self._clock())


def counters() -> tuple[int, int]:
    """Count seeds, and bytes given, of all generators of this process."""
    generators = random.status().generators
    return (
        sum(one.reseeds for one in generators),
        sum(one.bytes_given for one in generators),
    )


def summary_of(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Put a store's records of randomness together for a report, JSON-safe.

    Returns:
        ``runs``: of each run that had keys to make its time, policy, sensor
        session and fall-back, and whether it has ``ended``; ``gamma_records``
        and ``gamma_left`` (None without gamma); ``reseeds`` and ``bytes`` of
        the generators in the runs that have ended, since one that was killed
        counted them in vain; ``failure``.
    """
    runs: list[dict[str, Any]] = []
    made: dict[str, Any] = {
        "runs": runs,
        "gamma_records": None,
        "gamma_left": None,
        "reseeds": 0,
        "bytes": 0,
        "failure": "",
    }
    for record in records:
        detail = record["detail"]
        if record["kind"] == "begin":
            runs.append({"at": record["at"], "ended": False, **detail})
        elif record["kind"] == "gamma":
            made["gamma_records"] = made["gamma_records"] or 0
            made["gamma_records"] += detail["before"] - detail["after"]
            made["gamma_left"] = detail["after"]
        else:
            made["reseeds"] += detail["reseeds"]
            made["bytes"] += detail["bytes"]
            made["failure"] = detail["failure"] or made["failure"]
            # Runs of one campaign lock each other out: it is the last one's end.
            runs[-1]["ended"] = True
    return made
