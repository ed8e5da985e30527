"""Keys of other people's containers and PFX files, carried out by us, in OpenSSL.

What OpenSSL 3.0 with the GOST engine has no scheme for is not here: CryptoPro's
own PBE of key bags, and the ciphers with OMAC.  Its Magma in CTR-ACPKM mode takes
the next key after 1 KiB, where RFC 9337 7.3 has 8 KiB: so with that cipher it opens
only what is shorter.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import real_containers
import real_pfx
from interop.openssl import OpenSSL

from gostkey import keyforms
from gostkey.containers import (
    Container,
    TransferKey,
    container_of,
    exported,
    read_transfer,
    write_transfer,
)
from gostkey.errors import ExportRefused
from gostkey.signing import SigningKey

PASSWORD = "Пароль 1"
MAGMA = "magma-ctr-acpkm"
SECTION_OF_THE_ENGINE = 1024
CIPHERS = ["gost89", "kuznyechik-ctr-acpkm", MAGMA]


def opened(openssl: OpenSSL, key: TransferKey, form: str, cipher: str | None) -> bytes:
    """Let OpenSSL open what we write; return the private key that it finds."""
    secret = None if cipher is None else PASSWORD
    openssl.write("ours", write_transfer(key, form, secret, cipher=cipher))
    password = ("-passin", f"pass:{PASSWORD}")
    if form == "standard":
        openssl.check(*("pkcs12", "-in", "ours", "-nodes", "-out", "plain"), *password)
    else:
        openssl.check(*("pkey", "-in", "ours", "-out", "plain"), *password)
    plain = (openssl.folder / "plain").read_bytes()
    if form == "standard":
        found = keyforms.unpem(plain, "CERTIFICATE") if key.certificate else None
        assert found == key.certificate
    with SigningKey.from_pkcs8(plain) as read:
        return read.to_bytes()


def carried_everywhere(openssl: OpenSSL, key: TransferKey, private_le: bytes) -> None:
    assert opened(openssl, key, "pkcs8", None) == private_le
    for form in ("standard", "pkcs8"):
        for cipher in CIPHERS:
            parts = len(key.certificate or b"") + 100
            if (form, cipher) == ("standard", MAGMA) and parts > SECTION_OF_THE_ENGINE:
                continue
            assert opened(openssl, key, form, cipher) == private_le, (form, cipher)


@pytest.mark.parametrize("label", real_containers.PASSWORDS)
def test_keys_of_real_containers(openssl: OpenSSL, fixtures: Path, label: str) -> None:
    real = real_containers.read_real(fixtures, label)
    container = Container.parse(real.files)
    for slot, (private, _) in real.expected.items():
        try:
            with exported(container, real.password, slot) as key:
                carried_everywhere(openssl, key, private)
        except ExportRefused:
            assert label in ("pysig-49503a70", "pysig-test", "the4ups-two-keys")


@pytest.mark.parametrize("label", real_pfx.PASSWORDS)
def test_keys_of_real_pfx(openssl: OpenSSL, fixtures: Path, label: str) -> None:
    real = real_pfx.read_real_pfx(fixtures, label)
    with read_transfer(real.data, real.password) as read:
        carried_everywhere(openssl, read.keys[0], real.private_le)
        _, files = container_of(read.keys[0], name=None, password=None)
    with exported(Container.parse(files), None) as key:
        assert opened(openssl, key, "standard", "gost89") == real.private_le


def test_published_pfx_are_written_so_that_openssl_opens_them(
    openssl: OpenSSL, fixtures: Path
) -> None:
    for real in real_pfx.read_published_pfx(fixtures):
        with read_transfer(real.data, real.password) as read:
            carried_everywhere(openssl, read.keys[0], real.private_le)
