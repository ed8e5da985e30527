"""An audit log that was signed and is gone, cut or written anew by somebody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from clusters import Cluster
from renewal.offices import Office

from gostkey.errors import CampaignError, MediumError
from gostkey.renewal.audit import LOG_NAME, AuditLog, Verification, verify
from gostkey.renewal.storage.schema import STATES, audit_seal, journal
from gostkey.renewal.storage.store import Store


def check(office: Office, **more: Any) -> Verification:
    with Store.open(office.campaign) as store:
        return verify(office.campaign, store, **more)


def change(office: Office, *statements: Any) -> None:
    with Store.open(office.campaign) as store:
        for one in statements:
            store.execute(one)


def lines_of(office: Office) -> list[bytes]:
    return (office.campaign / LOG_NAME).read_bytes().splitlines(keepends=True)


def kinds_of(office: Office) -> list[str]:
    return [json.loads(line)["kind"] for line in lines_of(office)]


def run_and_resume(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    with office.open() as campaign:
        campaign.resume()


FORGE = sa.update(journal).where(journal.c.step == "keyed").values(who="nobody@else:1")
FORGET = sa.delete(audit_seal)


def test_a_log_that_is_gone_is_begun_anew_and_is_no_whole_one(
    office: Office, kept_in: str | None
) -> None:
    office.store = kept_in
    office.add()
    with office.begin() as campaign:
        campaign.run()
    number = len(lines_of(office))
    assert check(office).good
    (office.campaign / LOG_NAME).unlink()
    change(office, FORGE)
    for _ in range(2):
        with office.open() as campaign:
            campaign.resume()
    # What the first run did stands before the second one.
    steps = ["step"] * len(STATES[1:])
    assert kinds_of(office) == ["log", "lost", *steps, "run", "seal", "run", "seal"]
    (problem,) = check(office).problems
    assert problem.line == 2
    assert f"an earlier log, signed up to line {number}, was gone" in problem.text
    # It stays so, whatever is taken from the store afterwards.
    mine = json.loads(lines_of(office)[0])["log"]
    change(office, sa.delete(audit_seal).where(audit_seal.c.log != mine))
    assert [one.line for one in check(office).problems] == [2]


def test_a_log_that_was_put_in_the_place_of_another_is_noticed(office: Office) -> None:
    """Somebody writes a log by himself, and leaves what the store remembers."""
    office.add()
    with office.begin() as campaign:
        campaign.run()
    path = office.campaign / LOG_NAME
    log = path.read_bytes()
    path.unlink()
    with office.open() as campaign:
        campaign.resume()
    path.write_bytes(log)
    (problem,) = check(office).problems
    assert (problem.line, "another log that was here" in problem.text) == (0, True)


def test_a_log_that_is_shorter_than_it_was_signed_says_so_for_good(
    office: Office,
) -> None:
    run_and_resume(office)
    lines = lines_of(office)
    first = kinds_of(office).index("seal") + 1
    (office.campaign / LOG_NAME).write_bytes(b"".join(lines[:first]))
    with office.open() as campaign:
        campaign.resume()
    assert kinds_of(office)[first:] == ["lost", "run", "seal"]
    change(office, sa.delete(audit_seal).where(audit_seal.c.id == 2))
    (problem,) = check(office).problems
    assert problem.line == first + 1
    assert f"had been signed up to line {len(lines)}" in problem.text


def test_another_stations_log_is_not_missed(
    office: Office, cluster: Cluster, tmp_path: Path
) -> None:
    office.store = cluster.new_campaign()
    office.add()
    with office.begin() as campaign:
        campaign.run()
    other = tmp_path / "station"
    other.mkdir()
    with Store.open(office.campaign) as store:
        with AuditLog(other, store, office.clock) as log:
            log.open("work")
            assert log.seal()
        for folder in (other, office.campaign):
            found = verify(folder, store)
            assert found.problems == [] and found.other_logs == 1


def test_a_copy_kept_elsewhere_shows_what_nothing_else_can(
    office: Office, tmp_path: Path
) -> None:
    """Whoever takes the signatures from the store, too, leaves no trace here."""
    run_and_resume(office)
    kept = tmp_path / "kept"
    kept.write_bytes((office.campaign / LOG_NAME).read_bytes())
    found = check(office, copy=kept)
    assert found.good and found.copied_lines == found.lines
    first = lines_of(office)[: kinds_of(office).index("seal")]
    change(office, FORGE, FORGET)
    (office.campaign / LOG_NAME).write_bytes(b"".join(first[:3]))
    with office.open() as campaign:
        campaign.resume()
    assert check(office).good
    found = check(office, copy=kept)
    assert found.copied_lines == 0
    (problem,) = found.problems
    assert "the log ends, and its copy goes on" in problem.text
    with office.open() as campaign:
        campaign.resume()
    (problem,) = check(office, copy=kept).problems
    assert "is not the line that was kept" in problem.text


def test_the_last_whole_line_of_a_copy_counts(office: Office, tmp_path: Path) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    lines = lines_of(office)
    kept = tmp_path / "kept"
    for text in (lines[-1].rstrip() + b"\r\n", b"".join(lines) + b'{"n":', lines[-1]):
        kept.write_bytes(text)
        assert check(office, copy=kept).copied_lines == len(lines)
    kept.write_bytes(b"".join(lines[:4]))
    found = check(office, copy=kept)
    assert found.good and found.copied_lines == 4
    for text in (b"", b"\n" * 9, b"{" * 5000):
        kept.write_bytes(text)
        with pytest.raises(CampaignError, match="holds no line of an audit log"):
            check(office, copy=kept)
    kept.unlink()
    with pytest.raises(MediumError, match="kept"):
        check(office, copy=kept)
