"""``renew check-config --connect`` against a real HTTPS server of an authority."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from renewal.https.conftest import Site
from renewal.https.faulty import Asked, reply, serving
from renewal.offices import new_office

from gostkey.cli import application

Check = Any


@pytest.fixture
def check(site: Site, tmp_path: Path) -> Check:
    """Write a configuration and check it; give the faults that are told."""

    def call(*, connect: bool = True, **authority: str) -> list[str]:
        authority = {
            "url": site.url,
            "trusted": str(site.trusted),
            "url_ca": str(site.ca_file),
            **authority,
        }
        config = tmp_path / "renew.toml"
        lines = [f'{name} = "{value}"' for name, value in authority.items() if value]
        config.write_text("\n".join(["", "[authority]", *lines, ""]))
        said = io.StringIO()
        options = ["--connect"] if connect else []
        with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as leaving:
            application.main(["renew", "check-config", str(config), "--json", *options])
        records = [json.loads(line) for line in said.getvalue().splitlines()]
        faults = [one for one in records if one["status"] == "failed"]
        assert leaving.value.code == (2 if faults else 0)
        assert all(one["line"] == 2 and one["error"]["hint"] for one in faults)
        return [one["error"]["message"] for one in faults]

    return call


def test_a_server_that_answers_is_right(check: Check) -> None:
    assert check() == []


def test_the_server_is_asked_also_where_the_folder_would_do(
    site: Site, check: Check
) -> None:
    """A run can begin with root and CRL of the folder; its requests would not go."""
    crl = site.office.authority.crl(site.office.clock())
    (site.trusted / "ca.crl").write_bytes(crl)
    site.stop()
    assert check(connect=False) == []
    (only,) = check()
    assert f"{site.url}: the connection was refused" in only


def test_a_tls_certificate_that_is_not_trusted_is_told(check: Check) -> None:
    (only,) = check(url_ca="")
    assert "its TLS certificate is not trusted" in only


def test_another_authority_than_the_office_knows_is_told(
    site: Site, check: Check, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = new_office(tmp_path / "other")
    (site.trusted / "ca.cer").write_bytes(other.authority.certificate.der)
    (only,) = check()
    assert "none of the certificates that it sends" in only
    assert str(site.trusted) in only


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, b"no", "/.well-known/est/cacerts: answered 404"),
        (200, b"<html>", "cannot be read"),
        (503, b"", "it answered 503"),
    ],
)
def test_what_is_no_authority_is_told(
    check: Check, tls_files: tuple[Any, Path], status: int, body: bytes, told: str
) -> None:
    made, _ = tls_files

    def behave(asked: Asked, connection: Any) -> None:
        connection.sendall(reply(status, body))

    with serving(made.context, behave) as server:
        (only,) = check(url=server.url)
    assert told in only
