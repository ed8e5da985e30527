"""What `resume` makes of the options of an authority, beside what a campaign knows."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from gostkey.cli.authority_options import Authority
from gostkey.renewal.transports import (
    FolderTransport,
    HttpTransport,
    MailTransport,
)

from .conftest import AT

MAIL = Path(__file__).parents[2] / "docs" / "mail.toml"
A, B = Path("/a"), Path("/b")
HTTPS = HttpTransport(
    "https://a", A, pins=("ab" * 32,), ca_file=A, auth_file=A
).settings()
FOLDERS = FolderTransport(A, A, A).settings()
COMMANDS = {"kind": "command", "submit": ["a"], "fetch": ["a"], "trusted": "/a"}


def changed(before: dict[str, Any], authority: Authority) -> dict[str, Any]:
    """Give what differs in the settings of the new way."""
    after = authority.instead_of(before, AT).settings()
    return {name: after[name] for name in after if before.get(name) != after[name]}


@pytest.mark.parametrize(
    ("before", "authority", "differs"),
    [
        (HTTPS, Authority(url="https://a:1"), {"url": "https://a:1"}),
        # The password is for the first host.
        (
            HTTPS,
            Authority(url="https://b:1"),
            {"url": "https://b:1", "auth_file": None},
        ),
        (
            HTTPS,
            Authority(url="https://b", url_auth_file=B),
            {"url": "https://b", "auth_file": "/b"},
        ),
        (HTTPS, Authority(trusted=B), {"trusted": "/b"}),
        (HTTPS, Authority(url_ca=B), {"ca_file": "/b"}),
        (HTTPS, Authority(url_auth_file=B), {"auth_file": "/b"}),
        (HTTPS, Authority(url_root=("cd" * 32,)), {"pins": ["cd" * 32]}),
        (FOLDERS, Authority(inbox=B), {"inbox": "/b"}),
        (FOLDERS, Authority(outbox=B, trusted=B), {"outbox": "/b", "trusted": "/b"}),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the paths are POSIX's")
def test_what_is_not_named_stays(
    before: dict[str, Any], authority: Authority, differs: dict[str, Any]
) -> None:
    assert changed(before, authority) == differs


def test_messages_are_known_by_the_same_name_when_the_file_is_another(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    for one in (first, second):
        shutil.copy(MAIL, one)
    before = MailTransport.open(first, lambda: AT).settings()
    assert changed(before, Authority(mail=second)) == {"file": str(second)}


@pytest.mark.parametrize(
    ("before", "authority"),
    [
        (HTTPS, Authority(outbox=B)),
        (HTTPS, Authority(url="https://b", ca=B)),
        (FOLDERS, Authority(url_ca=B)),
        (FOLDERS, Authority(mail=MAIL, outbox=B)),
        (COMMANDS, Authority(submit_command="b")),
    ],
)
def test_another_way_is_named_whole(
    before: dict[str, Any], authority: Authority
) -> None:
    with pytest.raises(click.UsageError):
        authority.instead_of(before, AT)
