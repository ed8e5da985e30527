"""The authority's desk: requests of many clients at once, answered in batches.

One thread issues.  While it works, what comes in waits and is the next batch, so that
many clients cost one transaction, and the authority's key is used by one thread only.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import datetime

from gostkey.errors import GeneratorFailure, RequestRefused
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate

LARGEST_BATCH = 256
MOST_DELAYED = 200_000
"""Requests whose first arrival is remembered; the oldest are forgotten."""
CRL_EVERY = 3600.0
"""Seconds that a CRL is given out before a new one is made."""


@dataclass(frozen=True)
class Later:
    """The certificate will be issued, not before so many seconds."""

    seconds: float


Answer = Certificate | RequestRefused | Later
_Job = tuple[bytes, "Future[Certificate | RequestRefused]"]


class Desk:
    """Answers requests; a context manager that waits for its thread at the end."""

    def __init__(
        self,
        authority: CertificateAuthority,
        clock: Callable[[], datetime],
        *,
        delay: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to answer.

        Args:
            authority: stays the caller's; must not be closed before the desk.
            clock: the moment of issuing.
            delay: seconds from a request's first arrival to its certificate, as
                where a person looks at each.  A restart begins it anew.
            monotonic: a clock that does not jump, for the delay.
        """
        self.certificate = authority.certificate
        self.failure: GeneratorFailure | None = None
        """What stopped the desk for good: no key of the authority may sign now."""
        self._authority = authority
        self._clock = clock
        self._delay = delay
        self._monotonic = monotonic
        self._seen: dict[bytes, float] = {}
        self._lock = threading.Lock()
        self._crl: tuple[float, bytes] | None = None
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._thread = threading.Thread(
            target=self._work, name="gostkey-desk", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Desk:
        """Give the desk."""
        return self

    def __exit__(self, *error: object) -> None:
        """Answer what has come, then end."""
        self._jobs.put(None)
        self._thread.join()

    def answer(self, request: bytes, timeout: float) -> Answer:
        """Answer a renewal request; the same bytes get the same certificate.

        Args:
            request: CMS, DER.
            timeout: seconds to wait for the batch.

        Raises:
            GostKeyError: if the authority cannot answer now.
            TimeoutError: if it takes longer; ask again.
        """
        wait = self._wait(request)
        if wait > 0:
            return Later(wait)
        future: Future[Certificate | RequestRefused] = Future()
        self._jobs.put((request, future))
        try:
            return future.result(timeout)
        except FutureTimeout:
            future.cancel()
            raise TimeoutError("the authority takes too long") from None

    def crl(self) -> bytes:
        """Give a CRL that is not older than `CRL_EVERY`; DER.

        Raises:
            GostKeyError: if none can be made.
        """
        with self._lock:
            now = self._monotonic()
            if self._crl is None or now - self._crl[0] >= CRL_EVERY:
                self._crl = now, self._authority.crl(self._clock())
            return self._crl[1]

    def _wait(self, request: bytes) -> float:
        """Say for how many seconds the request is not to be answered yet."""
        if self._delay <= 0:
            return 0.0
        name = hashlib.sha256(request).digest()
        with self._lock:
            now = self._monotonic()
            first = self._seen.setdefault(name, now)
            if len(self._seen) > MOST_DELAYED:
                self._seen.pop(next(iter(self._seen)))
            return first + self._delay - now

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            batch = [job]
            last = False
            while len(batch) < LARGEST_BATCH:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                batch.append(more)
            # One whose client has gone is not issued: it will ask again.
            self._issue([one for one in batch if one[1].set_running_or_notify_cancel()])
            if last:
                return

    def _issue(self, batch: list[_Job]) -> None:
        if not batch:
            return
        try:
            if self.failure is not None:
                raise self.failure
            answers = self._authority.issue_renewals(
                [request for request, _ in batch], self._clock()
            )
        except Exception as error:
            if isinstance(error, GeneratorFailure):
                self.failure = error
            elif len(batch) > 1:
                # One odd request must not hold up the others.
                for job in batch:
                    self._issue([job])
                return
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)
