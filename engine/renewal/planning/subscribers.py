"""Whose keys are to be renewed: a folder tree of containers, or a CSV list.

The list is CSV with a header row, in UTF-8 (with or without BOM) or
Windows-1251, separated by commas or semicolons.  One row, one line: a field
cannot hold a line break, so that a broken row spoils no other.  Columns, in
English or Russian, in any order:

* ``container`` (the folder, relative to the list, or a token's address, which
  means all containers on it, or chip:SERIAL, which means all keys in it), the only
  one required;
* ``password_file``, ``new_password_file``: files that hold the passwords;
* ``pin_file``, ``new_pin_file``: files that hold the PINs of the token with the
  container and of another one for the new container;
* ``exchanges_finished``: yes/no, да/нет, 1/0; empty means no;
* ``destination`` (or ``medium``): folder or token for the new container;
* ``key_status``: ok, compromised, lost; empty means ok;
* the fields of the form: what differs from the certificate is refused.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from gostkey.errors import CampaignError
from gostkey.media import FolderStore
from gostkey.media.tokens import is_token_address, open_token, split_address
from gostkey.pki import identifiers

from .. import collector
from ..chips import is_chip_address, split_chip
from .form import FIELDS
from .list_text import BadText, read_lines

MAX_LINE_CHARS = 16384


_NO_FORM: Mapping[str, str] = {}
"""One for all: a list may have a hundred thousand rows."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One container whose keys are to be renewed, as the operator named it."""

    source: str
    """Where it was named: "line 5 of list.csv", or the folder tree."""
    container: Path
    """Its folder, or an address: "token:30DA6803/0A00", "chip:3B000001/director"."""
    password_file: Path | None = None
    new_password_file: Path | None = None
    exchanges_finished: bool = False
    destination: Path | None = None
    key_status: str = "ok"
    form: Mapping[str, str] = field(default_factory=lambda: _NO_FORM)
    pin_file: Path | None = None
    """With the PIN of the token that has the container, or else of the destination."""
    new_pin_file: Path | None = None
    """With the PIN of the destination, if that is another token."""
    library: str | None = None
    """PKCS #11 library of the token that has the key, if it is in a chip; not kept."""


@dataclass(frozen=True)
class RowError:
    """A row of a list that cannot be used."""

    line: int
    """Line number in the file, from 1; the header row is line 1."""
    text: str
    cure: str


@dataclass(frozen=True)
class Listing:
    """What was named: the usable subscribers, and the rows that are not."""

    subscribers: tuple[Subscriber, ...]
    errors: tuple[RowError, ...] = ()


_COLUMNS: Mapping[str, str] = {
    "container": "container",
    "контейнер": "container",
    "password_file": "password_file",
    "файл_пароля": "password_file",
    "new_password_file": "new_password_file",
    "файл_нового_пароля": "new_password_file",
    "pin_file": "pin_file",
    "файл_пин": "pin_file",
    "new_pin_file": "new_pin_file",
    "файл_нового_пин": "new_pin_file",
    "exchanges_finished": "exchanges_finished",
    "обмены_завершены": "exchanges_finished",
    "destination": "destination",
    "medium": "destination",
    "носитель": "destination",
    "key_status": "key_status",
    "состояние_ключа": "key_status",
    "организация": "organization",
    "подразделение": "unit",
    "должность": "title",
    "инн": "inn",
    "страна": "country",
    "регион": "region",
    "город": "city",
    "почта": "e_mail",
    "email": "e_mail",
    "фамилия": "surname",
    "имя": "given_name",
    "отчество": "patronymic",
    "улица": "street",
    "снилс": "snils",
    "огрн": "ogrn",
    **{name: name for name in FIELDS},
}
_YES = frozenset({"yes", "y", "1", "true", "да", "+"})
_NO = frozenset({"no", "n", "0", "false", "нет", "-", ""})
_STATUS: Mapping[str, str] = {
    "": "ok",
    "ok": "ok",
    "в порядке": "ok",
    "compromised": "compromised",
    "скомпрометирован": "compromised",
    "lost": "lost",
    "утерян": "lost",
    "утрачен": "lost",
}


