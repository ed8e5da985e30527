"""The office's side of HTTPS: requests are posted, and posted again to ask for answers.

The authority knows a request by its bytes, so asking is sending once more (RFC 7030
4.2.3).  What comes back is only bytes here; the campaign checks it.  A root is trusted
because the office has it or its fingerprint, never because the server sent it.
"""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from gostkey.errors import (
    CampaignError,
    EncodingError,
    GostKeyError,
    RequestRefused,
    TransportError,
)
from gostkey.pki.bundles import certificates_of
from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import RevocationList

from ...secret_files import read_password
from ..choosing import mine
from ..patience import Line, Patience, TryLater
from ..transport import Pending, Trust
from ..trusted import load_trust
from ..words import plain
from . import protocol
from .connections import Address, Connections, Reply
from .credentials import authorization, read_pin
from .protocol import Code
from .tls import client_context

T = TypeVar("T")

CONNECTIONS = 16
"""At once, to one authority."""

_REFUSING = frozenset({400, 403, 409, 410, 422})
_REFUSALS = frozenset({Code.REFUSED, Code.PROOF_NEEDED, Code.UNREADABLE})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})

_CORRECT = "correct --url (a campaign takes it with `gostkey renew resume --url`)"


@dataclass(frozen=True)
class _Later:
    """There is no answer yet; it is not asked for before a moment."""

    not_before: float


_Outcome = bytes | GostKeyError | _Later


