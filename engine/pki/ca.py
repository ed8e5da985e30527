"""A small certification authority for trials and closed networks.

It keeps its key, its certificate and its register in one folder.  What matters in
it is real: it issues a renewal only for a certificate of its own register, good at
the moment, to the holder of its key, for the same subject and for a key that was
never seen before; and the same request always gets the same answer.  What it is
not: certified, and guarded against its own operator.

Source: RFC 5280; the renewal itself as in `renewal_request`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from gostkey import random
from gostkey.curves import Curve
from gostkey.errors import (
    CertificateError,
    EncodingError,
    GostKeyError,
    InvalidSignature,
    MediumError,
    RequestRefused,
)
from gostkey.keyforms import pem
from gostkey.signing import SigningKey

from . import cms, coding
from . import extensions as ext
from .certificates import Certificate, build_certificate
from .chain import check_dates
from .crls import REASONS, build_crl
from .issuing import Work, check_key, digest_of, parse, read_first, read_renewal
from .names import Name
from .profiles import CertificateProfile
from .register import Entry, Register
from .renewal_request import RenewalRequest, check_many
from .requests import Request

__all__ = ["CertificateAuthority"]

_CERTIFICATE, _KEY, _PROFILE, _REGISTER = (
    "ca.crt",
    "ca.key",
    "profile.json",
    "register.sqlite",
)
_FIRST, _RENEWAL = "certificate request", "renewal request"


class CertificateAuthority:
    """An authority in a folder; a context manager that wipes the key at the end."""

    def __init__(
        self,
        folder: Path,
        key: SigningKey,
        certificate: Certificate,
        profile: CertificateProfile,
    ) -> None:
        """Take the parts; use `create` or `open`."""
        self.folder = folder
        self.certificate = certificate
        self.profile = profile
        self._key = key
        self._identifier = certificate.subject_key_identifier or ext.key_identifier(
            certificate.public_key
        )
        self._register = Register(folder / _REGISTER)

    # -- the folder -----------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path | str,
        *,
        subject: Name,
        at: datetime,
        curve: str | Curve = "tc26-256-b",
        years: int = 10,
        password: str | None = None,
        profile: CertificateProfile | None = None,
    ) -> CertificateAuthority:
        """Make an authority with a new key and a self-signed certificate.

        Args:
            folder: must not exist, or be empty.
            password: encrypts the key; without one it lies open in its 0600 file.

        Raises:
            MediumError: if the folder holds something, or cannot be written.
        """
        folder = Path(folder)
        profile = profile or CertificateProfile()
        begin = coding.require_aware(at).replace(microsecond=0)
        key = SigningKey.generate(curve)
        identifier = ext.key_identifier(key.verifying_key)
        certificate = build_certificate(
            issuer=subject,
            signing_key=key,
            subject=subject,
            public_key=key.verifying_key,
            serial=_new_serial(),
            not_before=begin,
            not_after=begin + timedelta(days=365 * years + years // 4),
            extensions=[
                ext.basic_constraints(True, 0),
                ext.key_usage(ext.AUTHORITY_USAGES),
                ext.subject_key_identifier(identifier),
                ext.authority_key_identifier(identifier),
            ],
        )
        label = "PRIVATE KEY" if password is None else "ENCRYPTED PRIVATE KEY"
        files = {
            _KEY: pem(key.to_pkcs8(password), label),
            _PROFILE: profile.to_json(),
            _CERTIFICATE: pem(certificate, "CERTIFICATE"),
        }
        try:
            _write_folder(folder, files)
        except OSError as error:
            raise MediumError(
                f"folder of the authority {folder}: {error.strerror or error}; "
                "name a new or empty folder on a disk that can be written"
            ) from error
        return cls(folder, key, Certificate(certificate), profile)

    @classmethod
    def open(
        cls, folder: Path | str, password: str | None = None
    ) -> CertificateAuthority:
        """Open an authority that `create` made.

        Raises:
            MediumError: if there is none in the folder, or it cannot be read.
            PasswordRequired, WrongPassword: if its key is encrypted.
            CertificateError: if key and certificate do not belong together.
        """
        folder = Path(folder)
        try:
            certificate = Certificate.from_bytes((folder / _CERTIFICATE).read_bytes())
            key_form = (folder / _KEY).read_bytes()
            profile = (folder / _PROFILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _no_authority(folder, error) from error
        key = SigningKey.from_pkcs8(key_form, password)
        if key.verifying_key != certificate.public_key:
            key.wipe()
            raise CertificateError(
                f"authority {folder}: {_KEY} is not the key of {_CERTIFICATE}; "
                "restore both from one backup"
            )
        return cls(folder, key, certificate, CertificateProfile.from_json(profile))

    def close(self) -> None:
        """Wipe the key and close the register."""
        self._key.wipe()
        self._register.close()

    def __enter__(self) -> CertificateAuthority:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- first certificates ---------------------------------------------------

    def issue(
        self,
        request: bytes | str,
        at: datetime,
        *,
        days: int | None = None,
        profile: CertificateProfile | None = None,
    ) -> Certificate:
        """Issue a first certificate; that the owner is who he says, the operator knows.

        Args:
            request: PKCS#10, DER or PEM.
            days: validity, in place of the profile's; the key's period is cut to it.
            profile: in place of the authority's.

        Returns:
            The certificate; the same one for the same request.

        Raises:
            RequestRefused: if the request or its key is not acceptable.
        """
        found = self.issue_many([request], at, days=days, profile=profile)[0]
        if isinstance(found, RequestRefused):
            raise found
        return found

    def issue_many(
        self,
        requests: Sequence[bytes | str],
        at: datetime,
        *,
        days: int | None = None,
        profile: CertificateProfile | None = None,
    ) -> list[Certificate | RequestRefused]:
        """Issue first certificates in one transaction; see `issue`."""
        profile = profile or self.profile
        if days is not None:
            profile = replace(profile, days=days)
        at = coding.require_aware(at)
        self._check_life(at, profile)
        parsed = [parse(read_first, data, _FIRST) for data in requests]
        good = [r for r in parsed if isinstance(r, Request)]
        answers: list[Certificate | RequestRefused] = []
        with self._register.transaction() as register:
            work = Work(register, at, good, [digest_of(r) for r in good])
            for request in parsed:
                answers.append(self._answer_first(work, request, profile))
            work.write()
        return answers

    def _answer_first(
        self,
        work: Work,
        request: Request | RequestRefused,
        profile: CertificateProfile,
    ) -> Certificate | RequestRefused:
        if isinstance(request, RequestRefused):
            return request
        digest = digest_of(request)
        try:
            answered = work.answered(digest)
            if answered is not None:
                return answered
            try:
                request.verify()
            except InvalidSignature:
                raise RequestRefused(
                    f"{_FIRST} of {request.subject.owner}: its own signature does not "
                    "verify; it was changed"
                ) from None
            except GostKeyError as error:
                raise RequestRefused(f"{_FIRST}: {error}") from error
            check_key(request, profile)
            work.check_key_is_new(request)
            return self._certify(work, request, profile, digest)
        except RequestRefused as error:
            work.refuse(digest, error)
            return error

    # -- renewals -------------------------------------------------------------

    def admit(self, certificate: bytes | str, at: datetime) -> Certificate:
        """Take a certificate of another authority for renewal here.

        The operator vouches for it: its chain is not looked at.  Admitting twice
        changes nothing.

        Raises:
            EncodingError, UnknownAlgorithm: if it is not a GOST certificate.
        """
        found = Certificate.from_bytes(certificate)
        found.public_key  # noqa: B018  must be a key that can sign a renewal
        with self._register.transaction() as register:
            if not register.by_fingerprint([found.fingerprint()]):
                at = coding.require_aware(at)
                register.add([Entry.of(found, at, own=False)])
        return found

    def issue_renewal(self, request: bytes | str, at: datetime) -> Certificate:
        """Answer a renewal request.

        Args:
            request: CMS of `renewal_request.build_renewal`, DER or PEM.

        Returns:
            The new certificate; the same one for the same request.

        Raises:
            RequestRefused: saying why.
        """
        found = self.issue_renewals([request], at)[0]
        if isinstance(found, RequestRefused):
            raise found
        return found

    def issue_renewals(
        self, requests: Sequence[bytes | str], at: datetime
    ) -> list[Certificate | RequestRefused]:
        """Answer renewal requests in one transaction; see `issue_renewal`.

        Returns:
            For each request its certificate, or the refusal, in their order.
        """
        at = coding.require_aware(at)
        self._check_life(at, self.profile)
        parsed = [parse(read_renewal, data, _RENEWAL) for data in requests]
        good = [r for r in parsed if isinstance(r, RenewalRequest)]
        answers: list[Certificate | RequestRefused] = []
        with self._register.transaction() as register:
            old = [r.old_certificate.fingerprint() for r in good]
            work = Work(
                register, at, [r.request for r in good], [r.digest for r in good], old
            )
            new = [
                r
                for r in good
                if work.answered(r.digest) is None and work.is_known(r.old_certificate)
            ]
            checked = check_many(new, at=at, revoked=work.is_revoked)
            refusals = {r.digest: why for r, why in zip(new, checked, strict=True)}
            for request in parsed:
                answers.append(self._answer_renewal(work, request, refusals))
            work.write()
        return answers

    def _answer_renewal(
        self,
        work: Work,
        request: RenewalRequest | RequestRefused,
        refusals: Mapping[str, RequestRefused | None],
    ) -> Certificate | RequestRefused:
        if isinstance(request, RequestRefused):
            return request
        try:
            answered = work.answered(request.digest)
            if answered is not None:
                return answered
            old = request.old_certificate
            if not work.is_known(old):
                raise RequestRefused(
                    f"{old.title}: is not in the register of "
                    f"{self.certificate.subject.owner}, so it cannot be renewed here"
                )
            # The register holds these very octets, so the signature under the
            # old certificate was checked when it was made or admitted.
            refused = refusals[request.digest]
            if refused is not None:
                raise refused
            work.check_not_renewed(old)
            check_key(request.request, self.profile)
            work.check_key_is_new(request.request)
            return self._certify(
                work,
                request.request,
                self.profile,
                request.digest,
                renews=old.fingerprint(),
            )
        except RequestRefused as error:
            work.refuse(request.digest, error)
            return error

    def _certify(
        self,
        work: Work,
        request: Request,
        profile: CertificateProfile,
        digest: str,
        *,
        renews: bytes | None = None,
    ) -> Certificate:
        try:
            extensions = profile.extensions(
                key=request.public_key,
                authority_key_identifier=self._identifier,
                at=work.at,
                requested=request.extensions,
                identification_kind=None if renews is None else 1,
            )
        except EncodingError as error:
            raise RequestRefused(f"certificate request: {error}") from error
        begin, end, _ = profile.dates(work.at)
        made = Certificate.from_bytes(
            build_certificate(
                issuer=self.certificate.subject,
                signing_key=self._key,
                subject=request.subject,
                public_key=request.public_key_info,
                serial=_new_serial(),
                not_before=begin,
                not_after=end,
                extensions=extensions,
            )
        )
        work.enter(Entry.of(made, work.at, renews=renews, request=digest))
        return made

    def _check_life(self, at: datetime, profile: CertificateProfile) -> None:
        check_dates(self.certificate, at)
        end = profile.dates(at)[1]
        if end > self.certificate.not_after:
            raise CertificateError(
                f"{self.certificate.title}: ends on "
                f"{self.certificate.not_after:%Y-%m-%d}, before the certificates that "
                f"it would issue ({end:%Y-%m-%d}); make a new authority"
            )

    def sign_message(self, content: bytes, at: datetime) -> bytes:
        """Sign a message of the authority: CMS with the content beside, DER."""
        return cms.sign(
            content, self._key, self.certificate, signing_time=at, detached=True
        )

    # -- revocation -----------------------------------------------------------

    def revoke(self, serial: int, at: datetime, reason: str = "unspecified") -> None:
        """Revoke a certificate; the next CRL says so.  A second time changes nothing.

        Args:
            serial: its serial number.
            reason: a name of `crls.REASONS`.

        Raises:
            CertificateError: if no such certificate is in the register.
            EncodingError: if the reason is unknown.
        """
        if reason not in REASONS:
            raise EncodingError(
                f"reason {reason!r} is unknown; choose of {', '.join(REASONS)}"
            )
        at = coding.require_aware(at)
        with self._register.transaction() as register:
            text = f"{abs(serial):x}"
            found = register.by_serial(text.zfill(len(text) + len(text) % 2))
            if not found:
                raise CertificateError(
                    f"serial {serial:x}: no such certificate in the register of "
                    f"{self.certificate.subject.owner}"
                )
            register.revoke(found[0], at, reason)

    def crl(self, at: datetime, *, days: int = 7) -> bytes:
        """Make a new CRL of all revocations.

        Args:
            days: when the next one comes at the latest.

        Returns:
            DER.
        """
        at = coding.require_aware(at)
        with self._register.transaction() as register:
            number = register.next_crl_number()
            der = build_crl(
                issuer=self.certificate,
                signing_key=self._key,
                number=number,
                this_update=at,
                next_update=at + timedelta(days=days),
                revoked=register.revocations(),
            )
            register.add_crl(number, at, der)
        return der

    def certificates(self) -> list[Certificate]:
        """List the certificates that this authority has issued, oldest first."""
        with self._register.transaction() as register:
            return [e.certificate for e in register.all() if e.own]


def _new_serial() -> int:
    # 16 octets: positive, and the first octet not zero, so that all are as long.
    return int.from_bytes(random.token(16), "big") >> 2 | 1 << 126


def _write_folder(folder: Path, files: dict[str, str]) -> None:
    """Write the files beside, then rename, so that a folder is whole or absent."""
    if folder.exists():
        folder.rmdir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, text in files.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(beside / name, flags, 0o600), "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
        os.rename(beside, folder)
    except OSError:
        for name in files:
            (beside / name).unlink(missing_ok=True)
        beside.rmdir()
        raise


def _no_authority(folder: Path, error: OSError | UnicodeDecodeError) -> MediumError:
    """Say why the authority in a folder cannot be opened."""
    if not isinstance(error, OSError):
        return MediumError(f"authority {folder}: {_PROFILE} is not UTF-8 text")
    name = Path(error.filename).name
    is_absent = isinstance(error, FileNotFoundError | NotADirectoryError)
    if is_absent and name == _CERTIFICATE:
        return MediumError(
            f"{folder}: there is no authority in this folder; check the path, or put "
            "in the medium that holds it"
        )
    return MediumError(f"authority {folder}: {name} cannot be read: {error.strerror}")
