"""The cures of the doctor name commands and options that there are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from gostkey.cli import application
from gostkey.doctor import FAULTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "not-seen.md"


def commands_in(text: str) -> list[str]:
    return re.findall(r"`(gostkey [^`]+)`", text)


def check(words: str) -> None:
    """Follow the words to a command; it must have the options among them."""
    command: click.Command = application
    context = click.Context(command)
    rest = words.split()[1:]
    while isinstance(command, click.Group) and rest:
        inner = command.get_command(context, rest[0])
        if inner is None and len(rest) < len(words.split()) - 1:
            break  # a group that is a command itself: `container backup PLACE`
        assert inner is not None, words
        del rest[0]
        command = inner
        context = click.Context(command, parent=context)
    options = set(re.findall(r"--[a-z-]+", command.get_help(context)))
    for word in rest:
        if word.startswith("--"):
            assert word in options, words


@pytest.mark.parametrize("code", FAULTS)
def test_every_command_in_a_cure_is_there(code: str) -> None:
    for words in commands_in(FAULTS[code].cause + FAULTS[code].cure):
        check(words)


def test_every_command_on_the_page_is_there() -> None:
    for words in commands_in(PAGE.read_text(encoding="utf-8")):
        check(words)