@dataclass
class HttpTransport:
    """A certification authority behind HTTPS, as `gostkey ca serve --https` is one."""

    url: str
    """https://HOST:PORT, without the paths of the protocol."""
    trusted: Path | None = None
    """Folder with the authority's certificates and CRLs."""
    pins: tuple[str, ...] = ()
    """Fingerprints, Streebog-256 or SHA-256 in hex, of roots that the server may
    send; in place of *trusted* or beside it."""
    ca_file: Path | None = None
    """PEM that the server's TLS certificate is checked with; the system's if None."""
    auth_file: Path | None = None
    """File whose first line is NAME:PASSWORD, or a token (without a colon)."""
    patience: Patience = Patience()
    line: Line | None = None
    """To the server; made of the patience if None."""
    clock: Callable[[], float] = time.monotonic
    checks_requests: bool = field(default=False, init=False)
    together: int = field(default=4 * CONNECTIONS, init=False)
    """See `Slow`: each may take the patience's total and one answer more."""
    _outcomes: dict[str, _Outcome] = field(default_factory=dict, init=False)
    _connections: Connections | None = field(default=None, init=False)
    _authorization: str | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check what can be checked without the server.

        Raises:
            TransportError: if the address is none, or no root is named.
        """
        self._address = Address.of(self.url)
        self.pins = tuple(read_pin(one) for one in self.pins)
        if self.trusted is None and not self.pins:
            raise TransportError(
                f"{self._address.url}: name the authority's root: a folder with its "
                "certificate (--trusted), or its fingerprint (--url-root)"
            )

    # -- Transport ------------------------------------------------------------

    def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
        """Post the requests, some at once; one that is answered "later" is sent."""
        outcomes = self._ask_all(pendings)
        told: list[GostKeyError | None] = []
        for pending, outcome in zip(pendings, outcomes, strict=True):
            if isinstance(outcome, GostKeyError):
                told.append(outcome)
                continue
            self._outcomes[pending.request_id] = outcome
            told.append(None)
        return told

    def expect(self, pendings: Sequence[Pending]) -> None:
        """Ask for the answers of several requests at once; `fetch` gives them."""
        open_ones = [one for one in pendings if self._must_ask(one)]
        for pending, outcome in zip(open_ones, self._ask_all(open_ones), strict=True):
            self._outcomes[pending.request_id] = outcome

    def fetch(self, pending: Pending) -> bytes | None:
        """Give the certificate that the server sent, or ask for it now.

        Raises:
            TransportError: if the server cannot be asked.
            RequestRefused: if the authority says no.
        """
        if self._must_ask(pending):
            self._outcomes[pending.request_id] = self._ask_all([pending])[0]
        outcome = self._outcomes[pending.request_id]
        if isinstance(outcome, _Later):
            return None
        del self._outcomes[pending.request_id]
        if isinstance(outcome, GostKeyError):
            raise outcome
        return outcome

    def settle(self, request_ids: Iterable[str]) -> None:
        """Forget what came for these requests."""
        for one in request_ids:
            self._outcomes.pop(one, None)

    def close(self) -> None:
        """Close the connections that are kept; new ones are made if needed."""
        if self._connections is not None:
            self._connections.close()

    def rest(self) -> None:
        """Close the connections, as others need the server's places."""
        self.close()

    def refresh(self) -> None:
        """Do nothing: `fetch` asks the server."""

    def trust(self) -> Trust:
        """Take the roots that the office knows, and what the server adds to them.

        Of what the server sends, a self-signed certificate counts only if it is
        pinned or in the folder; others can only be between a root and a
        certificate; a CRL is checked by its issuer's signature when it is used.

        Raises:
            TransportError: if there is no root, or the server cannot be asked and
                the folder alone does not do.
        """
        known = Trust() if self.trusted is None else load_trust(self.trusted)
        try:
            sent, crl = self._sent()
        except TransportError:
            if known.roots and known.crls:
                return known
            raise
        return self._together(known, sent, crl)

    def check(self) -> None:
        """Ask for the certificates and the CRL, and compare them with what is known.

        Raises:
            TransportError: if the server cannot be asked, if what it sends cannot be
                read, or if its authority is another one than the office knows.
            CampaignError: if a file or folder cannot be read.
        """
        known = Trust() if self.trusted is None else load_trust(self.trusted)
        sent, crl = self._sent()
        roots = self._together(known, sent, crl).roots
        if not any(_is_of(one, root) for one in sent for root in roots):
            raise TransportError(
                f"{self._address.url}: none of the certificates that it sends is of "
                f"the authority whose root is in {self.trusted}: correct --url, or put "
                "the right root there"
            )

    def _sent(self) -> tuple[Sequence[Certificate], RevocationList]:
        """Ask the server for its certificates and its CRL."""
        try:
            sent = certificates_of(self._get(protocol.CACERTS, base64_too=True))
            return sent, RevocationList.from_bytes(self._get(protocol.CRL))
        except EncodingError as error:
            raise TransportError(
                f"{self._address.url}: its certificates or CRL cannot be read: {error}"
            ) from error
        finally:
            # A worker process that is forked now must not share a connection.
            self.close()

    def _together(
        self, known: Trust, sent: Sequence[Certificate], crl: RevocationList
    ) -> Trust:
        """Put together what the office knows and what the server sent."""
        roots = {one.der: one for one in known.roots}
        others = {one.der: one for one in known.intermediates}
        for one in sent:
            if self._is_pinned(one):
                roots[one.der] = one
            elif one.subject_der != one.issuer_der:
                others[one.der] = one
        if not roots:
            raise TransportError(
                f"{self._address.url}: none of the certificates that it sends has "
                "the fingerprint of --url-root; ask the authority for its fingerprint "
                "by another way"
            )
        return Trust(tuple(roots.values()), tuple(others.values()), (*known.crls, crl))

    def settings(self) -> dict[str, Any]:
        """Describe the transport for the store; no secret is in it."""
        return {
            "kind": "https",
            "url": self._address.url,
            "trusted": _path(self.trusted),
            "pins": list(self.pins),
            "ca_file": _path(self.ca_file),
            "auth_file": _path(self.auth_file),
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> HttpTransport:
        """Make the transport that `settings` described."""

        def path(name: str) -> Path | None:
            return Path(settings[name]) if settings.get(name) else None

        return cls(
            str(settings["url"]),
            trusted=path("trusted"),
            pins=tuple(settings.get("pins", ())),
            ca_file=path("ca_file"),
            auth_file=path("auth_file"),
        )

    # -- asking ---------------------------------------------------------------

    def _must_ask(self, pending: Pending) -> bool:
        outcome = self._outcomes.get(pending.request_id)
        if isinstance(outcome, _Later):
            return self.clock() >= outcome.not_before
        return outcome is None

    def _ask_all(self, pendings: Sequence[Pending]) -> list[_Outcome]:
        if not pendings:
            return []
        self._open()
        if len(pendings) == 1:
            return [self._ask(pendings[0])]
        # Threads that end with the chunk: none is there when workers are forked.
        with ThreadPoolExecutor(min(CONNECTIONS, len(pendings))) as threads:
            try:
                return list(threads.map(self._ask, pendings))
            except BaseException:
                # Ctrl-C: nobody wants to wait for the patience of all of them.
                self._line().give_up()
                if self._connections is not None:
                    self._connections.cut()
                raise

    def _ask(self, pending: Pending) -> _Outcome:
        """Post one request; errors are returned, as they are of one request."""
        body = protocol.to_base64(pending.request)
        headers = {
            "Content-Type": protocol.SIGNED_REQUEST,
            "Content-Transfer-Encoding": "base64",
        }

        def post() -> _Outcome:
            reply = self._exchange("POST", protocol.REENROLL, body, headers)
            return self._judge(reply, pending)

        try:
            return self._call(post)
        except GostKeyError as error:
            return error

    def _get(self, path: str, *, base64_too: bool = False) -> bytes:
        def get() -> bytes:
            reply = self._exchange("GET", path)
            if reply.status != 200:
                raise self._fault(reply, path)
            return protocol.from_base64(reply.body) if base64_too else reply.body

        self._open()
        return self._call(get)

    def _call(self, action: Callable[[], T]) -> T:
        line = self._line()
        try:
            return line.call(action)
        except GostKeyError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise line.failed(error) from error

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        assert self._connections is not None
        sent = {"User-Agent": "gostkey", **(headers or {})}
        # Only where it is asked for: what everybody may have needs no password.
        if self._authorization is not None and method == "POST":
            sent["Authorization"] = self._authorization
        return self._connections.ask(method, path, body, sent)

    def _judge(self, reply: Reply, pending: Pending) -> _Outcome:
        """Make an outcome of an answer; TryLater if another one may be better."""
        if reply.status == 202:
            return _Later(self.clock() + (self._retry_after(reply) or 0.0))
        if reply.status == 200:
            try:
                found = certificates_of(protocol.from_base64(reply.body))
            except EncodingError as error:
                # Cut or garbled on the way, most likely.
                raise TryLater(
                    f"its answer cannot be read ({plain(str(error))})"
                ) from error
            return mine(found, pending).der
        refusal = self._refusal(reply)
        if refusal is not None:
            return RequestRefused(refusal)
        raise self._fault(reply, protocol.REENROLL)

    def _refusal(self, reply: Reply) -> str | None:
        """Read why the authority says no; None if it is not surely its word.

        A refused key is never tried again, so what a proxy in between may say does
        not count, nor does plain text, which EST has for refusals (RFC 7030 4.2.3)
        and proxies have as well.
        """
        kind = protocol.media_type(reply.headers.get("Content-Type"))
        if reply.status not in _REFUSING or kind != protocol.PROBLEM_TYPE:
            return None
        found = protocol.read_problem(reply.body)
        return found[1] if found and found[0] in _REFUSALS else None

    def _fault(self, reply: Reply, path: str) -> TryLater | TransportError:
        """Make the error of a status that is no answer."""
        name, status = self._address.url, reply.status
        if status in _PASSING:
            words = http.client.responses.get(status, "")
            return TryLater(f"it answered {status} {words}", self._retry_after(reply))
        if status in (401, 407):
            return TransportError(
                f"{name}: does not take the name and password or the token; correct "
                f"{self.auth_file or 'it with --url-auth-file'}"
            )
        if 300 <= status < 400:
            where = plain(reply.headers.get("Location", ""))
            return TransportError(
                f"{name}: points elsewhere ({where or status}); this is not followed, "
                f"so that no request goes to another server: {_CORRECT}"
            )
        said = _words(reply)
        told = f" ({said})" if said else ""
        return TransportError(
            f"{name}{path}: answered {status}{told}; this is not an authority's "
            f"answer: {_CORRECT}, or ask who runs the server"
        )

    def _retry_after(self, reply: Reply) -> float | None:
        return protocol.retry_after(
            reply.headers.get("Retry-After"), datetime.now(timezone.utc)
        )

    # -- parts ------------------------------------------------------------------

    def _line(self) -> Line:
        if self.line is None:
            self.line = Line(self._address.url, self.patience)
        return self.line

    def _open(self) -> None:
        """Read the files that connections need, once."""
        if self._connections is not None:
            return
        if self.auth_file is not None:
            try:
                self._authorization = authorization(read_password(self.auth_file))
            except CampaignError as error:
                raise TransportError(str(error)) from error
        self._connections = Connections(
            self._address, client_context(self.ca_file), self.patience
        )

    def _is_pinned(self, one: Certificate) -> bool:
        prints = {one.fingerprint().hex(), hashlib.sha256(one.der).hexdigest()}
        return bool(prints & set(self.pins))


def _is_of(one: Certificate, root: Certificate) -> bool:
    """Say whether a certificate is a root or was signed by it."""
    try:
        one.verify_signed_by(root)
    except GostKeyError:
        return one == root
    return True


def _words(reply: Reply) -> str:
    """Give what a server says of its fault, if it is for people and not a page."""
    if protocol.media_type(reply.headers.get("Content-Type")) == "text/plain":
        return plain(reply.body.decode("utf-8", "replace"))
    said = protocol.read_problem(reply.body)
    return said[1] if said else ""


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())
