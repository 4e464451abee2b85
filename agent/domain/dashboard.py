"""Everything that the progress page and its pictures show. Nothing in it depends on today, so nothing churns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date

from agent.domain.change import Change, Evidence
from agent.domain.ledger import in_order
from agent.domain.level import Level
from agent.domain.memory import Memory
from agent.domain.milestone import BulletState
from agent.domain.proposal import LedgerEntry
from agent.domain.roadmap import Roadmap, Topic


@dataclass(frozen=True, slots=True)
class Step:
    """One approved change of a level, on its UTC day."""

    day: date
    topic: str
    text: str
    from_level: Level
    to_level: Level
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class NextGate:
    """What stands between a topic and its next level; `missing` are sentences, empty where the gate is open."""

    topic: Topic
    level: Level
    missing: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Recheck:
    """When a verified topic is to be checked again."""

    topic: Topic
    memory: Memory

    @property
    def day(self) -> date:
        """Give the UTC day on which it is due."""
        return self.memory.due.astimezone(UTC).date()

    @property
    def since(self) -> date:
        """Give the UTC day of its last review."""
        return self.memory.last.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The state of a workspace: `notes` maps topics to their notes' paths, `rechecks` are sorted by their day."""

    roadmap: Roadmap
    steps: tuple[Step, ...]
    rechecks: tuple[Recheck, ...]
    bullets: tuple[BulletState, ...]
    gates: tuple[NextGate, ...]
    notes: Mapping[str, str]


def steps_of(entries: Sequence[LedgerEntry]) -> tuple[Step, ...]:
    """List the changes of levels in the order in which they followed each other; confirmations are no steps."""
    approved = (e for e in in_order(entries) if e.decision == "approved")
    return tuple(
        Step(e.at.astimezone(UTC).date(), c.topic, c.topic_text, c.from_level, c.to_level, c.evidence)
        for e in approved
        if isinstance(c := e.change, Change) and c.from_level != c.to_level
    )


def counts_by_day(steps: Sequence[Step]) -> list[tuple[date, dict[Level, int]]]:
    """Count the topics at each level above L0 at the end of every day on which one changed, oldest first."""
    levels: dict[str, Level] = {}
    found: dict[date, dict[Level, int]] = {}
    latest = date.min
    for step in steps:
        levels[step.topic] = step.to_level
        latest = max(latest, step.day)  # a clock that went backwards must not bend the line back
        found[latest] = {level: sum(v == level for v in levels.values()) for level in Level if level > Level.L0}
    return sorted(found.items())
