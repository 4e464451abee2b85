"""The draft of a day's session: statements, each with the events that it comes from. Files and markup come later."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.domain.condense import Fact, condense, stories, succeeded
from agent.domain.day import Day
from agent.domain.event import Event, EventKind, counted, text_of
from agent.domain.saying import split, supported, told_of
from agent.domain.support import Said

Section = Literal["summary", "did", "explained", "gaps", "decisions"]
MAX_EXPLAINED = 60
MAX_GAPS = 40
_NOUNS: tuple[tuple[EventKind, str, str], ...] = (
    ("quiz", "quiz", "quizzes"),
    ("lab-run", "lab run", "lab runs"),
    ("change", "change of notes and labs", "changes of notes and labs"),
    ("ask", "question to the notes", "questions to the notes"),
    ("note", "noted line", "noted lines"),
    ("decision", "decision", "decisions"),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a session and the ids of its events, in order.

    `link` is a path of the workspace with a block id, `quote` the learner's own words, `remark` what limits it.
    """

    section: Section
    text: str
    events: tuple[str, ...]
    link: str = ""
    quote: str = ""
    remark: str = ""
    by: Literal["code", "model"] = "code"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence of a model that no event supports, and the clause that says why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionDraft:
    """Everything that a session file says; `versions` names what took part."""

    day: Day
    statements: tuple[Statement, ...]
    dropped: tuple[Dropped, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    def section(self, name: Section) -> tuple[Statement, ...]:
        """Give the statements of a section in order."""
        return tuple(statement for statement in self.statements if statement.section == name)


def compose(day: Day, said: Sequence[Said] = (), versions: dict[str, str] | None = None) -> SessionDraft:
    """Draft a session: what a model said where the day's facts support it, and everything else from the facts.

    Without a model the draft is as complete; the model's sentences only stand in front of it.
    """
    facts = condense(day.events)
    kept, dropped = verify(day, stories(facts), said)
    statements = (
        _headline(day),
        *kept,
        *(_told(fact, "did") for fact in facts if fact.kind != "decision"),
        *_explained(day),
        *_gaps(day),
        *_next_steps(day),
        *(_told(fact, "decisions") for fact in facts if fact.kind == "decision"),
    )
    return SessionDraft(day, statements, dropped, versions or {})


def verify(day: Day, facts: Sequence[Fact], said: Sequence[Said]) -> tuple[tuple[Statement, ...], tuple[Dropped, ...]]:
    """Sort a model's sentences into those that the cited facts (`stories`) support, as statements, and the rest."""
    kept: list[Statement] = []
    dropped: list[Dropped] = []
    for sentence, reason in (pair for line in said for pair in supported(line, facts, day.date.isoformat())):
        if not reason and sentence.text in [statement.text for statement in kept]:
            dropped.append(Dropped(sentence.text, "it was said before"))
        elif reason:
            dropped.append(Dropped(sentence.text, reason))
        else:
            kept.append(Statement("summary", sentence.text, _ids(_told_by(sentence, facts)), by="model"))
    return tuple(kept), tuple(dropped)


def _told_by(line: Said, facts: Sequence[Fact]) -> list[Event]:
    """The events that the sentences of a line speak of, each once."""
    told = [event for text in split(line.text) for event in told_of(replace(line, text=text), facts)]
    return list({event.id: event for event in told}.values())


def _ids(events: Sequence[Event]) -> tuple[str, ...]:
    return tuple(event.id for event in sorted(events, key=lambda event: (event.at, event.id)))


def _headline(day: Day) -> Statement:
    kinds = [event.kind for event in day.events]
    parts = [counted(kinds.count(kind), one, many) for kind, one, many in _NOUNS if kind in kinds]
    *first, last = parts
    text = f"{', '.join(first)} and {last}" if first else last
    topics = day.topics
    shown = ", ".join(topics[:6]) + (", …" if len(topics) > 6 else "")
    about = f", on {shown}" if topics else ""
    return Statement("summary", f"{text[0].upper()}{text[1:]}{about}.", _ids(day.events))


def _told(fact: Fact, section: Section) -> Statement:
    return Statement(section, fact.text, _ids(fact.events))


def _explained(day: Day) -> Iterator[Statement]:
    for item in day.explained[:MAX_EXPLAINED]:
        yield Statement("explained", item.text, (item.event,), item.link, item.quote, item.remark)


def _gaps(day: Day) -> Iterator[Statement]:
    for gap in day.gaps[:MAX_GAPS]:
        yield Statement("gaps", gap.text, (gap.event,), gap.link)


def _next_steps(day: Day) -> Iterator[Statement]:
    """Give what the day's events ask for next: a quiz to go on with, a level to decide on, a run to look at."""
    finished = {text_of(e.data, "attempt") for e in day.events if text_of(e.data, "state") != "paused"}
    decided = {e.topic for e in day.events if text_of(e.data, "decision") in ("approved", "rejected")}
    steps: dict[str, Statement] = {}
    for event in day.events:
        state, attempt = text_of(event.data, "state"), text_of(event.data, "attempt")
        about, step = "", ""
        if event.kind == "quiz" and state == "paused" and attempt not in finished:
            about, step = attempt, f"Go on with the quiz on {event.topic}: study resume {attempt[:8]}"
        elif event.kind == "quiz" and state == "passed" and event.topic not in decided:
            about, step = event.topic, f"The quiz on {event.topic} was passed and no decision was made: study review"
        elif event.kind == "lab-run" and not succeeded(event):
            about, step = text_of(event.data, "lab") or event.topic, f"Find out why this failed: {event.text}"
        if step:  # the last one of several that ask for the same
            steps[f"{event.kind} {about}"] = Statement("gaps", step, (event.id,))
    yield from list(steps.values())[:MAX_GAPS]
