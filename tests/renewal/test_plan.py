"""Plans: what is decided, that nothing changes, and plans as hostile JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from renewal.offices import NOW, Office, snapshot

from gostkey.errors import CampaignError
from gostkey.pki.names import Name
from gostkey.renewal import (
    Listing,
    Plan,
    Reason,
    Subscriber,
    confirm,
    due_list,
    make_plan,
    plan_from_json,
    plan_to_json,
)
from gostkey.renewal.planning import passwords
from gostkey.renewal.planning.passwords import as_run_now
from gostkey.renewal.secret_files import read_password


def reasons(plan: Plan) -> list[Reason | None]:
    return [one.verdict.reason if one.verdict else None for one in plan.items]


def test_a_plan_decides_by_the_calendar_and_changes_nothing(office: Office) -> None:
    for days in (0, 1, 30, 60, 61, 212, -1):
        office.add(days_left=days)
    before = snapshot(office.folder)
    plan = office.plan()
    assert reasons(plan) == [
        Reason.LAST_DAY,
        None,
        None,
        None,
        Reason.NOT_DUE,
        Reason.NOT_DUE,
        Reason.EXPIRED,
    ]
    assert [one.days_left for one in plan.items] == [0, 1, 30, 60, 61, 212, -1]
    assert plan.items[5].verdict is not None
    assert plan.items[5].verdict.text.startswith("expires in 212 days")
    assert snapshot(office.folder) == before


def test_a_new_container_is_named_after_the_old_one_and_goes_beside_it(
    office: Office,
) -> None:
    office.add(name="Ключ Иванова", root=office.folder / "usb")
    (one,) = office.plan().planned
    assert one.destination == office.folder / "usb"
    assert one.new_name is not None
    assert one.new_name.startswith("Ключ Иванова-20261102-")
    # Named for the key that it renews, so the same plan gives the same name.
    assert office.plan().planned[0].new_name == one.new_name


def test_a_chosen_medium_takes_the_place_of_the_default(office: Office) -> None:
    office.add()
    office.change(0, destination=office.folder / "other")
    assert office.plan().planned[0].destination == office.folder / "other"


def test_a_password_that_a_run_would_lack_is_told_but_not_given_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for password in ("one", "two", "three", "four", None, None):
        office.add(password=password)
    office.change(0, password_file=None)
    office.change(1, password_file=office.folder / "none.txt")
    (office.folder / "empty.txt").write_text("\n")
    office.change(2, new_password_file=office.folder / "empty.txt")
    office.change(4, new_password_file=office.folder / "empty.txt")
    office.add(days_left=100)
    office.change(6, password_file=office.folder / "empty.txt")
    plan = office.plan()
    assert reasons(plan) == [None] * 6 + [Reason.NOT_DUE]
    looked: list[Path] = []

    def looking(path: Path) -> str:
        looked.append(path)
        return read_password(path)

    monkeypatch.setattr(passwords, "read_password", looking)
    shown = as_run_now(plan)
    assert reasons(shown) == [
        Reason.PASSWORD_REQUIRED,
        Reason.PASSWORD_FILE,
        Reason.PASSWORD_FILE,
        None,
        Reason.PASSWORD_FILE,
        None,
        Reason.NOT_DUE,
    ]
    assert shown.items[1].verdict is not None
    assert "none.txt" in shown.items[1].verdict.text
    # A file that many name is looked at once.
    assert looked.count(office.folder / "empty.txt") == 1
    # A run of this moment fails at the same keys, and is to be resumed.
    report = office.begin().run()
    failed = [row["reason"] for row in report.rows]
    wanted = [one.verdict.reason.value if one.verdict else None for one in shown.items]
    assert failed == wanted
    assert reasons(office.plan())[1:3] == [None, None]


def test_a_2001_keys_successor_is_on_the_usual_2012_curve(
    tmp_path: Path, fixtures: Path
) -> None:
    # The one real 2001 container holds no certificate, so it says who nobody.
    folder = fixtures / "containers" / "selenoid-2001"
    plan = make_plan(Listing((Subscriber("test", folder),)), NOW)
    assert reasons(plan) == [Reason.NO_CERTIFICATE]


def test_the_office_and_the_form_refuse(office: Office) -> None:
    office.add(exchanges_finished=False)
    office.add(key_status="lost")
    office.add(key_status="compromised")
    office.add(form={"title": "Директор"})
    subject = office.plan().items[3].holding.owner
    office.add(form={"common_name": subject})
    plan = office.plan()
    assert reasons(plan)[:4] == [
        Reason.EXCHANGES,
        Reason.LOST,
        Reason.COMPROMISED,
        Reason.SUBJECT_CHANGED,
    ]
    assert plan.items[3].verdict is not None
    assert "title" in plan.items[3].verdict.text


SUBJECT = [
    ("CN", "ООО Ёлка"),
    ("SN", "Петрова"),
    ("G", "Анна Ивановна"),
    ("C", "RU"),
    ("INN", "007710474375"),
    ("SNILS", "11223344595"),
    ("STREET", "ул. Садовая, д. 1"),
]


@pytest.mark.parametrize(
    "form",
    [
        {"surname": "Петрова", "given_name": "Анна", "patronymic": "Ивановна"},
        {"given_name": "Анна Ивановна"},
        # The old spelling of a legal person's INN, and a SNILS with its signs.
        {"inn": "7710474375"},
        {"inn": "007710474375"},
        {"snils": "112-233-445 95"},
        {"street": "  ул. Садовая,  д. 1 "},
        {"city": ""},
    ],
)
def test_another_spelling_is_no_change(office: Office, form: dict[str, str]) -> None:
    office.add(subject=Name.build(SUBJECT), form=form)
    assert reasons(office.plan()) == [None]


@pytest.mark.parametrize(
    "form",
    [
        {"surname": "Иванова"},
        {"patronymic": "Петровна"},
        {"inn": "7710474376"},
        {"snils": "112-233-445 96"},
        # Not in the certificate at all, so stating it is a change.
        {"city": "Москва"},
        {"street": "ул. Садовая, д. 2"},
    ],
)
def test_a_change_of_the_form_is_refused(office: Office, form: dict[str, str]) -> None:
    office.add(subject=Name.build(SUBJECT), form=form)
    assert reasons(office.plan()) == [Reason.SUBJECT_CHANGED]


def test_a_copy_of_the_same_key_is_renewed_once(office: Office) -> None:
    who = office.add()
    copy = office.keys / "copy.000"
    copy.mkdir()
    for path in who.container.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    office.subscribers.append(Subscriber("test", copy, exchanges_finished=True))
    plan = office.plan()
    assert reasons(plan) == [None, Reason.DUPLICATE]
    assert str(who.container) in plan.items[1].verdict.text  # type: ignore[union-attr]


def test_the_due_list_asks_for_no_confirmation(office: Office) -> None:
    office.add(exchanges_finished=False)
    office.add(days_left=-3, exchanges_finished=False)
    listing = Listing(tuple(office.subscribers))
    assert reasons(due_list(listing, NOW)) == [None, Reason.EXPIRED]


# -- saved plans -------------------------------------------------------------


def test_a_saved_plan_is_the_plan_after_it_is_confirmed(office: Office) -> None:
    office.add()
    office.add(days_left=100)
    office.add(exchanges_finished=False, form={"city": "Тверь"})
    plan = office.plan()
    saved = plan_from_json(plan_to_json(plan))
    assert saved.saved
    for one, again in zip(plan.planned, confirm(saved, NOW).planned, strict=True):
        assert (again.new_name, again.destination) == (one.new_name, one.destination)
        assert again.holding.certificate == one.holding.certificate
    assert reasons(confirm(saved, NOW)) == reasons(plan)
    text = plan_to_json(plan)
    assert plan_to_json(saved) == text
    assert "certificate" not in json.loads(text)["items"][0]


def test_a_saved_plan_cannot_renew_what_the_rules_refuse(office: Office) -> None:
    office.add(exchanges_finished=False)
    office.add(days_left=200)
    content = json.loads(plan_to_json(office.plan()))
    for one in content["items"]:
        one |= {"state": "planned", "reason": None, "text": None, "cure": None}
    confirmed = confirm(plan_from_json(json.dumps(content)), NOW)
    assert reasons(confirmed) == [Reason.EXCHANGES, Reason.NOT_DUE]


def test_a_plan_that_waited_too_long_is_refused_by_the_calendar(
    office: Office,
) -> None:
    office.add(days_left=5)
    saved = plan_from_json(plan_to_json(office.plan()))
    late = confirm(saved, NOW + timedelta(days=5))
    assert reasons(late) == [Reason.LAST_DAY]


def test_a_plan_for_a_container_that_has_changed_is_stopped(office: Office) -> None:
    office.add(name="one")
    other = office.add(name="two", root=office.folder / "elsewhere")
    saved = plan_from_json(plan_to_json(office.plan()))
    mine = office.subscribers[0].container
    for path in other.container.iterdir():
        (mine / path.name).write_bytes(path.read_bytes())
    assert Reason.KEY_CHANGED in reasons(confirm(saved, NOW))


HOSTILE: list[tuple[str, Any]] = [
    ("format", "other"),
    ("version", 2),
    ("version", True),
    ("made_at", "yesterday"),
    ("made_at", "2026-11-02T09:00:00"),
    ("made_at", "0001-01-01T00:00:00+14:00"),
    ("zone_minutes", 10**6),
    ("zone_minutes", 1.5),
    ("items", {}),
    ("items", [1]),
    ("items", None),
    ("row_errors", [{"line": "x", "text": "", "cure": ""}]),
    ("items.container", "relative/path"),
    ("items.container", "/a\x00b"),
    ("items.container", 7),
    ("items.container", "/" + "x" * 5000),
    ("items.slot", None),
    ("items.key_status", "fine"),
    ("items.exchanges_finished", 1),
    ("items.form", {"shoe size": "43"}),
    ("items.form", {"city": 3}),
    ("items.reason", "because"),
    ("items.ends", "never"),
    ("items.days_left", "many"),
    ("items.days_left", 10**40),
    ("items.destination", "../.."),
]


@pytest.mark.parametrize(("place", "value"), HOSTILE)
def test_a_plan_with_a_wrong_field_is_refused_and_the_field_named(
    office: Office, place: str, value: Any
) -> None:
    office.add()
    content = json.loads(plan_to_json(office.plan()))
    target, _, key = place.rpartition(".")
    (content["items"][0] if target else content)[key] = value
    with pytest.raises(CampaignError, match="make a new plan"):
        plan_from_json(json.dumps(content))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100000, '{"format": "gostkey-plan"}', b"\xff"]
)
def test_what_is_no_plan_is_refused(text: str | bytes) -> None:
    with pytest.raises(CampaignError, match="plan"):
        plan_from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(key=st.integers(0, 30), value=JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_gives_a_plan_or_an_error(key: int, value: Any) -> None:
    item = dict(_ITEM)
    names = sorted(item)
    item[names[key % len(names)]] = value
    content = {
        "format": "gostkey-plan",
        "version": 1,
        "made_at": NOW.isoformat(),
        "zone_minutes": 180,
        "items": [item],
        "row_errors": [],
    }
    try:
        plan = plan_from_json(json.dumps(content))
    except CampaignError:
        return
    # And what was read can be used: confirmed, and written again.
    plan_from_json(plan_to_json(confirm(plan, NOW)))


_ITEM = {
    "state": "planned",
    "reason": None,
    "text": None,
    "cure": None,
    "owner": "Иванов",
    "inn": "500100732259",
    "container": "/nowhere/a.000",
    "container_name": "a",
    "slot": "primary",
    "key_id": "0" * 64,
    "begins": NOW.isoformat(),
    "ends": NOW.isoformat(),
    "days_left": 30,
    "destination": "/nowhere",
    "new_name": "a-20261102-000000000000",
    "curve": "1.2.643.2.2.36.0",
    "usage": "exchange",
    "source": "test",
    "password_file": None,
    "new_password_file": None,
    "exchanges_finished": True,
    "key_status": "ok",
    "form": {},
}
