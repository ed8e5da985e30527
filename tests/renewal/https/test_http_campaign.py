"""Campaigns over HTTPS: whole ones, later answers, faults, crashes."""

from __future__ import annotations

import os
import random
import signal
import ssl
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from crashes import forks, in_child
from renewal.https.conftest import Site
from renewal.https.faulty import Asked, cut, reply, serving
from renewal.offices import certificate_in
from renewal.scenes import RECORDS, kill_at
from tally import Tally

from gostkey.pki.bundles import certs_only
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign
from gostkey.renewal.transports.http import protocol
from gostkey.renewal.transports.patience import Line, Patience


def one_each(site: Site) -> None:
    """Check that each subscriber has one new certificate, and one new container."""
    subjects = Counter(one.subject_der for one in site.office.authority.certificates())
    assert set(subjects.values()) == {2}
    containers = Counter(
        one.subject_der
        for path in site.office.keys.iterdir()
        if (one := certificate_in(path)) is not None
    )
    assert containers == subjects


def test_a_campaign_over_https_renews_all_keys(site: Site) -> None:
    for _ in range(3):
        site.office.add()
    with site.office.begin(site.transport()) as campaign:
        report = campaign.run()
    assert report.counts["renewed"] == 3 and report.exit_code == 0, report.rows
    one_each(site)


def test_a_later_answer_is_waited_for_and_fetched(site: Site) -> None:
    site.stop()
    site.delay = 100
    site.start()
    now = 1000.0
    assert site.desk is not None
    site.desk._monotonic = lambda: now
    site.office.add()
    site.office.add()
    with site.office.begin(site.transport()) as campaign:
        assert campaign.run().counts["waiting"] == 2
    for _ in range(2):
        with site.office.open(site.transport()) as campaign:
            assert campaign.receive().counts["waiting"] == 2
    now += 100
    with site.office.open(site.transport()) as campaign:
        assert campaign.receive().counts["renewed"] == 2
    one_each(site)


def test_a_server_down_for_the_whole_run_is_asked_by_resume(site: Site) -> None:
    for _ in range(3):
        site.office.add()
    one = site.transport()
    site.stop()
    with site.office.begin(one) as campaign:
        report = campaign.run()
    assert report.counts["failed"] == 3
    assert {row["reason"] for row in report.rows} == {"transport"}
    assert "connection was refused" in report.rows[0]["text"]
    # Nothing of what was made is lost: the requests wait in the journal.
    requests = {row["request_id"] for row in report.rows}
    site.start()
    with site.office.open(site.transport()) as campaign:
        report = campaign.resume()
    assert report.counts["renewed"] == 3
    assert {row["request_id"] for row in report.rows} == requests
    one_each(site)


def test_a_dead_server_is_not_asked_for_every_key(site: Site) -> None:
    for _ in range(12):
        site.office.add()
    patience = Patience(tries=3, first_wait=1, rest=60)
    one = site.transport(patience)
    slept: list[float] = []
    one.line = Line(one.url, patience, sleep=slept.append, chance=lambda: 1.0)
    site.stop()
    with site.office.begin(one) as campaign:
        assert campaign.run().counts["failed"] == 12
    # The first call, to learn the CRL, uses the patience up: two waits.
    assert slept == [1, 2]


def test_resume_finds_the_way_in_the_store(site: Site) -> None:
    site.office.add()
    one = site.transport()
    site.stop()
    with site.office.begin(one) as campaign:
        campaign.run()
    site.start()
    with Campaign.open(site.office.campaign, clock=site.office.clock) as campaign:
        assert campaign.resume().counts["renewed"] == 1


