"""The week's plan: what to do in the time there is, in which order, and why each.

In order: decisions that wait, re-checks that are due, the quarter's focus with what it builds on, what is nearest to
its next level, what a milestone still needs, and then the topics that most others build on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from agent.domain.dashboard import NextGate
from agent.domain.level import Level
from agent.domain.milestone import BulletState
from agent.domain.roadmap import Roadmap, Topic
from agent.domain.slug import short_title
from agent.domain.suggestion import focus_score

Kind = Literal["decide", "re-check", "propose", "quiz", "lab"]
# Guesses to fill a week by, not measurements; a lab's grows with the level that it is for.
MINUTES: Mapping[Kind, int] = {"decide": 2, "re-check": 10, "propose": 5, "quiz": 30}
HALF_DONE_MINUTES = 15
LAB_MINUTES = {Level.L2: 120, Level.L3: 180, Level.L4: 240, Level.L5: 180}
MAX_LATER = 8


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do: how long it may take, why it is here, and the command that begins it."""

    kind: Kind
    topic: str
    text: str
    minutes: int
    reason: str
    command: str


@dataclass(frozen=True, slots=True)
class HalfDone:
    """A quiz not passed yet whose covers still count: so many core claims, until a day."""

    covered: int
    core: int
    until: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What a plan is made from; topics are named by their ids.

    `pending`: one line each on what waits for a decision. `due`: why a topic's re-check is due, the most urgent first.
    `requires` maps a topic to those it builds on, for the topics that have a note.
    """

    roadmap: Roadmap
    focus: str = ""
    pending: Sequence[str] = ()
    due: Mapping[str, str] = field(default_factory=dict)
    half_done: Mapping[str, HalfDone] = field(default_factory=dict)
    gates: Sequence[NextGate] = ()
    bullets: Sequence[BulletState] = ()
    requires: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What fits into the week, and what would come next."""

    items: tuple[Item, ...]
    later: tuple[Item, ...]

    @property
    def minutes(self) -> int:
        """Sum up what is in the week."""
        return sum(item.minutes for item in self.items)


def plan(situation: Situation, hours: float) -> Plan:
    """Fill the hours in order of urgency, every topic once; what is too long for the rest of the week waits."""
    taken: list[Item] = []
    later: list[Item] = []
    seen: set[str] = set()
    left = hours * 60
    for item in _candidates(situation):
        if item.topic and item.topic in seen:
            continue
        seen.add(item.topic)
        if item.minutes <= left:
            taken.append(item)
            left -= item.minutes
        elif len(later) < MAX_LATER:
            later.append(item)
    return Plan(tuple(taken), tuple(later))


def _candidates(now: Situation) -> Iterator[Item]:
    for line in now.pending:
        yield Item("decide", "", line, MINUTES["decide"], "It waits for your decision.", "study review")
    for id, reason in now.due.items():
        if (topic := now.roadmap.topic(id)) is not None:
            yield Item("re-check", id, topic.text, MINUTES["re-check"], reason, f"study due {id} --start")
    steps = _Steps(now)
    shared = {topic.id: focus_score(now.focus, topic) for topic in now.roadmap.topics}
    in_focus = [topic for topic in now.roadmap.topics if shared[topic.id]]
    for topic in sorted(in_focus, key=lambda t: -shared[t.id]):
        yield from steps.towards(topic, f"It belongs to the quarter's focus (“{now.focus}”)")
    for id in sorted(now.half_done, key=lambda id: now.half_done[id].core - now.half_done[id].covered):
        if (topic := now.roadmap.topic(id)) is not None and topic.level < Level.L1:
            yield from steps.towards(topic, "It is begun")
    for gate in sorted(now.gates, key=lambda g: (len(g.missing), -g.level, g.topic.line)):
        yield from steps.towards(gate.topic, f"It is near to {gate.level}")
    for state in now.bullets:
        if state.state == "open" and state.goal is not None:
            needed = (now.roadmap.topic(id) for id in state.goal.topics)
            below = [topic for topic in needed if topic is not None and topic.level < state.goal.level]
            for topic in sorted(below, key=lambda t: -t.level)[: state.goal.need - state.reached]:
                yield from steps.towards(
                    topic, f"It is needed at {state.goal.level} by the milestone bullet {state.number}"
                )
    yield from steps.rest()


class _Steps:
    """The next step of a topic: its own, after those of what it builds on."""

    def __init__(self, now: Situation) -> None:
        self._now = now
        self._gates = {gate.topic.id: gate for gate in now.gates}

    def towards(self, topic: Topic, why: str) -> Iterator[Item]:
        """Give the topic's next step, its prerequisites below L1 before it."""
        if topic.level < Level.L1:
            for needed in self._open_prerequisites(topic.id):
                yield from self._quiz(
                    needed, f"“{short_title(topic.text)}” builds on it. {why.replace('It', 'That', 1)}."
                )
            yield from self._quiz(topic, f"{why}.")
        elif (gate := self._gates.get(topic.id)) is not None:
            yield self._gate(gate, why)

    def rest(self) -> Iterator[Item]:
        """Give the topics below L1 that can be quizzed and build on nothing that is open, the most needed first."""
        needed_by = {
            t.id: sum(t.id in needs for needs in self._now.requires.values()) for t in self._now.roadmap.topics
        }
        ready = [t for t in self._now.roadmap.topics if t.level < Level.L1 and not self._open_prerequisites(t.id)]
        for topic in sorted(ready, key=lambda t: (-needed_by[t.id], t.line)):
            count = needed_by[topic.id]
            others = f"{count} other topic{'s' * (count != 1)} build{'s' * (count == 1)} on it"
            yield from self._quiz(topic, f"{others}." if count else "All that it builds on is at L1.")

    def _open_prerequisites(self, id: str) -> list[Topic]:
        """List what a topic builds on and is below L1, the deepest first; a circle is walked once."""
        found: dict[str, Topic] = {}
        visiting: set[str] = {id}

        def visit(current: str) -> None:
            for needed in self._now.requires.get(current, ()):
                topic = self._now.roadmap.topic(needed)
                if needed in visiting or topic is None or topic.level >= Level.L1:
                    continue
                visiting.add(needed)
                visit(needed)
                found[needed] = topic

        visit(id)
        return [topic for topic in found.values() if topic.id in self._now.requires]

    def _quiz(self, topic: Topic, reason: str) -> Iterator[Item]:
        if topic.id not in self._now.requires:
            return  # without a note there is nothing to quiz from
        half, minutes = self._now.half_done.get(topic.id), MINUTES["quiz"]
        if half is not None:
            minutes = HALF_DONE_MINUTES
            reason += f" {half.covered} of {half.core} core claims are explained and count until {half.until}."
        yield Item("quiz", topic.id, topic.text, minutes, reason, f"study quiz {topic.id}")

    def _gate(self, gate: NextGate, why: str) -> Item:
        id, text = gate.topic.id, gate.topic.text
        if not gate.missing:
            command = f"study promote {id} --to {gate.level}"
            return Item("propose", id, text, MINUTES["propose"], f"The gate of {gate.level} is open.", command)
        lacks = f"{gate.level} lacks {len(gate.missing)} of {gate.total}: {gate.missing[0].rstrip('.')}."
        has_lab = "a lab folder" not in gate.missing[0]
        command = f"study promote {id} --to {gate.level}" if has_lab else f"study lab new {id}"
        return Item("lab", id, text, LAB_MINUTES[gate.level], f"{why}. {lacks}", command)
