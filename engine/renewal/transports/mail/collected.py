"""What has come in answers, by the request and by the key that it is for.

One message may answer several requests: the authority replies to one of them and
attaches the certificates of all.  So each certificate is kept for its key, and each
refusal for the request that it states, whatever request the message itself names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gostkey.errors import (
    EncodingError,
    GeneratorFailure,
    GostKeyError,
    RequestRefused,
    RequestReturned,
)
from gostkey.pki.certificates import Certificate

from ..transport import Pending
from .answers import Answer, Kind
from .mailbox import Place

log = logging.getLogger("gostkey.renewal")


@dataclass(frozen=True)
class _Said:
    """What one message says of one request."""

    place: Place
    kind: Kind
    text: str = ""
    certificate: bytes = b""
    """DER, as there may be thousands: for some key, maybe not the request's."""
    key: bytes = b""
    """The certificate's."""


class Collected:
    """Answers, until the journal has what came of them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._by_request: dict[str, list[_Said]] = {}
        self._by_key: dict[bytes, list[_Said]] = {}
        self._keys: dict[str, bytes] = {}
        """Of the requests that were asked for."""
        self._owners: dict[bytes, str] = {}
        """The same the other way round."""
        self._open: dict[Place, set[bytes | str]] = {}
        """The keys and requests for which a message has something that nobody has
        taken yet."""

    def add(
        self,
        place: Place,
        answer: Answer,
        named: str | None,
        authority: Sequence[Certificate],
    ) -> None:
        """Take what a message says.

        Args:
            place: of the message.
            answer: what was read in it.
            named: the request that it names.
            authority: certificates that may go with any answer.
        """
        brings: set[bytes | str] = set(answer.refusals)
        for request_id, why in answer.refusals.items():
            self._hear(request_id, _Said(place, Kind.REFUSAL, why))
        for one in answer.certificates:
            key = _key_of(one)
            if key is None:
                continue
            said = _Said(place, Kind.CERTIFICATE, certificate=one.der, key=key)
            self._by_key.setdefault(key, []).append(said)
            if one not in authority:
                brings.add(key)
            self._hear(named, said)
        if answer.kind in (Kind.RETURNED, Kind.UNREADABLE):
            self._hear(named, _Said(place, answer.kind, answer.text))
        if named is not None and (not brings or is_misnamed(answer, named)):
            brings.add(named)
        if brings:
            self._open[place] = brings

    def _hear(self, request_id: str | None, said: _Said) -> None:
        if request_id is not None:
            self._by_request.setdefault(request_id, []).append(said)

    def ask(self, pendings: Iterable[Pending]) -> None:
        """Remember requests that are waited for, each with its key."""
        for one in pendings:
            self._keys[one.request_id] = one.public_key
            self._owners[one.public_key] = one.request_id

    def decides(self, pending: Pending) -> bool:
        """Say whether what has come for a request leaves nothing to look for."""
        said = self._by_request.get(pending.request_id, ())
        return pending.public_key in self._by_key or any(
            one.kind in (Kind.REFUSAL, Kind.RETURNED) for one in said
        )

    def choose(
        self, pending: Pending, to: str, authority: Sequence[Certificate]
    ) -> bytes | None:
        """Choose of what has come for a request.

        A certificate for its key counts most, the newest one that the authority issued;
        then a refusal; then that the request came back; then what cannot be right and
        is told as what it is.

        Args:
            pending: the request.
            to: the authority's address.
            authority: its certificates.

        Raises:
            RequestRefused: if the authority said no.
            RequestReturned: if the request came back.
            EncodingError: naming the file that should be a certificate and is none.
        """
        self.ask([pending])
        fit = self._by_key.get(pending.public_key)
        if fit:
            newest_first = sorted(fit, key=_age, reverse=True)
            return _best([one.certificate for one in newest_first], authority)
        self._leave_to_others(pending.request_id)
        said = sorted(self._by_request.get(pending.request_id, ()), key=_age)
        last = {one.kind: one for one in said}
        if Kind.REFUSAL in last:
            raise RequestRefused(last[Kind.REFUSAL].text)
        if Kind.RETURNED in last:
            raise RequestReturned(
                f"the message to {to} came back: {last[Kind.RETURNED].text}; correct "
                "the address, then run resume, which sends it again"
            )
        if Kind.CERTIFICATE in last:
            return last[Kind.CERTIFICATE].certificate
        if Kind.UNREADABLE in last:
            raise EncodingError(last[Kind.UNREADABLE].text)
        return None

    def _leave_to_others(self, request_id: str) -> None:
        """Forget, and tell, what came in a request's name and is for others asked for.

        What goes with it, such as a chain, is no answer to the request either.
        """
        said = self._by_request.get(request_id, [])
        others = {
            one.place: self._owners[one.key] for one in said if one.key in self._owners
        }
        for place, owner in others.items():
            log.warning(
                "message from %r on request %s: it brings the certificate of request "
                "%s, which gets it; the former waits on",
                *(place.sender, request_id, owner),
            )
        said[:] = [
            one
            for one in said
            if one.place not in others or one.kind is not Kind.CERTIFICATE
        ]

    def settle(self, request_ids: Iterable[str]) -> list[Place]:
        """Forget what came for these requests.

        Returns:
            The messages in which there is nothing more for anybody.
        """
        done: list[Place] = []
        for request_id in request_ids:
            key = self._keys.pop(request_id, b"")
            self._owners.pop(key, None)
            said = self._by_request.pop(request_id, [])
            said += self._by_key.pop(key, [])
            for place in {one.place for one in said}:
                left = self._open.get(place, set())
                left -= {request_id, key}
                if not left and self._open.pop(place, None) is not None:
                    done.append(place)
        return done


def _best(certificates: Sequence[bytes], authority: Sequence[Certificate]) -> bytes:
    """Choose the first that the authority issued; where it issued none, the first.

    Where messages need no signature, anybody may send something newer than it did.
    """
    several = list(dict.fromkeys(certificates))
    if len(several) > 1:
        for der in several:
            if _is_issued(Certificate.of_known(der), authority):
                return der
    return several[0]


def _is_issued(certificate: Certificate, authority: Sequence[Certificate]) -> bool:
    for issuer in authority:
        try:
            certificate.verify_signed_by(issuer)
        except GeneratorFailure:
            raise
        except GostKeyError:
            continue
        return True
    return False


def is_misnamed(answer: Answer, named: str) -> bool:
    """Say whether a refusal is for other requests than the one that the message names.

    Nobody signs the header, so anybody may name another request there.
    """
    return answer.kind is Kind.REFUSAL and named not in answer.refusals


def _age(said: _Said) -> int:
    """Give what is larger for messages that came later."""
    return said.place.uid


def _key_of(certificate: Certificate) -> bytes | None:
    """Give the public key; None if it is none of ours, such as a web server's."""
    try:
        return certificate.public_key.to_bytes()
    except GeneratorFailure:
        raise
    except GostKeyError:
        return None
