"""A certificate goes into the container of its key and into no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import samples
from real_containers import read_real

from gostkey.containers import Container, with_password
from gostkey.errors import (
    CertificateMismatch,
    GostKeyError,
    MediumError,
    WrongPassword,
)
from gostkey.media import find_containers, install_certificate
from gostkey.pki.certificates import Certificate

BARE = samples.container("bare", with_certificate=False)
OTHER = samples.container("other")
CERTIFICATE = Certificate.from_bytes(samples.certificate_of(BARE.key))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    BARE.write(root / "office" / "bare.000")
    OTHER.write(root / "other.000")
    return root


def test_only_the_header_changes(tree: Path) -> None:
    place = tree / "office" / "bare.000"
    done = install_certificate(place, CERTIFICATE)
    assert (done.place, done.slot, done.changed) == (place, "primary", True)
    assert (done.before, done.compared) == (None, "key")
    files = samples.read(place)
    assert {name for name in files if files[name] != BARE.files[name]} == {"header.key"}
    # Element [5] of the header holds the bare certificate.
    assert CERTIFICATE.der in files["header.key"]
    with Container.parse(files).open() as opened:
        assert opened.certificates == {"primary": CERTIFICATE.der}
    again = install_certificate(place, CERTIFICATE)
    assert not again.changed and samples.read(place) == files


def test_an_older_certificate_is_replaced(tree: Path) -> None:
    newer = Certificate.from_bytes(
        samples.certificate_of(OTHER.key, not_before=samples.MADE + timedelta(300))
    )
    done = install_certificate(tree / "other.000", newer)
    assert done.changed and done.before == OTHER.certificate
    (entry,) = Container.parse(samples.read(tree / "other.000")).keys
    assert entry.certificate == newer.der


def test_a_foreign_certificate_is_refused_and_nothing_written(tree: Path) -> None:
    with pytest.raises(CertificateMismatch, match="none of its keys; it is not inst"):
        install_certificate(tree / "other.000", CERTIFICATE)
    assert samples.read(tree / "other.000") == OTHER.files


def test_a_key_that_begins_alike_is_told_apart_by_the_whole_key(tree: Path) -> None:
    # The header claims the eight bytes of another key, with a good MAC.
    stranger = tree / "stranger.000"
    claimed = BARE.files["header.key"]
    samples.write(stranger, OTHER.files | {"header.key": claimed})
    before = samples.read(stranger)
    with pytest.raises(GostKeyError):
        install_certificate(stranger, CERTIFICATE)
    assert samples.read(stranger) == before


def test_the_key_of_the_other_slot_gets_its_certificate(
    fixtures: Path, tmp_path: Path
) -> None:
    real = read_real(fixtures, "the4ups-two-keys")
    place = samples.write(tmp_path / "two.000", real.files)
    for entry in Container.parse(real.files).keys:
        assert entry.certificate is not None
        certificate = Certificate.from_bytes(entry.certificate)
        assert find_containers([tmp_path], certificate) == [place]
        done = install_certificate(place, certificate)
        assert done.slot == entry.slot and not done.changed


def test_a_password_is_needed_by_nobody_and_used_if_given(tree: Path) -> None:
    closed = samples.write(
        tree / "closed.000", with_password(BARE.files, None, "secret")
    )
    with pytest.raises(WrongPassword):
        install_certificate(closed, CERTIFICATE, "guess")
    assert install_certificate(closed, CERTIFICATE).compared == "fingerprint"
    assert install_certificate(closed, CERTIFICATE, "secret").compared == "key"


def test_the_container_is_found_by_its_key_and_the_damaged_ones_told(
    tree: Path,
) -> None:
    (tree / "damaged.000").mkdir()
    (tree / "damaged.000" / "header.key").write_bytes(b"0")
    unreadable: list[GostKeyError] = []
    found = find_containers([tree, tree / "office"], CERTIFICATE, unreadable)
    assert found == [tree / "office" / "bare.000"]
    assert [str(tree / "damaged.000") in str(error) for error in unreadable] == [True]


def test_a_header_that_is_a_link_is_refused(tree: Path, tmp_path: Path) -> None:
    place = tree / "office" / "bare.000"
    (place / "header.key").rename(tmp_path / "elsewhere")
    (place / "header.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MediumError, match="a link"):
        install_certificate(place, CERTIFICATE)
