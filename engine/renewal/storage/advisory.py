"""Advisory locks of PostgreSQL: of a campaign, and of its chunks.

They belong to a connection and go with it, however its process ends.  A connection
that was lost is replaced by one that has taken the campaign's lock again, and only if
nobody else had it in between; the lock of a chunk is given up then, as another station
may have done the chunk.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable
from typing import Any

from gostkey.errors import CampaignLocked

WHOLE_CAMPAIGN = 0
"""The lock of a campaign; those of its chunks have other numbers."""
PATIENCE = 2.0
"""Seconds in which the server notices that the holder of a lock has been killed."""
PATIENCE_AGAIN = 40.0
"""Seconds in which it notices that our own connection was cut."""
_HOLDERS = """
select activity.application_name
from pg_locks as locks join pg_stat_activity as activity using (pid)
where locks.locktype = 'advisory' and locks.granted and locks.objsubid = 2
  and locks.database = (select oid from pg_database where datname = current_database())
  and locks.classid = %s and locks.objid = %s and locks.pid <> pg_backend_pid()
"""

Ask = Callable[[str, tuple[Any, ...]], list[Any]]
"""Asks a question on a connection and gives the rows of the answer."""
Commit = Callable[[], None]


class Locks:
    """The locks of one process on a campaign."""

    def __init__(self, where: str, schema: str) -> None:
        """Hold nothing yet.

        Args:
            where: names the campaign in messages.
            schema: of the campaign.
        """
        self._where = where
        number = zlib.crc32(b"gostkey " + schema.encode())
        self._class = number - 2**32 if number >= 2**31 else number
        self._held: dict[int, bool] = {}
        """Number of a lock to whether it is shared."""
        self._token = secrets.token_hex(8)

    def take(
        self,
        ask: Ask,
        commit: Commit,
        number: int,
        *,
        shared: bool,
        patience: float | None = None,
    ) -> None:
        """Take a lock for a connection's session.

        Args:
            ask: on that connection.
            commit: on that connection.
            number: of the lock.
            shared: beside others who take it so.
            patience: seconds to wait for it.

        Raises:
            CampaignLocked: if another one has it.
        """
        name = f"pg_try_advisory_lock{'_shared' if shared else ''}"
        until = time.monotonic() + (PATIENCE if patience is None else patience)
        while True:
            ((taken,),) = ask(f"select {name}(%s, %s)", (self._class, number))
            commit()
            if taken:
                break
            if time.monotonic() >= until:
                raise self._locked(ask, commit, number)
            time.sleep(0.02)
        if number == WHOLE_CAMPAIGN:
            ask("update campaign set holder = %s returning id", (self._token,))
            commit()
        self._held[number] = shared

    def take_again(self, ask: Ask, commit: Commit) -> None:
        """Take the locks that are held for another connection.

        Raises:
            CampaignLocked: if another one has them, or had them meanwhile.
        """
        for number, shared in self._held.items():
            if number != WHOLE_CAMPAIGN:
                raise CampaignLocked(
                    f"{self._where}: the lock of chunk {number} was lost with the "
                    "connection; the chunk is begun again"
                )
            if not shared:
                self._refuse_others(ask)
            self.take(ask, commit, number, shared=shared, patience=PATIENCE_AGAIN)

    def _refuse_others(self, ask: Ask) -> None:
        for (holder,) in ask("select holder from campaign", ()):
            if holder != self._token:
                raise CampaignLocked(
                    f"{self._where}: another run has worked on it while the connection "
                    "was away; run resume"
                )

    def release(self, ask: Ask, number: int) -> None:
        """Give a lock back; it may have been lost."""
        ask("select pg_advisory_unlock(%s, %s)", (self._class, number))

    def forget(self, number: int) -> None:
        """Do not take a lock again."""
        self._held.pop(number, None)

    def _locked(self, ask: Ask, commit: Commit, number: int) -> CampaignLocked:
        rows = ask(_HOLDERS, (self._class % 2**32, number))
        commit()
        who = ", ".join(sorted({row[0] for row in rows if row[0]})) or "unknown"
        what = "it" if number == WHOLE_CAMPAIGN else f"its chunk {number}"
        return CampaignLocked(
            f"{self._where}: another run works on {what} ({who}); wait until it has "
            "ended"
        )
