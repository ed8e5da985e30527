"""`gostkey renew` where something is wrong: one clear error, the others go on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Office, Ran, Run, command, environment
from .test_container import contents
from .test_renew import NOW, codes, renew, rewrite, statuses

# -- bad input: one clear error, the item, the cure; the others go on ----------


def expect_one_bad(ran: Ran, code: str, item: object) -> None:
    """Three keys are renewed; the fourth is told with its item and a cure."""
    assert ran.code == 2, ran.stdout + ran.stderr
    assert sorted(statuses(ran)).count("renewed") == 3
    bad = [one for one in ran.records if "error" in one]
    assert [one["error"]["code"] for one in bad] == [code]
    assert bad[0]["item"] == str(item)
    assert bad[0]["error"]["message"] and bad[0]["error"]["hint"]
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("file", ["header.key", "name.key"])
def test_a_truncated_container(
    run: Run, office: Office, tmp_path: Path, file: str
) -> None:
    path = office.container(2) / file
    path.write_bytes(path.read_bytes()[:9])
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "container-damaged", office.container(2))


def test_a_container_with_both_copies_of_the_key_damaged(
    run: Run, office: Office, tmp_path: Path
) -> None:
    for name in ("primary.key", "primary2.key"):
        (office.container(2) / name).write_bytes(b"")
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "container-damaged", office.container(2))


def test_a_wrong_password_and_its_cure(
    run: Run, office: Office, tmp_path: Path
) -> None:
    right = office.password_file(0).read_bytes()
    office.password_file(0).write_bytes(b"wrong\n")
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "wrong-password", office.container(0))
    office.password_file(0).write_bytes(right)
    ran = run("renew", "resume", "--campaign", tmp_path / "campaign", *NOW, "--json")
    assert ran.code == 0 and statuses(ran) == 4 * ["renewed"]


def test_a_wrong_password_of_the_only_key_needs_a_person(
    run: Run, office: Office, tmp_path: Path
) -> None:
    ran = run(
        *["renew", "run", office.container(0), "--exchanges-finished", *NOW],
        *["--password-file", office.password_file(1), "--ca", office.authority],
        *["--campaign", tmp_path / "campaign", "--json"],
    )
    assert ran.code == 4
    assert codes(ran) == ["wrong-password"]


def test_a_password_that_is_missing(run: Run, office: Office, tmp_path: Path) -> None:
    rewrite(office.list, 0, f"containers/{office.container(0).name};;;да")
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "password-required", office.container(0))
    hint = next(one["error"]["hint"] for one in ran.records if "error" in one)
    assert "--password-file" in hint and "column password_file" in hint
    assert "another folder (--campaign)" in hint and "resume" not in hint


def test_a_foreign_folder(run: Run, office: Office, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    rewrite(office.list, 3, f"{foreign};;;да")
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "not-a-container", foreign)
    advice = ran.records[-1]["summary"]["advice"]
    assert any("could not be read" in one and "--campaign" in one for one in advice)
    assert not any("resume" in one for one in advice)


def test_a_certificate_of_another_key(run: Run, office: Office, tmp_path: Path) -> None:
    # The header of one container with the keys of another.
    ours, other = office.container(2), office.container(3)
    for name in ("primary.key", "masks.key", "primary2.key", "masks2.key"):
        (ours / name).write_bytes((other / name).read_bytes())
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "container-damaged", ours)


def test_an_expired_key_goes_to_the_office(
    run: Run, office: Office, tmp_path: Path
) -> None:
    ran = run(
        *["renew", "run", "--csv", office.list, "--ca", office.authority, "--json"],
        *["--campaign", tmp_path / "campaign", "--at", "2026-06-03"],
    )
    assert ran.code == 2
    assert sorted(codes(ran)) == ["expired", "last-day"]
    assert statuses(ran).count("renewed") == 2


def test_exchanges_that_are_not_confirmed(
    run: Run, office: Office, tmp_path: Path
) -> None:
    rewrite(office.list, 3, f"containers/{office.container(3).name};;;нет")
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "exchanges-not-confirmed", office.container(3))


def test_a_campaign_of_refusals_is_followed_by_another_in_another_folder(
    run: Run, office: Office, tmp_path: Path
) -> None:
    begin = ["renew", "run", office.container(2), "--ca", office.authority, *NOW]
    first = ["--campaign", tmp_path / "first"]
    ran = run(*begin, *first)
    assert ran.code == 3
    hint = next(one for one in ran.stderr.splitlines() if "exchanges-not" in one)
    assert "--exchanges-finished" in hint and "another folder (--campaign)" in hint
    assert "table" not in ran.stderr and "resume" not in ran.stderr
    # What it says is what helps.
    ran = run(*begin, *first, "--exchanges-finished")
    assert ran.code == 3
    assert "no key was renewed" in ran.stderr and "(--campaign)" in ran.stderr
    assert "resume" not in ran.stderr
    second = ["--campaign", tmp_path / "second", "--exchanges-finished"]
    ran = run(*begin, *second, "--json")
    assert (ran.code, statuses(ran)) == (0, ["renewed"])
    assert "renew resume" in run(*begin, *second).stderr


def test_a_changed_subject(run: Run, office: Office, tmp_path: Path) -> None:
    rows = office.list.read_text(encoding="utf-8-sig").splitlines()
    rows = [f"{row};" for row in rows]
    rows[0] += "surname"
    rows[4] += "Переменов"
    # As an office's table program writes it.
    office.list.write_bytes("\r\n".join(rows).encode("cp1251"))
    ran = renew(run, office, tmp_path, "--json")
    expect_one_bad(ran, "subject-changed", office.container(3))
    (bad,) = [one for one in ran.records if "error" in one]
    assert "surname" in bad["error"]["message"]


def test_broken_and_doubled_rows_of_a_list(
    run: Run, office: Office, tmp_path: Path
) -> None:
    with office.list.open("a", encoding="utf-8") as stream:
        stream.write("only one field\n")
        stream.write(f"containers/{office.container(3).name};;;да\n")
    ran = renew(run, office, tmp_path, "--json")
    assert ran.code == 2
    assert statuses(ran).count("renewed") == 4
    told = [one for one in ran.records if one.get("item", "").startswith("line")]
    assert [one["item"] for one in told] == ["line 6 of the list", "line 7 of the list"]
    assert all(one["error"]["hint"] for one in told)


@pytest.mark.parametrize(
    "text", [b"", b"folder;password\n", b"\xff\xfe\x00", b"container;container\n"]
)
def test_a_list_that_is_none(run: Run, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(text)
    ran = run("renew", "due", "--csv", file, "--json")
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")
    assert str(file) in ran.error["message"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--url", "ca.example", "--trusted", "t"], "must be https://HOST"),
        (["--url", "http://ca.example", "--trusted", "t"], "must be https://HOST"),
        (["--url", "https://ca.example"], "name the authority's root"),
        (["--url", "https://ca.example", "--url-root", "12"], "64 hex digits"),
        (["--submit-command", "cat {req}"], "{req} is unknown"),
        (["--submit-command", "cat 'x"], "No closing quotation"),
        (["--submit-command", "no-such-program x"], "no program no-such-program"),
    ],
)
@pytest.mark.parametrize("watch", [[], ["--watch", "--once"]])
def test_a_way_to_the_authority_that_cannot_be_one_is_wrong_use(
    run: Run,
    office: Office,
    tmp_path: Path,
    options: list[str],
    told: str,
    watch: list[str],
) -> None:
    if "--submit-command" in options:
        options = [*options, "--fetch-command", "cp {id} {answer}", "--trusted", "t"]
    campaign = ["--campaign", tmp_path / "c"]
    ran = run("renew", "run", office.tree, *campaign, *options, *watch, "--json")
    assert ran.code == 1
    assert ran.error["code"] == "transport_error" and told in ran.error["message"]
    assert "resume" not in ran.error["hint"] and "--help" in ran.error["hint"]
    assert not (tmp_path / "c").exists()


def test_a_file_in_the_place_of_the_campaigns_folder_is_told(
    run: Run, office: Office, tmp_path: Path
) -> None:
    (tmp_path / "campaign").write_text("mine")
    ran = renew(run, office, tmp_path, "--json")
    assert (ran.code, ran.error["code"]) == (4, "medium_error")
    assert "campaign: is a file; name a folder" in ran.error["message"]
    assert (tmp_path / "campaign").read_text() == "mine"


def test_a_run_without_an_authority_is_a_usage_error(
    run: Run, office: Office, tmp_path: Path
) -> None:
    base = ["renew", "run", "--csv", office.list, "--campaign", tmp_path / "c"]
    assert run(*base).code == 1
    assert run(*base, "--outbox", tmp_path / "o").code == 1
    two = run(*base, "--ca", office.authority, "--inbox", tmp_path / "i")
    assert two.code == 1 and "no other way to the authority" in two.stderr
    ran = run("renew", "run", "--campaign", tmp_path / "c", "--json")
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")
    assert not (tmp_path / "c").exists()


def test_an_answer_for_another_key_is_refused_and_waited_for(
    run: Run, office: Office, tmp_path: Path
) -> None:
    from .test_ca import send_requests

    outbox = send_requests(run, office, tmp_path)
    serving = ["ca", "serve", office.authority, "--inbox", outbox, "--once", *NOW]
    serving += ["--outbox", tmp_path / "inbox", "--publish", tmp_path / "trusted"]
    assert run(*serving).code == 0
    first, second, *_rest = sorted((tmp_path / "inbox").glob("*.cer"))
    good = first.read_bytes()
    first.write_bytes(second.read_bytes())
    receiving = ["renew", "receive", "--campaign", tmp_path / "campaign", *NOW]
    ran = run(*receiving, "--json")
    assert ran.code == 2
    assert codes(ran) == ["answer-for-another-key"]
    assert statuses(ran).count("renewed") == 3
    first.write_bytes(good)
    ran = run(*receiving, "--json")
    assert ran.code == 0 and statuses(ran) == 4 * ["renewed"]


def test_a_chain_that_does_not_verify(run: Run, office: Office, tmp_path: Path) -> None:
    from .test_ca import send_requests

    outbox = send_requests(run, office, tmp_path)
    other = tmp_path / "other"
    run("ca", "init", other, "--name", "CN=Other", "--no-password", *NOW)
    serving = ["ca", "serve", office.authority, "--inbox", outbox, "--once", *NOW]
    assert run(*serving, "--outbox", tmp_path / "inbox").code == 0
    trusted = tmp_path / "trusted" / "ca.crt"
    trusted.write_bytes((other / "ca.crt").read_bytes())
    receiving = ["renew", "receive", "--campaign", tmp_path / "campaign", *NOW]
    ran = run(*receiving, "--json")
    assert ran.code == 3
    assert set(codes(ran)) == {"chain"}


def test_a_late_certificate_is_a_warning_with_what_to_do(
    run: Run, office: Office, tmp_path: Path
) -> None:
    from .test_ca import send_requests

    send_requests(run, office, tmp_path)
    ran = run(
        *["renew", "receive", "--campaign", tmp_path / "campaign"],
        *["--at", "2026-06-01T12:30:00Z", "--json"],
    )
    assert ran.code == 0
    assert statuses(ran) == 4 * ["waiting"]
    assert all(one["late"] for one in ran.records[:-1])
    assert "gostkey renew receive" in ran.stderr


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="root writes to read-only folders; run the tests as another user",
)
def test_a_read_only_medium(run: Run, office: Office, tmp_path: Path) -> None:
    office.tree.chmod(0o500)
    try:
        ran = renew(run, office, tmp_path, "--json")
    finally:
        office.tree.chmod(0o700)
    assert ran.code in (3, 4)
    assert set(codes(ran)) == {"medium"}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc (Linux)")
def test_a_medium_that_nobody_can_write_to(
    run: Run, office: Office, tmp_path: Path
) -> None:
    before = contents(office.tree)
    ran = run(
        *["renew", "run", office.container(2), "--exchanges-finished", *NOW],
        *["--destination", "/proc/keys-of-the-office", "--ca", office.authority],
        *["--campaign", tmp_path / "campaign", "--json"],
    )
    assert ran.code in (3, 4)
    assert codes(ran) == ["medium"]
    assert "/proc/keys-of-the-office" in ran.records[0]["error"]["message"]
    assert contents(office.tree) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for one container, which the test may enlarge."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=36k", "tmpfs", str(folder)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot mount a small disk: run the tests as root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_some_keys_and_resume_renews_them(
    run: Run, office: Office, tmp_path: Path, small_disk: Path
) -> None:
    before = contents(office.tree)
    for number in range(4):
        row = f"containers/{office.container(number).name}"
        word = f"passwords/{number:04d}.txt" if number < 2 else ""
        rewrite(office.list, number, f"{row};{word};;да;{small_disk}")
    lines = office.list.read_text(encoding="utf-8").splitlines()
    lines[0] += ";destination"
    office.list.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = renew(run, office, tmp_path, "--json")
    assert ran.code == 2, ran.stdout
    assert set(codes(ran)) == {"medium"}
    bad = next(one for one in ran.records if "error" in one)
    assert str(small_disk) in bad["error"]["message"]
    assert "free space" in bad["error"]["hint"]
    renewed = statuses(ran).count("renewed")
    assert 0 < renewed < 4
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    ran = run("renew", "resume", "--campaign", tmp_path / "campaign", *NOW, "--json")
    assert ran.code == 0, ran.stdout
    assert statuses(ran) == 4 * ["renewed"]
    found = run("container", "list", "--json", small_disk)
    assert found.code == 0
    assert len(found.records) == 4
    assert contents(office.tree) == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_disk_for_the_output_is_told(
    shell: Run, office: Office, more: list[str]
) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command("renew", "due", office.tree, *NOW, *more),
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode == 4
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


def test_two_runs_at_once_are_kept_apart(
    run: Run, shell: Run, office: Office, tmp_path: Path
) -> None:
    from gostkey.renewal.lock import LOCK_NAME, CampaignLock

    renew(run, office, tmp_path)
    folder = tmp_path / "campaign"
    with CampaignLock(folder / LOCK_NAME):
        ran = shell("renew", "resume", "--campaign", folder, "--json")
        assert (ran.code, ran.error["code"]) == (6, "campaign_locked")
        assert "status" in ran.error["hint"]
        # Looking is allowed while another works.
        assert json.loads(
            shell("renew", "status", "--campaign", folder, "--json").stdout
        )["finished"]
