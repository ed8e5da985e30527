"""Certificates without a signer: ours read by OpenSSL, OpenSSL's read by us."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from renewal.offices import new_office

from gostkey.errors import EncodingError
from gostkey.pki.bundles import certificates_of, certs_only
from gostkey.pki.certificates import Certificate

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="needs openssl as a second opinion: apt-get install openssl",
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Certificate]:
    return [
        new_office(tmp_path_factory.mktemp("office")).authority.certificate
        for _ in range(2)
    ]


def test_a_bundle_gives_its_certificates_back(pair: list[Certificate]) -> None:
    found = certificates_of(certs_only(pair))
    assert {one.der for one in found} == {one.der for one in pair}
    # In DER's order of a SET, whatever order they were given in.
    assert certs_only(pair) == certs_only(pair[::-1])


@needs_openssl
def test_openssl_reads_a_bundle(pair: list[Certificate]) -> None:
    printed = subprocess.run(
        ["openssl", "pkcs7", "-inform", "DER", "-print_certs"],
        input=certs_only(pair),
        capture_output=True,
        check=True,
    ).stdout.decode()
    blocks = printed.split("-----BEGIN CERTIFICATE-----")[1:]
    found = [
        Certificate.from_bytes("-----BEGIN CERTIFICATE-----" + one.partition("\n\n")[0])
        for one in blocks
    ]
    assert {one.der for one in found} == {one.der for one in pair}


@needs_openssl
@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_a_bundle_of_openssl_is_read(
    pair: list[Certificate], tmp_path: Path, form: str
) -> None:
    listed = tmp_path / "all.pem"
    listed.write_text("".join(one.to_pem() for one in pair), encoding="ascii")
    made = subprocess.run(
        ["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(listed), "-outform", form],
        capture_output=True,
        check=True,
    ).stdout
    assert {one.der for one in certificates_of(made)} == {one.der for one in pair}


def test_an_empty_bundle_is_none() -> None:
    with pytest.raises(EncodingError, match="there is none"):
        certificates_of(certs_only([]))


@given(st.binary(max_size=300))
def test_any_bytes_are_borne(data: bytes) -> None:
    with pytest.raises(EncodingError):
        certificates_of(data)
