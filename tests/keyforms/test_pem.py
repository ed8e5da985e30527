"""The reader of PEM."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gostkey.errors import EncodingError
from gostkey.keyforms import pem, unpem


@given(st.binary(min_size=1, max_size=300))
def test_pem_is_what_the_standard_library_writes_and_reads(data: bytes) -> None:
    text = pem(data, "CERTIFICATE")
    assert text == ssl.DER_cert_to_PEM_cert(data)
    assert unpem(text, "CERTIFICATE") == unpem(text.encode(), "CERTIFICATE") == data


def test_der_passes_through() -> None:
    assert unpem(b"\x30\x00", "PUBLIC KEY") == b"\x30\x00"
    assert unpem(bytearray(b"\x30\x00"), "PUBLIC KEY") == b"\x30\x00"


def test_the_first_wanted_block_is_taken_and_notes_are_left_alone() -> None:
    text = (
        "0 subject=Иванов\r\n"
        + pem(b"\x30\x01", "CERTIFICATE")
        + "note\n"
        + pem(b"\x30\x02", "PRIVATE KEY").replace("\n", "\r\n")
        + pem(b"\x30\x03", "PRIVATE KEY")
    )
    assert unpem(text, "PRIVATE KEY") == b"\x30\x02"
    assert unpem(text, "PUBLIC KEY", "CERTIFICATE") == b"\x30\x01"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither DER nor PEM"),
        ("0\x00", "neither DER nor PEM"),
        (b"\x04\x00", "neither DER nor PEM"),
        (pem(b"\x30", "CERTIFICATE"), "it should have PUBLIC KEY"),
        ("-----BEGIN PUBLIC KEY-----\nMAA=\n", "no whole block"),
        (
            "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END CERTIFICATE-----\n",
            "ends with CERTIFICATE",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nMAA\n-----END PUBLIC KEY-----\n",
            "base64 is broken",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n"
            "-----END PUBLIC KEY-----\n",
            "no whole block",
        ),
    ],
)
def test_what_is_not_pem_is_refused_with_a_reason(
    data: bytes | str, words: str
) -> None:
    with pytest.raises(EncodingError, match=words):
        unpem(data, "PUBLIC KEY")
