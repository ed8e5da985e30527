"""The steps between the request and a certificate that can be installed.

*sent*: the request goes to the authority; again after a crash, which changes
nothing there.  *certified*: the answer is fetched, if there is one.  *checked*:
the certificate is for the new key and the old subject, its chain and CRLs are
good, and a test signature made with the key on the medium verifies with it.
An answer that fails goes back to *sent*, so that a better one can come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gostkey.errors import EncodingError, GeneratorFailure, GostKeyError
from gostkey.pki.certificates import Certificate
from gostkey.pki.signatures import Claim, which_hold

from .key_steps import date_verdict
from .opening import open_ahead, open_new
from .overdue import redated
from .planning.rules import clock as clock_text
from .reasons import Reason, Verdict, verdict
from .resending import send_again
from .steps import (
    Context,
    Done,
    Outcome,
    Waiting,
    Work,
    each,
    fault_of,
)
from .storage.store import moment
from .storage.storing import hex_digests
from .tokens import token_verdict
from .transports import Collecting, Locating

TEST_MESSAGE = b"gostkey: test signature of a renewed key"


class Send:
    """requested -> sent."""

    name = "sent"
    in_memory = False

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Check the dates, unless the request may be on its way already."""
        outcomes: list[Outcome] = []
        for work in works:
            late = None
            if not context.was_begun(self.name, work.item):
                late = date_verdict(work.item, context.clock(), context.zone)
            outcomes.append(late or Done({}, {"request_id": work.item.request_id}))
        return outcomes

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Submit the requests of a chunk together."""
        if not works:
            return []
        failure: GostKeyError | OSError | None = None
        answers: list[GostKeyError | None] = []
        try:
            answers = context.transport.submit([work.pending() for work in works])
        except GeneratorFailure:
            raise
        except (GostKeyError, OSError) as error:
            failure = error
        if failure is not None:
            return [fault_of(failure, Reason.TRANSPORT) for _ in works]
        sent_at = moment(context.clock())
        return [
            fault_of(answer, Reason.TRANSPORT) if answer else Done({"sent_at": sent_at})
            for answer in answers
        ]


class Fetch:
    """sent -> certified."""

    name = "certified"
    in_memory = False

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Look into the inbox anew, and date anew what was sent in the future."""
        context.transport.refresh()
        now = context.clock()
        sent = send_again(context, works, now)
        outcomes: list[Outcome] = []
        for work in works:
            stopped = sent.get(work.item.id)
            if stopped is not None:
                outcomes.append(stopped)
                continue
            detail: dict[str, Any] = {"request_id": work.item.request_id}
            values = redated(work.item, now)
            if values:
                detail |= {"dated_anew": values["sent_at"], "was": work.item.sent_at}
            if work.item.id in sent:
                detail["sent_again"] = moment(now)
            outcomes.append(Done(values, detail))
        return outcomes

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Fetch the answers that are there."""
        transport = context.transport
        if isinstance(transport, Collecting):
            try:
                transport.expect([work.pending() for work in works])
            except GeneratorFailure:
                raise
            except (GostKeyError, OSError) as error:
                failure = fault_of(error, Reason.TRANSPORT)
                return [failure for _ in works]
        context.renew_trust()
        outcomes = each(works, lambda w: self._fetch(context, w), Reason.TRANSPORT)
        return _with_digests(outcomes)

    def _fetch(self, context: Context, work: Work) -> Outcome:
        try:
            answer = context.transport.fetch(work.pending())
        except EncodingError as error:
            return verdict(Reason.ANSWER_UNREADABLE, str(error))
        if answer is None:
            return Waiting()
        try:
            certificate = Certificate.from_bytes(answer)
        except GostKeyError as error:
            return _with_place(
                context, work, verdict(Reason.ANSWER_UNREADABLE, str(error))
            )
        work.remember(certificate)
        return Done(
            {
                "certificate": certificate.der,
                "new_begins": moment(certificate.signing_begins),
                "new_ends": moment(certificate.signing_ends),
            },
            {
                "serial": f"{certificate.serial:x}",
                "begins": moment(certificate.signing_begins),
                "ends": moment(certificate.signing_ends),
            },
        )


def _with_digests(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Have the journal tell which certificates were fetched: hashed together."""
    fetched = [one for one in outcomes if isinstance(one, Done)]
    digests = iter(hex_digests([one.values["certificate"] for one in fetched]))
    return [
        Done(one.values, {**one.detail, "certificate": next(digests)})
        if isinstance(one, Done)
        else one
        for one in outcomes
    ]


