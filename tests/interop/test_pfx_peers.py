"""PFX and PKCS#8 of ours are opened by OpenSSL and GnuTLS, and theirs by us.

OpenSSL 3.0 with the GOST engine opens gost89 and the CTR-ACPKM ciphers without
MAC; it has no PBES2 with the -omac ones, and GnuTLS has gost89 only.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from interop.openssl import OpenSSL

from gostkey import keyforms
from gostkey.containers import (
    TransferKey,
    read_pfx,
    read_transfer,
    write_cryptopro_pfx,
    write_standard_pfx,
    write_transfer,
)
from gostkey.errors import WrongPassword
from gostkey.signing import SigningKey

PASSWORD = "Пароль для PFX"
SETS = [
    ("gost2012_256", "XA"),
    ("gost2012_256", "TCA"),
    ("gost2012_512", "A"),
]


@pytest.fixture(params=SETS)
def theirs(request: pytest.FixtureRequest, openssl: OpenSSL) -> TransferKey:
    """A key and a certificate of OpenSSL, in key.pem and certificate.pem."""
    algorithm, paramset = request.param
    bits = algorithm[-3:]
    openssl.check(
        *("genpkey", "-algorithm", algorithm, "-pkeyopt", f"paramset:{paramset}"),
        *("-out", "key.pem"),
    )
    openssl.check(
        *("req", "-new", "-x509", "-key", "key.pem", "-subj", "/CN=Test"),
        *(
            "-days",
            "30",
            "-out",
            "certificate.pem",
            f"-md_gost12_{bits}",
        ),
    )
    key = SigningKey.from_pkcs8((openssl.folder / "key.pem").read_bytes())
    certificate = keyforms.unpem(
        (openssl.folder / "certificate.pem").read_bytes(), "CERTIFICATE"
    )
    return TransferKey(key, certificate=certificate, name="Иванов")


def opened(openssl: OpenSSL, file: str, password: str) -> tuple[bytes, bytes]:
    """Let OpenSSL open a PFX: the key and the certificate that it finds."""
    openssl.check(
        *("pkcs12", "-in", file, "-nodes", "-passin", f"pass:{password}"),
        *("-out", "opened.pem"),
    )
    text = (openssl.folder / "opened.pem").read_bytes()
    with SigningKey.from_pkcs8(text) as key:
        return key.to_bytes(), keyforms.unpem(text, "CERTIFICATE")


@pytest.mark.parametrize(
    "cipher", ["gost89", "kuznyechik-ctr-acpkm", "magma-ctr-acpkm"]
)
@pytest.mark.parametrize("password", [PASSWORD])
def test_openssl_opens_our_pfx_and_pkcs8(
    openssl: OpenSSL, theirs: TransferKey, cipher: str, password: str
) -> None:
    openssl.write("ours.pfx", write_standard_pfx(theirs, password, cipher=cipher))
    assert opened(openssl, "ours.pfx", password) == (
        theirs.key.to_bytes(),
        theirs.certificate,
    )
    code, said = openssl.run("pkcs12", "-in", "ours.pfx", "-passin", "pass:no")
    assert code != 0 and "invalid password" in said
    openssl.write("ours.pem", write_transfer(theirs, "pkcs8", password, cipher=cipher))
    openssl.check(
        *("pkey", "-in", "ours.pem", "-passin", f"pass:{password}"),
        *("-out", "plain.pem"),
    )
    plain = (openssl.folder / "plain.pem").read_bytes()
    assert SigningKey.from_pkcs8(plain) == theirs.key


def test_openssl_opens_our_plain_pkcs8(openssl: OpenSSL, theirs: TransferKey) -> None:
    openssl.write("ours.pem", write_transfer(theirs, "pkcs8", None))
    openssl.check("pkey", "-in", "ours.pem", "-out", "plain.pem")
    assert SigningKey.from_pkcs8((openssl.folder / "plain.pem").read_bytes()) == (
        theirs.key
    )


@pytest.mark.parametrize("password", ["secret", ""])
def test_openssl_checks_the_mac_and_certificates_of_our_cryptopro_pfx(
    openssl: OpenSSL, theirs: TransferKey, password: str
) -> None:
    """The key bag's scheme is the vendor's own; all around it is PKCS #12."""
    openssl.write("ours.pfx", write_cryptopro_pfx(theirs, password))
    openssl.check(
        *("pkcs12", "-in", "ours.pfx", "-nokeys", "-passin", f"pass:{password}"),
        *("-out", "opened.pem"),
    )
    text = (openssl.folder / "opened.pem").read_bytes()
    assert keyforms.unpem(text, "CERTIFICATE") == theirs.certificate


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-macalg md_gost12_512 -keypbe gost89 -certpbe gost89",
        "-macalg md_gost12_256 -keypbe gost89 -certpbe gost89",
        "-macalg md_gost94 -keypbe gost89 -certpbe gost89",
        "-macalg sha1 -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES",
        "-macalg sha512 -keypbe aes-128-cbc -certpbe NONE",
        "-keypbe NONE -certpbe NONE",
    ],
)
def test_we_open_pfx_of_openssl(
    openssl: OpenSSL, theirs: TransferKey, options: str
) -> None:
    openssl.check(
        *("pkcs12", "-export", "-inkey", "key.pem", "-in", "certificate.pem"),
        *("-out", "theirs.pfx", "-passout", f"pass:{PASSWORD}"),
        *("-name", "theirs", *options.split()),
    )
    data = (openssl.folder / "theirs.pfx").read_bytes()
    with read_pfx(data, PASSWORD) as read:
        (key,) = read.keys
        assert read.skipped == []
        assert (key.key, key.certificate) == (theirs.key, theirs.certificate)
        assert key.name == "theirs"
    for wrong in ("", PASSWORD[:-1]):
        with pytest.raises(WrongPassword):
            read_pfx(data, wrong)


