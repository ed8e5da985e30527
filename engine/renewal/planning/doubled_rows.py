"""Rows of a list that name one container twice, whatever way leads to it."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from .subscribers import RowError, Subscriber


def without_doubled(
    rows: list[tuple[int, Subscriber]],
) -> tuple[list[Subscriber], list[RowError]]:
    """Keep the first of equal rows; of rows that contradict each other, none.

    Args:
        rows: what each line of the list says, with its number.
    """
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
