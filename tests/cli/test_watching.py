"""What a run shows and leaves: few lines, a page, CSV, metrics, a log to be checked."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gostkey.cli.output import Output
from gostkey.cli.watching import Spectator, duration, figures
from gostkey.renewal.chunks import Event
from gostkey.renewal.storage.schema import item
from gostkey.renewal.storage.store import Store
from gostkey.renewal.watching.pace import Pace
from gostkey.signing import SigningKey, VerifyingKey

from .conftest import AT, Office, Run, in_this_process
from .test_renew import NOW, renew

NASTY = "<script>alert(1)</script> & \"ООО 'Ромашка'\" <b>\u202e"


# -- progress ---------------------------------------------------------------------


def test_a_long_run_in_a_pipe_says_a_line_every_few_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    pace = Pace(lambda: now)
    spectator = Spectator(Output(), pace, lambda share, text: None, lambda: now)
    keys = 100_000
    for listener in (pace, spectator):
        listener(Event("begin", 0, 7 * keys, keys=keys))
    for number in range(1, keys + 1):
        now += 1 / 1500
        bad = number % 10_000 == 0
        event = Event(
            "item",
            7 * number,
            7 * keys,
            owner=f"owner {number}",
            state="planned" if bad else "backed-up",
            reason="wrong-password" if bad else "",
            text="the password is wrong" if bad else "",
            keys=keys,
        )
        pace(event)
        spectator(event)
    lines = capsys.readouterr().err.splitlines()
    failures = [line for line in lines if "password" in line]
    assert len(failures) == 10
    assert failures[0].startswith("gostkey: owner 10000")
    figures_said = [line for line in lines if line not in failures]
    # 67 seconds, a line for every five of them.
    assert len(figures_said) == 13
    assert re.fullmatch(
        r"gostkey: 52\d\d\d of 100000 keys, 15\d\d keys/s, 0:3[12] left, 5 failed",
        figures_said[6],
    )


def test_figures_and_times_are_told_shortly() -> None:
    assert figures(0, 5, 0.0, None, 0, 0) == "0 of 5 keys"
    assert figures(1, 5, 2.5, 61, 1, 2) == (
        "1 of 5 keys, 2.5 keys/s, 1:01 left, 1 failed, 2 waiting"
    )
    assert [duration(one) for one in (0, 59.6, 3599, 3600, 90_000)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:00:00",
        "1 d 1 h",
    ]


# -- the page -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def campaign(made_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished campaign with a failure, and names that are not to be trusted."""
    office = Office(tmp_path_factory.mktemp("watched") / "office")
    shutil.copytree(made_office, office.root)
    office.password_file(1).write_text("wrong\n", encoding="utf-8")
    ran = renew(in_this_process, office, office.root)
    assert ran.code == 2, ran.stderr
    folder = office.root / "campaign"
    with Store.open(folder) as store:
        for number in (2, 3):
            store.execute(
                sa.update(item)  # type: ignore[arg-type]
                .where(item.c.id == number)
                .values(owner=NASTY, container=f"/keys/{NASTY}")
            )
    return folder


def page_of(run: Run, campaign: Path, *more: object) -> str:
    target = campaign.parent / "page.html"
    ran = run(
        *["renew", "report", "--campaign", campaign, "--html", target],
        *["--force", *NOW, *more],
    )
    assert ran.code in (0, 2), ran.stderr
    assert f"page written to {target}" in ran.stderr
    return target.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(campaign: Path) -> str:
    """The page of that campaign."""
    return page_of(in_this_process, campaign)


def tree_of(page: str) -> Any:
    """Read a page as a browser does, and complain of what one would mend."""
    html5lib = pytest.importorskip(
        "html5lib", reason="to run it: pip install html5lib (make test does)"
    )
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(page)


def text_of(element: Any) -> str:
    return "".join(element.itertext())


needs_charts = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("matplotlib") is None,
    reason="to run it: pip install matplotlib (make test does)",
)


