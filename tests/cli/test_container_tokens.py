"""`gostkey container` with tokens: looking, copying, changing, removing.

The tokens are virtual ones (tests/cards); what a command did to one is read from the
card itself, and files are compared with those of the folder that they came from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import samples
from cards.etoken import EtokenPro
from cards.jacarta_lt import JacartaLt
from cards.pins import USER
from cards.readers import VirtualReaders
from cards.rutoken import RutokenEcp, RutokenLite
from cards.rutoken_s import RutokenS

from gostkey import pcsc
from gostkey.cli import container
from gostkey.containers import Container
from gostkey.errors import CardServiceAbsent, PyscardMissing
from gostkey.media import FolderStore
from gostkey.renewal.trial import make_trial
from gostkey.signing import VerifyingKey

from .conftest import AT, Office, Run
from .test_container_change import contents

Insert = Callable[..., VirtualReaders]

LITE = "token:30DA6803"
TRY = "--try-default-pin"
MAY = "--experimental"


@pytest.fixture
def lite(insert: Insert, office: Office) -> RutokenLite:
    """A token with the containers 2 (without a password) and 0 (with one)."""
    card = RutokenLite()
    for place, number in ((0x0A00, 2), (0x0B00, 0)):
        card.add_container(place, contents(office.container(number)))
    insert(card)
    return card


def on_card(card: RutokenLite, place: int) -> dict[str, bytes]:
    """What is on a card, without the filling at the end of its files."""
    return {
        name: data[: 2 + data[1]] if data[1] < 0x80 else data.rstrip(b"\xff")
        for name, data in card.files_of(place).items()
    }


def slots(card: RutokenLite) -> list[int]:
    return sorted(card.containers)


# -- looking -----------------------------------------------------------------


def test_list_reads_tokens_without_a_pin(
    run: Run, office: Office, lite: RutokenLite
) -> None:
    lite.pins[USER].left = 1
    ran = run("container", "list", "--json", LITE, office.container(2))
    assert (ran.code, ran.stderr) == (0, "")
    one, other, folder = ran.records
    assert (one["item"], other["item"]) == (f"{LITE}/0A00", f"{LITE}/0B00")
    assert one["keys"] == folder["keys"] and one["name"] == folder["name"]
    assert one["needs_pin"] and not folder["needs_pin"]
    assert one["has_reserve"] is None and folder["has_reserve"] is True
    assert (one["has_password"], other["has_password"]) == (False, True)
    rows = run("container", "list", LITE).stdout.splitlines()
    assert rows[1].endswith("yes, with the PIN")
    assert rows[2].endswith("yes, with the PIN and its password")
    assert f"{LITE}/0A00" in rows[1]
    assert lite.pins[USER].left == 1


def test_list_without_places_takes_all_tokens_too(
    run: Run, office: Office, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "usual_media", lambda: [FolderStore(office.tree)])
    files = contents(office.container(2))
    first, second = RutokenLite(), EtokenPro()
    bank_card = RutokenLite(serial=5)
    bank_card.atr = bytes.fromhex("3B6500002063CB6800")
    first.add_container(0x0A00, files)
    second.add_container(0xCC00, files)
    insert(first, bank_card, second, None)
    ran = run("container", "list", "--json")
    assert (ran.code, ran.stderr) == (0, "")
    assert len(ran.records) == 4 + 2
    assert ran.records[4]["item"] == f"{LITE}/0A00"
    assert ran.records[5]["keys"] == ran.records[4]["keys"]


@pytest.mark.parametrize("fault", [PyscardMissing, CardServiceAbsent])
def test_list_without_places_goes_on_where_there_are_no_tokens(
    run: Run, office: Office, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    def fail() -> list[str]:
        raise fault("install the thing")

    monkeypatch.setattr(pcsc, "readers", fail)
    monkeypatch.setattr(container, "usual_media", lambda: [FolderStore(office.tree)])
    ran = run("container", "list", "--json")
    assert ran.code == 0 and len(ran.records) == 4
    assert ran.stderr == "gostkey: hint: no tokens: install the thing\n"
    assert run("container", "list", office.tree).stderr == ""
    # A token that was named is another matter.
    ran = run("container", "list", "--json", LITE, office.tree)
    assert ran.code == 2 and len(ran.records) == 5


def test_list_tells_of_a_half_written_one(run: Run, lite: RutokenLite) -> None:
    lite.add_container(0x0C00, {"masks.key": b"\x30\x36", "header.key": b"\x30\x00"})
    ran = run("container", "list", "--json", LITE)
    assert ran.code == 2 and "half-written" in ran.stderr
    assert f"gostkey container remove {LITE}/0C00" in ran.stderr


@pytest.mark.parametrize("named", ["{0}/0A00", "{0}/0a00", "{0}/{1}", "token:/{1}"])
def test_show_finds_a_container_by_its_place_or_name(
    run: Run, lite: RutokenLite, office: Office, named: str
) -> None:
    name = Container.parse(contents(office.container(2))).name
    ran = run("container", "show", "--json", named.format(LITE, name))
    assert ran.code == 0, ran.stderr
    assert ran.record["name"] == name


def test_show_of_a_token_shows_all_on_it(run: Run, lite: RutokenLite) -> None:
    ran = run("container", "show", "token:")
    assert ran.code == 0
    assert ran.stdout.count("needs the PIN") == 2
    ran = run("container", "show", "--json", f"{LITE}/nobody")
    assert (ran.code, ran.error["code"]) == (3, "container_error")
    assert f"{LITE}/0A00" in ran.error["message"]


def test_of_two_tokens_one_must_be_named(
    run: Run, insert: Insert, office: Office, tmp_path: Path
) -> None:
    insert(RutokenLite(), RutokenEcp(serial=0x11223344))
    for words in (
        ("show", "token:"),
        ("list", "token:"),
        ("copy", "token:/ivanov", tmp_path),
        ("copy", office.container(2), "token:", MAY),
        ("export", "token:/ivanov", "--out", tmp_path / "x.pfx"),
        ("backup", "token:", "--out", tmp_path),
        ("remove", "token:/ivanov"),
    ):
        ran = run("container", *words, "--json")
        assert (ran.code, ran.error["code"]) == (4, "token_ambiguous"), words
        assert LITE in ran.error["message"], words
        assert "token:11223344" in ran.error["message"]
        assert "gostkey token list" in ran.error["hint"]


# -- copying -----------------------------------------------------------------


@pytest.mark.parametrize("kind", [RutokenLite, RutokenEcp, RutokenS])
def test_copy_to_a_token_and_back_gives_the_same_files(
    run: Run,
    insert: Insert,
    office: Office,
    tmp_path: Path,
    kind: type[RutokenLite],
) -> None:
    card = kind()
    insert(card)
    source = office.container(2)
    ran = run("container", "copy", "--json", source, "token:", TRY, MAY)
    assert ran.code == 0, ran.stderr
    assert ran.record["compared"] == "keys"
    address = ran.record["copy"]
    assert address.startswith("token:") and address.endswith("/0A00")
    assert on_card(card, 0x0A00) == contents(source)
    ran = run("container", "copy", "--json", address, tmp_path, TRY)
    assert ran.code == 0, ran.stderr
    assert contents(Path(ran.record["copy"])) == contents(source)
    assert card.logged_in is None


@pytest.mark.parametrize(("kind", "place"), [(JacartaLt, 5), (EtokenPro, 0xCC00)])
def test_copy_from_tokens_that_are_only_read(
    run: Run,
    insert: Insert,
    office: Office,
    tmp_path: Path,
    kind: type[JacartaLt] | type[EtokenPro],
    place: int,
) -> None:
    card = kind()
    card.add_container(place, contents(office.container(2)))
    insert(card)
    pin = tmp_path / "pin"
    pin.write_text("1234567890")
    folder = tmp_path / "folder"
    folder.mkdir()
    ran = run("container", "copy", "--json", "token:", folder, "--pin-file", pin)
    assert ran.code == 0, ran.stderr
    assert contents(Path(ran.record["copy"])) == contents(office.container(2))
    to_it = ("container", "copy", office.container(2), "token:", MAY, "--json")
    ran = run(*to_it, "--pin-file", pin)
    assert ran.code == 4 and ran.error["code"] == "medium_error"


def test_copy_says_what_is_experimental(
    run: Run, insert: Insert, office: Office
) -> None:
    card = RutokenLite()
    insert(card)
    ran = run("container", "copy", "--json", office.container(2), LITE, TRY)
    assert (ran.code, ran.error["code"]) == (4, "experimental_only")
    assert "access rules" in ran.error["message"]
    assert "--experimental" in ran.error["hint"]
    assert not card.containers and card.pins[USER].left == 10


def test_copy_within_a_token_gets_another_name(run: Run, lite: RutokenLite) -> None:
    copy = ("container", "copy", f"{LITE}/0A00", LITE, TRY, MAY, "--json")
    ran = run(*copy, "--name", "Петров")
    assert ran.code == 0, ran.stderr
    assert ran.record["copy"] == f"{LITE}/0C00"
    assert Container.parse(on_card(lite, 0x0C00)).name == "Петров"
    assert slots(lite) == [0x0A00, 0x0B00, 0x0C00]


def test_copy_between_tokens_takes_a_pin_for_each(
    run: Run, lite: RutokenLite, insert: Insert, office: Office, tmp_path: Path
) -> None:
    other = RutokenEcp(serial=0x11223344, user_pin="Other-2468")
    insert(lite, other)
    (tmp_path / "other").write_text("Other-2468")
    ran = run(
        *("container", "copy", f"{LITE}/0A00", "token:11223344", TRY, MAY),
        *("--to-pin-file", tmp_path / "other", "--json"),
    )
    assert ran.code == 0, ran.stderr
    assert on_card(other, 0x0A00) == contents(office.container(2))
    assert (lite.pins[USER].left, other.pins[USER].left) == (10, 10)


def test_a_full_token_says_what_it_needs(
    run: Run, insert: Insert, office: Office
) -> None:
    card = RutokenLite(free=700)
    insert(card)
    ran = run("container", "copy", "--json", office.container(2), LITE, TRY, MAY)
    assert (ran.code, ran.error["code"]) == (4, "token_full")
    assert "700 are free" in ran.error["message"]
    assert not card.containers


def test_a_copy_goes_to_a_token_and_not_to_a_place(
    run: Run, lite: RutokenLite, office: Office
) -> None:
    copy = ("container", "copy", office.container(3), f"{LITE}/0D00", TRY, MAY)
    ran = run(*copy, "--json")
    assert (ran.code, ran.error["code"]) == (4, "medium_error")
    assert f"name the token alone: {LITE}" in ran.error["message"]
    assert slots(lite) == [0x0A00, 0x0B00]


@pytest.mark.parametrize("number", [12, 20, 30])
def test_what_a_pulled_token_has_of_a_copy_is_told_and_removed(
    run: Run, insert: Insert, office: Office, number: int
) -> None:
    card = RutokenLite()
    readers = insert(card, None)
    card.pull_at(number)
    ran = run("container", "copy", "--json", office.container(2), LITE, TRY, MAY)
    assert ran.code == 4 and "half-written" in ran.error["message"], ran.stdout
    readers.put("Virtual PCD 00 00", None)
    readers.put("Virtual PCD 00 01", card)
    assert slots(card) == [0x0A00]
    assert run("container", "list", "--json", LITE).code == 4
    (left,) = run("token", "show", "--json").record["unfinished"]
    assert run("container", "remove", left, TRY).code == 0
    assert not card.containers
    assert run("container", "copy", office.container(2), LITE, TRY, MAY).code == 0


# -- other commands ----------------------------------------------------------


def test_password_moves_the_container_to_another_place(
    run: Run, lite: RutokenLite, tmp_path: Path, office: Office
) -> None:
    (tmp_path / "new").write_text("New-Password")
    change = ("container", "password", "--json", TRY, MAY)
    ran = run(*change, f"{LITE}/0A00", "--new-password-file", tmp_path / "new")
    assert ran.code == 0, ran.stderr
    assert ran.record["container"] == f"{LITE}/0C00"
    assert slots(lite) == [0x0B00, 0x0C00]
    changed = Container.parse(on_card(lite, 0x0C00))
    assert changed.has_password
    changed.open("New-Password").close()
    password = office.password_file(0)
    old = ("--password-file", password)
    ran = run(*change, f"{LITE}/0B00", *old, "--no-new-password")
    assert ran.code == 0, ran.stderr
    assert not Container.parse(on_card(lite, 0x0A00)).has_password


def test_install_finds_the_container_on_a_token(
    run: Run, lite: RutokenLite, office: Office, tmp_path: Path
) -> None:
    entry = Container.parse(contents(office.container(2))).keys[0]
    assert entry.certificate is not None
    (tmp_path / "owner.cer").write_bytes(entry.certificate)
    install = ("container", "install", tmp_path / "owner.cer", "--json", TRY, MAY)
    for where in ((), ("--in", LITE), ("--container", f"{LITE}/0A00")):
        ran = run(*install, "--at", AT.date(), *where)
        assert ran.code == 0, ran.stderr
        assert ran.record["container"] == f"{LITE}/0A00"
        assert ran.record["changed"] is False


def test_install_writes_the_certificate_and_moves_the_container(
    run: Run, insert: Insert, office: Office, tmp_path: Path
) -> None:
    # A container without its certificate, as it is before the answer comes.
    make_trial(tmp_path / "trial", 1, at=AT, passwords=0)
    (folder,) = (tmp_path / "trial" / "containers").iterdir()
    whole = contents(folder)
    entry = Container.parse(whole).keys[0]
    assert entry.certificate is not None
    (tmp_path / "owner.cer").write_bytes(entry.certificate)
    exported = tmp_path / "bare.pem"
    out = ("--form", "pkcs8", "--out", exported, "--no-file-password")
    assert run("container", "export", folder, *out).code == 0
    key = exported.read_text().split("-----BEGIN CERTIFICATE")[0]
    exported.write_text(key)
    card = RutokenLite()
    insert(card)
    no = ("--no-file-password", "--no-password")
    ran = run("container", "import", exported, LITE, *no, TRY, MAY, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record["container"] == f"{LITE}/0A00"
    assert ran.record["certificate"] is False
    ran = run(
        *("container", "install", tmp_path / "owner.cer", "--in", "token:"),
        *(TRY, MAY, "--json"),
    )
    assert ran.code == 0, ran.stderr
    assert ran.record["changed"] and ran.record["container"] == f"{LITE}/0B00"
    assert slots(card) == [0x0B00]
    installed = Container.parse(on_card(card, 0x0B00))
    assert installed.keys[0].certificate == entry.certificate


def test_export_of_a_token_is_that_of_the_folder(
    run: Run, lite: RutokenLite, office: Office, tmp_path: Path
) -> None:
    options = ("--form", "pkcs8", "--no-file-password")
    for source, file in ((f"{LITE}/0A00", "token"), (office.container(2), "folder")):
        ran = run(
            *("container", "export", source, "--out", tmp_path / file, *options),
            *([TRY] if file == "token" else []),
        )
        assert ran.code == 0, ran.stderr
    assert (tmp_path / "token").read_bytes() == (tmp_path / "folder").read_bytes()


def test_backup_of_a_token_is_restored_into_a_folder(
    run: Run, lite: RutokenLite, office: Office, tmp_path: Path
) -> None:
    archive = tmp_path / "keys.zip"
    ran = run("container", "backup", LITE, "--out", archive, TRY, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record["containers"] == 2 and ran.record["medium"] == LITE
    folder = tmp_path / "folder"
    folder.mkdir()
    ran = run("container", "backup", "restore", archive, folder, "--json")
    assert ran.code == 0
    for record, number in zip(ran.records, (2, 0), strict=True):
        assert contents(Path(record["restored"])) == contents(office.container(number))
    ran = run("container", "backup", "restore", archive, LITE, "--json")
    assert ran.code == 4 and "container copy" in ran.error["message"]


# -- removing ----------------------------------------------------------------


def test_a_half_written_one_is_removed_without_a_question(
    run: Run, lite: RutokenLite
) -> None:
    lite.add_container(0x0C00, {"masks.key": b"\x30\x36", "header.key": b"\x30\x00"})
    ran = run("container", "remove", f"{LITE}/0C00", TRY, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record == {
        "item": f"{LITE}/0C00",
        "status": "done",
        "was_whole": False,
    }
    assert slots(lite) == [0x0A00, 0x0B00]


@pytest.mark.parametrize("confirmation", [(), ("--yes-remove-key", "another")])
def test_a_whole_one_is_not_removed_without_its_name(
    run: Run, lite: RutokenLite, confirmation: tuple[str, ...]
) -> None:
    ran = run("container", "remove", f"{LITE}/0A00", TRY, "--json", *confirmation)
    assert (ran.code, ran.error["code"]) == (4, "confirmation_required")
    assert "its key will be destroyed" in ran.stderr
    assert slots(lite) == [0x0A00, 0x0B00]


def test_a_whole_one_is_removed_when_it_is_named(run: Run, lite: RutokenLite) -> None:
    record = run("container", "show", "--json", f"{LITE}/0A00").record
    owner = record["keys"][0]["certificate"]["owner"]
    yes = ("--yes-remove-key", record["name"])
    ran = run("container", "remove", f"{LITE}/0A00", *yes, TRY)
    assert ran.code == 0, ran.stderr
    assert owner in ran.stderr and "destroyed" in ran.stderr
    assert slots(lite) == [0x0B00]


def test_where_nothing_is_no_name_is_asked_for(
    run: Run, lite: RutokenLite, tmp_path: Path
) -> None:
    (tmp_path / "empty.000").mkdir()
    places = [f"{LITE}/0E00", tmp_path / "empty.000", tmp_path / "none.000"]
    for place in places:
        ran = run("container", "remove", place, "--yes-remove-key", "0E00")
        assert ran.code != 0 and "will be destroyed" not in ran.stderr
        assert str(place) in ran.stderr
    assert slots(lite) == [0x0A00, 0x0B00]


def test_a_folder_is_removed_only_when_it_is_named(run: Run, office: Office) -> None:
    folder = office.container(2)
    name = Container.parse(contents(folder)).name
    for wrong in ((), ("--yes-remove-key", folder.name)):
        ran = run("container", "remove", folder, "--json", *wrong)
        assert (ran.code, ran.error["code"]) == (4, "confirmation_required")
        assert Container.parse(contents(folder)).name == name
    ran = run("container", "remove", folder, "--yes-remove-key", name, "--json")
    assert ran.code == 0 and ran.record["was_whole"]
    assert not folder.exists() and office.container(3).exists()


def test_a_damaged_folder_may_be_all_that_is_left_of_a_key(
    run: Run, office: Office
) -> None:
    folder = office.container(2)
    (folder / "header.key").unlink()
    remove = ("container", "remove", folder)
    assert run(*remove).code == 4 and len(contents(folder)) == 5
    assert run(*remove, "--yes-remove-key", folder.name).code == 0
    assert not folder.exists()


def test_an_export_is_not_changed(run: Run, office: Office, tmp_path: Path) -> None:
    export = tmp_path / "keys.reg"
    source = office.container(2)
    copy = ("container", "copy", source, export, "--sid", "S-1-5-21-1-2-3-1001")
    assert run(*copy).code == 0
    before = export.read_bytes()
    name = Container.parse(contents(source)).name
    ran = run("container", "remove", export / name, "--yes-remove-key", name)
    assert ran.code == 4 and export.read_bytes() == before


# -- keys on tokens in other commands ----------------------------------------


def test_a_key_on_a_token_signs(
    run: Run, lite: RutokenLite, office: Office, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"content")
    key = f"{LITE}/0A00"
    raw = ("--raw", "--out", tmp_path / "sig")
    (tmp_path / "pin").write_text("12345678")
    pin = ("--pin-file", tmp_path / "pin")
    ran = run("sign", tmp_path / "file", "--key", key, *raw, *pin)
    assert ran.code == 0, ran.stderr
    # The folder's key verifies what the token's has signed.
    public = tmp_path / "public.pem"
    assert run("key", "public", office.container(2), "--out", public).code == 0
    ran = run(
        *("verify", tmp_path / "file", "--raw", "--key", public),
        *("--signature", tmp_path / "sig"),
    )
    assert ran.code == 0, ran.stderr
    ran = run("key", "inspect", "--json", key, TRY)
    assert (
        ran.record["public_key"]
        == (run("key", "inspect", "--json", office.container(2)).record["public_key"])
    )


def test_check_looks_at_the_keys_of_a_token(run: Run, lite: RutokenLite) -> None:
    ran = run("container", "check", "--json", f"{LITE}/0A00", TRY, "--at", AT.date())
    assert ran.code == 0, ran.stdout + ran.stderr
    # Only with the PIN can the pair be opened.
    assert "holds the primary key; mask MAC and fingerprint match" in ran.stdout
    lite.pins[USER].left = 1
    ran = run("container", "check", "--json", f"{LITE}/0A00", TRY, "--at", AT.date())
    assert ran.code != 0 and lite.pins[USER].left == 1


# -- keys of tokens where a key is named ------------------------------------------


def test_the_authority_issues_for_a_key_on_a_token(
    run: Run, office: Office, lite: RutokenLite, tmp_path: Path
) -> None:
    fresh = samples.container("fresh", with_certificate=False)
    lite.add_container(0x0C00, fresh.files)
    command = ["ca", "issue", office.authority, "--key", f"{LITE}/0C00"]
    command += ["--at", AT.isoformat()]
    command += ["--name", "CN=Anna", "--out", tmp_path / "anna.cer"]
    ran = run(*command, "--json")
    assert (ran.code, ran.error["code"]) == (4, "pin_required")
    pin = tmp_path / "pin.txt"
    pin.write_text("12345678\n")
    assert run(*command, "--pin-file", pin).code == 0
    told = run("key", "public", tmp_path / "anna.cer").stdout
    public = VerifyingKey.from_spki(told.encode("ascii"))
    assert public == fresh.key.verifying_key
