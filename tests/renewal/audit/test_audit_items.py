"""What a store has of a key is compared with what the log tells, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from renewal.offices import Office

from gostkey.errors import RequestReturned
from gostkey.hashing import streebog256
from gostkey.renewal import Campaign, EmbeddedCA, Listing, make_plan
from gostkey.renewal.audit import LOG_NAME, Verification, verify
from gostkey.renewal.planning.subscribers import RowError
from gostkey.renewal.storage.records import FOUND_FIELDS
from gostkey.renewal.storage.schema import audit_seal, item, journal, row_error
from gostkey.renewal.storage.store import Store
from gostkey.renewal.transports import Pending

BAD_ROWS = (RowError(3, "no container", "name it"), RowError(7, "ещё одна", ""))


def begin(office: Office) -> Campaign:
    """Begin a campaign from a list with two rows that cannot be used."""
    return Campaign.begin(
        office.campaign,
        make_plan(Listing(tuple(office.subscribers), BAD_ROWS), office.clock()),
        office.transport(),
        clock=office.clock,
        store=office.store,
    )


def check(office: Office) -> Verification:
    with Store.open(office.campaign) as store:
        return verify(office.campaign, store)


def change(office: Office, statement: Any) -> None:
    with Store.open(office.campaign) as store:
        store.execute(statement)


OTHERS: dict[str, object] = {
    "exportable": False,
    "new_ends": "2099-01-01T00:00:00+00:00",
    "certificate": b"\x00",
    "old_certificate": b"\x00",
    "public_key": b"\x00",
}
COMPARED = (
    *FOUND_FIELDS,
    *("old_certificate", "certificate", "new_begins", "new_ends"),
    *("new_folder", "archive", "backup", "public_key", "request_id"),
)


@pytest.mark.parametrize("column", COMPARED)
def test_every_field_that_was_changed_is_noticed(office: Office, column: str) -> None:
    office.add()
    with begin(office) as campaign:
        campaign.run()
    assert check(office).problems == []
    change(office, sa.update(item).values({column: OTHERS.get(column, "/x")}))
    if column == "fingerprint":
        # All lines name the key by it.
        assert not check(office).good
        return
    (problem,) = check(office).problems
    assert problem.line == 0
    assert problem.text.startswith("item 1: ")


def test_all_that_differs_of_a_key_is_told_together(office: Office) -> None:
    office.add()
    with begin(office) as campaign:
        campaign.run()
    change(office, sa.update(item).values(owner="Another", archive=None, new_ends="2"))
    (problem,) = check(office).problems
    assert problem.text == (
        "item 1: what was found and planned (owner, INN, dates, places or files) is "
        "not the one of the journal; the end of its new key is not the one of the "
        "journal; the place of its old container's copy is not the one of the journal"
    )


@pytest.mark.parametrize(
    "change_of_a_row",
    [
        sa.delete(row_error),
        sa.delete(row_error).where(row_error.c.line == 7),
        sa.update(row_error).where(row_error.c.line == 7).values(text="другая"),
        sa.insert(row_error).values(line=9, text="", cure=""),
    ],
)
def test_the_bad_rows_of_the_list_are_compared(
    office: Office, kept_in: str | None, change_of_a_row: Any
) -> None:
    office.store = kept_in
    office.add()
    with begin(office) as campaign:
        campaign.run()
    assert check(office).problems == []
    change(office, change_of_a_row)
    (problem,) = check(office).problems
    assert problem.line == 1 and "rows of the list" in problem.text


def test_a_key_that_was_not_renewed_cannot_be_made_to_look_so(office: Office) -> None:
    office.add()
    office.add(exchanges_finished=False)
    with begin(office) as campaign:
        campaign.run()
    assert check(office).problems == []
    for values in (
        {"new_ends": "2099-01-01T00:00:00+00:00"},
        {"public_key": bytes(64)},
        {"text": "it was done by hand"},
    ):
        change(office, sa.update(item).where(item.c.id == 2).values(values))
        (problem,) = check(office).problems
        assert problem.text.startswith("item 2: ")
        change(
            office,
            sa.update(item)
            .where(item.c.id == 2)
            .values(new_ends=None, public_key=None, text=text_of(office, 2)),
        )
    assert check(office).good


def text_of(office: Office, number: int) -> str:
    with Store.open(office.campaign) as store:
        (line,) = store.history(number)
    return str(line["detail"]["text"])


class BadAnswers(EmbeddedCA):
    """Answers the first request with a wrong certificate, returns the second."""

    def fetch(self, pending: Pending) -> bytes | None:
        if "k000" in pending.label:
            return self.authority.certificate.der
        if "k001" in pending.label:
            raise RequestReturned("the mail came back")
        return super().fetch(pending)


def test_keys_that_went_back_and_keys_that_were_undone_agree(
    office: Office, kept_in: str | None
) -> None:
    office.store = kept_in
    for _ in range(4):
        office.add()
    bad = BadAnswers(office.authority, office.folder / "ca", office.clock)
    with office.begin(bad) as campaign:
        campaign.run()
        assert [one.error for one in campaign.roll_back(["4"], not_used=True)] == [None]
    assert check(office).problems == []
    change(office, sa.update(item).where(item.c.id == 1).values(new_ends="2099"))
    assert "the end of its new key" in check(office).problems[0].text
    with office.open() as campaign:
        campaign.resume()
        assert campaign.report().counts["renewed"] == 3
        office.clock.forward(days=100)
        assert any([one.removed for one in campaign.prune_archives(10)])
    assert check(office).problems == []
    change(office, sa.update(item).where(item.c.id == 4).values(backup="/elsewhere"))
    (problem,) = check(office).problems
    assert problem.text.startswith("item 4: the place of its new container's copy")


def test_the_log_names_the_new_certificate(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    said = map(json.loads, (office.campaign / LOG_NAME).read_bytes().splitlines())
    details = {one["step"]: one["detail"] for one in said if one["kind"] == "step"}
    with Store.open(office.campaign) as store:
        (one,) = store.items()
    assert one.certificate is not None
    assert details["certified"]["certificate"] == (
        streebog256(one.certificate).hexdigest()
    )
    assert details["certified"]["ends"] == one.new_ends
    assert details["keyed"]["folder"] == one.new_folder
    assert details["backed-up"] == {"archive": one.archive, "backup": one.backup}


NEW_DETAILS = (
    *("found", "folder", "begins", "ends", "certificate", "archive", "backup", "text"),
)


def test_what_an_earlier_versions_journal_lacks_is_not_compared(
    office: Office,
) -> None:
    """Its log was signed with the same journal, so the log is of no account here."""
    office.add()
    office.add(exchanges_finished=False)
    with begin(office) as campaign:
        campaign.run()
        history = campaign.history()
    with Store.open(office.campaign) as store:
        for line in history:
            for name in NEW_DETAILS:
                line["detail"].pop(name, None)
            detail = json.dumps(line["detail"]) if line["detail"] else "{}"
            update: Any = sa.update(journal).where(journal.c.id == line["id"])
            store.execute(update.values(detail=detail))
        forgotten: Any = sa.delete(audit_seal)
        store.execute(forgotten)
    (office.campaign / LOG_NAME).unlink()
    with office.open() as campaign:
        campaign.resume()
    assert check(office).problems == []
    change(office, sa.update(item).values(owner="?", new_folder="?"))
    values = {"archive": "?", "new_ends": "2099"}
    change(office, sa.update(item).where(item.c.id == 1).values(values))
    assert check(office).problems == []
    # That a key was not renewed at all is told by any journal.
    change(office, sa.update(item).where(item.c.id == 2).values(values))
    (problem,) = check(office).problems
    assert problem.text.startswith("item 2: the end of its new key")


def test_a_journal_that_is_no_json_is_told(office: Office) -> None:
    office.add()
    with office.begin() as campaign:
        campaign.run()
    change(office, sa.update(journal).values(detail="{"))
    assert not check(office).good
