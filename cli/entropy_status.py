"""``gostkey entropy status``: how random numbers are had, here or in a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gostkey import random
from gostkey.backend import active
from gostkey.errors import GeneratorFailure
from gostkey.random import raw_input, tokens
from gostkey.random.policy import Policy
from gostkey.random.session import is_remote

from .campaigns import read_report
from .failures import Exit
from .files import PathOption
from .output import Output, json_option
from .randomness_words import randomness_pairs
from .sensor_screen import why_not
from .texts import _, help_page

# R 1323565.1.006-2017 with Streebog-512, seed of 32 bytes ff: the first block.
_SEED = b"\xff" * 32
_FIRST_BLOCK = bytes.fromhex(
    "66c5b4f04ffac359d650d0ff6ca88873697979eb9cc6c63d3eab2662f7d46875"
    "a8e2f900dd4d7e245f09753d01e875fc38f14ff5254c94eadb451e4ab603b147"
)


@click.command(
    "status",
    help=help_page(
        _(
            "Say how random numbers are had, here or in a campaign.\n\n"
            "Tests the system's generator and the computation on top of it, and lists "
            "what could be mixed in: a person at this terminal, raw input devices, "
            "tokens. With --campaign it shows what the keys of a campaign were made "
            "with. No random byte is shown."
        ),
        examples=[
            "gostkey entropy status",
            "gostkey entropy status --campaign spring --json",
        ],
        exits=[0, 1, 3, 5],
    ),
)
@click.option(
    "--campaign",
    type=PathOption,
    metavar="FOLDER",
    help=_("Tell how the keys of this campaign were made instead."),
)
@json_option
@click.pass_obj
def status_command(out: Output, campaign: Path | None) -> int:
    if campaign is not None:
        return _of_campaign(out, campaign)
    record = _of_machine()
    if out.json:
        out.record(record)
    else:
        out.pairs(_pairs(record))
    good = not record["failure"] and record["self_test"] == "passed"
    return Exit.DONE if good else Exit.GENERATOR


def _of_campaign(out: Output, folder: Path) -> int:
    report, _zone = read_report(folder, None)
    if out.json:
        out.record(dict(report.randomness))
        return Exit.DONE
    pairs = randomness_pairs(report.randomness)
    if pairs:
        out.pairs(pairs)
    else:
        out.note(_("{folder}: no key has been made yet").format(folder=folder))
    return Exit.DONE


def _of_machine() -> dict[str, Any]:
    try:
        # The first draw of a process puts the system's source to its tests.
        random.generator().reseed()
        failure = ""
    except GeneratorFailure as error:
        failure = str(error)
    state = random.status()
    found = tokens.list_token_sources()
    return {
        "failure": failure,
        "self_test": _self_test(),
        "reseeds": sum(one.reseeds for one in state.generators),
        "bytes": sum(one.bytes_given for one in state.generators),
        "credited_bits": state.credited_bits,
        "policy": Policy.PREFER_HUMAN.value,
        "terminal": why_not(False),
        "remote": is_remote(),
        "devices": [str(one.path) for one in raw_input.find_devices()],
        "tokens": [one.name for one in found.sources],
        "problems": list(found.problems),
    }


def _self_test() -> str:
    drbg = active.generators.drbg(_SEED)
    made = drbg.blocks(1)
    drbg.wipe()
    return "passed" if made == _FIRST_BLOCK else "failed"


def _pairs(record: dict[str, Any]) -> list[tuple[str, str]]:
    passed = {"passed": _("passed"), "failed": _("FAILED")}
    none = _("none")
    return [
        (_("system's generator"), record["failure"] or _("always used; tests passed")),
        (
            _("on top of it"),
            _("R 1323565.1.006-2017, Streebog-512; self-test {word}").format(
                word=passed[record["self_test"]]
            ),
        ),
        (_("policy"), record["policy"]),
        (
            _("person here"),
            record["terminal"]
            or (
                _("can be asked; counts half over a network")
                if record["remote"]
                else _("can be asked")
            ),
        ),
        (_("raw input devices"), ", ".join(record["devices"]) or none),
        (_("tokens"), ", ".join(record["tokens"]) or none),
        *((_("problem"), problem) for problem in record["problems"]),
    ]
