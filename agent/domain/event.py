"""Events: what happened on a day, one small record each. A session is drafted from them and from nothing else."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import AfterValidator, Field, FiniteFloat, field_validator

from agent.domain.attempt import Record
from agent.domain.text import one_line

EventKind = Literal["note", "quiz", "ask", "lab-run", "decision", "change"]
MAX_TEXT = 2000


def _utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(UTC)


class Event(Record):
    """One thing that happened.

    `text` is one plain sentence. `data` holds its numbers and ids, flat; `refs` are paths of the workspace that show
    it. `topic` is a topic's id, "" where it belongs to none.
    """

    id: str = Field(min_length=1)
    at: Annotated[datetime, AfterValidator(_utc)]
    kind: EventKind
    topic: str = ""
    text: str
    data: dict[str, bool | int | FiniteFloat | str | None] = Field(default_factory=dict)
    refs: tuple[str, ...] = ()

    @field_validator("text")
    @classmethod
    def _one_sentence(cls, value: str) -> str:
        return one_line(value, MAX_TEXT)


def event_id(kind: EventKind, key: str) -> str:
    """Give the id of the event that `key` names: the same thing told twice is one event."""
    return str(uuid5(NAMESPACE_URL, f"study:event:{kind}:{key}"))


def day_span(day: date, zone: tzinfo | None = None) -> tuple[datetime, datetime]:
    """Give the UTC times at which a day begins and the next one does; `zone` None is the machine's own.

    A day with a change of the clocks has 23 or 25 hours.
    """
    ends = (datetime.combine(d, time(), tzinfo=zone) for d in (day, day + timedelta(days=1)))
    first, last = (end.astimezone(UTC) for end in ends)
    return first, last


def in_order(events: Iterable[Event]) -> list[Event]:
    """Sort by time, then id, so that a clock that went backwards or two machines give one order."""
    return sorted(events, key=lambda event: (event.at, event.id))


def counted(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun: `1 answer`, `3 answers`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def text_of(data: Mapping[str, bool | int | float | str | None], key: str) -> str:
    """Give a text of an event's data, "" where it has none."""
    value = data.get(key)
    return value if isinstance(value, str) else ""
