"""Plans in files: read piece by piece, and confirmed as those held in memory are."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from renewal.offices import NOW, Office

from gostkey.errors import CampaignError
from gostkey.renewal import Campaign, confirm, plan_from_json, plan_to_json
from gostkey.renewal.planning import json_pieces
from gostkey.renewal.planning.json_pieces import members, texts
from gostkey.renewal.planning.saved import SavedPlan

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def whole(text: str, cut: int, lists: tuple[str, ...]) -> dict[str, Any]:
    chunks = [text[at : at + cut] for at in range(0, len(text), cut)]
    found: dict[str, Any] = {}
    for key, place, value in members(chunks, lists):
        if place is None:
            found[key] = value
        else:
            assert place == len(found[key])
            found[key].append(value)
    return found


@given(
    value=st.dictionaries(st.text(max_size=3), JSON),
    cut=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    lists=st.lists(st.text(max_size=3)),
)
def test_pieces_are_what_the_whole_is(
    value: dict[str, Any], cut: int, indent: int | None, lists: list[str]
) -> None:
    text = json.dumps(value, indent=indent)
    assert whole(text, cut, tuple(lists) + tuple(value)[:1]) == json.loads(text)


@given(text=st.text(alphabet='{}[]:, "1ae.-\n\\', max_size=12), cut=st.integers(1, 12))
def test_what_is_refused_whole_is_refused_in_pieces(text: str, cut: int) -> None:
    for one in (text, '{"a": [' + text, '{"a": ' + text + "}", '{"b": 1' + text):
        try:
            wanted = json.loads(one)
        except ValueError:
            wanted = None
        if isinstance(wanted, dict):
            assert whole(one, cut, ("a",)) == wanted
        else:
            with pytest.raises(ValueError):
                whole(one, cut, ("a",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
def test_encodings_of_json_are_told_apart(encoding: str) -> None:
    text = json.dumps({"имя": ["Ёлкин"] * 9}, ensure_ascii=False)
    assert "".join(texts(io.BytesIO(text.encode(encoding)))) == text


def test_a_value_without_an_end_does_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_pieces, "LARGEST", 1000)
    given = 0

    def endless() -> Any:
        nonlocal given
        yield '{"items": ["'
        while True:
            given += 100
            yield "x" * 100

    with pytest.raises(ValueError, match="line 1"):
        list(members(endless(), ("items",)))
    assert given < 2000


def saved_plan(office: Office, plan: Any) -> SavedPlan:
    return SavedPlan(io.BytesIO(plan_to_json(plan).encode()))


def test_it_is_confirmed_as_the_whole_plan_is(office: Office) -> None:
    office.add()
    office.add(days_left=100)
    changed = office.add(name="two", root=office.folder / "elsewhere")
    office.add(exchanges_finished=False)
    office.add(days_left=5)
    plan = office.plan()
    content = json.loads(plan_to_json(plan))
    # Of a key that is not there, and of one container at two places of the list.
    again = dict(content["items"][0], slot="secondary", reason=None, new_name=None)
    content["items"].append(again)
    for path in changed.container.iterdir():
        first = office.subscribers[0].container
        (office.subscribers[1].container / path.name).write_bytes(path.read_bytes())
        assert first != changed.container
    content["items"][1] |= {"reason": None, "text": None, "cure": None}
    text = json.dumps(content)
    for now in (NOW, NOW + timedelta(days=5)):
        wanted = confirm(plan_from_json(text), now).items
        with SavedPlan(io.BytesIO(text.encode())) as saved:
            found = list(saved.confirmed(now))
            assert saved.keys == len(plan.planned) + 2
            assert list(saved.confirmed(now, workers=2)) == found
        # The second key of the first container comes beside its first one.
        assert found == [wanted[0], wanted[-1], *wanted[1:-1]]
    assert len({one.verdict and one.verdict.reason for one in found}) > 2


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("version", 2, "format"),
        ("items", {}, "items"),
        ("row_errors", None, "row_errors"),
        ("items.slot", 3, r"items\[1\]"),
    ],
)
def test_a_wrong_field_is_named(
    office: Office, place: str, value: Any, words: str
) -> None:
    office.add()
    office.add()
    content = json.loads(plan_to_json(office.plan()))
    target, _, key = place.rpartition(".")
    (content["items"][1] if target else content)[key] = value
    with pytest.raises(CampaignError, match=words):
        SavedPlan(io.BytesIO(json.dumps(content).encode()))


def test_the_last_of_two_lists_counts(office: Office) -> None:
    office.add()
    text = plan_to_json(office.plan()).rstrip().rstrip("}")
    items = json.dumps(json.loads(text + "}")["items"])
    twice = f'{text}, "items": 1, "items": {items}}}'
    assert len(plan_from_json(twice).items) == 1
    with SavedPlan(io.BytesIO(twice.encode())) as saved:
        assert saved.keys == 1
        assert len(list(saved.confirmed(NOW))) == 1
    with pytest.raises(CampaignError, match="a list"):
        SavedPlan(io.BytesIO(f'{text}, "items": 1}}'.encode()))


def test_a_campaign_begins_from_it(office: Office) -> None:
    office.add()
    office.add(exchanges_finished=False)
    with saved_plan(office, office.plan()) as plan:
        campaign = Campaign.begin(
            office.campaign, plan, office.transport(), clock=office.clock
        )
    with campaign:
        report = campaign.run()
    assert (report.counts["renewed"], report.counts["refused"]) == (1, 1)
