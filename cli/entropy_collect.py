"""``gostkey entropy collect``: try the sensor, and see what it counts."""

from __future__ import annotations

import click

from gostkey.errors import EntropyNeeded
from gostkey.random.session import FEWEST_BITS, MOST_BITS, Summary

from .failures import Exit, describe
from .output import Output, json_option
from .sensor_screen import (
    IDLE_SECONDS,
    KEYBOARD_BITS,
    TARGET_BITS,
    collect_on_terminal,
)
from .sensor_window import collect_in_window
from .texts import _, help_page


@click.command(
    "collect",
    help=help_page(
        _(
            "Collect random input of a person on the terminal.\n\n"
            "Move the mouse over the window, or press keys; the bar shows how much "
            "of it counts. Esc or Ctrl-C stops it. Here it is a trial of the sensor "
            "and the program's end is the end of what was collected: `gostkey renew "
            "run` shows the same screen by itself when it makes keys. No bit of the "
            "input is shown, printed or stored.\n\n"
            "With --window the same is shown in a window of the desktop. With "
            "--device mouse and keyboard of this machine are read from the kernel, "
            "for a console without a mouse: 'auto' takes all of them, a path such "
            "as /dev/input/event3 one. Linux only, and the user must be root or in "
            "the group 'input'. Other programs get the same keys and moves.\n\n"
            "Where there is no mouse, or it cannot be used, --keyboard asks for "
            "keys alone; 128 bits are enough then, and take less than a minute. "
            "Over a network (SSH, remote desktop) everything counts half."
        ),
        examples=[
            "gostkey entropy collect",
            "gostkey entropy collect --keyboard",
            "gostkey entropy collect --window",
            "gostkey entropy collect --bits 512 --json",
        ],
        exits=[0, 1, 4, 5, 130],
    ),
)
@click.option(
    "--bits",
    type=click.IntRange(FEWEST_BITS, MOST_BITS),
    metavar="N",
    help=_("Collect so many bits, 128 to 1024; else 256, or 128 with --keyboard."),
)
@click.option("--keyboard", is_flag=True, help=_("Use keys alone, not the mouse."))
@click.option("--window", is_flag=True, help=_("Show it in a window of the desktop."))
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="PATH|auto",
    help=_("Read mouse and keyboard from the kernel; can be given several times."),
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=IDLE_SECONDS,
    show_default=True,
    metavar="S",
    help=_("Give up after S seconds in which nothing counted."),
)
@click.option(
    "--no-input",
    is_flag=True,
    help=_("Ask nobody: fail at once with exit code 4."),
)
@json_option
@click.pass_obj
def collect_command(
    out: Output,
    bits: int | None,
    keyboard: bool,
    window: bool,
    devices: tuple[str, ...],
    timeout: float,
    no_input: bool,
) -> int:
    if window and devices:
        raise click.UsageError(_("--window and --device exclude each other"))
    target_bits = bits or (KEYBOARD_BITS if keyboard else TARGET_BITS)
    title = _("Random input: a trial of the sensor")
    if window:
        summary = collect_in_window(
            target_bits=target_bits,
            idle_seconds=timeout,
            no_input=no_input,
            title=title,
        )
    else:
        summary = collect_on_terminal(
            out,
            target_bits=target_bits,
            mouse=not keyboard,
            devices=devices,
            idle_seconds=timeout,
            no_input=no_input,
            title=title,
            offer=_(
                "No mouse? `gostkey entropy collect --keyboard` needs 128 bits only."
            ),
        )
    if summary.suspicion:
        failure = describe(EntropyNeeded(suspected(summary)))
        if out.json:
            out.record(
                {"status": "failed", "error": failure.record(), **summary.record()}
            )
        else:
            show_summary(out, summary)
            out.failure(failure)
        return failure.exit
    if out.json:
        out.record({"status": "done", **summary.record()})
    else:
        show_summary(out, summary)
    return Exit.DONE


def show_summary(out: Output, summary: Summary) -> None:
    """Print what a session gave."""
    out.text(
        _("collected {n} of {all} bits in {seconds:.1f} s").format(
            n=summary.credited_bits, all=summary.target_bits, seconds=summary.seconds
        )
    )
    names = {"mouse": _("mouse"), "keys": _("keys")}
    rows = [
        (
            names[name],
            str(source.events),
            str(source.accepted),
            str(source.credited_bits),
            {"passed": _("passed"), "not used": _("not used")}.get(
                source.health, source.health
            ),
        )
        for name, source in summary.sources.items()
    ]
    columns = (_("source"), _("events"), _("counted"), _("bits"), _("tests"))
    out.table(columns, rows, right=(1, 2, 3))


def suspected(summary: Summary) -> str:
    """Say why a session counts nothing."""
    signs = {
        "bursts": _("all of it came in bursts, as from a program or a paste"),
        "fixed-pace": _("it came at one fixed pace"),
        "repeats": _("it repeats itself"),
        "few-values": _("it hardly varies"),
    }
    return _("no random input of a person: this does not look like one: {sign}").format(
        sign=signs[summary.suspicion]
    )
