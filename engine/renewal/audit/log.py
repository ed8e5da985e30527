"""Writing a campaign's audit log: it follows the journal, and outlives a crash.

The journal is the truth.  The log takes its outcomes over in the order of the journal,
some at a time, by whichever process works on the campaign; what a crash kept from it,
the next run takes over.  So a step never waits for the log, and a line is on the disk
a second after its step at the latest, or after a crash when the next run begins.

With several stations each has a log in its own folder, which holds the outcomes of all
of them; in one folder only one process writes.

A log that was signed and is gone, or is shorter than it was signed, is completed from
the journal all the same, as the renewal must go on; but it says so in a line, which is
signed with the rest and which no later run takes away.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gostkey.errors import CampaignLocked, GeneratorFailure
from gostkey.media import explain
from gostkey.media.durable import flush_folder
from gostkey.pki.certificates import Certificate
from gostkey.pki.cms import refuse_another_key
from gostkey.signing import SigningKey

from ..lock import CampaignLock
from ..storage.schema import STATES, audit_seal, journal
from ..storage.store import Clock, Store, moment, nothing
from ..storage.who import who
from . import signed, tail
from .items import bad_rows
from .keys import campaigns_key
from .lines import (
    FORMAT,
    LOG_NAME,
    NOTHING,
    digest_of,
    line_of,
    members,
    outcomes,
    step,
)
from .seals import place_of, signed_here

log = logging.getLogger("gostkey.renewal")

AUDIT_LOCK = "audit.lock"
_PAUSE = 0.25
"""Seconds between two looks at the journal."""
_AT_ONCE = 1 << 16
"""Bytes that are written together."""
_SLICE = 256
"""Outcomes that are taken over in a pause: some milliseconds."""


class AuditLog:
    """The log of one campaign, open for writing; close it, or use it as a context.

    Where another process writes the log in this folder already, nothing is done here:
    its lines tell of this one's steps, too.
    """

    def __init__(self, folder: Path, store: Store, clock: Clock) -> None:
        """Take what the log is about; `open` opens it.

        Args:
            folder: of the campaign; the log is in it.
            store: of the campaign, open.
            clock: gives the present moment.
        """
        self.path = folder / LOG_NAME
        self._folder = folder
        self._store = store
        self._clock = clock
        self._lock = CampaignLock(folder / AUDIT_LOCK)
        self._process = 0
        self._file = -1
        self._name = ""
        self._number = 0
        self._prev = NOTHING
        self._journal = 0
        self._looked = 0.0
        self._flushed = 0.0
        self._waiting: list[bytes] = []
        self._size = 0
        self._unflushed = False

    # -- opening and closing -------------------------------------------------

    def open(self, doing: str) -> None:
        """Open the log, or begin it; repair its end, and take over what it lacks.

        Args:
            doing: what begins now: "run", "resume" or "receive".

        Raises:
            MediumError: if it cannot be read or written.
        """
        try:
            self._lock.acquire()
        except CampaignLocked:
            return
        try:
            self._open(doing)
        except OSError as error:
            self.close()
            raise explain(error, self.path) from error
        except BaseException:
            self.close()
            raise
        self._looked = time.monotonic()
        self._store.after_record = self.follow
        self._store.in_a_pause = self.use_pause

    def open_again(self) -> None:
        """Take up what is in the file, after an interrupt that may have come anywhere.

        Between two lines or within one, what is remembered of the log need not be what
        was written.  Steps that are not in the file are still in the journal.

        Raises:
            MediumError: if it cannot be read or written.
        """
        if not self._is_ours():
            return
        with self._faults():
            file, self._file = self._file, -1
            os.close(file)
            self._waiting, self._size = [], 0
            self._take_up()

    def _open(self, doing: str) -> None:
        self._take_up()
        # What an earlier run did stands before what this one begins; of a plan alone,
        # which may be long, nobody is to wait for the lines.
        worked = sa.select(journal.c.id).where(journal.c.step != STATES[1]).limit(1)
        if self._store.read(worked):
            self._take_over()
        self._add(members(kind="run", **self._now(), doing=doing))
        self._flush()

    def _take_up(self) -> None:
        """Open the file, mend its end, and go on from there; begin it if it is new."""
        end = tail.read(self.path)
        cut = tail.cut(self.path, end)
        self._process = os.getpid()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        new = not self.path.exists()
        self._file = os.open(self.path, flags, 0o600)
        if new:
            flush_folder(self._folder)
        self._name, self._number = end.name, end.number
        self._prev, self._journal = end.prev, end.journal
        anew = not self._number
        if anew:
            self._begin()
        self._put_seal_back()
        self._tell_what_is_gone(anew)
        if cut is not None:
            self._add(members(kind="repair", **self._now(), **cut))

    def close(self) -> None:
        """Close the log; it may be called twice."""
        self._store.after_record = nothing
        self._store.in_a_pause = nothing
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._lock.release()

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- while the run goes on -----------------------------------------------

    def follow(self, *, now: bool = False) -> None:
        """Take over what the journal has more than the log, at most once a second.

        Args:
            now: do not wait for the second to pass.

        Raises:
            MediumError: if the log cannot be written.
        """
        if not self._is_ours():
            return
        if not now and time.monotonic() < self._looked + _PAUSE:
            return
        with self._faults():
            # What was taken over is not taken again.
            self._store.database.patiently(self._take_over)
            self._flush()
        self._looked = time.monotonic()

    def use_pause(self) -> float | None:
        """Take over some of what the journal has more, while nobody waits for it.

        Returns:
            Seconds until there is more to do, 0.0 if there is now; None: nothing.

        Raises:
            MediumError: if the log cannot be written.
        """
        if not self._is_ours():
            return None
        with self._faults():
            if self._store.database.patiently(partial(self._take_over, _SLICE)):
                return 0.0
            self._looked = time.monotonic()
            if not self._unflushed:
                return None
            left = self._flushed + _PAUSE - self._looked
            if left > 0:
                return left
            self._flush()
        return None

    def _is_ours(self) -> bool:
        """Say whether it is open; a worker that has inherited it leaves it alone."""
        return self._file >= 0 and self._process == os.getpid()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What was not written will be taken over when it is opened again.
            self.close()
            raise explain(error, self.path) from error

    def seal(
        self, key: SigningKey | None = None, certificate: Certificate | None = None
    ) -> bool:
        """Take over all that is in the journal, and sign.

        Args:
            key: that signs; the campaign's own if left out.
            certificate: of that key: sign as a CMS message beside the log, too.

        Returns:
            False if another process writes the log, or the generator has failed, and
            nothing was signed.

        Raises:
            MediumError: if it cannot be written.
            EncodingError: if the certificate is of another key.
        """
        if key is not None and certificate is not None:
            refuse_another_key(key, certificate)
        self.follow(now=True)
        if self._file < 0:
            return False
        try:
            if key is not None:
                self._seal(key, certificate)
                if certificate is not None:
                    signed.sign(self._folder, key, certificate, self._clock())
            else:
                with campaigns_key(self._folder) as own:
                    self._seal(own)
        except GeneratorFailure:
            return False
        except OSError as error:
            self.close()
            raise explain(error, self.path) from error
        return True

    def _seal(self, key: SigningKey, certificate: Certificate | None = None) -> None:
        with_what = {
            "folder": place_of(self._folder),
            "public_key": key.verifying_key.to_spki().hex(),
        }
        if certificate is not None:
            with_what["certificate"] = certificate.fingerprint().hex()
        rest = members(kind="seal", **self._now(), **with_what)
        unsigned = line_of(self._number, self._prev, rest)
        signature = key.sign(unsigned).hex()
        rest += f',"signature":"{signature}"'
        number, line = self._number, line_of(self._number, self._prev, rest)
        # The store knows the seal first: a log that was shortened is told by it.
        self._store.execute(
            audit_seal.insert().values(
                log=self._name, line=number, text=line.decode("utf-8")
            )
        )
        self._add(rest)
        self._flush()

    # -- lines ---------------------------------------------------------------

    def _now(self) -> dict[str, Any]:
        return {"journal": self._journal, "at": moment(self._clock()), "who": who()}

    def _begin(self) -> None:
        self._name = secrets.token_hex(16)
        # A trial that is still to be made has no list yet.
        is_planned = self._store.phase() == "planned"
        rest = members(
            kind="log",
            **self._now(),
            format=FORMAT,
            log=self._name,
            campaign=moment(self._store.created_at()),
            bad_rows=bad_rows(self._store) if is_planned else None,
        )
        self._add(rest)

    def _put_seal_back(self) -> None:
        """Write a seal that the store knows and a crash kept from the log."""
        query = sa.select(audit_seal.c.text).where(
            audit_seal.c.log == self._name, audit_seal.c.line == self._number
        )
        for row in self._store.rows(query):
            line = row.text.encode("utf-8")
            start = line_of(self._number, self._prev, "")[:-1]
            if line.startswith(start):
                self._add(line[len(start) : -1].decode("utf-8"))

    def _tell_what_is_gone(self, anew: bool) -> None:
        """Tell of lines that were signed in this folder and are not there any more.

        Args:
            anew: whether this log was begun now, so that any other one is gone.
        """
        number = self._number
        for seal in signed_here(self._folder, self._store):
            own = seal.log == self._name
            if seal.line < number if own else not anew:
                continue
            log.warning(
                "%s: was signed up to line %d, and that is gone; report --verify will "
                "tell it",
                self.path,
                seal.line + 1,
            )
            digest = digest_of(seal.text.encode("utf-8", "surrogatepass"))
            said = {"log": seal.log, "line": seal.line, "digest": digest}
            self._add(members(kind="lost", **self._now(), **said))

    def _take_over(self, most: int | None = None) -> bool:
        """Take over what the journal has more, or some of it; say if that is left."""
        last = self._store.settled()
        if last <= self._journal:
            return False
        taken = 0
        for row in self._store.rows(outcomes(self._journal, last).limit(most)):
            self._journal = row.id
            self._add(step(row))
            taken += 1
        return taken == most

    def _add(self, rest: str) -> None:
        line = line_of(self._number, self._prev, rest)
        self._number += 1
        self._prev = digest_of(line)
        self._waiting += (line, b"\n")
        self._size += len(line) + 1
        self._unflushed = True
        if self._size >= _AT_ONCE:
            self._write()

    def _write(self) -> None:
        rest = memoryview(b"".join(self._waiting))
        self._waiting, self._size = [], 0
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _flush(self) -> None:
        self._write()
        os.fsync(self._file)
        self._unflushed = False
        self._flushed = time.monotonic()
