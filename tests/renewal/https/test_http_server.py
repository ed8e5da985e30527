"""The authority's server: what it answers, what it refuses, what it bears."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from renewal.https.conftest import Site
from renewal.offices import Office, snapshot

from gostkey.errors import CertificateError, GeneratorFailure, TransportError
from gostkey.pki.bundles import certificates_of
from gostkey.pki.certificates import Certificate
from gostkey.pki.renewal_request import build_renewal
from gostkey.pki.requests import build_request
from gostkey.renewal.planning.people import person
from gostkey.renewal.transports.http import protocol
from gostkey.renewal.transports.http.desk import Desk, Later
from gostkey.renewal.transports.http.places import Places
from gostkey.renewal.transports.http.server import Limits, Server
from gostkey.signing import SigningKey

PATH = "/.well-known/est/simplereenroll"
KIND = "application/pkcs7-mime"
CMS = {"Content-Type": KIND}
NO_CMS = b"\x30\x03\x02\x01\x05"


def new_request(office: Office) -> bytes:
    """Certify a new subscriber, and make its renewal request."""
    number = len(office.authority.certificates())
    old, new = (SigningKey.generate("tc26-256-b") for _ in range(2))
    issued = office.clock() - timedelta(days=330)
    certificate = office.authority.issue(
        build_request(old, person(number).subject), issued, days=365
    )
    return build_renewal(new, old, certificate, at=office.clock())


@contextmanager
def client(site: Site) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=str(site.ca_file))
    one = http.client.HTTPSConnection("127.0.0.1", site.port, context=context)
    one.timeout = 30
    try:
        yield one
    finally:
        one.close()


def ask(
    one: http.client.HTTPSConnection, method: str, path: str, *more: Any, **options: Any
) -> tuple[int, dict[str, str], bytes]:
    one.request(method, path, *more, **options)
    answer = one.getresponse()
    return answer.status, dict(answer.headers), answer.read()


def certificate_in(body: bytes) -> Certificate:
    (one,) = certificates_of(base64.b64decode(body))
    return one


@contextmanager
def raw(site: Site) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cafile=str(site.ca_file))
    with socket.create_connection(("127.0.0.1", site.port), 30) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as one:
            yield one


def read_all(one: ssl.SSLSocket) -> bytes:
    data = b""
    try:
        while more := one.recv(65536):
            data += more
    except (ssl.SSLError, ConnectionError):
        pass
    return data


def test_the_same_request_gets_the_same_certificate(site: Site) -> None:
    request = new_request(site.office)
    before = len(site.office.authority.certificates())
    with client(site) as one:
        status, headers, body = ask(one, "POST", PATH, request, CMS)
        assert status == 200
        assert (
            headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
        )
        assert headers["Content-Transfer-Encoding"] == "base64"
        assert len(max(body.splitlines(), key=len)) <= 76
        # Again on the kept connection, in base64, with the type left out.
        again = ask(one, "POST", PATH, base64.b64encode(request))
        assert again[0] == 200 and again[2] == body
    certificate_in(body).verify_signed_by(site.office.authority.certificate)
    assert len(site.office.authority.certificates()) == before + 1


def test_clients_at_once_get_one_certificate_for_one_request(site: Site) -> None:
    requests = [new_request(site.office) for _ in range(6)]
    before = len(site.office.authority.certificates())
    found: dict[int, set[bytes]] = {n: set() for n in range(6)}

    def work(number: int) -> None:
        with client(site) as one:
            for place, request in enumerate(requests):
                status, _, body = ask(one, "POST", PATH, request, CMS)
                assert status == 200
                found[place].add(body)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert [len(bodies) for bodies in found.values()] == [1] * 6
    assert len(site.office.authority.certificates()) == before + 6


def test_requests_that_come_at_once_are_one_batch(office: Office) -> None:
    requests = [new_request(office) for _ in range(5)]
    batches: list[int] = []
    gate = threading.Event()

    class Slow:
        certificate = office.authority.certificate

        def issue_renewals(self, asked: Any, at: Any) -> Any:
            batches.append(len(asked))
            gate.wait(30)
            return office.authority.issue_renewals(asked, at)

    with Desk(Slow(), office.clock) as desk:  # type: ignore[arg-type]
        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda r=r: answers.append(desk.answer(r, 30)))
            for r in requests
        ]
        for one in threads:
            one.start()
        deadline = time.monotonic() + 30
        # The first batch, which waits, may have more than one.
        while sum(batches) + desk._jobs.qsize() < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        gate.set()
        for one in threads:
            one.join(30)
    assert all(isinstance(one, Certificate) for one in answers)
    assert sum(batches) == 5 and len(batches) <= 2


def test_one_odd_request_does_not_hold_up_its_batch(office: Office) -> None:
    good, odd = new_request(office), b"odd"
    gate = threading.Event()

    class Brittle:
        certificate = office.authority.certificate

        def issue_renewals(self, asked: Any, at: Any) -> Any:
            gate.wait(30)
            if odd in asked:
                raise CertificateError("broken")
            return office.authority.issue_renewals(asked, at)

    with Desk(Brittle(), office.clock) as desk:  # type: ignore[arg-type]
        answers: dict[bytes, Any] = {}

        def work(request: bytes) -> None:
            try:
                answers[request] = desk.answer(request, 30)
            except CertificateError as error:
                answers[request] = error

        threads = [threading.Thread(target=work, args=(r,)) for r in (odd, good)]
        for one in threads:
            one.start()
        gate.set()
        for one in threads:
            one.join(30)
    assert isinstance(answers[good], Certificate)
    assert isinstance(answers[odd], CertificateError)


def test_a_desk_whose_generator_failed_issues_no_more(office: Office) -> None:
    class Broken:
        certificate = office.authority.certificate

        def issue_renewals(self, asked: Any, at: Any) -> Any:
            raise GeneratorFailure("stuck")

    with Desk(Broken(), office.clock) as desk:  # type: ignore[arg-type]
        with pytest.raises(GeneratorFailure):
            desk.answer(b"x", 30)
        assert isinstance(desk.failure, GeneratorFailure)
        desk._authority = office.authority
        with pytest.raises(GeneratorFailure):
            desk.answer(new_request(office), 30)


def test_a_delayed_certificate_is_told_with_retry_after(office: Office) -> None:
    now = 100.0
    request = new_request(office)
    with Desk(office.authority, office.clock, delay=50, monotonic=lambda: now) as desk:
        assert desk.answer(request, 30) == Later(50)
        now += 20
        assert desk.answer(request, 30) == Later(30)
        now += 30
        found = desk.answer(request, 30)
        assert isinstance(found, Certificate)
        assert desk.answer(request, 30) == found


def test_later_is_202(site: Site) -> None:
    site.stop()
    site.delay = 90
    site.start()
    with client(site) as one:
        status, headers, body = ask(one, "POST", PATH, new_request(site.office), CMS)
    assert (status, headers["Retry-After"], body) == (202, "90", b"")


def test_refusals_have_a_code_and_a_text(site: Site) -> None:
    revoked = new_request(site.office)
    old = site.office.authority.certificates()[-1]
    site.office.authority.revoke(old.serial, site.office.clock())
    with client(site) as one:
        for sent, kind, status, code, words in (
            (revoked, KIND, 400, "refused", "is revoked"),
            (
                b"\x30\x03\x02\x01\x05",
                "application/pkcs7-mime",
                400,
                "unreadable",
                "CMS",
            ),
            (b"!!", KIND, 400, "unreadable", "base64"),
            (b"", KIND, 400, "unreadable", "base64"),
            (revoked, "application/pkcs10", 403, "proof-needed", "PKCS#10"),
            (revoked, "text/html", 415, "wrong-type", "pkcs7-mime"),
        ):
            found = ask(one, "POST", PATH, sent, {"Content-Type": kind})
            assert found[0] == status, sent
            assert found[1]["Content-Type"] == "application/problem+json"
            told = json.loads(found[2])
            assert (told["status"], told["code"]) == (status, code)
            assert words in told["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/.well-known/est/csrattrs", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", PATH, 405),
        ("POST", "/.well-known/est/cacerts", 404),
        ("POST", "/.well-known/est/simpleenroll", 404),
        ("DELETE", PATH, 405),
        ("PUT", PATH, 405),
    ],
)
def test_other_paths_and_methods(
    site: Site, method: str, path: str, status: int
) -> None:
    with client(site) as one:
        found = ask(one, method, path)
        assert found[0] == status and json.loads(found[2])["status"] == status
        # And the next request is understood, on this connection or a new one.
        assert ask(one, "GET", protocol.CACERTS)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: 1048577", 413),
        ("Content-Length: 99999999999999999999999", 413),
        ("Content-Length: -1", 411),
        ("Content-Length: 0x10", 411),
        ("Transfer-Encoding: chunked", 411),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 411),
        ("X: y", 411),
        ("X: " + "y" * 70000, 431),
        ("\r\n".join(f"X{n}: y" for n in range(200)), 431),
    ],
)
def test_what_is_too_long_or_has_no_length_is_not_read(
    site: Site, headers: str, status: int
) -> None:
    with raw(site) as one:
        one.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
        answer = read_all(one)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:80]
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    "head",
    [
        "GET /crl HTTP/1.1\r\nTransfer-Encoding: chunked",
        "GET /crl HTTP/1.1\r\nX : y\r\nContent-Length: 40",
        f"POST {PATH} HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 40",
        f"POST {PATH} HTTP/1.1\r\nX : y\r\nContent-Length: 40",
    ],
    ids=["chunked", "no header", "two lengths", "no header in a POST"],
)
def test_a_body_is_not_taken_for_the_next_request(site: Site, head: str) -> None:
    with raw(site) as one:
        one.sendall(f"{head}\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n".encode())
        answer = read_all(one)
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:80]
    assert b"Connection: close" in answer and answer.count(b"HTTP/1.1") == 1


def test_a_length_with_zeros_before_it_is_the_length(site: Site) -> None:
    with raw(site) as one:
        one.sendall(
            f"POST {PATH} HTTP/1.1\r\nContent-Length: {'0' * 20}5\r\n"
            "Connection: close\r\n\r\nabcde".encode()
        )
        answer = read_all(one)
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1
    assert b"neither base64" in answer or b"CMS" in answer


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0" * 100, b"GET", b"GET / HTTP/9.9", b"GET / HTTP/0.9", b"A" * 70000],
    ids=["empty", "zeros", "short", "version", "old", "long"],
)
def test_garbage_ends_the_connection_and_nothing_else(
    site: Site, garbage: bytes
) -> None:
    with raw(site) as one:
        one.sendall(garbage + b"\r\n\r\n")
        assert len(read_all(one)) < 1000
    with client(site) as one:
        assert ask(one, "GET", protocol.CACERTS)[0] == 200


def test_who_has_no_password_is_told_so(site: Site) -> None:
    site.stop()
    site.start(accounts=["Basic eDp5", "Bearer abc"])
    request = new_request(site.office)
    for header, status in (
        (None, 401),
        ("Basic eDp6", 401),
        ("Bearer abcd", 401),
        ("Bearer абв", 401),
        ("Bearer abc", 200),
        ("Basic eDp5", 200),
    ):
        given_header = {} if header is None else {"Authorization": header.encode()}
        with client(site) as one:
            found = ask(one, "POST", PATH, request, {**CMS, **given_header})
            assert found[0] == status, header
            if status == 401:
                assert found[1]["WWW-Authenticate"] == 'Basic realm="gostkey"'
            # What everybody may have (RFC 7030 4.1.1).
            assert ask(one, "GET", protocol.CACERTS)[0] == 200


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [(PATH, 900_000, 401), (PATH, 2_000_000, 413), ("/else", 900_000, 404)],
)
def test_who_sends_much_hears_why_it_is_not_taken(
    site: Site, path: str, size: int, status: int
) -> None:
    if status == 401:
        site.stop()
        site.start(accounts=["Bearer abc"])
    for _ in range(10):
        with client(site) as one:
            assert ask(one, "POST", path, b"x" * size, CMS)[0] == status


def test_an_authority_that_cannot_issue_says_503_and_no_more(site: Site) -> None:
    site.office.clock.forward(days=10000)
    with client(site) as one:
        status, headers, body = ask(one, "POST", PATH, NO_CMS, CMS)
    assert (status, headers["Retry-After"]) == (503, "10")
    assert json.loads(body)["code"] == "unavailable"
    assert "register" not in body.decode() and str(site.office.folder) not in str(body)


def test_a_crl_is_made_once_an_hour(office: Office) -> None:
    now = 0.0
    with Desk(office.authority, office.clock, monotonic=lambda: now) as desk:
        first = desk.crl()
        now += 3599
        assert desk.crl() == first
        now += 1
        assert desk.crl() != first


SHORT = Limits(connections=4, wait=0.2, idle=0.6, request=0.6)


def test_slow_clients_are_cut_and_others_are_served(site: Site) -> None:
    site.stop()
    site.start(limits=SHORT)
    over = threading.Event()
    cut: list[float] = []

    def drip(what: str) -> None:
        began = time.monotonic()
        try:
            if what == "tls":
                with socket.create_connection(("127.0.0.1", site.port), 30) as one:
                    while not over.is_set() and one.send(b"\x16"):
                        time.sleep(0.05)
                return
            with raw(site) as secured:
                if what == "body":
                    secured.sendall(
                        f"POST {PATH} HTTP/1.1\r\nContent-Length: 9999\r\n\r\n".encode()
                    )
                while not over.is_set():
                    secured.sendall(b"" if what == "idle" else b"x")
                    if what == "idle" and not secured.recv(1):
                        return
                    time.sleep(0.05)
        except OSError:
            pass
        finally:
            cut.append(time.monotonic() - began)

    kinds = ("tls", "head", "body", "idle")
    threads = [threading.Thread(target=drip, args=(one,), daemon=True) for one in kinds]
    for one in threads:
        one.start()
    # All four places are taken; an honest client waits or comes again, and gets in.
    outcomes = site.transport().submit([])
    assert outcomes == []
    deadline = time.monotonic() + 20
    while True:
        try:
            with client(site) as honest:
                assert ask(honest, "GET", protocol.CACERTS)[0] == 200
            break
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for one in threads:
        one.join(20)
    over.set()
    assert len(cut) == 4


def test_a_connection_too_many_waits_and_is_then_closed(site: Site) -> None:
    site.stop()
    site.start(limits=Limits(connections=2, wait=0.2, idle=20))
    with raw(site) as first, raw(site) as second:
        for one in (first, second):
            one.sendall(
                f"POST {PATH} HTTP/1.1\r\nExpect: 100-continue\r\n"
                "Content-Length: 9\r\n\r\n".encode()
            )
            # It is heard, and its body is waited for.
            assert one.recv(65536).startswith(b"HTTP/1.1 100 ")
        with pytest.raises(OSError):
            with raw(site):
                pass
    with client(site) as one:
        assert ask(one, "GET", protocol.CACERTS)[0] == 200


def test_an_idle_connection_makes_room_for_another(site: Site) -> None:
    site.stop()
    site.start(limits=Limits(connections=2, wait=20, idle=20))
    with client(site) as first, client(site) as second, client(site) as third:
        for one in (first, second, third):
            assert ask(one, "GET", protocol.CACERTS)[0] == 200
        # One of the first two was cut; as a kept one may be, it is made anew.
        broken = 0
        for one in (first, second):
            try:
                ask(one, "GET", protocol.CACERTS)
            except OSError:
                broken += 1
                one.close()
        assert broken == 1


def test_the_connection_that_is_idle_longest_is_cut() -> None:
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(4)]
        for one in sum(pairs, ()):
            stack.enter_context(one).settimeout(5)
        places = Places(3)
        assert [places.take(0) for _ in range(4)] == [True, True, True, False]
        longest, shorter, busy = (ours for ours, _ in pairs[:3])
        for one in (shorter, longest, busy, shorter):
            # In turn: what idles again is the one that has not idled for long.
            places.end_idling(one)
            places.begin_idling(one)
        assert places.end_idling(busy)
        # Its thread gives the place back only later: nobody waits for that here.
        assert not places.take(0)
        assert pairs[0][1].recv(1) == b""
        assert not places.end_idling(longest) and places.end_idling(shorter)
        places.give_back()
        assert places.take(0)


def test_a_port_that_is_taken_is_told(site: Site) -> None:
    assert site.desk is not None
    with pytest.raises(TransportError, match="cannot be listened on"):
        Server(site.desk, ("127.0.0.1", site.port), site.tls)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=200))
def test_any_body_gets_a_refusal(site: Site, body: bytes) -> None:
    with client(site) as one:
        status, _, told = ask(one, "POST", PATH, body, CMS)
    assert status == 400 and json.loads(told)["code"] == "unreadable"


def test_nothing_secret_and_nothing_new_is_written(site: Site) -> None:
    before = set(snapshot(site.office.folder / "ca"))
    with client(site) as one:
        assert ask(one, "POST", PATH, new_request(site.office), CMS)[0] == 200
    after = set(snapshot(site.office.folder / "ca"))
    assert {name.partition("-")[0] for name in after ^ before} <= {"register.sqlite"}


def test_the_operator_is_told_of_each_answer(site: Site) -> None:
    request = new_request(site.office)
    with client(site) as one:
        ask(one, "POST", PATH, request, CMS)
        ask(one, "POST", PATH, NO_CMS, CMS)
    issued, refused = site.answered
    assert "serial" in issued and refused.startswith("renewal request: ")


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"x", "application/pkcs10", "403: a bare PKCS#10"),
        (b"x", "text/html", "415: a request is"),
        (b"!!", KIND, "400: HTTP body: is neither"),
        (b"x" * (protocol.LARGEST_REQUEST + 1), KIND, "413: the body has"),
    ],
    ids=["pkcs10", "html", "garbage", "large"],
)
def test_the_operator_is_told_of_what_could_not_be_taken(
    site: Site, body: bytes, kind: str, told: str
) -> None:
    with client(site) as one, suppress(OSError):
        ask(one, "POST", PATH, body, {"Content-Type": kind})
    (line,) = site.answered
    assert line.startswith(told)


def test_the_operator_is_told_of_who_has_no_password(site: Site) -> None:
    site.stop()
    site.start(accounts=["Bearer abc"])
    with client(site) as one:
        ask(one, "POST", PATH, NO_CMS, {**CMS, "Authorization": "Bearer guessed"})
    (line,) = site.answered
    assert line.startswith("401: ") and "guessed" not in line
