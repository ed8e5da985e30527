"""`gostkey renew`: what is due, plans, campaigns; one failure stops one key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import AT, Office, Ran, Run
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


def rewrite(list_file: Path, number: int, line: str) -> None:
    """Replace the line of subscriber *number* in a list."""
    lines = list_file.read_text(encoding="utf-8-sig").splitlines()
    lines[number + 1] = line
    list_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


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
