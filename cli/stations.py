"""Work beside other stations, for `renew run`, `resume` and `work`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from gostkey.errors import CampaignLocked
from gostkey.renewal.campaign import Campaign, OnEvent
from gostkey.renewal.forks import CAN_FORK
from gostkey.renewal.pacing import Pacing
from gostkey.renewal.randomness import Randomness
from gostkey.renewal.report import Report
from gostkey.renewal.stations.station import Station
from gostkey.renewal.tokens import Tokens

from .campaigns import clock_at

__all__ = ["Work", "at_station"]

Work = Callable[..., Report]


def at_station(
    campaign: Campaign,
    store: str | None,
    at: datetime | None,
    workers: int,
    randomness: Randomness | None,
    pacing: Pacing,
    *,
    watch: bool = False,
) -> Work | None:
    """Return what does a campaign's work at this station; None if it has but one.

    A campaign that is shared is closed, so that others can join.  With gamma it is
    not: records of a gamma file are for one run.  Nor is it with a limit, which
    stations that know nothing of each other cannot keep.

    Args:
        campaign: open; this run's alone.
        store: URL of its database, if the folder does not remember it.
        at: the moment at which the clock stands.
        workers: processes.
        randomness: of the run.
        pacing: what holds the run back.
        watch: wait for answers, too.
    """
    has_gamma = randomness is not None and randomness.gamma is not None
    if not campaign.is_shared or has_gamma or not pacing.is_free or not CAN_FORK:
        return None
    campaign.prepare()
    campaign.close()
    folder, clock = campaign.folder, clock_at(at)

    def work(
        on_event: OnEvent,
        *,
        tokens: Tokens,
        pacing: Pacing,
        randomness: Randomness | None = None,
    ) -> Report:
        key, certificate = campaign.audit_key, campaign.audit_certificate
        station = Station(
            folder, clock, store, audit_key=key, audit_certificate=certificate
        )
        report = station.work(
            on_event, randomness=randomness, workers=workers, watch=watch
        )
        # The last station to end does what is to be done at tokens, one by one.
        with (
            suppress(CampaignLocked),
            Campaign.open(folder, clock=clock, store=store) as alone,
        ):
            if alone.has_tokens():
                alone.audit_key, alone.audit_certificate = key, certificate
                report = alone.run(on_event, tokens=tokens)
        return report

    return work