class Check:
    """certified -> checked."""

    name = "checked"
    in_memory = False

    def prepare(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Settle nothing: checking changes nothing."""
        return [Done() for _ in works]

    def run(self, context: Context, works: Sequence[Work]) -> list[Outcome]:
        """Check each certificate in full; the signatures of a chunk together."""
        now = context.clock()
        self._look_ahead(context, works)
        open_ahead(works, old=False)
        tests: dict[int, Claim] = {}

        def check(work: Work) -> Outcome:
            outcome = self._check(context, work, now)
            if isinstance(outcome, Claim):
                tests[work.item.id] = outcome
                return Done()
            return outcome

        outcomes = each(works, check, Reason.CHAIN)
        good = dict(zip(tests, which_hold(list(tests.values())), strict=True))
        bad = verdict(Reason.TEST_SIGNATURE, "the signature does not verify")
        return [
            _with_place(context, work, outcome) if good.get(work.item.id, True) else bad
            for work, outcome in zip(works, outcomes, strict=True)
        ]

    def _look_ahead(self, context: Context, works: Sequence[Work]) -> None:
        try:
            context.verifier().look_ahead([work.certificate for work in works])
        except GeneratorFailure:
            raise
        except GostKeyError:
            pass  # what is wrong is told where each certificate is verified

    def _check(self, context: Context, work: Work, now: datetime) -> Verdict | Claim:
        """Check all of a certificate; a test signature is left to be verified."""
        one = work.item
        assert one.certificate is not None and one.old_certificate is not None
        certificate, old = work.certificate, work.old_certificate
        if certificate.public_key.to_bytes() != one.public_key:
            return verdict(Reason.ANSWER_OTHER_KEY)
        if certificate.subject_der != old.subject_der:
            return verdict(Reason.ANSWER_OTHER_SUBJECT, certificate.subject.text())
        if not certificate.signing_begins <= now < certificate.signing_ends:
            begins = clock_text(certificate.signing_begins, context.zone)
            ends = clock_text(certificate.signing_ends, context.zone)
            return verdict(Reason.ANSWER_DATES, f"from {begins} to {ends}")
        context.verifier().verify(certificate, now)
        try:
            # From the medium and not from memory: this is the key that stays.
            open_new(work)
            assert work.new_key is not None
            signature = work.new_key.sign(TEST_MESSAGE)
        except GeneratorFailure:
            raise
        except (GostKeyError, OSError) as error:
            return token_verdict(error) or verdict(Reason.TEST_SIGNATURE, str(error))
        return Claim(certificate.public_key, signature, TEST_MESSAGE)


def _with_place(context: Context, work: Work, outcome: Outcome) -> Outcome:
    """Have the verdict on a bad answer name the file that it is in."""
    transport = context.transport
    if not isinstance(outcome, Verdict) or not isinstance(transport, Locating):
        return outcome
    place = transport.place_of(work.pending()) if outcome.reason in _OF_ANSWERS else ""
    return outcome.at(place) if place else outcome


def settle(context: Context, step: str, works: Sequence[Work]) -> None:
    """Let the transport put away what the journal has: good answers and last words.

    An answer that failed a check stays where it is, as it may be good later, when a
    CRL is there; a better one that comes after it counts more.
    """
    transport = context.transport
    if not isinstance(transport, Collecting):
        return
    if step == "certified":
        over = [w.item for w in works if w.item.reason in _LAST_WORDS]
    else:
        over = [w.item for w in works if w.item.state == "checked"]
    ids = [one.request_id for one in over if one.request_id is not None]
    if ids:
        transport.settle(ids)


_LAST_WORDS = frozenset(
    one.value for one in (Reason.BY_AUTHORITY, Reason.REQUEST_RETURNED)
)
BACK_TO_SENT = frozenset(
    {
        Reason.ANSWER_OTHER_KEY,
        Reason.ANSWER_OTHER_SUBJECT,
        Reason.ANSWER_DATES,
        Reason.CHAIN,
    }
)
"""Faults of an answer after which another answer may come."""
_OF_ANSWERS = BACK_TO_SENT | {Reason.ANSWER_UNREADABLE}
_BACK_TO_SENT = frozenset(one.value for one in BACK_TO_SENT)


def state_after_stop(step: str, reason: str) -> str | None:
    """Give the state to which a key goes back that stopped; None if it stays.

    Args:
        step: at which it stopped.
        reason: why, as the store has it.
    """
    if step == "checked" and reason in _BACK_TO_SENT:
        return "sent"
    return "requested" if reason == Reason.REQUEST_RETURNED.value else None
