"""``gostkey container``: find and show key containers.

This module has the group and what only reads; `COMMANDS` names the modules
with the other commands.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from gostkey.containers import Container
from gostkey.errors import ContainerError, GostKeyError, MediumError
from gostkey.media import (
    Medium,
    TokenStore,
    describe_in_words,
    find_public,
    held,
    is_token_address,
    locate_all,
    open_medium,
    usual_media,
    usual_tokens,
)

from .failures import Failure, describe, naming, overall
from .files import PathOption
from .late import LateGroup
from .output import Output, json_option, place
from .sources import at_option, now, read_container
from .texts import _, help_page

COMMANDS = {
    "backup": "container_backup",
    "check": "container_check",
    "copy": "container_copy",
    "export": "container_transfer",
    "import": "container_transfer",
    "install": "container_change",
    "password": "container_change",
    "remove": "container_remove",
    "repair": "container_repair",
}
"""Command -> module, which adds the command to the group when it is loaded."""

FOLDERS = click.argument(
    "folders", metavar="FOLDER...", nargs=-1, required=True, type=PathOption
)


@click.group(
    "container",
    cls=LateGroup,
    later=COMMANDS,
    help=help_page(
        _(
            "Find, check, copy, change and back up key containers.\n\n"
            "A key container is a folder with the files name.key, header.key, "
            "primary.key, masks.key, primary2.key and masks2.key. A Windows registry "
            "export (.reg) is taken like a folder of containers; FILE.reg/NAME is one "
            "of them. token:SERIAL is a token, token:SERIAL/NAME a container on it, "
            "and token: the only token there is; `gostkey token list` shows them."
        ),
        examples=[
            "gostkey container list /media/keys",
            "gostkey container show /media/keys/ivanov.000",
            "gostkey container check /media/keys/*.000",
            "gostkey container copy /media/keys/ivanov.000 /media/spare",
            "gostkey container copy token:30DA6803/ivanov /media/spare",
            "gostkey container password /media/keys/ivanov.000",
            "gostkey container install ivanov.cer --in /media/keys",
            "gostkey container backup /media/keys --out backups",
        ],
        exits=[0, 1, 2, 3, 4, 5],
    ),
)
def container_command() -> None:
    pass


@contextmanager
def _program_at_rest() -> Iterator[None]:
    """Look for garbage among what a long loop makes, and not in the whole program.

    With thousands of containers that is a fifth of the time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@container_command.command(
    "list",
    help=help_page(
        _(
            "List the containers in all places: one row a key.\n\n"
            "A place is a folder, which is looked through, a Windows registry "
            "export (.reg), or a token. Without one the usual places are taken: where "
            "CryptoPro CSP keeps the containers of this user, the roots of the disks "
            "that are mounted for people, and all tokens. Nothing is opened, so "
            "neither a password nor a PIN is needed. "
            "Folders that are not containers are passed over; a damaged one is told "
            "and the others go on."
        ),
        examples=[
            "gostkey container list",
            "gostkey container list /media/keys D:\\ keys.reg token:30DA6803",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@click.argument("folders", metavar="[PLACE]...", nargs=-1, type=PathOption)
@at_option
@json_option
@click.pass_obj
@_program_at_rest()
def list_(out: Output, folders: tuple[Path, ...], at: datetime | None) -> int:
    failures: list[Failure] = []
    rows: list[list[str]] = []
    done = 0
    hints: list[str] = []
    media = _media(folders, hints, out, failures)
    today = now(at).date()
    for medium, folder, files in _found(out, media, failures, hints):
        try:
            if not isinstance(files, dict):
                raise files
            with naming(folder):
                record = _describe(Container.parse(files), medium, today)
        except (GostKeyError, OSError) as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(folder))
            cause = failures[-1].message.removeprefix(f"{folder}: ")
            rows.append([*[""] * 7, place(folder), _("no: {why}").format(why=cause)])
            continue
        done += 1
        if out.json:
            out.record({"item": str(folder), "status": "done", **record})
        else:
            rows += [_row(folder, record, key) for key in record["keys"]]
    if rows and not out.json:
        columns = [_("owner"), _("INN"), _("valid from"), _("valid until")]
        columns += [_("days left"), _("container"), _("key"), _("where")]
        out.table([*columns, _("readable")], rows, right=[4])
    for hint in hints:
        out.hint(hint)
    if not done and not failures:
        out.note(_("no key containers found"))
        if not folders:
            looked = ", ".join(name for name, _medium in media)
            out.hint(
                _("looked in: {places}; name another place").format(
                    places=looked or _("nothing, as no usual place is there")
                )
            )
    return overall(done, failures)


def _row(folder: Path, record: dict[str, Any], key: dict[str, Any]) -> list[str]:
    certificate = key["certificate"] or {}
    dates = certificate if "not_after" in certificate else key
    readable = {
        (False, False): _("yes"),
        (False, True): _("yes, with its password"),
        (True, False): _("yes, with the PIN"),
        (True, True): _("yes, with the PIN and its password"),
    }[record["needs_pin"], record["has_password"]]
    if "error" in certificate:
        readable = _("not its certificate: {why}").format(why=certificate["error"])
    return [
        certificate.get("owner", _("no certificate")),
        certificate.get("inn") or "",
        (dates["not_before"] or "")[:10],
        (dates["not_after"] or "")[:10],
        "" if key["days_left"] is None else str(key["days_left"]),
        record["name"],
        f"{key['curve']} {key['usage']}",
        place(folder),
        readable,
    ]


@container_command.command(
    "show",
    help=help_page(
        _(
            "Show what a container tells without its password.\n\n"
            "That is its name, keys, dates and certificates. On a token they are "
            "told without the PIN."
        ),
        examples=[
            "gostkey container show /media/keys/ivanov.000 keys.reg",
            "gostkey container show token:30DA6803/ivanov",
        ],
        exits=[0, 1, 2, 3, 4],
    ),
)
@FOLDERS
@json_option
@click.pass_obj
def show(out: Output, folders: tuple[Path, ...]) -> int:
    failures: list[Failure] = []
    done = 0
    for medium, folder in _named(out, folders, failures):
        try:
            container = read_container(folder, medium, public=True)
            with naming(folder):
                record = _describe(container, medium, now(None).date())
        except (GostKeyError, OSError) as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(folder))
            continue
        if out.json:
            out.record({"item": str(folder), "status": "done", **record})
        else:
            if done:
                out.text("")
            out.pairs(_lines(folder, record))
        done += 1
    return overall(done, failures)


def _media(
    folders: tuple[Path, ...], hints: list[str], out: Output, failures: list[Failure]
) -> list[tuple[str, Medium[Path]]]:
    """Return the media of the places, or all that are usually looked at; named."""
    media: list[tuple[str, Medium[Path]]] = []
    if not folders:
        tokens, problems = usual_tokens()
        hints += [_("no tokens: {why}").format(why=problem) for problem in problems]
        media += [(medium.identity, medium) for medium in usual_media()]
        return [*media, *tokens.items()]
    for folder in folders:
        try:
            media.append((str(folder), open_medium(folder)))
        except GostKeyError as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(folder))
    return media


