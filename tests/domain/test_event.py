from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.domain.event import Event, counted, day_span, event_id, in_order

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def event(**values: object) -> Event:
    return Event.model_validate({"id": "e1", "at": AT, "kind": "note", "text": "Read the paper.", **values})


def test_an_event_keeps_its_time_in_utc() -> None:
    late = datetime(2026, 11, 24, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert event(at=late).at == datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    assert event(at=late).at.tzinfo is UTC


@pytest.mark.parametrize(
    "values",
    [
        {"at": datetime(2026, 11, 24, 9, 30)},  # noqa: DTZ001
        {"kind": "levelled"},
        {"id": ""},
        {"data": {"nested": {"a": 1}}},
        {"data": {"p": float("nan")}},
        {"approved": True},
    ],
    ids=["no zone", "unknown kind", "no id", "nested data", "not a number", "unknown key"],
)
def test_what_is_no_event(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        event(**values)


def test_a_text_is_one_harmless_line() -> None:
    assert (
        event(text="one\r\n  two\x1b[2J\u202e").text == "one two\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"
    )
    assert len(event(text="x" * 1_000_000).text) == 2000


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.booleans(), st.integers(), st.text(max_size=8), st.none())))
def test_an_event_survives_its_file(data: dict[str, object]) -> None:
    before = event(data=data)
    after = Event.model_validate_json(before.model_dump_json())
    assert after == before
    assert [type(value) for value in after.data.values()] == [type(value) for value in data.values()]


def test_the_same_thing_has_one_id() -> None:
    assert event_id("quiz", "a") == event_id("quiz", "a") != event_id("quiz", "b") != event_id("decision", "b")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 11, 24), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)], ids=str
)
def test_a_day_is_the_learners_own(day: date, hours: int) -> None:
    first, last = day_span(day, ZoneInfo("Europe/Berlin"))
    assert last - first == timedelta(hours=hours)
    assert first.astimezone(ZoneInfo("Europe/Berlin")).date() == day
    assert first.tzinfo is UTC


def test_events_are_in_order_of_time_then_id() -> None:
    late, b, a = event(id="0", at=AT + timedelta(seconds=1)), event(id="b"), event(id="a")
    assert in_order([late, b, a]) == [a, b, late]


def test_numbers_are_written_with_their_noun() -> None:
    assert [counted(n, "answer") for n in (0, 1, 2)] == ["0 answers", "1 answer", "2 answers"]
    assert counted(2, "entry", "entries") == "2 entries"
