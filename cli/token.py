"""``gostkey token``: which tokens there are, what is on them, their PINs."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gostkey.errors import GostKeyError, MediumError, TokenUnknown
from gostkey.media import TokenStore, TokenUse, held, is_token_address
from gostkey.media.tokens import PinState, TokenInfo, list_tokens

from .failures import Exit, Failure, describe, overall
from .files import PathOption
from .output import Output, json_option
from .sources import read_container
from .texts import _, help_page
from .token_input import PinInput, pin_options, tries


def _address(context: click.Context, option: click.Parameter, value: Path) -> Path:
    """Take what is engraved on a token for its address, too."""
    return value if is_token_address(value) else Path(f"token:{value}")


TOKEN = click.argument(
    "token",
    metavar="[TOKEN]",
    default="token:",
    type=PathOption,
    callback=_address,
)


class TokenGroup(click.Group):
    """Has commands too whose modules are loaded when they are asked for."""

    _OTHERS = {
        "check": f"{__package__}.token_check",
        "keys": f"{__package__}.token_keys",
        "generate": f"{__package__}.token_keys",
        "request": f"{__package__}.token_keys",
        "install": f"{__package__}.token_keys",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        there = [
            name
            for name, module in self._OTHERS.items()
            if importlib.util.find_spec(module) is not None
        ]
        return [*super().list_commands(ctx), *there]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._OTHERS and cmd_name in self.list_commands(ctx):
            module = importlib.import_module(self._OTHERS[cmd_name])
            command: click.Command = getattr(module, f"{cmd_name}_command")
            return command
        return super().get_command(ctx, cmd_name)


@click.group(
    "token",
    cls=TokenGroup,
    help=help_page(
        _(
            "Show tokens, and change or unblock their PINs.\n\n"
            "TOKEN is token:SERIAL as `gostkey token list` shows it, token:READER, or "
            "token: for the only one there is, which is also taken if none is named. "
            "The containers on a token are for `gostkey container`."
        ),
        examples=[
            "gostkey token list",
            "gostkey token show token:30DA6803",
            "gostkey token pin token:30DA6803",
            "gostkey token unblock token:30DA6803",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
def token_command() -> None:
    pass


@token_command.command(
    "list",
    help=help_page(
        _(
            "List the tokens that are in.\n\n"
            "Told are the model, what is free, and how many tries of the PINs are "
            "left, as far as the token tells; no PIN is needed and no try is spent."
        ),
        examples=["gostkey token list", "gostkey token list --json"],
        exits=[0, 1, 2, 4],
    ),
)
@json_option
@click.pass_obj
def list_(out: Output) -> Exit:
    found = list_tokens()
    failures: list[Failure] = []
    for problem in found.problems:
        if isinstance(problem, TokenUnknown):
            out.note(str(problem))
            continue
        failures.append(describe(problem))
        out.failure(failures[-1])
    if out.json:
        for info in found.tokens:
            out.record({"item": info.address, "status": "done", **facts(info)})
    elif found.tokens:
        columns = [_("token"), _("model"), _("label"), _("reader"), _("free")]
        columns += [_("places free"), _("PIN"), _("admin PIN")]
        out.table(columns, [_row(info) for info in found.tokens])
    if not found.tokens and not failures:
        out.note(_("no tokens found"))
        out.hint(_("put one into a reader or a USB port and repeat"))
    return overall(len(found.tokens), failures)


@token_command.command(
    "show",
    help=help_page(
        _(
            "Show all that a token tells without its PIN.\n\n"
            "That is who made it, how much room it has, the state of its PINs, and "
            "the containers on it. No try of a PIN is spent."
        ),
        examples=["gostkey token show", "gostkey token show token:30DA6803 --json"],
        exits=[0, 1, 3, 4],
    ),
)
@TOKEN
@json_option
@click.pass_obj
def show(out: Output, token: Path) -> None:
    store = TokenUse().open(token)
    with held(store):
        info = store.info
        containers = list(_containers(store))
        unfinished = [str(place) for place in store.unfinished()]
    if out.json:
        record = {"item": info.address, "status": "done", **facts(info)}
        out.record({**record, "containers": containers, "unfinished": unfinished})
        return
    out.pairs((name, value) for name, value in _lines(info) if value)
    if containers:
        out.text("")
        rows = [
            [one["item"], one["name"] or _("not readable: {why}").format(**one)]
            for one in containers
        ]
        out.table([_("container"), _("name")], rows)
    for place in unfinished:
        out.hint(
            _(
                "{place}: a container that was not written to its end; "
                "`gostkey container remove {place}` frees its place"
            ).format(place=place)
        )


@token_command.command(
    "pin",
    help=help_page(
        _(
            "Change the PIN of a token.\n\n"
            "The old PIN is asked for, then the new one twice; how many tries are "
            "left is told before. With --admin it is the administrator's PIN, which "
            "unblocks the other one. Containers and their passwords stay as they are."
        ),
        examples=[
            "gostkey token pin",
            "gostkey token pin token:30DA6803 --admin",
            "gostkey token pin token:30DA6803 --pin-file old.txt "
            "--new-pin-file new.txt",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@TOKEN
@click.option("--admin", is_flag=True, help=_("The administrator's PIN."))
@pin_options("new-pin", of=_("to set"), factory=False)
@pin_options(of=_("that the token has now"))
@json_option
@click.pass_obj
def pin_(
    out: Output, token: Path, admin: bool, pin: PinInput, new_pin: PinInput
) -> None:
    pin.admin = new_pin.admin = admin
    store = TokenUse().open(token)
    info = store.info
    old = pin.ask(info)
    new = new_pin.choose(info) or ""
    if admin:
        store.change_admin_pin(old, new)
    else:
        store.change_pin(old, new)
    if out.json:
        who = "admin" if admin else "user"
        out.record({"item": info.address, "status": "done", "changed": who})
    elif admin:
        out.note(_("{token}: the new admin PIN is set").format(token=info.address))
    else:
        out.note(_("{token}: the new PIN is set").format(token=info.address))


@token_command.command(
    "unblock",
    help=help_page(
        _(
            "Give a blocked PIN its tries back, with the admin PIN.\n\n"
            "Nothing on the token is lost. The user's PIN stays what it was unless "
            "a new one is named or typed. The admin PIN has tries of its own: when "
            "they are used up, only formatting helps, which removes all that is on "
            "the token."
        ),
        examples=[
            "gostkey token unblock token:30DA6803",
            "gostkey token unblock token:30DA6803 --admin-pin-file admin.txt "
            "--no-new-pin",
        ],
        exits=[0, 1, 3, 4],
    ),
)
@TOKEN
@pin_options(
    "new-pin",
    of=_("to set for the user"),
    factory=False,
    without=_("Leave the user's PIN what it was."),
)
@pin_options("admin-pin", of=_("of the administrator"), admin=True)
@json_option
@click.pass_obj
def unblock(out: Output, token: Path, admin_pin: PinInput, new_pin: PinInput) -> None:
    store = TokenUse().open(token)
    info = store.info
    if not info.user_pin.blocked:
        out.note(
            _("{token}: the PIN is not blocked, {tries}").format(
                token=info.address, tries=tries(info.user_pin)
            )
        )
    secret = admin_pin.ask(info)
    new = new_pin.choose(info, optional=True)
    store.unblock(secret, new)
    if out.json:
        changed = "user" if new is not None else None
        out.record({"item": info.address, "status": "done", "changed": changed})
    elif new is None:
        out.note(
            _("{token}: the PIN has all its tries again").format(token=info.address)
        )
    else:
        out.note(
            _("{token}: the PIN has all its tries again, and is the new one").format(
                token=info.address
            )
        )


def facts(info: TokenInfo) -> dict[str, Any]:
    """Return what a token tells, under the keys of the JSON."""
    return {
        "model": info.model,
        "family": info.family,
        "serial": info.serial,
        "label": info.label,
        "firmware": info.firmware,
        "reader": info.reader,
        "atr": info.atr.hex().upper(),
        "memory_total": info.memory_total,
        "memory_free": info.memory_free,
        "slots_total": info.slots_total,
        "slots_free": info.slots_free,
        "user_pin": _pin_facts(info.user_pin),
        "admin_pin": _pin_facts(info.admin_pin),
    }


def _pin_facts(state: PinState) -> dict[str, Any]:
    return {
        "tries_left": state.tries_left,
        "tries_total": state.tries_total,
        "min_length": state.min_length,
        "blocked": state.blocked,
    }


def _row(info: TokenInfo) -> list[str]:
    return [
        info.address,
        info.model,
        info.label,
        info.reader,
        _of(info.memory_free, info.memory_total),
        _of(info.slots_free, info.slots_total),
        _state(info.user_pin),
        _state(info.admin_pin),
    ]


def _lines(info: TokenInfo) -> Iterator[tuple[str, str]]:
    yield _("token"), info.address
    yield _("model"), info.model
    yield _("label"), info.label
    yield _("firmware"), info.firmware
    yield _("reader"), info.reader
    yield _("answer to reset"), info.atr.hex().upper()
    yield _("free memory, bytes"), _of(info.memory_free, info.memory_total)
    yield _("places free"), _of(info.slots_free, info.slots_total)
    yield _("PIN"), _state(info.user_pin)
    yield _("admin PIN"), _state(info.admin_pin)


def _of(part: int | None, whole: int | None) -> str:
    if part is None:
        return _("not told")
    if whole is None:
        return str(part)
    return _("{part} of {whole}").format(part=part, whole=whole)


def _state(state: PinState) -> str:
    return _("not told") if state == PinState() else tries(state)


def _containers(store: TokenStore) -> Iterator[dict[str, Any]]:
    faults: list[MediumError] = []
    for place in store.find(faults):
        record: dict[str, Any] = {"item": str(place), "name": "", "why": ""}
        try:
            container = read_container(place, store, public=True)
        except GostKeyError as error:
            record["why"] = describe(error).message.removeprefix(f"{place}: ")
        else:
            record["name"] = container.name
        yield record
