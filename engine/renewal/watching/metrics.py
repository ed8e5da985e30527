"""A run's figures as a file in Prometheus's text format, for its node_exporter.

The textfile collector of node_exporter reads ``*.prom`` in a folder whenever it is
asked, so a file must be whole at any moment: it is written beside and renamed.  The
file holds counts and moments, no names and no secrets, and may be read by anybody.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gostkey.media import explain

from ..chunks import Event
from ..report import GROUPS
from ..storage.schema import STATES
from ..storage.store import Clock, Store
from .counts import Counts, count
from .pace import Pace

PAUSE = 5.0
"""Seconds between two writings."""


@dataclass(frozen=True)
class Metric:
    """One family of samples."""

    name: str
    kind: str
    """"gauge" or "counter"."""
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]
    """Labels and value of each."""


def exposition(metrics: Iterable[Metric]) -> str:
    """Write metrics in Prometheus's text format."""
    lines = []
    for one in metrics:
        lines.append(f"# HELP {one.name} {_help(one.help)}")
        lines.append(f"# TYPE {one.name} {one.kind}")
        for labels, value in one.samples:
            inside = ",".join(f'{name}="{_label(of)}"' for name, of in labels.items())
            braces = f"{{{inside}}}" if inside else ""
            lines.append(f"{one.name}{braces} {_number(value)}")
    return "".join(f"{line}\n" for line in lines)


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _label(text: str) -> str:
    return _help(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


class MetricsFile:
    """Writes a run's figures every few seconds; it listens to the run's events."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        clock: Clock,
        pace: Pace,
        url: str | None = None,
    ) -> None:
        """Take what is to be written.

        Args:
            path: of the file; the folder is there.
            folder: of the campaign.
            clock: gives the present moment.
            pace: listens to the same run.
            url: of the campaign's database, if the folder does not remember it.
        """
        self._path = path
        self._folder = folder
        self._clock = clock
        self._pace = pace
        self._url = url
        self._began = clock()
        self._progress = self._began
        self._done = -1
        self._written: float | None = None

    def __call__(self, event: Event) -> None:
        """Take an event in; write the file if it is time."""
        if event.done != self._done:
            self._done = event.done
            self._progress = self._clock()
        now = time.monotonic()
        if self._written is None or now - self._written >= PAUSE:
            self._written = now
            self.write(running=True)

    def write(self, *, running: bool) -> None:
        """Write the file now.

        Raises:
            MediumError: if it cannot be written.
        """
        # Opened anew: a connection must not live on in worker processes.
        with Store.open(self._folder, self._url) as store:
            counts = count(store, self._clock())
        text = exposition(self._metrics(counts, running))
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            descriptor = os.open(beside, flags, 0o644)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.replace(beside, self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise explain(error, self._path) from error

    def _metrics(self, counts: Counts, running: bool) -> list[Metric]:
        pace = self._pace
        left = pace.seconds_left if running else 0.0

        def alone(name: str, text: str, value: float, kind: str = "gauge") -> Metric:
            return Metric(f"gostkey_renewal_{name}", kind, text, (({}, value),))

        def moment(name: str, text: str, at: datetime) -> Metric:
            return alone(f"{name}_timestamp_seconds", text, round(at.timestamp(), 3))

        return [
            Metric(
                "gostkey_renewal_keys",
                "gauge",
                "Keys of the campaign by what became of them.",
                tuple(({"group": one}, counts.groups[one]) for one in GROUPS),
            ),
            Metric(
                "gostkey_renewal_keys_in_state",
                "gauge",
                "Keys that nothing has stopped, by the last step that is done.",
                tuple(
                    ({"state": one}, counts.states.get(one, 0)) for one in STATES[1:]
                ),
            ),
            Metric(
                "gostkey_renewal_keys_stopped",
                "gauge",
                "Keys that failed, were refused or cannot be read, by reason.",
                tuple(
                    ({"reason": reason}, number)
                    for reason, number in sorted(counts.reasons.items())
                ),
            ),
            alone(
                "keys_overdue",
                "Keys whose certificate has not come within three hours.",
                counts.late,
            ),
            alone("run_steps_total", "Steps done by this run.", pace.done, "counter"),
            alone("run_steps_left", "Steps left to this run.", pace.total - pace.done),
            alone(
                "run_keys_per_second",
                "Keys a second over the last half minute.",
                round(pace.keys_a_second, 3) if running else 0.0,
            ),
            *(
                []
                if left is None
                else [
                    alone(
                        "run_seconds_left",
                        "Seconds that the rest of this run takes at its pace.",
                        round(left, 1),
                    )
                ]
            ),
            moment("campaign_start", "When the campaign was begun.", counts.created_at),
            moment("run_start", "When this run began.", self._began),
            moment(
                "last_progress", "When the last step of this run ended.", self._progress
            ),
            moment("written", "When these figures were taken.", counts.made_at),
            alone("run_active", "1 while the run goes on, 0 after it.", int(running)),
            alone(
                "campaign_finished",
                "1 if nothing is left to be done.",
                int(counts.finished),
            ),
        ]
