"""Commands for tokens through the real service: pcscd, pyscard, a terminal.

The tokens are virtual ones behind a pcscd of the tests' own (tests/cards/bench.py); the
other tests of these commands have them in their own process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cards.bench import Bench
from cards.pins import USER
from cards.rutoken import RutokenEcp, RutokenLite
from cards.rutoken_s import RutokenS

from gostkey.containers import Container

from .conftest import Office, Run
from .test_container_change import contents
from .test_container_tokens import on_card

Terminal = Callable[..., tuple[int, str]]

LITE = "token:30DA6803"
PIN = "Secret-1357"
NEW = "Other-2468"


def asking(bench: Bench) -> dict[str, str]:
    """The variable that leads a program to this pcscd."""
    name = "PCSCLITE_CSOCK_NAME"
    return {name: bench.environment()[name]}


@pytest.mark.parametrize("kind", [RutokenLite, RutokenS], ids=["Lite", "S"])
def test_a_container_goes_to_a_token_and_comes_back(
    bench: Bench,
    shell: Run,
    office: Office,
    tmp_path: Path,
    kind: type[RutokenLite],
) -> None:
    card = kind(user_pin=PIN)
    bench.insert(card)
    bench.wait_for(0)
    (tmp_path / "pin").write_text(PIN)
    source, env = office.container(2), asking(bench)
    options = ("--pin-file", tmp_path / "pin", "--json")
    ran = shell(
        *("container", "copy", source, "token:", "--experimental", *options), env=env
    )
    assert ran.code == 0, ran.stdout + ran.stderr
    assert on_card(card, 0x0A00) == contents(source)
    ran = shell("container", "copy", ran.record["copy"], tmp_path, *options, env=env)
    assert ran.code == 0, ran.stdout + ran.stderr
    assert contents(Path(ran.record["copy"])) == contents(source)
    # Each run has logged out, before the service cut the power of an idle card.
    logouts = [one for one in card.log if one.command[:2] == b"\x80\x40"]
    assert len(logouts) >= 2 and card.logged_in is None


def test_two_tokens_are_listed_and_one_must_be_named(bench: Bench, shell: Run) -> None:
    bench.insert(RutokenLite(), 0)
    bench.insert(RutokenEcp(serial=0x11223344), 1)
    bench.wait_for()
    ran = shell("token", "list", "--json", env=asking(bench))
    assert ran.code == 0, ran.stderr
    assert [one["item"] for one in ran.records] == [LITE, "token:11223344"]
    assert [one["reader"][-2:] for one in ran.records] == ["00", "01"]
    ran = shell("token", "show", "--json", env=asking(bench))
    assert (ran.code, ran.error["code"]) == (4, "token_ambiguous")


def test_a_pin_is_typed_and_not_shown(bench: Bench, terminal: Terminal) -> None:
    card = RutokenLite(user_pin=PIN)
    card.pins[USER].left = 6
    bench.insert(card)
    bench.wait_for(0)
    code, shown = terminal(
        *("token", "pin", LITE),
        answers=[
            (f"PIN of {LITE} (Rutoken Lite), 6 of 10 tries left: ", PIN),
            ("new PIN of", NEW),
            ("the same PIN again: ", NEW),
        ],
        env=asking(bench),
    )
    assert code == 0, shown
    assert card.pins[USER].value == NEW and card.pins[USER].left == 10
    assert PIN not in shown and NEW not in shown


def test_a_key_is_destroyed_only_when_its_name_is_typed(
    bench: Bench, terminal: Terminal, office: Office
) -> None:
    card = RutokenLite(user_pin=PIN)
    files = contents(office.container(2))
    card.add_container(0x0A00, files)
    bench.insert(card)
    bench.wait_for(0)
    question = "type the container's name to destroy it: "
    remove = ("container", "remove", f"{LITE}/0A00")
    code, shown = terminal(*remove, answers=[(question, "yes")], env=asking(bench))
    assert code == 4 and "not its name" in shown
    assert list(card.containers) == [0x0A00]
    answers = [(question, Container.parse(files).name), ("10 tries left: ", PIN)]
    code, shown = terminal(*remove, answers=answers, env=asking(bench))
    assert code == 0, shown
    assert not card.containers


def test_without_the_service_the_other_places_are_listed(
    bench: Bench, shell: Run, office: Office
) -> None:
    bench.stop()
    env = asking(bench)
    ran = shell("container", "list", "--json", env=env)
    assert ran.code == 0 and "hint: no tokens: the smart card service" in ran.stderr
    ran = shell("container", "list", "--json", office.tree, env=env)
    assert ran.code == 0 and len(ran.records) == 4 and not ran.stderr
    ran = shell("token", "list", "--json", env=env)
    assert (ran.code, ran.error["code"]) == (4, "card_service_absent")
