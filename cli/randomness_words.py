"""How the random numbers of a campaign are told: the section of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .texts import _, plural

__all__ = ["randomness_pairs", "session_words"]


def randomness_pairs(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values, in their order, of `randomness.summary_of`.

    Empty if no run has made keys.
    """
    runs = made.get("runs") or []
    if not runs:
        return []
    policies = dict.fromkeys(run["policy"] for run in runs)
    pairs = [
        (_("policy"), ", ".join(policies)),
        (_("system's generator"), made["failure"] or _("always used; tests passed")),
        (_("seeded"), _seeded(made)),
    ]
    for run in runs:
        session = run["session"]
        if session is not None:
            pairs.append((_("person"), f"{run['at'][:16]} {session_words(session)}"))
        if run["fallback"]:
            pairs.append((_("no person"), f"{run['at'][:16]} {run['fallback']}"))
        for token in run["tokens"]:
            what = token["failure"] or plural(
                "{n} byte, tests passed", "{n} bytes, tests passed", token["bytes"]
            )
            pairs.append((_("token"), f"{token['token']}: {what}"))
    if made["gamma_records"] is not None:
        trusted = any(run["gamma_trusted"] for run in runs)
        pairs.append(
            (
                _("gamma"),
                plural("{n} record used", "{n} records used", made["gamma_records"])
                + ", "
                + plural("{n} left", "{n} left", made["gamma_left"])
                + ", "
                + (_("256 bits each") if trusted else _("counted as nothing")),
            )
        )
    jitter = {run["jitter"] for run in runs} - {"passed"}
    pairs.append(
        (_("clock jitter"), "; ".join(sorted(jitter)) or _("mixed in; tests passed"))
    )
    return pairs


def _seeded(made: Mapping[str, Any]) -> str:
    """Tell what the generators counted, and how many runs that leaves out."""
    ended = sum(run["ended"] for run in made["runs"])
    words = []
    if ended:
        words = [
            plural("{n} time", "{n} times", made["reseeds"]),
            plural("{n} byte given", "{n} bytes given", made["bytes"]),
        ]
    if open_runs := len(made["runs"]) - ended:
        words.append(
            plural(
                "{n} run that was cut off or still goes on is not counted",
                "{n} runs that were cut off or still go on are not counted",
                open_runs,
            )
        )
    return ", ".join(words)


def session_words(session: Mapping[str, Any]) -> str:
    """Tell a session of the sensor in a line: `Summary.record`."""
    names = {"mouse": _("mouse"), "keys": _("keys")}
    parts = [
        _("{source} {bits} bits ({events} events, {counted} counted, {tests})").format(
            source=names.get(name, name),
            bits=source["credited_bits"],
            events=source["events"],
            counted=source["accepted"],
            tests=_("tests passed")
            if source["health"] == "passed"
            else source["health"],
        )
        for name, source in session["sources"].items()
        if source["events"]
    ]
    words = _("{n} of {all} bits in {seconds:.0f} s").format(
        n=session["credited_bits"],
        all=session["target_bits"],
        seconds=session["seconds"],
    )
    if session["remote"]:
        words += ", " + _("over a network")
    return ": ".join([words, "; ".join(parts)] if parts else [words])