def _found(
    out: Output,
    media: Iterable[tuple[str, Medium[Path]]],
    failures: list[Failure],
    hints: list[str],
) -> Iterator[tuple[Medium[Path], Path, dict[str, bytes] | GostKeyError | OSError]]:
    """Yield the containers of media; add what helps against half-written ones."""
    for name, medium in media:
        unreadable: list[GostKeyError] = []
        try:
            faults: list[MediumError] = []
            with held(medium):
                for place, files in find_public(medium, faults):
                    yield medium, place, files
                hints += _half_written(medium)
            unreadable += faults
        except GostKeyError as error:
            unreadable = [error]
        for fault in unreadable:
            failures.append(describe(fault))
            out.failure(failures[-1], name)


def _half_written(medium: Medium[Path]) -> Iterator[str]:
    if isinstance(medium, TokenStore):
        for place in medium.unfinished():
            yield _(
                "{place}: a container that was not written to its end; "
                "`gostkey container remove {place}` frees its place"
            ).format(place=place)


def _named(
    out: Output, folders: tuple[Path, ...], failures: list[Failure]
) -> Iterator[tuple[Medium[Path], Path]]:
    """Yield the containers that some paths name: of an export or token, all."""
    for folder in folders:
        try:
            medium, places = locate_all(folder)
            if not places:
                raise ContainerError(
                    _("{file}: no key containers in it").format(file=folder)
                )
        except GostKeyError as error:
            failures.append(describe(error))
            out.failure(failures[-1], str(folder))
            continue
        single = not is_token_address(folder) and places == [folder.absolute()]
        for found in places:
            yield medium, folder if single else found


def _describe(
    container: Container, medium: Medium[Path], today: date
) -> dict[str, Any]:
    """Return the container's description, with the days left of each key."""
    record = describe_in_words(container)
    record["needs_pin"] = isinstance(medium, TokenStore)
    if record["needs_pin"]:
        record["has_reserve"] = None
    for key in record["keys"]:
        dates = key["certificate"] or {}
        end = dates["not_after"] if "not_after" in dates else key["not_after"]
        # Below 0 if it is past.
        key["days_left"] = (date.fromisoformat(end[:10]) - today).days if end else None
    return record


def _lines(folder: Path, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield _("token") if record["needs_pin"] else _("folder"), str(folder)
    yield _("name"), record["name"]
    yield _("password"), _("yes") if record["has_password"] else _("no")
    reserve = {
        True: _("yes"),
        False: _("no"),
        None: _("not looked at, that needs the PIN"),
    }
    yield _("reserve copy"), reserve[record["has_reserve"]]
    for key in record["keys"]:
        yield "", ""
        yield _("key"), f"{key['slot']}, {key['usage']}"
        yield "  " + _("scheme"), f"GOST R 34.10-{key['scheme']}, {key['bits']} bits"
        yield "  " + _("curve"), f"{key['curve']} ({key['curve_oid']})"
        yield "  " + _("exportable"), _("yes") if key["exportable"] else _("no")
        if key["not_before"] or key["not_after"]:
            yield "  " + _("key period"), _span(key)
        certificate = key["certificate"]
        if certificate is None:
            yield "  " + _("certificate"), _("none")
        elif "error" in certificate:
            yield "  " + _("certificate"), certificate["error"]
        else:
            yield "  " + _("certificate of"), certificate["subject"]
            yield "  " + _("issued by"), certificate["issuer"]
            yield "  " + _("number"), certificate["serial"]
            yield "  " + _("valid"), _span(certificate)


def _span(record: dict[str, Any]) -> str:
    return f"{record['not_before'] or '...'} - {record['not_after'] or '...'}"
