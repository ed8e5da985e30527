"""What the client is made of, without a server: addresses, headers, bodies."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import GostKeyError, TransportError
from gostkey.pki.bundles import certificates_of
from gostkey.renewal.transports import Collecting, CommandTransport, HttpTransport
from gostkey.renewal.transports.http import protocol
from gostkey.renewal.transports.http.connections import Address
from gostkey.renewal.transports.http.credentials import authorization


@pytest.mark.parametrize(
    "url",
    [
        "http://ca.example",
        "ca.example",
        "https://",
        "https://name:word@ca.example",
        "https://ca.example?x=1",
        "https://ca.example#x",
        "https://ca.example:99999",
        "https://ca.example/a b",
        "https://ca.exämple",
        "https://ca..example",
        "https://.example",
        "https://" + "a" * 64 + ".example",
        "https://ca.example\r\nX: y",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(TransportError) as caught:
        Address.of(url)
    assert "word@" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://ca.example", ("ca.example", 443, "")),
        ("https://ca.example:8443/", ("ca.example", 8443, "")),
        ("https://ca.example/office/one/", ("ca.example", 443, "/office/one")),
        ("https://[::1]:8443", ("::1", 8443, "")),
        ("https://ca.example.", ("ca.example.", 443, "")),
        ("https://" + "a" * 63 + ".example", ("a" * 63 + ".example", 443, "")),
    ],
)
def test_addresses(url: str, found: tuple[str, int, str]) -> None:
    one = Address.of(url)
    assert (one.host, one.port, one.path) == found
    assert Address.of(one.url) == one


def test_settings_hold_no_secret_and_give_the_transport_back(tmp_path: Path) -> None:
    secret = tmp_path / "auth"
    secret.write_text("north:correct horse")
    one = HttpTransport(
        "https://ca.example:8443",
        trusted=tmp_path,
        pins=("AB" * 32,),
        ca_file=tmp_path / "tls.pem",
        auth_file=secret,
    )
    settings = one.settings()
    assert "horse" not in str(settings) and "horse" not in repr(one)
    again = HttpTransport.from_settings(settings)
    assert again.settings() == settings


def test_names_and_tokens_become_headers() -> None:
    assert authorization("Aladdin:open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert authorization(" abc.def ") == "Bearer abc.def"
    for wrong in ("два", "a\tb", " "):
        with pytest.raises(TransportError):
            authorization(wrong)


NOW = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 0 ", 0),
        ("-5", None),
        ("9" * 5000, 86400),
        ("Fri, 27 Nov 2026 12:01:00 GMT", 60),
        ("Fri, 27 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 27 Nov 9999 11:00:00 GMT", 86400),
        ("soon", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read(header: str | None, seconds: float | None) -> None:
    assert protocol.retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_borne(header: str) -> None:
    found = protocol.retry_after(header, NOW)
    assert found is None or 0 <= found <= timedelta(days=1).total_seconds()


@given(st.binary())
def test_any_body_is_borne(body: bytes) -> None:
    problem = protocol.read_problem(body)
    assert problem is None or all(one.isprintable() for one in problem)
    try:
        certificates_of(protocol.from_base64(body))
    except GostKeyError:
        pass


@given(st.binary(min_size=1))
def test_base64_comes_back(data: bytes) -> None:
    assert protocol.from_base64(protocol.to_base64(b"\x30" + data)) == b"\x30" + data


def test_both_transports_collect_answers_of_a_chunk_together(tmp_path: Path) -> None:
    # A protocol that grows would leave them out without a word.
    assert isinstance(HttpTransport("https://x", trusted=tmp_path), Collecting)
    one = CommandTransport("sh {id}", "sh {id} {answer}", tmp_path)
    assert isinstance(one, Collecting)
