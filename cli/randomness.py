"""The options that say where random numbers come from, and what they set going.

For commands that make keys: the sensor session, the gamma file and the tokens are
seen to before anything is made, so that a refusal leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from gostkey.errors import EntropyNeeded, MediumError
from gostkey.random import tokens
from gostkey.random.gamma import GammaFeed, GammaPair
from gostkey.random.policy import Policy
from gostkey.random.session import FEWEST_BITS, MOST_BITS, Summary
from gostkey.renewal.randomness import Randomness

from .entropy_collect import suspected
from .files import PathOption
from .option_groups import option_group
from .output import Output
from .sensor_screen import TARGET_BITS, collect_on_terminal
from .sensor_window import collect_in_window
from .texts import _

__all__ = ["RandomOptions", "ask_a_person", "gathered", "random_options"]


@dataclass(frozen=True)
class RandomOptions:
    """What the operator said about random numbers."""

    policy: Policy | None = None
    """None: that with which the campaign was begun, and first prefer-human."""
    bits: int = TARGET_BITS
    no_input: bool = False
    window: bool = False
    devices: tuple[str, ...] = ()
    gamma: Path | None = None
    trust_gamma: bool = False
    tokens: bool = False
    libraries: tuple[Path, ...] = ()


def _gather(values: dict[str, Any]) -> RandomOptions:
    options = RandomOptions(
        policy=Policy(named) if (named := values.pop("entropy")) else None,
        bits=values.pop("bits"),
        no_input=values.pop("no_input"),
        window=values.pop("window"),
        devices=values.pop("devices"),
        gamma=values.pop("gamma"),
        trust_gamma=values.pop("trust_gamma"),
        tokens=values.pop("tokens"),
        libraries=values.pop("libraries"),
    )
    if options.trust_gamma and options.gamma is None:
        raise click.UsageError(_("--trust-gamma says nothing without --gamma"))
    if options.window and options.devices:
        raise click.UsageError(_("--window and --device exclude each other"))
    return options


random_options = option_group(
    "options",
    _gather,
    (
        click.option(
            "--entropy",
            type=click.Choice([one.value for one in Policy]),
            help=_(
                "Whether a person is asked to move the mouse or press keys before "
                "keys are made, once for all of them: prefer-human if left out, or "
                "what the campaign was begun with. The system's generator is "
                "always used."
            ),
        ),
        click.option(
            "--bits",
            type=click.IntRange(FEWEST_BITS, MOST_BITS),
            default=TARGET_BITS,
            show_default=True,
            metavar="N",
            help=_("How much of a person's input is wanted."),
        ),
        click.option(
            "--window",
            is_flag=True,
            help=_("Ask in a window of the desktop instead of the terminal."),
        ),
        click.option(
            "--device",
            "devices",
            multiple=True,
            metavar="PATH|auto",
            help=_("Read mouse and keyboard from the kernel (Linux)."),
        ),
        click.option(
            "--no-input",
            is_flag=True,
            help=_("Ask nobody; with require-human this is an error."),
        ),
        click.option(
            "--gamma",
            type=PathOption,
            metavar="FOLDER",
            help=_(
                "Mix in a record of this gamma pair (db1/kis_1, db2/kis_1) for "
                "each key; the records are used up."
            ),
        ),
        click.option(
            "--trust-gamma",
            is_flag=True,
            help=_("Count each record as 256 bits in the report."),
        ),
        click.option(
            "--tokens",
            is_flag=True,
            help=_("Mix in random bytes of the tokens in the readers."),
        ),
        click.option(
            "--pkcs11",
            "libraries",
            type=PathOption,
            multiple=True,
            metavar="LIBRARY",
            help=_(
                "Mix in random bytes of the tokens of this PKCS #11 library; can "
                "be given several times."
            ),
        ),
    ),
)
"""Adds --entropy, --bits, --no-input, --gamma ...; the command gets `options`, a
`RandomOptions`."""


@contextmanager
def gathered(
    out: Output, options: RandomOptions, keys: int, begun_with: Policy | None = None
) -> Iterator[Randomness | None]:
    """See to the random input for *keys* keys; None if there are none to make.

    Args:
        out: where to.
        options: what the operator said.
        keys: how many are to be made.
        begun_with: the policy, if the operator named none.

    Raises:
        EntropyNeeded: if the policy requires a person and none is there.
        EntropyCancelled: if the person stopped it.
        GammaError: if the gamma pair cannot be used, or has too few records.
    """
    if not keys:
        yield None
        return
    policy = options.policy or begun_with or Policy.PREFER_HUMAN
    options = replace(options, policy=policy)
    with ExitStack() as stack:
        gamma = None
        if options.gamma is not None:
            pair = stack.enter_context(GammaPair.open(options.gamma))
            pair.require(keys)
            for warning in pair.warnings:
                out.note(warning)
            gamma = GammaFeed(pair, trusted=options.trust_gamma)
        asked = _ask_tokens(out, options)
        session, fallback = ask_a_person(
            out, options, _("Random input for {n} new keys").format(n=keys)
        )
        yield Randomness(
            policy=policy,
            session=None if session is None else session.record(),
            fallback=fallback,
            gamma=gamma,
            tokens=asked,
        )


def ask_a_person(
    out: Output, options: RandomOptions, title: str
) -> tuple[Summary | None, str]:
    """Hold a sensor session as the options say; its input is mixed in.

    Returns:
        The session's summary, None without one; and why nothing was credited,
        empty if all went well or nobody was to be asked.

    Raises:
        EntropyNeeded: if the policy requires a person and none is there.
        EntropyCancelled: if the person stopped it.
    """
    if options.policy is Policy.OS_ONLY:
        return None, ""
    try:
        summary = _collect(out, options, title)
        if not summary.suspicion:
            return summary, ""
        # Its bytes are mixed in all the same; they count nothing.
        if options.policy is Policy.REQUIRE_HUMAN:
            raise EntropyNeeded(suspected(summary))
        why = suspected(summary)
    except EntropyNeeded as error:
        if options.policy is Policy.REQUIRE_HUMAN:
            raise
        summary, why = None, str(error)
    out.note(_("{why}; the system's generator serves alone").format(why=why))
    return summary, why


def _collect(out: Output, options: RandomOptions, title: str) -> Summary:
    if options.window:
        return collect_in_window(
            target_bits=options.bits, no_input=options.no_input, title=title
        )
    return collect_on_terminal(
        out,
        target_bits=options.bits,
        devices=options.devices,
        no_input=options.no_input,
        title=title,
    )


def _ask_tokens(out: Output, options: RandomOptions) -> list[dict[str, object]]:
    if not options.tokens and not options.libraries:
        return []
    found = tokens.list_token_sources(options.libraries, readers=options.tokens)
    for problem in found.problems:
        out.note(problem)
    readings = []
    for source in found.sources:
        try:
            reading = tokens.mix_in(source)
        except MediumError as error:
            out.note(str(error))
            continue
        if reading.failure:
            out.note(reading.failure)
        readings.append(reading.record())
    return readings
