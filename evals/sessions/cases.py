"""The days: everything that happened, what of it a session must tell, and what it must never say."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.domain.day import Day, Explained, Gap
from agent.domain.event import Event, day_span, in_order

FOLDER = Path(__file__).parents[1] / "cases" / "sessions"


@dataclass(frozen=True, slots=True)
class Key:
    """An event that the draft must tell, and the words that a statement about it must have."""

    event: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayCase:
    """A day as its file has it; `outside` are events of the neighbouring days, `never` are regular expressions."""

    name: str
    about: str
    date: date
    zone: ZoneInfo
    events: tuple[dict[str, Any], ...]
    explained: tuple[dict[str, str], ...]
    gaps: tuple[dict[str, str], ...]
    key: tuple[Key, ...]
    never: tuple[str, ...]
    outside: frozenset[str]

    def day(self) -> Day:
        """Give the day as `study summarize` gathers it: the events between the learner's two midnights."""
        start, end = day_span(self.date, self.zone)
        events = [Event.model_validate(event) for event in self.events]
        return Day(
            self.date,
            tuple(in_order(event for event in events if start <= event.at < end)),
            tuple(Explained(**item) for item in self.explained),
            tuple(Gap(**item) for item in self.gaps),
            self.zone,
        )


def read_cases(folder: Path = FOLDER) -> list[DayCase]:
    """Read every day, by name."""
    return [_case(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


def _case(data: dict[str, Any]) -> DayCase:
    return DayCase(
        name=data["name"],
        about=data["about"],
        date=date.fromisoformat(data["date"]),
        zone=ZoneInfo(data["zone"]),
        events=tuple(data["events"]),
        explained=tuple(data["explained"]),
        gaps=tuple(data["gaps"]),
        key=tuple(Key(item["event"], tuple(item["says"])) for item in data["key"]),
        never=tuple(data["never"]),
        outside=frozenset(data.get("outside", ())),
    )