@needs_charts
def test_a_page_is_whole_and_needs_no_network(page: str) -> None:
    tree = tree_of(page)
    for element in tree.iter():
        for name, value in element.attrib.items():
            name = str(name).rpartition("}")[2]
            if name in ("src", "href", "action", "data", "poster"):
                assert str(value).startswith(("#", "./")), (element.tag, name, value)
            assert not name.startswith("on"), (element.tag, name)
    assert "url(http" not in page and "@import" not in page
    (style,) = tree.iter("style")
    assert "prefers-color-scheme:dark" in style.text
    assert "@media print" in style.text
    ids = [one.attrib["id"] for one in tree.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    refers = re.findall(r'(?:href="#|url\(#|labelledby=")([^")]+)', page)
    assert refers and set(refers) <= set(ids)


@needs_charts
def test_names_in_a_page_are_only_names(page: str) -> None:
    tree = tree_of(page)
    (script,) = tree.iter("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    policy = [
        one.attrib["content"]
        for one in tree.iter("meta")
        if one.attrib.get("http-equiv") == "Content-Security-Policy"
    ]
    # Nothing but this script may run, whatever else there may be.
    assert len(policy) == 1 and f"script-src 'sha256-{digest}'" in policy[0]
    assert policy[0].startswith("default-src 'none'")
    assert not list(tree.iter("b")) or all(one.text.isdigit() for one in tree.iter("b"))
    shown = [text_of(one) for one in tree.iter("th")]
    assert NASTY.replace("\u202e", "\\u202e") in shown
    assert "\u202e" not in page


@needs_charts
def test_a_page_can_be_read_aloud(page: str) -> None:
    tree = tree_of(page)
    assert tree.attrib["lang"] == "en"
    charts = list(tree.iter("{http://www.w3.org/2000/svg}svg")) + list(tree.iter("svg"))
    assert len(charts) == 3
    for chart in charts:
        assert chart.attrib["role"] == "img"
        assert len(chart.attrib["aria-label"]) > 20
    tables = list(tree.iter("table"))
    assert len(tables) >= 5
    for table in tables:
        (caption,) = table.iter("caption")
        assert text_of(caption)
        heads = list(next(table.iter("thead")).iter("th"))
        assert heads and all(one.attrib["scope"] == "col" for one in heads)
        for row in next(table.iter("tbody")).iter("tr"):
            assert len(list(row)) == len(heads)
            assert row[0].tag == "th" and row[0].attrib["scope"] == "row"
    tags = [str(one.tag) for one in tree.iter()]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(
        after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)
    )
    for region in tree.iter("div"):
        if region.attrib.get("role") == "region":
            assert region.attrib["aria-label"] and region.attrib["tabindex"] == "0"