def test_openssl_opens_the_real_files_as_we_do(
    openssl: OpenSSL, fixtures: Path
) -> None:
    """The certificates of a CryptoPro PFX, found without our code."""
    data = (fixtures / "pfx" / "loadtesting-pfx2-256.pfx").read_bytes()
    openssl.write("real.pfx", data)
    openssl.check(
        *("pkcs12", "-in", "real.pfx", "-nokeys", "-passin", "pass:1234567890"),
        *("-out", "opened.pem"),
    )
    text = (openssl.folder / "opened.pem").read_bytes()
    with read_pfx(data, "1234567890") as read:
        assert keyforms.unpem(text, "CERTIFICATE") in read.certificates
        assert len(read.certificates) == text.count(b"BEGIN CERTIFICATE") == 2


@pytest.fixture
def certtool(openssl: OpenSSL) -> str:
    found = shutil.which("certtool")
    if found is None:
        pytest.skip("certtool is not here: apt-get install gnutls-bin")
    return found


def run_certtool(
    command: str, *arguments: object, stdin: bytes = b""
) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [command, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("password", ["secret", PASSWORD])
def test_gnutls_opens_our_pfx(
    openssl: OpenSSL, theirs: TransferKey, certtool: str, password: str
) -> None:
    pfx = openssl.write("ours.pfx", write_standard_pfx(theirs, password))
    options = ("--p12-info", "--inder", "--infile", pfx, "--password")
    code, said, errors = run_certtool(certtool, *options, password)
    assert code == 0, errors
    assert keyforms.unpem(said, "CERTIFICATE") == theirs.certificate
    with read_transfer(said, password) as read:
        assert read.keys[0].key == theirs.key
    code, _, errors = run_certtool(certtool, *options, "wrong")
    assert code != 0 or b"MAC" in errors


@pytest.mark.parametrize("password", ["secret", PASSWORD])
def test_we_open_pfx_of_gnutls(
    openssl: OpenSSL, tmp_path: Path, certtool: str, password: str
) -> None:
    key = tmp_path / "gnutls.pem"
    code, _, errors = run_certtool(
        certtool,
        *("--generate-privkey", "--key-type=gost12-256", "--curve=TC26-256-B"),
        *("--outfile", key, "--no-text"),
    )
    assert code == 0, errors
    pfx = tmp_path / "gnutls.pfx"
    code, _, errors = run_certtool(
        certtool,
        *("--to-p12", "--load-privkey", key, "--p12-name", "theirs", "--outder"),
        *("--pkcs-cipher", "gost28147-tc26z", "--hash", "streebog-512"),
        *("--password", password, "--outfile", pfx),
    )
    assert code == 0, errors
    with read_pfx(pfx.read_bytes(), password) as read:
        assert read.keys[0].key == SigningKey.from_pkcs8(key.read_bytes())
        assert read.keys[0].name == "theirs"