def read_tree(
    root: Path,
    *,
    exchanges_finished: bool = False,
    password_file: Path | None = None,
    new_password_file: Path | None = None,
    destination: Path | None = None,
    pin_file: Path | None = None,
    new_pin_file: Path | None = None,
    outside: Iterable[Path] = (),
    library: str | None = None,
) -> Listing:
    """Find the containers below a folder or on a token, or the keys in a chip.

    What is given holds for all of them.

    Args:
        root: the folder, or a token's address, or chip: and its serial number.
        exchanges_finished: the operator's confirmation for all of them.
        password_file: file with the password of all the old containers.
        new_password_file: file with the password for all the new ones.
        destination: folder or token for the new containers; else each one goes
            where the old one is.
        pin_file: file with the PIN of the token; of the destination, if *root* is
            a folder.
        new_pin_file: file with the PIN of the destination, if that is another
            token.
        outside: folders below *root* that do not count, such as the
            campaign's own with its archive.
        library: PKCS #11 library of the token's maker, for keys in a chip.

    Raises:
        CampaignError: if *root* is not a folder, or *destination* is a container.
        MediumError: if it cannot be read, or the token is not there.
    """
    fault = destination_fault(destination)
    if fault:
        raise CampaignError(fault)
    about_all = Subscriber(
        source=str(root),
        container=root,
        password_file=_absolute(password_file),
        new_password_file=_absolute(new_password_file),
        exchanges_finished=exchanges_finished,
        destination=_absolute(destination),
        pin_file=_absolute(pin_file),
        new_pin_file=_absolute(new_pin_file),
        library=library,
    )
    if is_chip_address(root):
        # Which keys it has is seen when it is looked into.
        return Listing((about_all,))
    if is_token_address(root):
        places = open_token(root).find()
        return Listing(tuple(replace(about_all, container=one) for one in places))
    if not root.is_dir():
        raise CampaignError(
            f"{root}: there is no such folder; name the folder that holds the "
            "key containers, or a CSV list of them"
        )
    skip = [path.resolve() for path in outside]
    found = []
    for folder in FolderStore(root).find():
        folder = folder.absolute()
        resolved = folder.resolve()
        if any(resolved == one or one in resolved.parents for one in skip):
            continue
        found.append(replace(about_all, container=folder))
    return Listing(tuple(sorted(found, key=lambda one: str(one.container))))


@collector.seldom()
def read_list(
    path: Path, *, exchanges_finished: bool = False, library: str | None = None
) -> Listing:
    """Read a CSV list of subscribers.

    Args:
        path: the list; relative paths in it start at its folder.
        exchanges_finished: the operator's confirmation for the whole list; a
            row that says no still means no.
        library: PKCS #11 library of the token's maker, for keys in a chip.

    Raises:
        CampaignError: if the file as a whole cannot be used: not text, no
            header, an unknown column.  A broken row is in the result's errors.
    """
    lines = read_lines(path)
    header = next(lines, "")
    if isinstance(header, BadText):
        raise CampaignError(f"{path}, line 1: {header}")
    if not header.strip():
        raise CampaignError(
            f"{path}: the list is empty; its first line names the columns, "
            "such as container;exchanges_finished"
        )
    delimiter = ";" if header.count(";") > header.count(",") else ","
    columns = _header(path, header, delimiter)
    errors: list[RowError] = []
    rows: list[tuple[int, Subscriber]] = []
    about_all = _AboutAll(path, columns, exchanges_finished, library)
    for number, line in enumerate(lines, start=2):
        if isinstance(line, BadText):
            errors.append(RowError(number, str(line), _ENCODING_CURE))
            continue
        if not line.strip():
            continue
        try:
            row = _row(line, columns, delimiter)
            rows.append((number, about_all.subscriber(number, row)))
        except _BadRow as error:
            errors.append(RowError(number, error.text, error.cure))
    kept, doubled = _without_duplicates(rows)
    errors += doubled
    return Listing(tuple(kept), tuple(sorted(errors, key=lambda one: one.line)))


_ENCODING_CURE = "write the line anew, in the encoding of the others"


class _BadRow(Exception):
    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.text = text
        self.cure = cure


