"""What a key inside a token signs, OpenSSL verifies; what is on it, OpenSC sees."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.openssl import OpenSSL
from mock_tokens import PIN, MockToken, made, mock_token, nobody, opened
from small_pki import AUTHORITY, NOW, PERSON

from gostkey.pki import cms
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.renewal_request import build_renewal
from gostkey.pki.requests import build_request

AT = str(int(NOW.timestamp()))
VERIFY_REQUEST = ("req", "-inform", "DER", "-noout", "-verify", "-in", "request.der")


@pytest.fixture
def token(tmp_path: Path) -> Iterator[MockToken]:
    made = mock_token(tmp_path)
    yield made
    made.restart()


@pytest.mark.parametrize("curve", ["CryptoPro-A", "CryptoPro-XchB", "tc26-512-b"])
def test_from_the_key_on_the_chip_to_its_certificate_beside_it(
    openssl: OpenSSL, token: MockToken, curve: str
) -> None:
    authority = CertificateAuthority.create(
        openssl.folder / "ca", subject=AUTHORITY, at=NOW
    )
    with opened(token) as chip:
        request = build_request(chip.generate(curve, "new"), PERSON)
    openssl.write("request.der", request)
    said = openssl.check(
        "req", "-inform", "DER", "-noout", "-verify", "-in", "request.der"
    )
    assert "verify OK" in said

    certificate = authority.issue(request, NOW)
    token.restart()
    with opened(token) as chip:
        assert chip.install(certificate.der).certificate == certificate.der
    openssl.write("ca.pem", authority.certificate.to_pem())
    openssl.write("new.pem", certificate.to_pem())
    openssl.check("verify", "-attime", AT, "-CAfile", "ca.pem", "new.pem")

    token.restart()
    with opened(token) as chip:
        signed = cms.sign(b"letter", chip.key("new"), certificate, signing_time=NOW)
        newer = build_renewal(
            chip.generate(curve, "newer"), chip.key("new"), certificate, at=NOW
        )
    verify = ("cms", "-verify", "-binary", "-inform", "DER", "-CAfile", "ca.pem")
    verify += ("-purpose", "any", "-attime", AT)
    for name, message in (("letter.p7m", signed), ("newer.p7m", newer)):
        openssl.write(name, message)
        openssl.check(*verify, "-in", name, "-out", f"{name}.content")
    assert (openssl.folder / "letter.p7m.content").read_bytes() == b"letter"
    assert authority.issue_renewal(newer, NOW).subject == certificate.subject


def test_a_signature_in_another_order_is_put_right_for_openssl(
    openssl: OpenSSL, token: MockToken
) -> None:
    token.order("layout RS")
    with opened(token) as chip:
        request = build_request(chip.generate("tc26-512-a", "new"), PERSON)
    openssl.write("request.der", request)
    assert "verify OK" in openssl.check(*VERIFY_REQUEST)


def test_opensc_sees_the_key_and_the_certificate(
    tmp_path: Path, token: MockToken
) -> None:
    tool = shutil.which("pkcs11-tool")
    if tool is None:
        pytest.skip("needs another PKCS #11 client: apt-get install opensc")
    identifier = made(token, label="office key")
    with opened(token) as chip:
        key = chip.key("office key")
        authority = CertificateAuthority.create(
            tmp_path / "ca", subject=AUTHORITY, at=NOW
        )
        chip.install(authority.issue(build_request(key, PERSON), NOW).der)
    token.restart()

    def ask(*arguments: str) -> str:
        done = subprocess.run(
            [tool, "--module", token.library, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "Mock ECP" in ask("-L")
    shown = ask("-O", "--login", "--pin", PIN)
    for kind in ("Private Key Object; GOSTR3410", "Public Key Object; GOSTR3410"):
        assert kind in shown
    assert shown.count(identifier) == 3 and "Certificate Object" in shown
    with opened(token, pin=nobody) as chip:
        assert chip.entry("office key").certificate is not None