def test_an_authority_that_has_moved_is_found_by_the_same_requests(
    site: Site, tls_files: tuple[Any, Path]
) -> None:
    for _ in range(2):
        site.office.add()
    authority, clock = site.office.authority, site.office.clock
    sent: set[bytes] = set()

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        """Issue, and lose the answer."""
        if asked.path == "/crl":
            connection.sendall(reply(200, authority.crl(clock())))
            return
        if asked.method == "POST":
            sent.add(protocol.from_base64(asked.body))
            authority.issue_renewals(list(sent), clock())
        cut(connection)

    (site.trusted / "ca.crl").write_bytes(authority.crl(clock()))
    with serving(tls_files[0].context, behave) as server:
        with site.office.begin(site.transport(url=server.url)) as campaign:
            assert campaign.run().counts["failed"] == 2
    with Campaign.open(site.office.campaign, clock=clock) as campaign:
        campaign.change_transport(site.transport())
        assert campaign.transport_settings()["url"] == site.transport().url
    with Campaign.open(site.office.campaign, clock=clock) as campaign:
        assert campaign.resume().counts["renewed"] == 2
    assert len(sent) == 2
    one_each(site)


def test_what_the_authority_refuses_is_refused(site: Site) -> None:
    for _ in range(3):
        site.office.add()
    plan = site.office.plan()
    second = certificate_in(site.office.subscribers[1].container)
    assert second is not None
    with Campaign.begin(
        site.office.campaign, plan, site.transport(), clock=site.office.clock
    ) as campaign:
        # After the office has its CRL: only the authority knows.
        site.office.authority.certificates()
        assert site.desk is not None
        site.desk.crl()
        site.office.authority.revoke(second.serial, site.office.clock())
        report = campaign.run()
    assert [row["group"] for row in report.rows] == ["renewed", "refused", "renewed"]
    assert report.rows[1]["reason"] == "refused-by-authority", report.rows[1]
    assert "is revoked" in report.rows[1]["text"]


def test_a_foreign_certificate_is_not_installed_and_the_right_one_is(
    site: Site, tls_files: tuple[Any, Path]
) -> None:
    for _ in range(2):
        site.office.add()
    foreign = site.office.authority.certificates()[1]
    crl = site.office.authority.crl(site.office.clock())
    wrong = reply(200, protocol.to_base64(certs_only([foreign])))

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        connection.sendall(reply(200, crl) if asked.path == "/crl" else wrong)

    with serving(tls_files[0].context, behave) as server:
        with site.office.begin(site.transport(url=server.url)) as campaign:
            report = campaign.run()
    assert report.counts["renewed"] == 0
    assert {row["reason"] for row in report.rows} == {"answer-for-another-key"}
    with site.office.open(site.transport()) as campaign:
        assert campaign.resume().counts["renewed"] == 2
    one_each(site)


def test_what_a_proxy_refuses_is_renewed_once_it_lets_requests_through(
    site: Site, tls_files: tuple[Any, Path]
) -> None:
    for _ in range(2):
        site.office.add()
    crl = site.office.authority.crl(site.office.clock())
    denied = reply(403, b"RBAC: access denied", "text/plain")

    def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
        connection.sendall(reply(200, crl) if asked.path == "/crl" else denied)

    (site.trusted / "ca.crl").write_bytes(crl)
    with serving(tls_files[0].context, behave) as server:
        with site.office.begin(site.transport(url=server.url)) as campaign:
            report = campaign.run()
    assert [row["reason"] for row in report.rows] == ["transport", "transport"]
    with site.office.open(site.transport()) as campaign:
        assert campaign.resume().counts["renewed"] == 2
    one_each(site)


@pytest.fixture
def lossy(
    site: Site, tls_files: tuple[Any, Path]
) -> Callable[[Callable[[int], bool]], Any]:
    """A server before the real one that loses answers on their way back."""
    from renewal.https.test_http_server import ask, client

    def make(loses: Callable[[int], bool]) -> Any:
        def behave(asked: Asked, connection: ssl.SSLSocket) -> None:
            with client(site) as one:
                status, headers, body = ask(
                    one, asked.method, asked.path, asked.body or None
                )
            if loses(asked.number):
                cut(connection)
            else:
                connection.sendall(reply(status, body, headers["Content-Type"]))

        return serving(tls_files[0].context, behave)

    return make