def _header(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        names = _cells(line, delimiter)
    except _BadRow as error:
        raise CampaignError(f"{path}, line 1: {error.text}; {error.cure}") from None
    columns = []
    for name in names:
        column = _COLUMNS.get(name.strip().casefold().replace(" ", "_"))
        if column is None:
            # A misspelt column would silently drop a confirmation or a change.
            raise CampaignError(
                f"{path}, line 1: unknown column {name.strip()[:40]!r}; known are "
                "container, password_file, new_password_file, pin_file, "
                "new_pin_file, exchanges_finished, destination, key_status, "
                + ", ".join(FIELDS)
            )
        if column in columns:
            raise CampaignError(
                f"{path}, line 1: the column {column} is there twice; keep one"
            )
        columns.append(column)
    if "container" not in columns:
        raise CampaignError(
            f"{path}, line 1: there is no column 'container'; add it with the "
            "folders of the key containers"
        )
    return columns


def _cells(line: str, delimiter: str) -> list[str]:
    if len(line) > MAX_LINE_CHARS:
        raise _BadRow(
            f"the line is longer than {MAX_LINE_CHARS} characters", "shorten it"
        )
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise _BadRow(
            "the quotation marks are not closed or not doubled",
            'put a field with quotation marks as "ООО ""Ромашка"""',
        ) from None


def _row(line: str, columns: list[str], delimiter: str) -> dict[str, str]:
    cells = _cells(line, delimiter)
    if len(cells) != len(columns):
        raise _BadRow(
            f"{len(cells)} fields where the header has {len(columns)}",
            f"separate the fields with {delimiter!r} and quote those that hold it",
        )
    return dict(zip(columns, (cell.strip() for cell in cells), strict=True))


class _AboutAll:
    """What holds for all rows of a list."""

    def __init__(
        self, path: Path, columns: list[str], confirmed: bool, library: str | None
    ) -> None:
        self._name = path.name
        self._base = path.absolute().parent
        self._form = [name for name in FIELDS if name in columns]
        self._confirmed = confirmed
        self._library = library
        self._paths: dict[str, Path] = {}
        """Of passwords, PINs and media: many rows name the same."""

    def subscriber(self, number: int, row: dict[str, str]) -> Subscriber:
        if not row["container"]:
            raise _BadRow(
                "the container is not named", "name its folder, or token:SERIAL/SLOT"
            )
        finished = row.get("exchanges_finished", "").casefold()
        if finished not in _YES and finished not in _NO:
            raise _BadRow(
                f"exchanges_finished is {finished[:20]!r}",
                "write yes or no (да or нет)",
            )
        status = _STATUS.get(row.get("key_status", "").casefold())
        if status is None:
            raise _BadRow(
                f"key_status is {row['key_status'][:20]!r}",
                "write ok, compromised or lost",
            )
        fault = _number_fault(row)
        if fault:
            raise _BadRow(fault, "correct the number, or leave the field empty")
        destination = self._optional(row.get("destination"))
        fault = destination_fault(destination)
        if fault:
            raise _BadRow(fault, "leave out what is behind the token's number")
        return Subscriber(
            source=f"line {number} of {self._name}",
            container=_path(self._base, row["container"]),
            password_file=self._optional(row.get("password_file")),
            new_password_file=self._optional(row.get("new_password_file")),
            exchanges_finished=finished in _YES or (self._confirmed and not finished),
            destination=destination,
            key_status=status,
            form={name: row[name] for name in self._form if row[name]} or _NO_FORM,
            pin_file=self._optional(row.get("pin_file")),
            new_pin_file=self._optional(row.get("new_pin_file")),
            library=self._library,
        )

    def _optional(self, text: str | None) -> Path | None:
        if not text:
            return None
        if text not in self._paths:
            self._paths[text] = _path(self._base, text)
        return self._paths[text]


def _number_fault(row: Mapping[str, str]) -> str:
    """Say which number of the form has a wrong length or check digit; "" if none."""
    for field_name in ("inn", "snils", "ogrn"):
        digits = row.get(field_name, "").translate(_IN_NUMBERS)
        if digits:
            kind = field_name.upper()
            if kind == "OGRN" and len(digits) == 15:
                kind = "OGRNIP"
            fault = identifiers.fault(kind, digits)
            if fault:
                return fault
    return ""


_IN_NUMBERS = {ord(character): None for character in " -"}


def destination_fault(destination: Path | None) -> str:
    """Say why a destination cannot be one, as far as its name tells; "" if it can."""
    if is_chip_address(destination):
        token, key = split_chip(destination or "")
        if key or not token:
            return f"{destination}: must be chip: and the serial number of the token"
        return ""
    if destination is None or not is_token_address(destination):
        return ""
    _, container = split_address(destination)
    if not container:
        return ""
    return f"{destination}: names a container on a token, and the token is wanted"


def _path(base: Path, text: str) -> Path:
    if "\x00" in text or not text.isprintable():
        raise _BadRow("a path holds unprintable characters", "write the path anew")
    address = is_token_address(text) or is_chip_address(text)
    return Path(text) if address else base / text


def _absolute(path: Path | None) -> Path | None:
    if path is None or is_token_address(path) or is_chip_address(path):
        return path
    return path.absolute()


def _without_duplicates(
    rows: list[tuple[int, Subscriber]],
) -> tuple[list[Subscriber], list[RowError]]:
    """Keep the first of equal rows; of rows that contradict each other, none."""
    resolve = _Resolver(len(rows))
    firsts: dict[str, int] = {}
    groups: dict[int, list[tuple[int, Subscriber]]] = {}
    for index, (number, one) in enumerate(rows):
        first_index = firsts.setdefault(resolve(one.container), index)
        if first_index != index:
            groups.setdefault(first_index, [rows[first_index]]).append((number, one))
    del firsts
    kept: list[Subscriber] = []
    errors: list[RowError] = []
    in_groups = {number for group in groups.values() for number, _ in group}
    for index, (number, one) in enumerate(rows):
        if number not in in_groups:
            kept.append(one)
        if index not in groups:
            continue
        group = groups[index]
        first_number, first = group[0]
        if all(_content(one) == _content(first) for _, one in group):
            kept.append(first)
            errors += [
                RowError(
                    number,
                    f"the container is on line {first_number} already",
                    "remove this line",
                )
                for number, _ in group[1:]
            ]
            continue
        for number, _ in group:
            others = ", ".join(str(n) for n, _ in group if n != number)
            errors.append(
                RowError(
                    number,
                    f"the container is also on line {others}, with other statements",
                    "keep the line that is right",
                )
            )
    return kept, errors


_WORTH_LISTING = 64
"""Paths in one folder for which all of it is listed."""


class _Resolver:
    """Resolves paths; looks at the folders that many of them are in only once."""

    def __init__(self, paths: int) -> None:
        """Begin to resolve so many paths."""
        self._most = 4 * paths
        """Entries of a folder that are not more work than a look at each path."""
        self._folders: dict[str, str] = {}
        self._asked: dict[str, int] = {}
        self._links: dict[str, dict[str, bool]] = {}
        """Folder to its entries, and whether they are symbolic links."""

    def __call__(self, path: Path) -> str:
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or self._is_link(folder, name):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def _is_link(self, folder: str, name: str) -> bool:
        if folder not in self._links:
            asked = self._asked[folder] = self._asked.get(folder, 0) + 1
            if asked < _WORTH_LISTING:
                return os.path.islink(os.path.join(folder, name))
            self._links[folder] = self._list(folder)
        known = self._links[folder].get(name)
        # A name that is not there may still be another spelling of one that is.
        return os.path.islink(os.path.join(folder, name)) if known is None else known

    def _list(self, folder: str) -> dict[str, bool]:
        try:
            with os.scandir(folder) as entries:
                some = islice(entries, self._most)
                return {one.name: one.is_symlink() for one in some}
        except OSError:
            return {}


def _content(one: Subscriber) -> tuple[object, ...]:
    return (
        one.password_file,
        one.new_password_file,
        one.exchanges_finished,
        one.destination,
        one.key_status,
        one.pin_file,
        one.new_pin_file,
        tuple(sorted(one.form.items())),
    )
