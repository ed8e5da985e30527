"""Bad input that no other file tests, and where the rest of it is tested.

name collisions, capitals, read-only media    test_removable_disks, test_faults,
                                              test_copying, test_backup
Cyrillic and overlong names, names as paths   test_removable_disks, test_copying
path traversal in archives, a bad hash        test_archive
symlinks                                      test_folder, test_copying, test_backup
.reg files: UTF-16, broken hex                test_registry_text, test_registry
PFX with unknown bags                         tests/containers/test_pfx
wrong and empty passwords in both encodings   here, tests/containers/test_pfx
tokens                                        tests/media/tokens, tests/cards
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import samples

from gostkey.containers import (
    TransferKey,
    pfx_protection,
    read_pfx,
    write_cryptopro_pfx,
    write_standard_pfx,
)
from gostkey.errors import PasswordRequired, WrongPassword
from gostkey.media import collect, pack, registry_text, restore, unpack

ONE = samples.container("ivanov", with_certificate=False)
TWO = samples.container("ivanov", with_certificate=False)
SIDS = ("S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002")


@pytest.mark.parametrize("terminated", [True, False])
def test_the_empty_password_of_windows_and_of_linux(
    monkeypatch: pytest.MonkeyPatch, terminated: bool
) -> None:
    """In PKCS #12 it is two zero octets on the one, and none on the other."""
    key = TransferKey(ONE.key)
    with monkeypatch.context() as patch:
        as_there = partial(pfx_protection.Password, terminated=terminated)
        patch.setattr(pfx_protection, "Password", as_there)
        pfx = write_cryptopro_pfx(key, "")
    for password in ("", None):
        with read_pfx(pfx, password) as read:
            assert read.keys[0].key == ONE.key
    for wrong in ("\0", " ", "secret"):
        with pytest.raises(WrongPassword):
            read_pfx(pfx, wrong)


def test_an_empty_password_for_a_file_that_has_one() -> None:
    """BMPString in the vendor's form, UTF-8 in that of RFC 9548."""
    key = TransferKey(ONE.key)
    for pfx in (write_cryptopro_pfx(key, "secret"), write_standard_pfx(key, "Пароль")):
        for wrong in ("", "Secret", "пароль", "Пароль".encode().decode("cp1251")):
            with pytest.raises(WrongPassword):
                read_pfx(pfx, wrong)
        with pytest.raises(PasswordRequired):
            read_pfx(pfx)


def test_two_users_with_a_container_of_one_name(tmp_path: Path) -> None:
    """In a folder they are two; in an export for one user there is room for one."""
    export = tmp_path / "both.reg"
    keys = [registry_text.key_path("ivanov", sid, wow=True) for sid in SIDS]
    both = zip(keys, (ONE.files, TWO.files), strict=True)
    export.write_bytes(registry_text.build(dict(both)))
    backup = unpack(pack(collect(export, samples.MADE)))
    assert [one.folder for one in backup.containers] == [
        f"{sid}/ivanov.000" for sid in SIDS
    ]
    (tmp_path / "folder").mkdir()
    for result, sample in zip(
        restore(backup, tmp_path / "folder"), (ONE, TWO), strict=True
    ):
        assert result.place is not None
        assert samples.read(result.place) == sample.files


@pytest.mark.parametrize("sid", ["..", "S-1-5-21/../../evil", "con"])
def test_a_user_named_like_a_path_in_an_export(tmp_path: Path, sid: str) -> None:
    """The key of a registry may have any such part; a folder may not."""
    export = tmp_path / "odd.reg"
    keys = [
        registry_text.key_path("ivanov", SIDS[0], wow=True).replace(SIDS[0], one)
        for one in (sid, SIDS[1])
    ]
    both = zip(keys, (ONE.files, TWO.files), strict=True)
    export.write_bytes(registry_text.build(dict(both)))
    (tmp_path / "folder").mkdir()
    backup = unpack(pack(collect(export, samples.MADE)))
    results = restore(backup, tmp_path / "folder")
    for result, sample in zip(results, (ONE, TWO), strict=True):
        assert result.place is not None
        assert (tmp_path / "folder") in result.place.parents
        assert samples.read(result.place) == sample.files
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "odd.reg"]
