"""CRLs that come with answers: the newest is kept beside the authority's certificates.

A certificate is installed only if a CRL of its authority says nothing against it, and
an office that has nothing but mail gets the CRL by mail.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from gostkey.errors import CertificateError, GeneratorFailure, GostKeyError
from gostkey.hashing import streebog256
from gostkey.media import durable
from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import RevocationList

log = logging.getLogger("gostkey.renewal")


class NewestCrls:
    """Keeps the newest CRL of each authority in a folder."""

    def __init__(
        self, folder: Path, known: Sequence[Certificate], crls: Iterable[RevocationList]
    ) -> None:
        """Take what is in the folder.

        Args:
            folder: of the authority's certificates and CRLs.
            known: the certificates in it.
            crls: those in it.
        """
        self._folder = folder
        self._known = known
        self._newest: dict[bytes, datetime] = {}
        self._seen: bytes = b""
        for one in crls:
            self._is_newer(one)

    def take(self, crls: Iterable[bytes]) -> bool:
        """Keep CRLs that an authority in the folder has signed, if they are newer.

        What is wrong with one is no fault of the answer that it came with.

        Returns:
            Whether there is a new one in the folder.
        """
        is_new = False
        for der in crls:
            if der == self._seen:
                continue
            self._seen = der
            try:
                is_new |= self._take(der)
            except GeneratorFailure:
                raise
            except (GostKeyError, OSError) as error:
                log.warning("a CRL that came by mail is not kept: %s", error)
        return is_new

    def _take(self, der: bytes) -> bool:
        crl = RevocationList.from_bytes(der)
        fault: CertificateError | None = None
        for issuer in self._known:
            if issuer.subject_der != crl.issuer_der:
                continue
            try:
                crl.verify_signed_by(issuer)
            except CertificateError as error:
                fault = error
                continue
            if not self._is_newer(crl):
                return False
            self._write(crl)
            return True
        raise fault or CertificateError(f"{crl.title}: is not of the authority")

    def _is_newer(self, crl: RevocationList) -> bool:
        known = self._newest.get(crl.issuer_der)
        if known is not None and crl.this_update <= known:
            return False
        self._newest[crl.issuer_der] = crl.this_update
        return True

    def _write(self, crl: RevocationList) -> None:
        name = f"from-mail-{streebog256(crl.issuer_der).hexdigest()[:16]}.crl"
        beside = durable.temporary_beside(self._folder / name)
        try:
            durable.write_file(beside, crl.der)
            durable.flush_file(beside)
            os.replace(beside, self._folder / name)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        durable.flush_folder(self._folder)
