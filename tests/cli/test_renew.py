"""`gostkey renew`: what is due, plans, campaigns; one failure stops one key."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import AT, Office, Ran, Run, command, environment
from .test_container import contents

NOW = ["--at", AT.isoformat()]


def renew(run: Run, office: Office, base: Path, *more: object) -> Ran:
    """Renew the keys of the office's list with its own authority."""
    return run(
        *["renew", "run", "--csv", office.list, "--ca", office.authority],
        *["--campaign", base / "campaign", *NOW, *more],
    )


def statuses(ran: Ran) -> list[str]:
    return [one["status"] for one in ran.records if "summary" not in one]


def codes(ran: Ran) -> list[str]:
    """The reasons of the keys that were not renewed."""
    return [one["error"]["code"] for one in ran.records if "error" in one]


# -- looking ------------------------------------------------------------------


def test_due_lists_every_key_and_changes_nothing(run: Run, office: Office) -> None:
    before = contents(office.root)
    ran = run("renew", "due", office.tree, *NOW, "--json")
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == 4 * ["due"]
    first = ran.records[0]
    assert first["days_left"] == 1 and first["last_day"] == "2026-06-02"
    assert first["owner"] in first["container_name"]
    table = run("renew", "due", office.tree, *NOW)
    assert len(table.stdout.splitlines()) == 5
    assert "4 keys: 4 due" in table.stderr
    assert contents(office.root) == before


@pytest.mark.parametrize(
    ("day", "code", "status"),
    [
        ("2026-03-01", "not-due", "not-due"),
        ("2026-06-02", "last-day", "refused"),
        ("2026-06-03", "expired", "refused"),
    ],
)
def test_due_tells_the_keys_life(
    run: Run, office: Office, day: str, code: str, status: str
) -> None:
    ran = run("renew", "due", office.container(0), "--at", day, "--json")
    assert ran.code == 0
    assert ran.record["status"] == status
    why = ran.record.get("error") or ran.record["reason"]
    assert why["code"] == code
    if status == "refused":
        assert "office" in why["hint"]


def test_the_office_day_follows_its_time_zone(run: Run, office: Office) -> None:
    # 22:00 UTC on the eve of the last day is that day in Moscow already.
    late = ["--at", "2026-06-01T22:00:00Z", "--json"]
    ran = run("renew", "due", office.container(0), *late)
    assert ran.record["error"]["code"] == "last-day"
    ran = run("renew", "due", office.container(0), *late, "--zone", "-05:00")
    assert ran.record["status"] == "due"
    assert run("renew", "due", office.tree, "--zone", "Moscow").code == 1


def test_real_containers_are_expired_and_sent_to_the_office(
    run: Run, fixtures: Path
) -> None:
    ran = run("renew", "due", fixtures / "containers", "--json")
    assert ran.code == 0, ran.stderr
    by_name = {
        (Path(one["item"]).name, one["slot"]): one["error"] for one in ran.records
    }
    for name, slot in (
        ("dbfun-cyrillic", "primary"),
        ("pysig-test", "primary"),
        ("the4ups-two-keys", "primary"),
        ("the4ups-two-keys", "secondary"),
    ):
        assert by_name[name, slot]["code"] == "expired"
        assert "office" in by_name[name, slot]["hint"]
    assert by_name["dbfun-no-pin", "primary"]["code"] == "no-certificate"


def test_due_needs_one_source(run: Run, office: Office) -> None:
    assert run("renew", "due").code == 1
    assert run("renew", "due", office.tree, "--csv", office.list).code == 1
    ran = run("renew", "due", office.root / "absent", "--json")
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")


# -- plans --------------------------------------------------------------------


def test_a_plan_refuses_what_is_not_confirmed(run: Run, office: Office) -> None:
    ran = run("renew", "plan", office.tree, *NOW, "--json")
    assert ran.code == 3
    assert codes(ran) == 4 * ["exchanges-not-confirmed"]
    bare = office.container(3)
    ran = run("renew", "plan", bare, "--exchanges-finished", *NOW, "--json")
    assert ran.code == 0
    assert statuses(ran) == ["planned"]


def test_a_plan_warns_of_keys_that_would_lose_their_password(
    run: Run, office: Office
) -> None:
    plan = ["renew", "plan", "--csv", office.list, *NOW]
    assert "will have none" not in run(*plan).stderr
    name, word = office.container(0).name, "passwords/0000.txt"
    rewrite(office.list, 0, f"containers/{name};{word};;да")
    told = run(*plan).stderr
    assert "1 key has a password, and its new container will have none" in told
    assert "new_password_file" in told


