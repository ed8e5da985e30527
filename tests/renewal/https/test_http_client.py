"""The client against servers that answer wrongly, late, or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from renewal.https.conftest import HASTY, Site, pending_of
from renewal.https.faulty import Asked, Behave, cut, reply, serving
from renewal.offices import Office, new_office

from gostkey.errors import GostKeyError, RequestRefused, TransportError
from gostkey.pki.bundles import certs_only
from gostkey.pki.certificates import Certificate
from gostkey.renewal.transports import HttpTransport
from gostkey.renewal.transports.choosing import mine
from gostkey.renewal.transports.http.connections import LARGEST_ANSWER
from gostkey.renewal.transports.http.tls import throw_away
from gostkey.renewal.transports.patience import Line, Patience

Ask = Callable[..., GostKeyError | bytes | None]
REQUEST = b"\x30\x03\x02\x01\x05"


@pytest.fixture
def ask(tls_files: tuple[Any, Path], tmp_path: Path) -> Ask:
    """Submit one request to a server that behaves so; give what came of it."""
    made, ca_file = tls_files

    def call(
        behave: Behave, patience: Patience = HASTY, **options: Any
    ) -> GostKeyError | bytes | None:
        sleep = options.pop("sleep", time.sleep)
        with serving(made.context, behave) as server:
            transport = HttpTransport(
                server.url,
                trusted=tmp_path,
                ca_file=options.pop("ca_file", ca_file),
                patience=patience,
                **options,
            )
            transport.line = Line(server.url, patience, chance=lambda: 0.5, sleep=sleep)
            pending = pending_of(REQUEST)
            (outcome,) = transport.submit([pending])
            call.server = server  # type: ignore[attr-defined]
            return outcome or transport.fetch(pending)

    return call


def always(answer: bytes) -> Behave:
    """Answer every request so."""
    return lambda asked, connection: connection.sendall(answer)


def then(*answers: bytes | None) -> Behave:
    """Answer the requests in turn; None cuts the connection."""

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        answer = answers[min(asked.number, len(answers) - 1)]
        if answer is None:
            cut(connection)
        else:
            connection.sendall(answer)

    return behave


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return new_office(tmp_path_factory.mktemp("office")).authority.certificate


@pytest.fixture
def good(certificate: Certificate) -> bytes:
    """An answer with a certificate."""
    return reply(200, base64.encodebytes(certs_only([certificate])))


def asked_of(ask: Ask) -> list[Asked]:
    return ask.server.asked  # type: ignore[attr-defined, no-any-return]


def test_a_whole_answer_is_taken(
    ask: Ask, good: bytes, certificate: Certificate
) -> None:
    assert ask(always(good)) == certificate.der
    (one,) = asked_of(ask)
    assert (one.method, one.path) == ("POST", "/.well-known/est/simplereenroll")
    assert "Content-Type: application/pkcs7-mime; smime-type=signed-data" in one.head
    assert base64.b64decode(one.body) == REQUEST


def test_an_answer_that_is_cut_in_the_middle_is_asked_for_again(
    ask: Ask, good: bytes, certificate: Certificate
) -> None:
    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        if asked.number < 2:
            connection.sendall(good[: len(good) // 2])
            cut(connection)
        else:
            connection.sendall(good)

    assert ask(behave) == certificate.der
    # The very same request each time.
    assert len({one.body for one in asked_of(ask)}) == 1
    assert len(asked_of(ask)) == 3


def test_an_answer_that_is_always_cut_is_told(ask: Ask, good: bytes) -> None:
    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        connection.sendall(good[:-40])
        cut(connection)

    outcome = ask(behave)
    assert isinstance(outcome, TransportError)
    assert "cut" in str(outcome) and "asked 3 times" in str(outcome)


def test_corrupted_base64_is_asked_for_again(
    ask: Ask, good: bytes, certificate: Certificate
) -> None:
    head, _, body = good.partition(b"\r\n\r\n")
    broken = head + b"\r\n\r\n" + b"!" + body[1:]
    assert ask(then(broken, good)) == certificate.der
    outcome = ask(always(broken))
    assert isinstance(outcome, TransportError)
    assert "base64" in str(outcome)


def test_an_answer_without_a_certificate_is_no_answer(ask: Ask) -> None:
    outcome = ask(always(reply(200, base64.encodebytes(certs_only([])))))
    assert isinstance(outcome, TransportError)


def test_a_huge_answer_is_not_read_to_its_end(ask: Ask) -> None:
    sent = 0

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        nonlocal sent
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Length: {1 << 40}\r\n\r\n".encode()
        )
        while True:
            sent += connection.send(b"x" * 65536)

    outcome = ask(behave)
    assert isinstance(outcome, TransportError)
    assert f"longer than {LARGEST_ANSWER} bytes" in str(outcome)
    # What was on its way in the system's buffers is all that came besides.
    assert sent < LARGEST_ANSWER + (32 << 20)
    assert len(asked_of(ask)) == 1


@pytest.mark.parametrize(
    "size",
    [b"-5", b"-2", b"xyz", b"", b"F" * 70000],
    ids=["-5", "-2", "word", "none", "long"],
)
def test_a_chunk_with_an_odd_size_is_asked_for_again(
    ask: Ask, good: bytes, certificate: Certificate, size: bytes
) -> None:
    odd = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    odd += size + b"\r\nabc\r\n0\r\n\r\n"
    assert ask(then(odd, good)) == certificate.der
    outcome = ask(always(odd))
    assert isinstance(outcome, TransportError)
    assert "asked 3 times" in str(outcome)


def test_a_chunk_of_all_that_comes_is_not_read_for_ever(ask: Ask) -> None:
    sent = 0

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        nonlocal sent
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
        )
        # More than fits into the system's buffers, if nobody reads on.
        while sent < 128 << 20:
            sent += connection.send(b"x" * 65536)

    outcome = ask(behave)
    assert isinstance(outcome, TransportError)
    assert f"longer than {LARGEST_ANSWER} bytes" in str(outcome)
    assert sent < 2 * LARGEST_ANSWER + (32 << 20)
    assert len(asked_of(ask)) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(ask: Ask, good: bytes, status: int) -> None:
    elsewhere = "https://127.0.0.1:1/x"
    outcome = ask(then(reply(status, Location=elsewhere), good))
    assert isinstance(outcome, TransportError)
    assert elsewhere in str(outcome) and "not followed" in str(outcome)
    assert len(asked_of(ask)) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(
    ask: Ask, good: bytes, certificate: Certificate, status: int
) -> None:
    busy = reply(status, b"<html>", "text/html")
    assert ask(then(busy, busy, good)) == certificate.der
    outcome = ask(always(busy))
    assert isinstance(outcome, TransportError)
    assert f"it answered {status}" in str(outcome)
    assert len(asked_of(ask)) == 3


def test_retry_after_is_heeded_and_not_beyond_patience(
    ask: Ask, good: bytes, certificate: Certificate
) -> None:
    slept: list[float] = []
    answer = ask(then(reply(503, Retry_After="4"), good), sleep=slept.append)
    assert answer == certificate.der
    assert slept == [pytest.approx(4, abs=0.1)]
    outcome = ask(then(reply(503, Retry_After="3600"), good), sleep=slept.append)
    assert isinstance(outcome, TransportError)
    assert len(slept) == 1 and len(asked_of(ask)) == 1


PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("status", "kind", "body", "text"),
    [
        (400, PROBLEM, b'{"code": "refused", "detail": "is revoked"}', "is revoked"),
        (
            403,
            f"{PROBLEM}; charset=utf-8",
            '{"code": "proof-needed", "title": "нет"}'.encode(),
            "нет",
        ),
        (422, PROBLEM, b'{"code": "unreadable", "detail": "no CMS"}', "no CMS"),
        # Control characters and length are another's and do not reach a terminal.
        (
            400,
            PROBLEM,
            b'{"code": "refused", "detail": "a\\u001b[31mb%b"}' % (b"c" * 9999),
            "a?[31mbc",
        ),
    ],
    ids=["refused", "proof-needed", "unreadable", "odd"],
)
def test_a_refusal_is_the_authoritys_word(
    ask: Ask, status: int, kind: str, body: bytes, text: str
) -> None:
    outcome = ask(always(reply(status, body, kind)))
    assert isinstance(outcome, RequestRefused)
    assert str(outcome).startswith(text) and len(str(outcome)) <= 500
    assert len(asked_of(ask)) == 1


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        # What proxies say. EST, too, has plain text for a refusal (RFC 7030 4.2.3).
        (400, "text/plain", b"Client sent an HTTP request to an HTTPS server.\n"),
        (403, "text/plain", b"RBAC: access denied"),
        (403, "application/json", b'{"code": "refused", "title": "Forbidden"}'),
        (403, PROBLEM, b'{"code": "AccessDenied", "title": "Forbidden"}'),
        (400, PROBLEM, b'{"code": "bad-request", "detail": "Bad request"}'),
        (404, PROBLEM, b'{"code": "refused", "detail": "no"}'),
        (400, "text/html", b"<html>proxy error</html>"),
        (400, PROBLEM, b"[1]"),
        (400, PROBLEM, b'{"detail": "no code"}'),
        (403, "text/html", b"captive portal"),
        (404, "text/plain", b"not here"),
        (405, "text/plain", b"no"),
        (413, "text/plain", b"no"),
        (401, "text/plain", b"no"),
        (407, "text/plain", b"no"),
        (204, "text/plain", b""),
        (418, "text/plain", b"teapot"),
    ],
)
def test_what_is_not_the_authoritys_word_refuses_nobody(
    ask: Ask, status: int, kind: str, body: bytes
) -> None:
    # A refused key is never tried again; a wrong address is a fault to be mended.
    outcome = ask(always(reply(status, body, kind)))
    assert isinstance(outcome, TransportError)
    assert len(asked_of(ask)) == 1


def test_what_a_proxy_says_is_told(ask: Ask) -> None:
    outcome = ask(always(reply(403, b"RBAC: access\x1b denied\n", "text/plain")))
    assert "answered 403 (RBAC: access? denied); this is not" in str(outcome)


def test_what_is_not_http_is_told(ask: Ask) -> None:
    outcome = ask(always(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    assert isinstance(outcome, TransportError)
    assert "not HTTP" in str(outcome)


def test_silence_ends_with_the_time_out(ask: Ask) -> None:
    patience = Patience(total=0.5, tries=2, first_wait=0.01, answer=0.3, rest=0)
    began = time.monotonic()
    outcome = ask(lambda asked, connection: None, patience)
    assert isinstance(outcome, TransportError)
    assert "did not answer in time" in str(outcome)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("where", ["head", "body"])
def test_an_answer_by_drops_ends_with_the_time_out(ask: Ask, where: str) -> None:
    # Each byte comes sooner than a time-out of the socket ends; the whole never does.
    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        if where == "body":
            connection.sendall(b"Content-Length: 100000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    patience = Patience(total=0.1, tries=1, answer=0.6, rest=0)
    began = time.monotonic()
    outcome = ask(behave, patience)
    assert isinstance(outcome, TransportError)
    assert 0.5 < time.monotonic() - began < 3


def test_a_wrong_tls_certificate_is_told_at_once(ask: Ask, tmp_path: Path) -> None:
    other = throw_away(["127.0.0.1"], datetime.now(timezone.utc))
    (tmp_path / "other.pem").write_bytes(other.certificate)
    outcome = ask(always(b""), ca_file=tmp_path / "other.pem")
    assert isinstance(outcome, TransportError)
    assert "TLS certificate is not trusted" in str(outcome)
    assert asked_of(ask) == []


def test_a_tls_certificate_for_another_name_is_not_trusted(
    tmp_path: Path, good: bytes
) -> None:
    made = throw_away(["ca.example"], datetime.now(timezone.utc))
    (tmp_path / "tls.pem").write_bytes(made.certificate)
    with serving(made.context, always(good)) as server:
        transport = HttpTransport(
            server.url, trusted=tmp_path, ca_file=tmp_path / "tls.pem", patience=HASTY
        )
        (outcome,) = transport.submit([pending_of(REQUEST)])
    assert isinstance(outcome, TransportError)
    assert "not trusted" in str(outcome) and server.asked == []


def test_the_certificate_for_trials_passes_strict_checks(
    tls_files: tuple[Any, Path], good: bytes
) -> None:
    # As Python 3.13 checks by default.
    made, ca_file = tls_files
    context = ssl.create_default_context(cafile=str(ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with serving(made.context, always(good)) as server:
        host, port = server.url.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                assert secured.version() in ("TLSv1.2", "TLSv1.3")


def test_nobody_there_is_told(tmp_path: Path) -> None:
    transport = HttpTransport("https://127.0.0.1:1", trusted=tmp_path, patience=HASTY)
    (outcome,) = transport.submit([pending_of(REQUEST)])
    assert isinstance(outcome, TransportError)
    assert "the connection was refused; asked 3 times" in str(outcome)


def test_a_kept_connection_that_was_closed_is_replaced_without_a_wait(
    ask: Ask, tls_files: tuple[Any, Path], good: bytes, tmp_path: Path
) -> None:
    made, ca_file = tls_files

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        connection.sendall(good)
        # Said to be kept, and closed all the same, as an idle one is.
        cut(connection)

    with serving(made.context, behave) as server:
        slept: list[float] = []
        transport = HttpTransport(server.url, trusted=tmp_path, ca_file=ca_file)
        transport.line = Line(server.url, HASTY, sleep=slept.append)
        for number in range(3):
            (outcome,) = transport.submit([pending_of(REQUEST + bytes([number]))])
            assert outcome is None
            time.sleep(0.05)
    assert slept == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT (POSIX)")
def test_ctrl_c_does_not_wait_for_the_patience_of_all(
    tls_files: tuple[Any, Path], tmp_path: Path
) -> None:
    made, ca_file = tls_files
    with serving(made.context, lambda asked, connection: None) as server:
        one = HttpTransport(server.url, trusted=tmp_path, ca_file=ca_file)
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        began = time.monotonic()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            one.submit([pending_of(REQUEST + bytes([n])) for n in range(99)])
        assert time.monotonic() - began < 10


def test_many_requests_share_a_few_connections(
    tls_files: tuple[Any, Path], good: bytes, tmp_path: Path
) -> None:
    made, ca_file = tls_files
    with serving(made.context, always(good)) as server:
        transport = HttpTransport(server.url, trusted=tmp_path, ca_file=ca_file)
        pendings = [pending_of(REQUEST + bytes([n])) for n in range(60)]
        assert transport.submit(pendings) == [None] * 60
        assert len(server.asked) == 60
        assert server.connections <= 16
        # And give them up: other offices need the server's places.
        transport.rest()
        deadline = time.monotonic() + 30
        while server.ended < server.connections:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_later_answer_is_not_asked_for_before_its_time(
    tls_files: tuple[Any, Path], good: bytes, certificate: Certificate, tmp_path: Path
) -> None:
    made, ca_file = tls_files
    now = 1000.0
    behave = then(reply(202, Retry_After="30"), good)
    with serving(made.context, behave) as server:
        transport = HttpTransport(
            server.url, trusted=tmp_path, ca_file=ca_file, clock=lambda: now
        )
        pending = pending_of(REQUEST)
        assert transport.submit([pending]) == [None]
        for _ in range(3):
            transport.expect([pending])
            assert transport.fetch(pending) is None
        assert len(server.asked) == 1
        now += 30
        transport.expect([pending])
        assert transport.fetch(pending) == certificate.der
        assert len(server.asked) == 2


def test_the_certificate_for_the_new_key_is_chosen_of_several(
    ask: Ask, office: Office
) -> None:
    # RFC 7030 wants only one, but some servers send the chain with it.
    office.add()
    both = [office.authority.certificate, *office.authority.certificates()]
    ours = both[1]
    pending = pending_of(REQUEST, ours.public_key.to_bytes())
    for listed in (both, both[::-1]):
        assert mine(listed, pending) == ours
    # And none of them is for us: the campaign says so with the first one.
    assert mine(both, pending_of(REQUEST)) == both[0]


# -- trust ----------------------------------------------------------------------


def test_a_root_is_not_trusted_because_the_server_sends_it(
    site: Site, tmp_path: Path
) -> None:
    one = site.transport(trusted=None, pins=("00" * 32,))
    with pytest.raises(TransportError, match="--url-root"):
        one.trust()


@pytest.mark.parametrize("kind", ["streebog", "sha256", "colons"])
def test_a_pinned_root_is_taken_from_the_server(site: Site, kind: str) -> None:
    root = site.office.authority.certificate
    sha = hashlib.sha256(root.der).digest()
    pin = {
        "streebog": root.fingerprint().hex(),
        "sha256": sha.hex(),
        "colons": sha.hex(":").upper(),
    }[kind]
    trust = site.transport(trusted=None, pins=(pin,)).trust()
    assert [one.der for one in trust.roots] == [root.der]
    trust.crls[-1].verify_signed_by(root)


def test_a_foreign_root_that_is_sent_is_left_out(
    site: Site, tls_files: tuple[Any, Path], tmp_path: Path, certificate: Certificate
) -> None:
    made, _ = tls_files
    crl = site.office.authority.crl(site.office.clock())
    bundle = base64.encodebytes(
        certs_only([certificate, site.office.authority.certificate])
    )

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        body = crl if asked.path == "/crl" else bundle
        connection.sendall(reply(200, body))

    with serving(made.context, behave) as server:
        trust = site.transport(url=server.url).trust()
    assert certificate.der not in {one.der for one in trust.roots}
    assert certificate.der not in {one.der for one in trust.intermediates}


def test_without_the_server_a_folder_with_root_and_crl_does(site: Site) -> None:
    one = site.transport()
    site.stop()
    with pytest.raises(TransportError):
        one.trust()
    crl = site.office.authority.crl(site.office.clock())
    (site.trusted / "ca.crl").write_bytes(crl)
    assert len(site.transport().trust().crls) == 1