@needs_charts
def test_a_page_tells_of_every_failure_and_of_the_first_keys(
    run: Run, campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gostkey.cli.report_page as module

    monkeypatch.setattr(module, "FIRST_ROWS", 1)
    page = page_of(run, campaign)
    tree = tree_of(page)
    text = text_of(tree)
    assert "1 key was not renewed" in text
    assert "3 more keys are left out here" in text
    assert "gostkey renew report --csv FILE" in text
    with_csv = page_of(run, campaign, "--csv", campaign.parent / "all of them.csv")
    assert 'href="./all%20of%20them.csv"' in with_csv


@needs_charts
def test_a_page_can_be_made_of_an_empty_campaign(run: Run, office: Office) -> None:
    late = ["--at", "2026-01-01T00:00:00Z"]
    ran = run(
        *["renew", "run", "--csv", office.list, "--ca", office.authority],
        *["--campaign", office.root / "campaign", *late],
    )
    assert ran.code == 0, ran.stderr
    page = page_of(run, office.root / "campaign")
    assert "No key failed" in page
    tree_of(page)


def test_without_matplotlib_one_message_says_what_to_install(
    run: Run, campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("matplotlib")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    target = campaign.parent / "none.html"
    ran = run("renew", "report", "--campaign", campaign, "--html", target, *NOW)
    assert ran.code == 3
    assert "pip install 'gostkey[office]'" in ran.stderr
    assert not target.exists()
    assert not list(campaign.parent.glob(".none.html*"))


# -- other forms ---------------------------------------------------------------------


def test_csv_and_json_tell_the_same(run: Run, campaign: Path) -> None:
    target = campaign.parent / "rows.csv"
    ran = run(
        *["renew", "report", "--campaign", campaign, "--csv", target, "--bom", *NOW]
    )
    assert ran.code == 2, ran.stderr
    assert "4 keys: 3 renewed, 1 failed" in ran.stderr
    data = target.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    found = list(csv.DictReader(data.decode("utf-8-sig").splitlines(keepends=True)))
    ran = run("renew", "report", "--campaign", campaign, "--json", *NOW)
    assert ran.code == 2
    *records, last = ran.records
    assert [one["item"] for one in records] == [one["container"] for one in found]
    assert [one["status"] for one in records] == [one["status"] for one in found]
    assert last["summary"]["counts"]["renewed"] == 3
    assert last["summary"]["reasons"] == {"wrong-password": 1}
    again = run("renew", "report", "--campaign", campaign, "--csv", target, *NOW)
    assert again.code == 3 and "--force" in again.stderr
    to_stdout = run("renew", "report", "--campaign", campaign, "--csv", "-", *NOW)
    assert len(to_stdout.stdout.splitlines()) == 5


@pytest.mark.parametrize(
    "options",
    [
        ["--bom"],
        ["--verify", "--csv", "x"],
        ["--audit-public", "x"],
        ["--csv", "x", "--html", "./x"],
        ["--audit-copy", "x"],
    ],
)
def test_options_that_do_not_fit_are_refused(
    run: Run, campaign: Path, options: list[str]
) -> None:
    assert run("renew", "report", "--campaign", campaign, *options).code == 1


# -- status --follow ----------


def test_a_finished_campaign_is_followed_for_one_look(
    run: Run, campaign: Path, terminal: object
) -> None:
    arguments = ["renew", "status", "--campaign", campaign, "--follow", *NOW]
    ran = run(*arguments)
    assert ran.code == 0, ran.stderr
    assert ran.stdout == f"{AT:%Y-%m-%d %H:%M:%S} UTC: 3 renewed, 1 failed\n"
    record = run(*arguments, "--json").record
    assert record["finished"] is True and record["counts"]["failed"] == 1
    assert callable(terminal)
    code, shown = terminal(*arguments)
    assert code == 0, shown
    assert "wrong-password" in shown and "━" in shown


def test_a_run_is_followed_by_another_process(
    shell: Run, office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    ran = shell(
        *["renew", "run", "--csv", office.list, "--campaign", folder, *NOW],
        *["--outbox", tmp_path / "out", "--inbox", tmp_path / "in"],
        *["--trusted", tmp_path / "published"],
    )
    assert ran.code == 0, ran.stderr
    (tmp_path / "in").mkdir(exist_ok=True)
    seen: list[str] = []

    def look() -> None:
        ran = shell(
            *["renew", "status", "--campaign", folder, "--follow", "--json", *NOW]
        )
        seen.extend(ran.stdout.splitlines())

    watcher = threading.Thread(target=look)
    watcher.start()
    time.sleep(1)
    served = shell(
        *["ca", "serve", office.authority, "--inbox", tmp_path / "out", "--once"],
        *["--outbox", tmp_path / "in", "--publish", tmp_path / "published", *NOW],
    )
    assert served.code == 0, served.stderr
    received = shell("renew", "receive", "--campaign", folder, *NOW)
    assert received.code == 0, received.stderr
    watcher.join(60)
    assert not watcher.is_alive()
    looks = [json.loads(line) for line in seen]
    assert looks[0]["states"] == {"sent": 4}
    assert looks[-1]["finished"] is True
    assert looks[-1]["counts"]["renewed"] == 4


# -- metrics and the audit log ----------


def test_a_run_leaves_metrics_and_a_signed_log(
    run: Run, office: Office, tmp_path: Path
) -> None:
    key = tmp_path / "audit.pem"
    password = tmp_path / "password.txt"
    password.write_text("secret\n", encoding="utf-8")
    made = run("key", "generate", "--out", key, "--password-file", password)
    assert made.code == 0, made.stderr
    prom = tmp_path / "gostkey.prom"
    options = ["--metrics", prom, "--audit-key", key, "--audit-key-password-file"]
    ran = renew(run, office, tmp_path, *options, password)
    assert ran.code == 0, ran.stderr
    text = prom.read_text(encoding="utf-8")
    assert 'gostkey_renewal_keys{group="renewed"} 4' in text
    assert "gostkey_renewal_run_active 0" in text
    folder = tmp_path / "campaign"
    assert not (folder / "audit.key").exists()
    public = tmp_path / "audit.pub"
    assert (
        run("key", "public", key, "--password-file", password, "--out", public).code
        == 0
    )
    check = ["renew", "report", "--campaign", folder, "--verify"]
    ran = run(*check, "--audit-public", public)
    assert ran.code == 0, ran.stderr
    assert "signed                all lines" in ran.stdout
    with SigningKey.generate("tc26-256-b") as other:
        public.write_bytes(other.verifying_key.to_spki())
    ran = run(*check, "--audit-public", public, "--json")
    assert ran.code == 2
    assert ran.record["good"] is False and ran.record["problems"]


def test_an_officers_container_signs_the_log_as_cms_too(
    run: Run, office: Office, tmp_path: Path
) -> None:
    officer = tmp_path / "officer.000"
    shutil.copytree(office.container(3), officer)
    wrong = ["--audit-certificate", office.root_certificate]
    ran = renew(run, office, tmp_path, *wrong)
    assert ran.code == 1 and "goes with --audit-key" in ran.stderr
    ran = renew(run, office, tmp_path, "--audit-key", officer, *wrong)
    assert ran.code == 3 and "give the certificate of this key" in ran.stderr
    folder = tmp_path / "campaign"
    assert not folder.exists()
    ran = renew(run, office, tmp_path, "--audit-key", officer)
    assert ran.code == 0, ran.stderr
    check = ["renew", "report", "--campaign", folder, "--verify"]
    ran = run(*check)
    assert ran.code == 0, ran.stderr
    assert re.search(r"signed as CMS +up to line \d+: .*; audit.jsonl.p7s", ran.stdout)
    (folder / "audit.jsonl.p7s").unlink()
    ran = run(*check)
    assert ran.code == 2 and "audit.jsonl.p7s: is not there" in ran.stderr


def test_a_wrong_audit_password_is_told_before_anything_begins(
    run: Run, office: Office, tmp_path: Path
) -> None:
    key = tmp_path / "audit.pem"
    password = tmp_path / "password.txt"
    password.write_text("secret\n", encoding="utf-8")
    run("key", "generate", "--out", key, "--password-file", password)
    password.write_text("wrong\n", encoding="utf-8")
    options = ["--audit-key", key, "--audit-key-password-file", password]
    ran = renew(run, office, tmp_path, *options)
    assert ran.code == 4, ran.stderr
    assert not (tmp_path / "campaign").exists()


def test_a_changed_line_is_named(run: Run, office: Office, tmp_path: Path) -> None:
    assert renew(run, office, tmp_path).code == 0
    folder = tmp_path / "campaign"
    check = ["renew", "report", "--campaign", folder, "--verify"]
    ran = run(*check)
    assert ran.code == 0, ran.stderr
    assert "whole, signed" in ran.stderr and "--audit-public" in ran.stderr
    path = folder / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[6] = lines[6].replace(b'"outcome":"after"', b'"outcome":"failed"')
    path.write_bytes(b"".join(lines))
    ran = run(*check)
    assert ran.code == 2
    assert "line 7: differs from outcome" in ran.stderr
    assert "line 8: does not follow" in ran.stderr
    assert "does NOT prove" in ran.stderr


def test_a_log_is_compared_with_a_copy_that_was_kept(
    run: Run, office: Office, tmp_path: Path
) -> None:
    assert renew(run, office, tmp_path).code == 0
    folder = tmp_path / "campaign"
    lines = (folder / "audit.jsonl").read_bytes().splitlines(keepends=True)
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(lines[-1])
    check = ["renew", "report", "--campaign", folder, "--verify", "--audit-copy"]
    ran = run(*check, kept)
    assert ran.code == 0, ran.stderr
    assert f"as the copy           up to line {len(lines)}" in ran.stdout
    kept.write_bytes(lines[-1].replace(b'"at":"2', b'"at":"3'))
    ran = run(*check, kept)
    assert ran.code == 2
    assert f"line {len(lines)}: is not the line that was kept" in ran.stderr
    kept.write_bytes(b"nothing of the kind\n")
    ran = run(*check, kept)
    assert ran.code == 3 and "holds no line of an audit log" in ran.stderr


def test_a_page_tells_that_the_log_is_gone(
    run: Run, office: Office, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    assert renew(run, office, tmp_path).code == 0
    folder = tmp_path / "campaign"
    (folder / "audit.jsonl").unlink()
    page = tmp_path / "page.html"
    ran = run("renew", "report", "--campaign", folder, "--html", page)
    assert ran.code == 0, ran.stderr
    assert "1 problem: gostkey renew report --verify" in page.read_text("utf-8")


def test_a_place_for_metrics_that_is_none_is_told_before_anything_begins(
    run: Run, office: Office, tmp_path: Path
) -> None:
    for wrong, told in (
        (tmp_path / "no" / "x.prom", f"there is no folder {tmp_path / 'no'}"),
        (tmp_path, "is a folder"),
    ):
        ran = renew(run, office, tmp_path, "--metrics", wrong)
        assert ran.code == 1 and told in ran.stderr
        assert not (tmp_path / "campaign").exists()


def test_another_audit_key_than_before_is_warned_of(
    run: Run, office: Office, tmp_path: Path
) -> None:
    key, public = tmp_path / "audit.pem", tmp_path / "audit.pub"
    assert run("key", "generate", "--no-password", "--out", key).code == 0
    assert run("key", "public", key, "--out", public).code == 0
    audit = ["--audit-key", key]
    ran = renew(run, office, tmp_path, "--limit", "2", *audit)
    assert "warning" not in ran.stderr
    resume = ["renew", "resume", "--campaign", tmp_path / "campaign", *NOW]
    ran = run(*resume, *audit, "--limit", "1")
    assert "warning" not in ran.stderr
    ran = run(*resume)
    fingerprint = VerifyingKey.from_spki(public.read_bytes()).fingerprint
    assert f"was signed with the key {fingerprint}; this run signs" in ran.stderr
    assert "give --audit-key in every run" in ran.stderr


def test_the_campaigns_own_audit_key_is_not_warned_of(
    run: Run, office: Office, tmp_path: Path
) -> None:
    assert renew(run, office, tmp_path).code == 0
    ran = run("renew", "resume", "--campaign", tmp_path / "campaign", *NOW)
    assert ran.code == 0 and "warning" not in ran.stderr