def test_a_plan_tells_of_passwords_that_are_not_there(
    run: Run, office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    word = office.password_file(0).read_bytes()
    office.password_file(0).write_bytes(b"")
    plan = ["renew", "plan", "--csv", office.list, *NOW, "--save-plan", file]
    ran = run(*plan, "--json")
    assert ran.code == 2 and codes(ran) == ["password-file"]
    tree = run("renew", "plan", office.tree, "--exchanges-finished", *NOW, "--json")
    assert tree.code == 2 and set(codes(tree)) == {"password-required"}
    # The key is still planned: with the file put right, the run renews it.
    office.password_file(0).write_bytes(word)
    ran = run(
        *["renew", "run", "--plan", file, "--ca", office.authority, *NOW, "--json"],
        *["--campaign", tmp_path / "campaign"],
    )
    assert ran.code == 0 and statuses(ran) == 4 * ["renewed"]


def test_a_saved_plan_can_be_run(run: Run, office: Office, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    before = contents(office.root)
    ran = run("renew", "plan", "--csv", office.list, "--save-plan", plan, *NOW)
    assert ran.code == 0
    assert contents(office.root) == before
    if os.name == "posix":
        assert plan.stat().st_mode & 0o777 == 0o600
    ran = run(
        *["renew", "run", "--plan", plan, "--ca", office.authority, "--json"],
        *["--campaign", tmp_path / "campaign", *NOW],
    )
    assert ran.code == 0, ran.stderr
    assert statuses(ran) == 4 * ["renewed"]
    broken = tmp_path / "broken.json"
    broken.write_text(plan.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    ran = run(
        *["renew", "run", "--plan", broken, "--ca", office.authority, "--json"],
        *["--campaign", tmp_path / "other", *NOW],
    )
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")
    assert str(broken) in ran.error["message"]


# -- running ------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_renews_and_reports(
    run: Run, office: Office, tmp_path: Path, workers: int
) -> None:
    before = contents(office.tree)
    ran = renew(run, office, tmp_path, "--json", "--workers", workers)
    assert ran.code == 0, ran.stderr
    *rows, last = ran.records
    assert [one["status"] for one in rows] == 4 * ["renewed"]
    assert last["summary"]["counts"]["renewed"] == 4
    assert last["summary"]["finished"] is True
    for one in rows:
        assert one["new_ends"] > one["old_ends"]
        new = run(
            *["container", "check", "--json", one["new_container"], *NOW],
            *["--no-password"],
        )
        assert new.code == 0
    # The old containers are as they were.
    after = contents(office.tree)
    assert {name: after[name] for name in before} == before
    report = run("renew", "report", "--campaign", tmp_path / "campaign", *NOW)
    assert report.code == 0
    keys, _, randomness = report.stdout.partition("\n\n")
    assert len(keys.splitlines()) == 5
    assert all("renewed" in line for line in keys.splitlines()[1:])
    assert randomness.startswith("random numbers\npolicy ")
    assert "system's generator  always used; tests passed" in randomness
    status = run(
        "renew", "status", "--campaign", tmp_path / "campaign", "--json", *NOW
    ).record
    assert status["finished"] is True and status["counts"]["renewed"] == 4
    saved = tmp_path / "table.txt"
    run("renew", "report", "--campaign", tmp_path / "campaign", "--out", saved, *NOW)
    table = saved.read_text(encoding="utf-8")
    assert report.stdout.startswith(table)
    # Who signed the log is told on the terminal alone.
    assert report.stdout[len(table) :].startswith("\naudit log\n")


def test_no_password_is_in_any_output_or_the_campaign(
    run: Run, office: Office, tmp_path: Path
) -> None:
    words = [office.password_file(n).read_text().strip() for n in (0, 1)]
    shown = ""
    for more in ([], ["--json"]):
        ran = renew(run, office, tmp_path / f"{len(more)}", *more)
        shown += ran.stdout + ran.stderr
    for path in (tmp_path / "0" / "campaign").glob("campaign*"):
        shown += path.read_bytes().decode("latin-1")
    assert not any(word in shown for word in words)


def test_a_second_run_finds_nothing_to_do(
    run: Run, office: Office, tmp_path: Path
) -> None:
    renew(run, office, tmp_path)
    before = contents(office.root)
    ran = run("renew", "run", "--campaign", tmp_path / "campaign", *NOW, "--json")
    assert ran.code == 0 and statuses(ran) == 4 * ["renewed"]
    ran = renew(run, office, tmp_path, "--json")
    assert (ran.code, ran.error["code"]) == (3, "campaign_error")
    # Another campaign sees that new keys are there.
    ran = renew(run, office, tmp_path / "second", "--json")
    assert ran.code == 0
    assert statuses(ran) == 4 * ["not-due"]
    after = contents(office.root)
    assert {name: after[name] for name in before if "sqlite" not in name} == {
        name: before[name] for name in before if "sqlite" not in name
    }


def test_few_lines_in_a_pipe_and_a_bar_on_a_terminal(
    shell: Run, terminal: object, office: Office, tmp_path: Path
) -> None:
    arguments = ["renew", "run", "--csv", office.list, "--ca", office.authority, *NOW]
    ran = shell(*arguments, "--campaign", tmp_path / "first")
    assert ran.code == 0, ran.stderr
    # A line every few seconds, and one for each failure.
    lines = [line for line in ran.stderr.splitlines() if "le00000" in line]
    assert lines == []
    assert "\x1b" not in ran.stderr + ran.stdout
    assert callable(terminal)
    code, shown = terminal("demo", "--subscribers", 3, "--folder", tmp_path / "demo")
    assert code == 0, shown
    assert "━" in shown and "renewing keys" in shown
    assert "of 3 keys" in shown
    assert "backed-up" not in shown


def test_no_color_is_respected(terminal: object, office: Office) -> None:
    assert callable(terminal)
    code, shown = terminal("renew", "due", office.tree, *NOW, env={"NO_COLOR": "1"})
    assert code == 0
    assert "\x1b[3" not in shown and "\x1b[9" not in shown


# -- bad input: one clear error, the item, the cure; the others go on ----------


def rewrite(list_file: Path, number: int, line: str) -> None:
    """Replace the line of subscriber *number* in a list."""
    lines = list_file.read_text(encoding="utf-8-sig").splitlines()
    lines[number + 1] = line
    list_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


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
