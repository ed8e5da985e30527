"""Whatever bytes are given as a PFX, the result is keys or a GostKeyError.

With a good MAC over them, too: whoever knows the password can make one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey.containers import (
    TransferKey,
    pfx_cryptopro,
    pfx_protection,
    read_pfx,
    read_transfer,
    write_cryptopro_pfx,
    write_standard_pfx,
)
from gostkey.containers import pfx_schemas as schemas
from gostkey.errors import GostKeyError
from gostkey.keyforms.der import decode, encode

PASSWORD = "secret"


@pytest.fixture(autouse=True, scope="module")
def one_iteration() -> Iterator[None]:
    """Derive with one iteration: a thousand files are tried."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (pfx_protection, pfx_cryptopro):
            patch.setattr(module, "ITERATIONS", 1)
        yield


@lru_cache
def key() -> TransferKey:
    sample = samples.container()
    return TransferKey(sample.key, certificate=sample.certificate, name="sample")


@lru_cache
def good() -> tuple[bytes, ...]:
    return write_cryptopro_pfx(key(), PASSWORD), write_standard_pfx(key(), PASSWORD)


def use(data: bytes) -> None:
    """Read; whatever comes out must be usable."""
    for read in (read_pfx, read_transfer):
        for password in (PASSWORD, None):
            try:
                with read(data, password) as found:
                    for one in found.keys:
                        one.key.sign(b"")
            except GostKeyError:
                pass


def sealed(content: bytes) -> bytes:
    """Put any content under a good MAC."""
    return encode(
        schemas.Pfx(
            version=3,
            content=schemas.ContentInfo(
                content_type=schemas.OID(schemas.DATA),
                content=schemas.tlv(encode(content)),
            ),
            mac=pfx_protection.make_mac(pfx_protection.SHA_1, content, PASSWORD),
        )
    )


def content_of(pfx: bytes) -> bytes:
    return schemas.octets(decode(schemas.Pfx, pfx, "test").content.content, "test")


DER_LIKE = st.binary(max_size=200) | st.builds(
    lambda tag, body: bytes([tag, len(body)]) + body,
    st.sampled_from([0x30, 0x31, 0x04, 0xA0, 0x02, 0x1E]),
    st.binary(max_size=120),
)


@given(DER_LIKE)
def test_any_bytes(data: bytes) -> None:
    use(data)
    use(sealed(data))


@settings(max_examples=150)
@given(st.booleans(), st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=40))
def test_a_piece_of_a_file_replaced(
    standard: bool, start: int, length: int, piece: bytes
) -> None:
    pfx = good()[standard]
    start %= len(pfx)
    use(pfx[:start] + piece + pfx[start + length :])


@settings(max_examples=300)
@given(st.booleans(), st.integers(0, 5000), st.integers(0, 4), st.binary(max_size=8))
def test_a_piece_replaced_under_a_good_mac(
    standard: bool, start: int, length: int, piece: bytes
) -> None:
    content = content_of(good()[standard])
    start %= len(content)
    use(sealed(content[:start] + piece + content[start + length :]))


@settings(max_examples=300)
@given(st.integers(0, 500), st.integers(0, 4), st.binary(max_size=8))
def test_a_piece_of_a_key_blob_replaced(start: int, length: int, piece: bytes) -> None:
    """Under the right transport key: only the blob's own MACs are left to find it."""
    bag = decode(
        schemas.EncryptedKey,
        pfx_cryptopro.make_key_bag(
            key().key, PASSWORD, usage="exchange", exportable=True, not_after=None
        ),
        "test",
    )
    parameters = decode(
        schemas.SaltAndIterations, schemas.parameters_of(bag.algorithm), "test"
    )
    transport = pfx_cryptopro.transport_key(PASSWORD, parameters.salt, 1)
    iv = parameters.salt[:8]
    plain = pfx_cryptopro.ciphers.gost28147_cfb_decrypt("a", transport, iv, bag.data)
    start %= len(plain)
    changed = plain[:start] + piece + plain[start + length :]
    data = pfx_cryptopro.ciphers.gost28147_cfb_encrypt("a", transport, iv, changed)
    try:
        found = pfx_cryptopro.open_key_bag(bag.algorithm, data, PASSWORD)
    except GostKeyError:
        return
    assert found.key == key().key
