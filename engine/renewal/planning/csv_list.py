"""A CSV list of whose keys are to be renewed.

It has a header row (before it may stand ``sep=;``, as Excel has it) and is in UTF-8
(with or without BOM) or Windows-1251, separated by commas or semicolons.  One row, one
line: a field cannot hold a line break, so that a broken row spoils no other.  Columns,
in English or Russian, in any order:

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
from collections.abc import Iterator, Mapping
from pathlib import Path

from gostkey.errors import CampaignError
from gostkey.media.tokens import is_token_address
from gostkey.pki import identifiers

from .. import collector
from ..chips import is_chip_address
from .doubled_rows import without_doubled
from .form import FIELDS
from .list_text import BadText, read_lines, separator_in
from .subscribers import NO_FORM, Listing, RowError, Subscriber, destination_fault

MAX_LINE_CHARS = 16384

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
    lines = enumerate(read_lines(path), start=1)
    columns, delimiter = _columns_of(path, lines)
    errors: list[RowError] = []
    rows: list[tuple[int, Subscriber]] = []
    about_all = _AboutAll(path, columns, exchanges_finished, library)
    for number, line in lines:
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
    kept, doubled = without_doubled(rows)
    errors += doubled
    return Listing(tuple(kept), tuple(sorted(errors, key=lambda one: one.line)))


_ENCODING_CURE = "write the line anew, in the encoding of the others"


class _BadRow(Exception):
    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.text = text
        self.cure = cure


def _columns_of(
    path: Path, lines: Iterator[tuple[int, str | BadText]]
) -> tuple[list[str], str]:
    """Read the names of the columns, and tell what separates them."""
    number, header = next(lines, (1, ""))
    delimiter = ""
    if isinstance(header, str) and (named := separator_in(header)):
        delimiter = named
        number, header = next(lines, (number + 1, ""))
    where = f"{path}, line {number}"
    if isinstance(header, BadText):
        raise CampaignError(f"{where}: {header}")
    if not header.strip():
        raise CampaignError(
            f"{path}: the list is empty; its first line names the columns, "
            "such as container;exchanges_finished"
        )
    if not delimiter:
        delimiter = ";" if header.count(";") > header.count(",") else ","
    if delimiter not in ";," or ("\t" in header and delimiter not in header):
        raise CampaignError(
            f"{where}: the columns are separated by something else than semicolons or "
            "commas; save the list as CSV with semicolons"
        )
    return _header(where, header, delimiter), delimiter


def _header(where: str, line: str, delimiter: str) -> list[str]:
    try:
        names = _cells(line, delimiter)
    except _BadRow as error:
        raise CampaignError(f"{where}: {error.text}; {error.cure}") from None
    columns = []
    for name in names:
        column = _COLUMNS.get(name.strip().casefold().replace(" ", "_"))
        if column is None:
            # A misspelt column would silently drop a confirmation or a change.
            raise CampaignError(
                f"{where}: unknown column {name.strip()[:40]!r}; known are "
                "container, password_file, new_password_file, pin_file, "
                "new_pin_file, exchanges_finished, destination, key_status, "
                + ", ".join(FIELDS)
            )
        if column in columns:
            raise CampaignError(
                f"{where}: the column {column} is there twice; keep one"
            )
        columns.append(column)
    if "container" not in columns:
        raise CampaignError(
            f"{where}: there is no column 'container'; add it with the "
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
            form={name: row[name] for name in self._form if row[name]} or NO_FORM,
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


def _path(base: Path, text: str) -> Path:
    if "\x00" in text or not text.isprintable():
        raise _BadRow("a path holds unprintable characters", "write the path anew")
    address = is_token_address(text) or is_chip_address(text)
    return Path(text) if address else base / text
