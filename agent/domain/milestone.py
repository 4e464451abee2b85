"""Milestones: what a bullet says that a machine can check, and where it stands.

“LangChain v1.0 core topics reach **L3**” names rows and a level, so the levels decide. What names no level, or rows
that the roadmap does not have, is for a person to bind to evidence. How a bullet was read is always shown.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.domain.change import OPEN, TICKED, LineChange
from agent.domain.level import Level
from agent.domain.proposal import LedgerEntry
from agent.domain.roadmap import Milestone, MilestoneBullet, Roadmap, Topic
from agent.domain.slug import short_title, slugify

MAX_NAMED = 4  # rows that one bullet may name by its words
_GOAL = re.compile(
    r"(?P<subject>.*?)\s*\b(?:reach(?:es|ed)?|(?:is|are|gets?)(?:\s+(?:at|to))?|at)\s+(?:at\s+least\s+)?"
    r"L(?P<level>[1-5])(?:\s+(?:or|and)\s+(?:above|higher|more|better))?\s*[.!]?",
    re.IGNORECASE,
)
_COUNT = re.compile(r"(?:at\s+least\s+|any\s+|≥\s*)?(?P<count>\d{1,3}|[a-z]+)\b\s*(?P<rest>.*)", re.IGNORECASE)
_NUMBERS = {w: n for n, w in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)}
_TRACK = re.compile(r"\btrack\s+0*(?P<number>\d+)\b", re.IGNORECASE)
# What a level means anyway, and words that only join others.
_FILLERS = frozenset(
    "a all an and any at basics benchmark benchmarks both core demo each every from in least module of on or row rows "
    "skill skills the topic topics track with work".split()
)


@dataclass(frozen=True, slots=True)
class Goal:
    """A bullet as it was read: at least `need` of these topics (ids, in the order of the roadmap) at `level`."""

    topics: tuple[str, ...]
    need: int
    level: Level

    def reached(self, levels: Mapping[str, Level]) -> int:
        """Count the topics that are there."""
        return sum(levels.get(topic, Level.L0) >= self.level for topic in self.topics)

    def met(self, levels: Mapping[str, Level]) -> bool:
        """Whether enough of them are."""
        return self.reached(levels) >= self.need

    @property
    def reading(self) -> str:
        """Say how the bullet was read."""
        named = ", ".join(self.topics) if len(self.topics) <= MAX_NAMED else f"{len(self.topics)} topics"
        if self.need == len(self.topics):
            return f"{named} at {self.level}"
        return f"{self.need} of {named if len(self.topics) > MAX_NAMED else f'({named})'} at {self.level}"


def read_goal(text: str, roadmap: Roadmap) -> Goal | None:
    """Read what a bullet asks of levels; None where it asks for anything else, or for rows that are not there."""
    found = _GOAL.fullmatch(" ".join(text.split()))
    if found is None:
        return None
    subject, need = found["subject"], None
    count = _COUNT.fullmatch(subject)
    if count is not None and (number := _number(count["count"])) is not None:
        subject, need = count["rest"], number
    topics = _named(subject, roadmap)
    if not topics or need == 0:
        return None
    return Goal(tuple(topic.id for topic in topics), need or len(topics), Level.parse(f"L{found['level']}"))


def _number(word: str) -> int | None:
    return int(word) if word.isdigit() else _NUMBERS.get(word.casefold())


def _named(subject: str, roadmap: Roadmap) -> Sequence[Topic]:
    """Find the rows that a subject names: a track, modules, or the few rows that have all of its words."""
    track = _TRACK.search(subject)
    if track is not None:
        numbered = [t for t in roadmap.tracks if t.number == int(track["number"])]
        subject = subject[: track.start()] + subject[track.end() :]
        if not _words(subject) or not numbered:
            return numbered[0].topics if numbered else ()
        roadmap = Roadmap(tracks=tuple(numbered))
    exact = roadmap.topic(slugify(subject))
    if exact is not None:
        return [exact]
    words = _words(subject)
    if not words:
        return roadmap.topics
    modules = [module for track in roadmap.tracks for module in track.modules if words <= _words(module.title)]
    if modules:
        return [topic for module in modules for topic in module.topics]
    tracks = [track for track in roadmap.tracks if words <= _words(f"{track.title} {track.id}")]
    if tracks:
        return [topic for track in tracks for topic in track.topics]
    return _covering(words, roadmap)


def _words(text: str) -> frozenset[str]:
    return frozenset(slugify(text).split("-")) - _FILLERS - {""}


def _covering(words: frozenset[str], roadmap: Roadmap) -> Sequence[Topic]:
    """Choose the fewest rows that have all of the words between them, in their own text or their module's name.

    “DeepSpeed ZeRO memory math” is the row on ZeRO and the one on memory math; a word that no row has means none.
    """
    own = {topic: words & _words(topic.text) for topic in roadmap.topics}
    has = {topic: own[topic] | (words & _words(topic.module)) for topic in roadmap.topics if own[topic]}
    left, chosen = words, list[Topic]()
    while left and len(chosen) < MAX_NAMED:
        most = max((len(found & left) for found in has.values()), default=0)
        best = [topic for topic, found in has.items() if most and len(found & left) == most]
        if len(best) > 1:  # of rows that fit alike, the one that is named whole; else a person has to say
            best = [topic for topic in best if _words(short_title(topic.text)) <= words]
        if len(best) != 1:
            return ()
        chosen += best
        left -= has[best[0]]
    return () if left else [topic for topic in roadmap.topics if topic in chosen]


State = Literal["done", "ready", "open", "unbound", "by hand", "slipped"]


@dataclass(frozen=True, slots=True)
class BulletState:
    """Where a bullet stands; `number` names it on the command line (`2.1`), `evidence` is what its tick rests on.

    `done`: ticked by a decision. `ready`: the levels say so, the box is open. `unbound`: only a person can tell.
    `by hand`: ticked without a decision. `slipped`: ticked by a decision, and the levels do not say so any more.
    """

    number: str
    milestone: str
    bullet: MilestoneBullet
    goal: Goal | None
    reached: int
    state: State
    evidence: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """Say in one clause what the state rests on or waits for."""
        progress = f"{min(self.reached, self.goal.need)}/{self.goal.need}: {self.goal.reading}" if self.goal else ""
        return {
            "done": progress or ", ".join(self.evidence),
            "ready": f"{progress}; `study review` asks for the tick",
            "open": progress,
            "unbound": f"yours to show: `study milestone tick {self.number} --evidence PATH`",
            "by hand": f"ticked without a decision: `study milestone tick {self.number}"
            f"{'' if self.goal else ' --evidence PATH'}`",
            "slipped": f"{progress} now; `study milestone untick {self.number} --reason WHY`",
        }[self.state]

    def change(self, *, ticked: bool) -> LineChange:
        """Draft the change of the box."""
        after = (TICKED if ticked else OPEN) + self.bullet.text
        return LineChange(part="milestone", heading=self.milestone, before=self.bullet.whole, after=after)


def bullet_states(
    roadmap: Roadmap, levels: Mapping[str, Level], decisions: Mapping[tuple[str, str], LedgerEntry]
) -> list[BulletState]:
    """Judge every bullet, by the levels that the ledger vouches for and the decisions on boxes (`ledger.boxes`)."""
    return [
        _state(f"{place}.{number}", milestone, bullet, roadmap, levels, decisions)
        for place, milestone in enumerate(roadmap.milestones, 1)
        for number, bullet in enumerate(milestone.bullets, 1)
    ]


def _state(
    number: str,
    milestone: Milestone,
    bullet: MilestoneBullet,
    roadmap: Roadmap,
    levels: Mapping[str, Level],
    decisions: Mapping[tuple[str, str], LedgerEntry],
) -> BulletState:
    goal = read_goal(bullet.text, roadmap)
    entry = decisions.get((milestone.title, bullet.text))
    decided = entry is not None and isinstance(entry.change, LineChange) and entry.change.after.startswith(TICKED)
    met = goal is not None and goal.met(levels)
    state: State
    if bullet.checked:
        state = "by hand" if not decided else "slipped" if goal is not None and not met else "done"
    else:
        state = "unbound" if goal is None else "ready" if met else "open"
    evidence = tuple(item.path for item in entry.change.evidence) if entry is not None and decided else ()
    return BulletState(number, milestone.title, bullet, goal, goal.reached(levels) if goal else 0, state, evidence)
