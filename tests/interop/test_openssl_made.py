"""What OpenSSL with the GOST engine makes verifies with us, for every set it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from interop.openssl import OpenSSL

from gostkey.errors import CertificateError, InvalidSignature
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import verify_chain
from gostkey.pki.cms import SignedData
from gostkey.pki.crls import RevocationList
from gostkey.pki.requests import Request
from gostkey.signing import SigningKey

# Set -> algorithm, parameter and digest as the engine names them.
SETS = {
    **{
        name: ("gost2012_256", name, "md_gost12_256")
        for name in ("A", "B", "C", "XA", "XB", "TCA", "TCB", "TCC", "TCD", "0")
    },
    **{
        f"512 {name}": ("gost2012_512", name, "md_gost12_512")
        for name in ("A", "B", "C")
    },
    **{
        f"2001 {name}": ("gost2001", name, "md_gost94")
        for name in ("A", "B", "C", "XA", "XB", "0")
    },
}
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Made:
    """What the engine made for one set."""

    folder: Path
    at: datetime

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()


@pytest.fixture(params=SETS)
def made(request: pytest.FixtureRequest, openssl: OpenSSL) -> Made:
    algorithm, parameter, digest = SETS[request.param]
    for who in ("ca", "one", "two"):
        openssl.check(
            *("genpkey", "-algorithm", algorithm, "-pkeyopt", f"paramset:{parameter}"),
            *("-out", f"{who}.key"),
        )
    config = ("-config", "gost.cnf", "-utf8", f"-{digest}")
    openssl.check(
        *("req", "-new", "-x509", "-key", "ca.key", "-subj", "/CN=Корень", *config),
        *("-extensions", "authority", "-days", "30", "-out", "ca.pem"),
    )
    for serial, who in enumerate(("one", "two"), 5):
        openssl.check(
            *("req", "-new", "-key", f"{who}.key", "-subj", f"/CN=Абонент {who}"),
            *("-out", f"{who}.req", *config),
        )
        openssl.check(
            *("x509", "-req", "-in", f"{who}.req", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-set_serial", str(serial), "-days", "20", "-out", f"{who}.pem"),
            *("-extfile", "gost.cnf", "-extensions", "subscriber", f"-{digest}"),
        )
    openssl.write("index.txt", b"")
    openssl.write("crlnumber", "0A\n")
    authority = ("-config", "gost.cnf", "-cert", "ca.pem", "-keyfile", "ca.key")
    openssl.check(
        *("ca", "-revoke", "two.pem", "-crl_reason", "superseded", "-md", digest),
        *authority,
    )
    openssl.check(
        *("ca", "-gencrl", "-crldays", "5", "-out", "crl.pem", "-md", digest),
        *authority,
    )
    openssl.write("content", b"content\n" * 9)
    for name, options in {
        "attached.der": ("-nodetach",),
        "detached.der": (),
        "bare.der": ("-nodetach", "-noattr"),
        "by-key.der": ("-nodetach", "-keyid", "-cades"),
    }.items():
        # subjectKeyIdentifier is not in the certificates of the subscribers.
        signer = "ca" if "-keyid" in options else "one"
        openssl.check(
            *("cms", "-sign", "-binary", "-md", digest, "-in", "content", *options),
            *("-signer", f"{signer}.pem", "-inkey", f"{signer}.key"),
            *("-outform", "DER", "-out", name),
        )
    return Made(openssl.folder, datetime.now(timezone.utc) + SECOND)


def test_all_of_it_verifies(made: Made) -> None:
    root = Certificate.from_bytes(made.read("ca.pem"))
    one = Certificate.from_bytes(made.read("one.pem"))
    two = Certificate.from_bytes(made.read("two.pem"))
    crl = RevocationList.from_bytes(made.read("crl.pem"))
    assert one.subject.get("CN") == "Абонент one"
    chain = verify_chain(one, roots=[root], crls=[crl], at=made.at)
    assert chain == [one, root]
    with pytest.raises(CertificateError, match=r"serial 06.*revoked.*superseded"):
        verify_chain(two, roots=[root], crls=[crl], at=made.at)

    Request.from_bytes(made.read("one.req")).verify()
    key = SigningKey.from_pkcs8(made.read("one.key"))
    assert key.verifying_key == one.public_key

    content = made.read("content")
    for name in ("attached.der", "bare.der"):
        signed = SignedData.from_bytes(made.read(name))
        assert signed.content == content
        assert signed.verify() == [one]
    assert SignedData.from_bytes(made.read("by-key.der")).verify() == [root]
    detached = SignedData.from_bytes(made.read("detached.der"))
    assert detached.verify(content) == [one]
    with pytest.raises(InvalidSignature, match="content was changed"):
        detached.verify(content + b"!")
    bare = bytearray(made.read("bare.der"))
    bare[bare.index(content)] ^= 1
    with pytest.raises(InvalidSignature):
        SignedData.from_bytes(bytes(bare)).verify()
