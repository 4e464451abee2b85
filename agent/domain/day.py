"""A day as it was: its events, and what its quizzes showed. A session is drafted from this and from nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from agent.domain.attempt import Attempt
from agent.domain.event import Event, text_of
from agent.domain.note import Note
from agent.domain.quiz import claim_hash
from agent.domain.text import one_line

MAX_STATEMENT = 400


@dataclass(frozen=True, slots=True)
class Explained:
    """A claim that a quiz of the day heard: the learner's own words, and the claim's block in its note."""

    event: str
    topic: str
    claim: str
    text: str
    quote: str
    link: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A claim that a quiz of the day left open, or a misconception that was voiced."""

    event: str
    topic: str
    claim: str
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Day:
    """The material of one session; `events` are in order. `zone` is the learner's, None for the machine's own.

    `attempts` are the ids of the day's finished quizzes whose records are there and intact.
    """

    date: date
    events: tuple[Event, ...]
    explained: tuple[Explained, ...] = ()
    gaps: tuple[Gap, ...] = ()
    zone: tzinfo | None = None
    attempts: tuple[str, ...] = ()

    def clock(self, at: datetime) -> str:
        """Give the learner's time of an event; with its day where that is another one (`--since` spans days)."""
        local = at.astimezone(self.zone)
        return f"{local:%H:%M}" if local.date() == self.date else f"{local:%Y-%m-%d %H:%M}"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics in order of their first event."""
        return tuple(dict.fromkeys(event.topic for event in self.events if event.topic))


def superseded(events: Sequence[Event]) -> dict[str, str]:
    """Map events that a later one of the day makes old news to that later one.

    A quiz that was paused and then went on; a file's uncommitted changes that grew or were committed.
    """
    later: dict[str, str] = {}
    quizzes: dict[str, str] = {}
    files: dict[str, str] = {}
    for event in reversed(events):
        attempt = text_of(event.data, "attempt")
        if event.kind == "quiz" and attempt:
            if text_of(event.data, "state") == "paused" and attempt in quizzes:
                later[event.id] = quizzes[attempt]
            quizzes.setdefault(attempt, event.id)
        if event.kind == "change":
            pending = text_of(event.data, "commit") == ""
            if pending and event.refs and all(ref in files for ref in event.refs):
                later[event.id] = files[event.refs[0]]
            for ref in event.refs:
                files.setdefault(ref, event.id)
    return later


def explained_in(event: Event, attempt: Attempt, note: Note) -> list[Explained]:
    """List what an attempt's standings say was explained, in the note's words and in the learner's."""
    found = []
    for standing in attempt.standings:
        claim = note.claim(standing.claim)
        if claim is None or standing.status not in ("covered", "appealed"):
            continue
        remark = "accepted on my appeal, not by the judge" if standing.status == "appealed" else ""
        if standing.origin != "quiz":
            remark = f"carried over from the attempt {standing.origin[:8]}"
        if standing.claim_hash not in ("", claim_hash(claim.text)):
            remark = "the note's claim was reworded since"
        text, quote = one_line(claim.text, MAX_STATEMENT), one_line(standing.quote, MAX_STATEMENT)
        link = f"{note.path}#^{claim.id}"
        found.append(Explained(event.id, attempt.topic, claim.id, text, quote, link, remark))
    return found


def gaps_in(event: Event, attempt: Attempt, note: Note) -> list[Gap]:
    """List what an attempt left open, as clauses that begin a sentence."""
    how = {"missing": "Not explained", "contradicted": "Contradicted", "helped": "Explained with help"}
    found = []
    for standing in attempt.standings:
        claim, false = note.claim(standing.claim), note.misconception(standing.claim)
        link = f"{note.path}#^{standing.claim}"
        if claim is not None and standing.status in how:
            text = f"{how[standing.status]}: {one_line(claim.text, MAX_STATEMENT)}"
            found.append(Gap(event.id, attempt.topic, claim.id, text, link))
        if false is not None and standing.status == "voiced":
            said = one_line(false.statement, MAX_STATEMENT).rstrip(".")
            found.append(Gap(event.id, attempt.topic, false.id, f"Said and not corrected: “{said}”.", link))
    return found


def settled(explained: Iterable[Explained], gaps: Iterable[Gap]) -> tuple[tuple[Explained, ...], tuple[Gap, ...]]:
    """Keep the latest word on each claim, both given in order: what was explained in the evening is no gap."""
    good = {(item.topic, item.claim): item for item in explained}
    open_ = {(item.topic, item.claim): item for item in gaps}
    return tuple(good.values()), tuple(item for key, item in open_.items() if key not in good)