def test_answers_lost_on_their_way_back_cost_no_second_certificate(
    site: Site, lossy: Callable[[Callable[[int], bool]], Any]
) -> None:
    for _ in range(5):
        site.office.add()
    patience = Patience(total=30, tries=20, first_wait=0.01, longest_wait=0.01)
    with lossy(lambda number: number % 3 != 2) as server:
        with site.office.begin(site.transport(patience, url=server.url)) as campaign:
            report = campaign.run()
        bodies = Counter(one.body for one in server.asked if one.method == "POST")
    assert report.counts["renewed"] == 5, report.rows
    # Each request was posted more than once, and is one request.
    assert len(bodies) == 5 and sum(bodies.values()) > 5
    one_each(site)


@forks
@pytest.mark.parametrize(
    ("record", "when"), [(5, "after"), (6, "before"), (6, "after")]
)
def test_a_kill_between_sending_and_its_journal_makes_no_second_certificate(
    site: Site, record: int, when: str
) -> None:
    # The fifth write of the journal says that sending begins, the sixth that it is
    # over; between the two the authority has issued.
    for _ in range(3):
        site.office.add()
    office = site.office
    transport = site.transport()

    def work() -> None:
        kill_at(record, when)()
        with office.begin(transport) as campaign:
            campaign.run()

    assert in_child(work) == -signal.SIGKILL
    assert site.issued() == (0 if record == 5 else 3)
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        report = campaign.resume()
    assert report.counts["renewed"] == 3, report.rows
    one_each(site)


@forks
@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("record", range(1, RECORDS + 1))
def test_a_kill_at_any_journal_write_over_https(
    site: Site, tally: Tally, record: int, when: str
) -> None:
    with tally("kills over HTTPS"):
        for _ in range(2):
            site.office.add()
        transport = site.transport()

        def work() -> None:
            kill_at(record, when)()
            with site.office.begin(transport) as campaign:
                campaign.run()

        assert in_child(work) == -signal.SIGKILL
        office = site.office
        with Campaign.open(office.campaign, clock=office.clock) as campaign:
            assert campaign.resume().counts["renewed"] == 2
        one_each(site)


@forks
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_an_authority_killed_again_and_again_issues_one_certificate_each(
    site: Site, tally: Tally, seed: int
) -> None:
    # The authority is another process, which is killed at random and begun anew.
    for _ in range(6):
        site.office.add()
    site.stop()
    office, draw = site.office, random.Random(seed)
    office.authority.close()
    ca = office.folder / "ca"
    patience = Patience(total=60, tries=400, first_wait=0.1, longest_wait=0.1)
    transport = site.transport(patience)

    def renew() -> None:
        with office.begin(transport) as campaign:
            report = campaign.run()
        assert report.counts["renewed"] == 6, f"seed {seed}: {report.rows}"

    def serve() -> None:
        office.authority = CertificateAuthority.open(ca)
        site.stack = ExitStack()
        site.start()
        time.sleep(60)

    # First short lives, then one that is long enough.
    lives = [draw.uniform(0.05, 0.3) for _ in range(6)]
    renewing = begin_child(renew)
    ended = 0
    while not ended:
        with tally("kills of the authority"):
            serving_one = begin_child(serve)
            end = time.monotonic() + (lives.pop() if lives else 60)
            while not ended and time.monotonic() < end:
                ended, status = os.waitpid(renewing, os.WNOHANG)
                time.sleep(0.01)
            os.kill(serving_one, signal.SIGKILL)
            os.waitpid(serving_one, 0)
    assert status == 0
    office.authority = CertificateAuthority.open(ca)
    one_each(site)


def begin_child(work: Callable[[], None]) -> int:
    """Begin a process that does something, and ends with 0 if that went well."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


@forks
def test_worker_processes_leave_the_line_to_their_parent(site: Site) -> None:
    for _ in range(4):
        site.office.add()
    with site.office.begin(site.transport()) as campaign:
        report = campaign.run(workers=2)
    assert report.counts["renewed"] == 4, report.rows
    one_each(site)
