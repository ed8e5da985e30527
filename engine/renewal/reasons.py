"""Why an item of a campaign is not renewed: stable codes, sentences and cures.

A refusal is the office's rule and trying again does not change it; a failure
is a fault of a file, a medium, a line or an answer, and `resume` tries most of
them again; a skipped item has nothing to be done for it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace


class Reason(enum.Enum):
    """Why an item is not renewed; the values are stable codes."""

    # refusals: the subscriber comes to the office
    LAST_DAY = "last-day"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SUBJECT_CHANGED = "subject-changed"
    COMPROMISED = "key-compromised"
    LOST = "key-lost"
    REVOKED = "certificate-revoked"
    NO_CERTIFICATE = "no-certificate"
    # refusals: the operator can do something
    EXCHANGES = "exchanges-not-confirmed"
    DUPLICATE = "duplicate-key"
    PENDING_ELSEWHERE = "renewal-under-way"
    BY_AUTHORITY = "refused-by-authority"
    # undone: no run takes it up again
    ROLLED_BACK = "rolled-back"
    # nothing to do
    NOT_DUE = "not-due"
    REPLACED = "already-renewed"
    WAITING = "waits-for-its-certificate"
    # faults of the input
    LIST_ROW = "list-row"
    NOT_A_CONTAINER = "not-a-container"
    DAMAGED = "container-damaged"
    MISMATCH = "certificate-mismatch"
    CERTIFICATE_UNREADABLE = "certificate-unreadable"
    PASSWORD_FILE = "password-file"
    PASSWORD_REQUIRED = "password-required"
    WRONG_PASSWORD = "wrong-password"
    KEY_CHANGED = "plan-out-of-date"
    # tokens
    TOKEN_ABSENT = "token-absent"
    TOKEN_SWAPPED = "token-swapped"
    TOKEN_UNUSABLE = "token-unusable"
    TOKEN_FULL = "token-full"
    EXPERIMENTAL = "token-experimental"
    LIBRARY = "library-missing"
    PIN_FILE = "pin-file"
    PIN_REQUIRED = "pin-required"
    WRONG_PIN = "wrong-pin"
    PIN_BLOCKED = "pin-blocked"
    # faults on the way
    CLOCK = "clock"
    MEDIUM = "medium"
    NAME_TAKEN = "name-taken"
    HELD = "held-by-another-campaign"
    NEW_CONTAINER = "new-container"
    GENERATOR = "generator"
    REQUEST = "request"
    TRANSPORT = "transport"
    LOGIN = "login-refused"
    REQUEST_RETURNED = "request-returned"
    UNSIGNED_REFUSAL = "refusal-unsigned"
    ANSWER_UNREADABLE = "answer-unreadable"
    ANSWER_OTHER_KEY = "answer-for-another-key"
    ANSWER_OTHER_SUBJECT = "answer-for-another-subject"
    ANSWER_DATES = "answer-dates"
    CHAIN = "chain"
    TEST_SIGNATURE = "test-signature"
    UNEXPECTED = "unexpected"


OFFICE = "the subscriber comes to the office with an identity document"
_ANEW = (
    "; a campaign that has begun does not look again: begin another one in another "
    "folder (--campaign)"
)
"""Follows the cures that only a new campaign can make use of."""

TEXTS: Mapping[Reason, tuple[str, str]] = {
    Reason.LAST_DAY: (
        "the key is on its last day; it is too late for remote renewal",
        OFFICE,
    ),
    Reason.EXPIRED: ("the key has expired", OFFICE),
    Reason.NOT_YET_VALID: (
        "the certificate or the key period has not begun yet",
        "check the clock of this machine; if it is right, " + OFFICE,
    ),
    Reason.SUBJECT_CHANGED: (
        "the form differs from the certificate; a changed subject cannot be renewed",
        OFFICE,
    ),
    Reason.COMPROMISED: (
        "the key is marked as compromised",
        "ask the authority to revoke it; then " + OFFICE,
    ),
    Reason.LOST: (
        "the key is marked as lost",
        "ask the authority to revoke it; then " + OFFICE,
    ),
    Reason.REVOKED: ("the certificate of the old key is revoked", OFFICE),
    Reason.NO_CERTIFICATE: (
        "the container holds no certificate, so nothing says whose key it is",
        "install the key's certificate in the container, or " + OFFICE,
    ),
    Reason.EXCHANGES: (
        "it is not confirmed that all exchanges under the old key are finished",
        "finish them (what was encrypted for the old key cannot be read with the new "
        "one), then confirm it: --exchanges-finished for all, or yes in the list's "
        "column exchanges_finished" + _ANEW,
    ),
    Reason.DUPLICATE: (
        "another item of this list holds the same key",
        "keep one of the two in the list",
    ),
    Reason.PENDING_ELSEWHERE: (
        "a new key for this one has been made already and waits for its certificate",
        "go on with the campaign that made it: gostkey renew resume; if the authority "
        "refused its request, undo it there first: gostkey renew rollback",
    ),
    Reason.BY_AUTHORITY: (
        "the certification authority refuses the request",
        "ask the authority; in most cases "
        + OFFICE
        + "; if it was a mistake, undo this "
        "renewal (gostkey renew rollback), then begin a new campaign with the key",
    ),
    Reason.ROLLED_BACK: (
        "the renewal was rolled back",
        "to renew this key after all, begin a new campaign with it",
    ),
    Reason.NOT_DUE: ("the key is not due yet", ""),
    Reason.REPLACED: ("a new key with its certificate is there already", ""),
    Reason.WAITING: (
        "a new key that waits for its certificate",
        "go on with the campaign that made it: gostkey renew receive",
    ),
    Reason.LIST_ROW: ("the row cannot be used", "correct the row" + _ANEW),
    Reason.NOT_A_CONTAINER: (
        "the folder is not a key container",
        "put in the medium that holds it, or name the folder that holds header.key, "
        "primary.key and masks.key" + _ANEW,
    ),
    Reason.DAMAGED: (
        "the container is damaged",
        "take the container from its backup, or " + OFFICE,
    ),
    Reason.MISMATCH: (
        "the certificate in the container is not that of its key",
        "install the right certificate in the container, or " + OFFICE,
    ),
    Reason.CERTIFICATE_UNREADABLE: (
        "the certificate in the container cannot be read",
        "install the certificate in the container again, or " + OFFICE,
    ),
    Reason.PASSWORD_FILE: (
        "the password file cannot be read",
        "put the password on the first line of that file, in UTF-8",
    ),
    Reason.PASSWORD_REQUIRED: (
        "the container has a password and none was given",
        "name a file with the password: --password-file, or the list's column "
        "password_file" + _ANEW,
    ),
    Reason.WRONG_PASSWORD: (
        "the password does not open the container",
        "correct the password file and run resume",
    ),
    Reason.KEY_CHANGED: (
        "the container no longer holds the key that was planned for",
        "make a new plan",
    ),
    Reason.TOKEN_ABSENT: (
        "the token is not there",
        "put it in, then run resume",
    ),
    Reason.TOKEN_SWAPPED: (
        "another token is in its place",
        "put the right token in, then run resume",
    ),
    Reason.TOKEN_UNUSABLE: (
        "the token cannot be reached or is of no kind that holds containers",
        "gostkey token check tells the cause; then run resume",
    ),
    Reason.TOKEN_FULL: (
        "the token has no room for another container",
        "back up a container that is not needed any more, remove it from the token, "
        "then run resume; or plan again with another destination",
    ),
    Reason.EXPERIMENTAL: (
        "nobody has shown that this works on such a token",
        "try it on a spare token with resume --experimental, or plan again with "
        "another destination",
    ),
    Reason.LIBRARY: (
        "the key is inside a token, or is to be made there, and the library of the "
        "token's maker is not known",
        "name it with --library, or in the variable GOSTKEY_PKCS11, then run resume",
    ),
    Reason.PIN_FILE: (
        "the file with the PIN cannot be read",
        "put the PIN on the first line of that file, then run resume",
    ),
    Reason.PIN_REQUIRED: (
        "the token's PIN is needed and was not given",
        "run resume on a terminal to be asked, or plan again with a file that holds "
        "the PIN (pin_file in the list, or --pin-file)",
    ),
    Reason.WRONG_PIN: (
        "the token refuses the PIN",
        "ask the owner for the PIN, correct the file, then run resume; each attempt "
        "spends a try",
    ),
    Reason.PIN_BLOCKED: (
        "the token's PIN is blocked, or its last try is not to be risked",
        "unblock it with the administrator's PIN (gostkey token unblock), then run "
        "resume",
    ),
    Reason.CLOCK: (
        "the clock of this machine is behind the beginning of this campaign",
        "set the clock right, then run resume",
    ),
    Reason.MEDIUM: (
        "the medium cannot be read or written",
        "check the medium, free space or write protection; then run resume",
    ),
    Reason.NAME_TAKEN: (
        "a container that renews the same key is there, and this campaign did "
        "not make it",
        "go on with the campaign that made it, or choose another destination",
    ),
    Reason.HELD: (
        "another campaign renews the key, or has renewed it",
        "go on with that campaign; or undo it there (gostkey renew rollback), then run "
        "resume here",
    ),
    Reason.NEW_CONTAINER: (
        "the new container cannot be used as it was written",
        "check the medium, then run resume; nothing was lost, the old key works",
    ),
    Reason.GENERATOR: (
        "the random generator failed; no key may be made",
        "run gostkey entropy test on this machine",
    ),
    Reason.REQUEST: (
        "the request cannot be made",
        "run gostkey container check on the old container, then resume",
    ),
    Reason.TRANSPORT: (
        "the request could not be sent or the answer not fetched",
        "check the line to the authority, then run resume",
    ),
    Reason.LOGIN: (
        "the server on the way to the authority does not take name and password",
        "correct the password file, then run resume",
    ),
    Reason.REQUEST_RETURNED: (
        "the request came back undelivered",
        "correct the authority's address, then run resume, which sends it again",
    ),
    Reason.UNSIGNED_REFUSAL: (
        "a file that nobody signed says that the authority refuses the request",
        "ask the authority; if it does, " + OFFICE + "; if not, remove that file and "
        "run receive, which also takes a certificate that comes after all",
    ),
    Reason.ANSWER_UNREADABLE: (
        "the authority's answer is not a certificate",
        "ask the authority for the certificate again, then run receive",
    ),
    Reason.ANSWER_OTHER_KEY: (
        "the certificate that came back is for another key",
        "ask the authority for the certificate of this request, then run receive",
    ),
    Reason.ANSWER_OTHER_SUBJECT: (
        "the certificate that came back names another subject",
        "ask the authority for a certificate with the subject unchanged, "
        "then run receive",
    ),
    Reason.ANSWER_DATES: (
        "the certificate that came back is not valid now",
        "check the clock of this machine, then ask the authority and run receive",
    ),
    Reason.CHAIN: (
        "the chain of the new certificate does not verify",
        "get the authority's current certificates and CRLs, then run receive",
    ),
    Reason.TEST_SIGNATURE: (
        "a test signature with the new key does not verify",
        "check the medium, then run resume; nothing was lost, the old key works",
    ),
    Reason.UNEXPECTED: (
        "an error that this program did not expect",
        "the log has its trace; report it, then run resume",
    ),
}
"""For each reason one sentence, and the cure."""

REFUSALS = frozenset(
    {
        Reason.LAST_DAY,
        Reason.EXPIRED,
        Reason.NOT_YET_VALID,
        Reason.SUBJECT_CHANGED,
        Reason.COMPROMISED,
        Reason.LOST,
        Reason.REVOKED,
        Reason.NO_CERTIFICATE,
        Reason.EXCHANGES,
        Reason.DUPLICATE,
        Reason.PENDING_ELSEWHERE,
        Reason.BY_AUTHORITY,
        Reason.ROLLED_BACK,
    }
)
NOTHING_TO_DO = frozenset({Reason.NOT_DUE, Reason.REPLACED, Reason.WAITING})
OF_TOKENS = frozenset(
    {
        Reason.TOKEN_ABSENT,
        Reason.TOKEN_SWAPPED,
        Reason.TOKEN_UNUSABLE,
        Reason.TOKEN_FULL,
        Reason.EXPERIMENTAL,
        Reason.LIBRARY,
        Reason.PIN_FILE,
        Reason.PIN_REQUIRED,
        Reason.WRONG_PIN,
        Reason.PIN_BLOCKED,
    }
)
"""Faults for which a person is needed, at a token."""
FINAL_FAULTS = frozenset({Reason.LIST_ROW, Reason.NOT_A_CONTAINER, Reason.KEY_CHANGED})
"""Faults that `resume` does not try again, because the plan itself is wrong."""


@dataclass(frozen=True)
class Verdict:
    """Why an item stopped: the reason, one sentence for it, and the cure."""

    reason: Reason
    text: str
    cure: str

    @property
    def kind(self) -> str:
        """Say "refused", "skipped" or "failed"."""
        if self.reason in REFUSALS:
            return "refused"
        return "skipped" if self.reason in NOTHING_TO_DO else "failed"

    @property
    def retryable(self) -> bool:
        """Say whether `resume` tries the item again."""
        return self.kind == "failed" and self.reason not in FINAL_FAULTS

    def at(self, place: str) -> Verdict:
        """Add the place of what was met."""
        return replace(self, text=f"{self.text} ({_encodable(place)})")


def verdict(reason: Reason, detail: str = "", *, cure: str | None = None) -> Verdict:
    """Make the verdict for *reason*; *detail* says what exactly was met."""
    text, usual_cure = TEXTS[reason]
    if detail:
        text = f"{text}: {_encodable(detail)}"
    return Verdict(reason, text, usual_cure if cure is None else cure)


def _encodable(text: str) -> str:
    """Escape what has no place in UTF-8, which stores and journals are kept in.

    Names of files may hold octets that are no characters.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
