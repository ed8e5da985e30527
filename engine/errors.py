"""Every exception that the package raises on purpose.

One base class that is never raised itself, one class for each thing that a
caller may want to handle.  Faults in data also inherit ValueError.  A message
names the thing, what was wrong and what would be right, and never a secret.
"""

from __future__ import annotations


class GostKeyError(Exception):
    """Base of all the others; never raised itself."""


def after_interrupt(error: BaseException) -> bool:
    """Say whether an exception came up while Ctrl-C was leaving the work.

    Ctrl-C may break into the middle of a library, whose clearing up then fails with an
    exception of its own: that of a connection, for one, with a question unanswered.
    Where the program has put another exception in its place (``from None``), that is
    what is told.
    """
    seen: list[BaseException] = []
    came: BaseException | None = error
    while came is not None and came not in seen:
        if isinstance(came, KeyboardInterrupt):
            return True
        seen.append(came)
        hidden = came.__suppress_context__
        came = came.__cause__ if hidden else came.__context__
    return False


# -- primitives -------------------------------------------------------------


class BackendError(GostKeyError, ImportError):
    """The wanted backend or kernel is unknown, not built, or not for this machine."""


class UnknownAlgorithm(GostKeyError, ValueError):
    """A name or OID of a hash, cipher, S-box or key scheme is not known."""


class UnknownCurve(GostKeyError, ValueError):
    """A name or OID does not belong to any of the nine parameter sets."""


class LengthError(GostKeyError, ValueError):
    """A key, digest, initial value or array does not have the length it must have."""


class PrivateKeyRange(GostKeyError, ValueError):
    """A private key is not in 1..q-1."""


class InvalidPoint(GostKeyError, ValueError):
    """A public key is not a point of the curve, or is one of small order."""


class InvalidSignature(GostKeyError):
    """A signature does not verify; no detail is given on purpose."""


class IntegrityError(GostKeyError, ValueError):
    """A MAC does not match: the data were changed or the key is another one."""


class GeneratorFailure(GostKeyError):
    """The random generator or its source failed; no key may be made (exit code 5)."""


# -- entropy besides the system's -------------------------------------------


class HealthFailure(GostKeyError):
    """A source besides the system's failed a health test and lost its credit."""


class SamplesError(GostKeyError, ValueError):
    """Samples of a source cannot be assessed: none, too few, too wide, all equal."""


class EntropyNeeded(GostKeyError):
    """Input of a person is asked for by policy and cannot be had (exit code 4)."""


class EntropyCancelled(GostKeyError):
    """The person stopped the collection; nothing was made of it (exit code 130)."""


class GammaError(GostKeyError, ValueError):
    """A gamma file cannot be used: damaged, not ours, repeated, or in use."""


class GammaLocked(GammaError):
    """Another run uses the same gamma (exit code 6)."""


class GammaExhausted(GammaError):
    """Too few records are left; with a new file the work can go on (exit code 4)."""


# -- encodings --------------------------------------------------------------


class EncodingError(GostKeyError, ValueError):
    """Bytes are not the DER or PEM structure that they should be."""


class WrongPassword(GostKeyError, ValueError):
    """The password does not open the container or the key."""


class RememberedPasswordWrong(WrongPassword):
    """The key ring's password no longer opens the container: it was changed."""


class PasswordRequired(GostKeyError, ValueError):
    """The container or the key has a password and none was given."""


class KeyRingError(GostKeyError):
    """No key ring of the system is there, or it is locked (exit code 4)."""


# -- containers and media ---------------------------------------------------


class ContainerError(GostKeyError, ValueError):
    """A key container cannot be used as it is; base of the more exact ones."""


class ContainerDamaged(ContainerError):
    """A file of the container is missing, cut short or fails its MAC."""


class CertificateMismatch(ContainerError):
    """The certificate's public key is not that of the private key."""


class ExportRefused(ContainerError):
    """The key is marked as one that may not leave its container."""


class MediumError(GostKeyError, OSError):
    """A medium cannot be read or written: absent, full, read-only."""


# -- tokens -----------------------------------------------------------------


class PyscardMissing(MediumError):
    """pyscard, through which smart cards are reached, is not installed."""


class CardServiceAbsent(MediumError):
    """The smart card service (pcscd) is not installed or does not run."""


class CardServiceDenied(MediumError):
    """This user may not talk to the smart card service."""


class TokenAbsent(MediumError):
    """There is no such token or reader, or it was taken out."""


class TokenBusy(MediumError):
    """Another program holds the token for itself."""


class TokenUnknown(MediumError):
    """A card answers, but it is of no known kind or keeps its keys to itself."""


class TokenAmbiguous(MediumError):
    """Several tokens fit the address; it must say more."""


class TokenSwapped(MediumError):
    """Another token is in the reader than the one that was worked with."""


class ExperimentalOnly(MediumError):
    """Nobody has shown that this works on a real token; asked for, it is tried."""


class TokenRefused(MediumError):
    """The token refuses a command.

    `status` is the number that it gave as the reason, or 0.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class TokenFaulty(MediumError):
    """A token gave what cannot be right, such as a signature that does not verify."""


class TokenFull(GostKeyError):
    """The token has no room or no slot for the container; none of it was written.

    `needed` and `free` are in bytes, where they are known.
    """

    def __init__(
        self, message: str, needed: int | None = None, free: int | None = None
    ) -> None:
        super().__init__(message)
        self.needed = needed
        self.free = free


class PinRequired(GostKeyError):
    """The token wants its PIN and none was given."""


class WrongPin(GostKeyError, ValueError):
    """The PIN is another one; `tries_left` of them remain, if the token tells."""

    def __init__(self, message: str, tries_left: int | None = None) -> None:
        super().__init__(message)
        self.tries_left = tries_left


class PinBlocked(GostKeyError):
    """No try of the PIN is left, or the last one is not to be risked."""


class ConfirmationRequired(GostKeyError):
    """Something that cannot be undone was not confirmed by a person (exit code 4)."""


class BackupError(GostKeyError, ValueError):
    """An archive of containers is damaged, changed, or not one of ours."""


# -- certificates -----------------------------------------------------------


class CertificateError(GostKeyError, ValueError):
    """A certificate, CRL or chain does not verify, or is out of its dates."""


class RequestRefused(GostKeyError, ValueError):
    """The certification authority refuses a request; the text says why."""


# -- renewal ----------------------------------------------------------------


class CampaignError(GostKeyError, ValueError):
    """A campaign, plan or list of subscribers cannot be used as it is."""


class CampaignLocked(GostKeyError):
    """Another run works on the same campaign (exit code 6)."""


class StoreLost(MediumError):
    """The campaign's database does not answer; what it has acknowledged stays."""


class TransportError(GostKeyError):
    """A request cannot be sent or an answer fetched; it can be tried again."""


class LoginRefused(TransportError):
    """A server does not take name and password; a person must correct them."""


class CannotServe(TransportError):
    """An authority's server cannot be set up; the message says what to correct."""

    code = "transport_error"


class RequestReturned(TransportError):
    """A request came back undelivered; it must be sent again."""


class UnsignedRefusal(TransportError):
    """Something that nobody signed says that the authority refuses a request."""


# -- measuring --------------------------------------------------------------


class MeasureError(GostKeyError):
    """A process that measures fails, hangs or answers what it should not."""
