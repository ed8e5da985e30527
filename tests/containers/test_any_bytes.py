"""Whatever bytes are given, the result is a container or a GostKeyError."""

from __future__ import annotations

from functools import lru_cache

import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from gostkey.containers import FILES, Container, certificate_facts, with_certificate
from gostkey.errors import GostKeyError

FILE = st.sampled_from(FILES)
DER_LIKE = st.binary(max_size=200) | st.builds(
    lambda tag, body: bytes([tag, len(body)]) + body,
    st.sampled_from([0x30, 0x04, 0x80, 0x16]),
    st.binary(max_size=120),
)


@lru_cache
def good() -> samples.Sample:
    return samples.container()


def use(files: dict[str, bytes]) -> None:
    """Do everything with the files; whatever key comes out must be the right one."""
    certificate = good().certificate
    assert certificate is not None
    try:
        container = Container.parse(files)
    except GostKeyError:
        return
    container.describe()
    container.check()
    try:
        with container.open() as opened:
            assert opened.keys["primary"] == good().key
    except GostKeyError:
        pass
    try:
        with_certificate(files, certificate)
    except GostKeyError:
        pass


@settings(deadline=None)
@given(st.dictionaries(FILE, DER_LIKE))
def test_any_files(files: dict[str, bytes]) -> None:
    use(files)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(FILE, DER_LIKE, min_size=1, max_size=5))
def test_some_files_of_a_container_replaced(files: dict[str, bytes]) -> None:
    use(good().files | files)


@settings(deadline=None, max_examples=100)
@given(FILE, st.integers(0, 1000), st.integers(0, 40), st.binary(max_size=40))
def test_a_piece_of_a_file_replaced(
    file: str, start: int, length: int, piece: bytes
) -> None:
    data = good().files[file]
    start %= len(data)
    if file == "name.key":
        return  # nothing protects the name, and any name is one
    use(good().files | {file: data[:start] + piece + data[start + length :]})


@settings(deadline=None)
@given(st.integers(0, 2000), st.binary(max_size=8))
def test_any_certificate(start: int, piece: bytes) -> None:
    der = good().certificate
    assert der is not None
    start %= len(der)
    changed = der[:start] + piece + der[start + len(piece) :]
    try:
        certificate_facts(changed)
    except GostKeyError:
        pass
    try:
        with_certificate(good().files, changed)
    except GostKeyError:
        pass
