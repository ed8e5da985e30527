"""Passwords and PINs in files: one line of UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path

from gostkey.errors import CampaignError

MAX_PASSWORD_FILE_BYTES = 4096


def read_password(path: Path) -> str:
    """Read a password or PIN: the first line of a UTF-8 file.

    Raises:
        CampaignError: if it cannot be read; the text never shows the content.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PASSWORD_FILE_BYTES + 1)
    except OSError as error:
        raise CampaignError(
            f"{path}: cannot be read: {error.strerror or 'error'}"
        ) from None
    if len(data) > MAX_PASSWORD_FILE_BYTES:
        raise CampaignError(
            f"{path}: longer than {MAX_PASSWORD_FILE_BYTES} bytes, so it is not "
            "a password file"
        )
    line = data.removeprefix(codecs.BOM_UTF8).splitlines()[:1]
    if not line or not line[0]:
        raise CampaignError(f"{path}: its first line is empty")
    try:
        # "from None": the decoder's exception would show the bytes.
        return line[0].decode("utf-8")
    except UnicodeDecodeError:
        raise CampaignError(f"{path}: is not UTF-8 text") from None
