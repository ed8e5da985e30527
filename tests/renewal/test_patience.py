"""Back-off, time-outs and which faults are worth another try."""

from __future__ import annotations

import errno
import http.client
import imaplib
import random
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gostkey.errors import GostKeyError, RequestRefused, TransportError
from gostkey.renewal.transports.patience import (
    MOST_PUT_OFF,
    Line,
    Patience,
    TryLater,
    describe_fault,
    may_pass,
)


@dataclass
class World:
    """A clock that moves only when somebody sleeps or works."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def line(self, patience: Patience, chance: Callable[[], float] = lambda: 1.0):
        return Line(
            "ca.example",
            patience,
            clock=self.clock,
            sleep=self.sleep,
            chance=chance,
        )


class Server:
    """Fails as told, then answers."""

    def __init__(self, *faults: BaseException) -> None:
        self.faults = list(faults)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.faults:
            raise self.faults.pop(0)
        return "answer"


CUT = ConnectionResetError(errno.ECONNRESET, "reset")


def test_what_works_at_once_is_asked_once_and_never_waits() -> None:
    world, server = World(), Server()
    assert world.line(Patience()).call(server) == "answer"
    assert (server.asked, world.slept) == (1, [])


def test_the_bound_of_the_wait_doubles_up_to_the_longest() -> None:
    world, server = World(), Server(*[CUT] * 5)
    patience = Patience(total=100, tries=9, first_wait=1, longest_wait=5)
    assert world.line(patience).call(server) == "answer"
    assert world.slept == [1, 2, 4, 5, 5]


def test_the_wait_is_spread_over_all_of_zero_to_the_bound() -> None:
    # Full jitter: so many clients do not come back at one moment.
    chance = random.Random(1).random
    slept: list[float] = []
    for _ in range(1000):
        world = World()
        world.line(Patience(first_wait=1), chance).call(Server(CUT))
        slept += world.slept
    tenths = [sum(1 for one in slept if int(one * 10) == n) for n in range(10)]
    assert sum(tenths) == 1000 and min(tenths) > 50


def test_the_last_try_begins_before_the_total_patience_is_over() -> None:
    world, server = World(), Server(*[CUT] * 100)
    patience = Patience(total=20, tries=100, first_wait=1, longest_wait=4)
    with pytest.raises(TransportError, match="ca.example: the connection was cut"):
        world.line(patience).call(server)
    # 1 + 2 + 4 + 4 + 4 + 4 = 19: another wait would end after 20 seconds.
    assert world.now - 1000 == 19
    assert server.asked == 7


def test_tries_are_counted() -> None:
    server = Server(*[CUT] * 100)
    with pytest.raises(TransportError, match="asked 3 times"):
        World().line(Patience(tries=3)).call(server)
    assert server.asked == 3


def test_slow_answers_use_up_the_patience_too() -> None:
    world = World()
    asked = []

    def slow() -> str:
        asked.append(world.now)
        world.now += 60  # the time-out of the answer
        raise TimeoutError

    with pytest.raises(TransportError, match="did not answer in time; asked once"):
        world.line(Patience(total=60)).call(slow)
    assert len(asked) == 1


def test_a_server_may_say_how_long_it_wants_to_be_left_alone() -> None:
    world, server = World(), Server(TryLater("it is busy", after=7))
    world.line(Patience(first_wait=1), lambda: 0.5).call(server)
    assert world.slept == [7.5]


def test_a_server_that_wants_more_than_the_patience_is_left_at_once() -> None:
    world, server = World(), Server(TryLater("it is busy", after=3600))
    with pytest.raises(TransportError, match="it is busy"):
        world.line(Patience(total=60)).call(server)
    assert (world.slept, server.asked) == ([], 1)


@pytest.mark.parametrize("after", [-5.0, 0.0])
def test_a_wait_is_never_negative(after: float) -> None:
    world, server = World(), Server(TryLater("it is busy", after=after))
    world.line(Patience(), lambda: 0.0).call(server)
    assert world.slept == [0.0]


class Sessions:
    """Works off a number of things, so many in each session, and then hangs up."""

    def __init__(self, world: World, *parts: int) -> None:
        self.world, self.parts = world, list(parts)
        self.left = sum(parts) + 1
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        self.world.now += 50
        part = self.parts.pop(0) if self.parts else self.left
        self.left -= part
        if self.left:
            raise CUT

    def count(self) -> int:
        return self.left


def test_patience_begins_anew_when_a_session_got_on() -> None:
    world = World()
    server = Sessions(world, 5, 0, 1, 0, 7)
    patience = Patience(total=60, tries=3, first_wait=1)
    world.line(patience).call(server, server.count)
    # 250 seconds and 6 sessions; the waits grow where nothing was done alone.
    assert world.slept == [1, 2, 1, 2, 1] and server.left == 0


def test_sessions_that_get_on_no_more_end_a_call() -> None:
    world = World()
    server = Sessions(world, 5, *[0] * 9)
    patience = Patience(total=1000, tries=3)
    with pytest.raises(TransportError, match="asked 3 times"):
        world.line(patience).call(server, server.count)
    assert server.asked == 3
    # Of no use when nothing is done at all.
    server = Sessions(world, *[0] * 9)
    with pytest.raises(TransportError, match="asked 3 times"):
        world.line(patience).call(server, server.count)
    assert server.asked == 3


def test_a_dead_server_that_gets_on_again_lives() -> None:
    world = World()
    line = world.line(Patience(tries=2, rest=60))
    with pytest.raises(TransportError):
        line.call(Server(CUT, CUT))
    world.now += 60
    server = Sessions(world, 1, 1, 1)
    line.call(server, server.count)
    assert server.left == 0


def test_what_will_not_pass_is_raised_as_it_is() -> None:
    server = Server(RequestRefused("no"))
    with pytest.raises(RequestRefused, match="no"):
        World().line(Patience()).call(server)
    assert server.asked == 1


def test_a_dead_server_is_asked_once_a_minute_and_not_for_each_request() -> None:
    world, server = World(), Server(*[CUT] * 7)
    line = world.line(Patience(tries=6, rest=60))
    with pytest.raises(TransportError):
        line.call(server)
    for _ in range(1000):
        with pytest.raises(TransportError, match="not asked again yet"):
            line.call(server)
    assert server.asked == 6
    world.now += 60
    with pytest.raises(TransportError, match="asked once"):
        line.call(server)
    with pytest.raises(TransportError, match="not asked again yet"):
        line.call(server)
    assert server.asked == 7
    world.now += 60
    assert line.call(server) == "answer"
    # It lives: the next fault gets the full patience again.
    server.faults = [CUT] * 5
    assert line.call(server) == "answer"


def test_one_request_that_a_server_cannot_stomach_does_not_stop_the_others() -> None:
    world = World()
    line = world.line(Patience(tries=2))
    broken, good = Server(*[TryLater("it answered 500")] * 100), Server()
    for _ in range(3):
        with pytest.raises(TransportError, match="500; asked 2 times"):
            line.call(broken)
        assert line.call(good) == "answer"


def test_a_server_that_puts_everybody_off_counts_as_dead() -> None:
    world, busy = World(), Server(*[TryLater("it answered 503")] * 100)
    line = world.line(Patience(tries=2))
    for _ in range(MOST_PUT_OFF):
        with pytest.raises(TransportError, match="asked 2 times"):
            line.call(busy)
    with pytest.raises(TransportError, match="not asked again yet"):
        line.call(busy)


def test_giving_up_ends_the_waits() -> None:
    # Not by chance: a wait can be so short that the server is asked once more in it.
    patience = Patience(first_wait=50, longest_wait=50)
    line = Line("ca.example", patience, chance=lambda: 0.5)
    server = Server(*[CUT] * 100)
    timer = threading.Timer(0.2, line.give_up)
    timer.start()
    with pytest.raises(TransportError, match="asked 2 times"):
        line.call(server)
    with pytest.raises(TransportError):
        line.call(server)


def test_the_wait_does_not_overflow() -> None:
    assert Patience(longest_wait=15).wait_bound(10**9) == 15


@pytest.mark.parametrize(
    "wrong",
    [
        {"total": -1},
        {"total": float("nan")},
        {"first_wait": float("inf")},
        {"answer": 0},
        {"connect": -1},
        {"tries": 0},
    ],
)
def test_a_patience_without_end_or_without_a_try_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Patience(**wrong)


def _smtp(code: int) -> smtplib.SMTPResponseException:
    return smtplib.SMTPResponseException(code, b"4.7.1 greylisted, come back")


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        CUT,
        BrokenPipeError(errno.EPIPE, "pipe"),
        TimeoutError("timed out"),
        OSError(errno.EHOSTUNREACH, "no route"),
        OSError(errno.ENETUNREACH, "no net"),
        socket.gaierror(socket.EAI_AGAIN, "again"),
        ssl.SSLEOFError(8, "EOF"),
        http.client.IncompleteRead(b"abc", 5),
        http.client.RemoteDisconnected("closed"),
        http.client.BadStatusLine("garbage"),
        _smtp(421),
        _smtp(451),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPRecipientsRefused({"a@b": (450, b"greylisted")}),
        imaplib.IMAP4.abort("gone"),
        TryLater("busy"),
    ],
    ids=repr,
)
def test_faults_that_may_pass(fault: BaseException) -> None:
    assert may_pass(fault)
    assert describe_fault(fault).strip()


@pytest.mark.parametrize(
    "fault",
    [
        ssl.SSLCertVerificationError(1, "self-signed"),
        OSError(errno.ENOSPC, "disk full"),
        PermissionError(errno.EACCES, "denied"),
        FileNotFoundError(errno.ENOENT, "none"),
        http.client.InvalidURL("x"),
        _smtp(550),
        smtplib.SMTPAuthenticationError(535, b"wrong"),
        smtplib.SMTPRecipientsRefused({"a@b": (450, b"x"), "c@d": (550, b"no")}),
        smtplib.SMTPRecipientsRefused({}),
        imaplib.IMAP4.error("wrong password"),
        RequestRefused("no"),
        TransportError("done with"),
        ValueError("ours"),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_faults_that_will_not_pass(fault: BaseException) -> None:
    assert not may_pass(fault)


def test_a_fault_that_is_not_tried_again_can_be_told_in_the_same_words() -> None:
    error = World().line(Patience()).failed(ssl.SSLCertVerificationError(1, "x"))
    assert isinstance(error, GostKeyError)
    assert "ca.example: its TLS certificate is not trusted" in str(error)
