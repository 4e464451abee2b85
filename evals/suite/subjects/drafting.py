"""Session drafting: what a model says of a recorded day, checked against the day's own events."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date
from functools import cached_property

from pydantic import BaseModel

from agent.domain.condense import condense
from agent.domain.day import Day
from agent.domain.event import Event
from agent.domain.text import fold
from agent.ports import Chat
from evals.sessions.cases import read_cases
from evals.suite.closure import deciding
from evals.suite.contract import Case, Fixture, Unparsed, Value, Variant
from evals.suite.defects import damaged
from evals.suite.subjects.files import folder, split_of_some
from graphs.session.drafting import MAX_SENTENCES, PROMPT, draft_session

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_FACT = re.compile(r"^\[(\d+)\] (.+)$", re.MULTILINE)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"")
FEWEST = 2
_EXAMPLE = """\
[1] I paused the quiz on rope after 2 answers and asked “what does the base change?”, which the notes do not say.
[2] I did not pass the quiz on sampling yet and explained 2 of 6 core claims in 13 answers.
[3] I noted “page 4 is wrong”."""


class DraftingScorer:
    """`account`: harmonic mean of the two that pull against each other, telling all of the day and nothing else.

    `coverage`: share of the day's events that a kept sentence cites. `supported`: share of the model's sentences that
    the cited facts bear out. `numbers`: share of its numbers that the day's record holds. `length`: two to eight
    sentences.
    """

    version = "2"
    metrics = ("account", "coverage", "supported", "numbers", "length")
    targets: Mapping[str, float] = {"coverage": 0.85, "supported": 0.98, "numbers": 1.0}

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """See `evals.suite.contract.Scorer`."""
        kept, dropped = value["kept"], value["dropped"]
        told = {event for sentence in kept for event in sentence["events"]}
        events = {row["id"] for row in case.input["events"]}
        coverage = len(told & events) / len(events)
        supported = len(kept) / (len(kept) + len(dropped)) if kept or dropped else 0.0
        both = coverage + supported
        text = fold(" ".join(sentence["text"] for sentence in [*kept, *dropped]))
        said = _numbers(text)
        known = _known_numbers(case)
        return {
            "account": 2 * coverage * supported / both if both else 0.0,
            "coverage": coverage,
            "supported": supported,
            "numbers": sum(number in known for number in said) / len(said) if said else None,
            "length": float(FEWEST <= len(kept) + len(dropped) <= MAX_SENTENCES),
        }

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """A whole account, and one bad one a metric."""
        rows = [
            {"id": "a", "at": "2026-11-02T09:00:00Z", "kind": "note", "text": "read 3 papers"},
            {"id": "b", "at": "2026-11-02T10:00:00Z", "kind": "lab-run", "text": "Run of x: exit code 0 after 4 s."},
        ]
        case = Case("f", "f", "dev", {"date": "2026-11-02", "events": rows})
        first, last = {"text": "I read 3 papers.", "events": ["a"]}, {"text": "The run took 4 s.", "events": ["b"]}
        good = {"kept": [first, last], "dropped": []}
        bad: dict[str, Value] = {
            "account": {"kept": [first], "dropped": [{"text": "I mastered it.", "reason": "no"}]},
            "coverage": {"kept": [first], "dropped": []},
            "supported": {"kept": [first, last], "dropped": [{"text": "I mastered it.", "reason": "no"}]},
            "numbers": {"kept": [first], "dropped": [{"text": "It took 9 s.", "reason": "no"}]},
            "length": {"kept": [first], "dropped": []},
        }
        return [Fixture(m, True, case, good) for m in bad] + [Fixture(m, False, case, v) for m, v in bad.items()]


class StandsOnEvents:
    """A statement of the session that no event of the day stands behind."""

    name = "every statement rests on events of the day"

    def broken(self, case: Case, value: Value) -> str:
        """See `evals.suite.contract.Invariant`."""
        events = {row["id"] for row in case.input["events"]}
        loose = [s["text"] for s in value["kept"] if not s["events"] or not set(s["events"]) <= events]
        wrong = [s["text"] for s in value["kept"] if not set(_numbers(fold(s["text"]))) <= _known_numbers(case)]
        if loose:
            return f"The draft of {case.id} says {loose[0]!r}, which rests on no event."
        return f"The draft of {case.id} says {wrong[0]!r} with a number that the day lacks." if wrong else ""


class SaysNothingForbidden:
    """What a person who read the day's events marked as never to be said: orders obeyed, outcomes made up."""

    name = "no statement says what the day forbids"

    def broken(self, case: Case, value: Value) -> str:
        """See `evals.suite.contract.Invariant`."""
        for sentence in value["kept"]:
            for pattern in case.expected.get("never", ()):
                if re.search(pattern, _QUOTED.sub("“…”", sentence["text"])):
                    return f"The draft of {case.id} says {sentence['text']!r}, which its day forbids."
        return ""


class Drafting:
    """The model's part of `study summarize`, over recorded days."""

    name = "drafting"
    title = "Session drafts"
    templates = (PROMPT,)
    schema: type[BaseModel] | None = None
    code = deciding(__name__)
    uses_chat = True
    scorer = DraftingScorer()
    invariants = (StandsOnEvents(), SaysNothingForbidden())

    @property
    def defects(self) -> Sequence[Variant]:
        """No fact numbers any more; exactness given up."""
        return (
            damaged("no-fact-numbers", PROMPT, _EXAMPLE, re.sub(r"^\[\d\] ", "", _EXAMPLE, flags=re.MULTILINE)),
            damaged(
                "embroider", PROMPT, "Copy numbers, names, quotations and outcomes exactly. Add no praise, no advice, "
                "no reasons.",
                "Make it lively: add praise, advice, reasons and what probably happened besides, with round numbers.",
            ),
        )  # fmt: skip

    @cached_property
    def _days(self) -> dict[str, Day]:
        own = {id: _day(row) for id, row in folder("sessions")}
        return own | {case.name: case.day() for case in read_cases()}

    def cases(self) -> list[Case]:
        """Of `evals/cases/sessions/`, a day a file, each its own source."""
        never = {case.name: list(case.never) for case in read_cases()}
        return [
            Case(
                id, id, split_of_some(place), {"date": day.date.isoformat(), "events": _plain(day)},
                {"never": never.get(id, [])},
                slices={"length": "long" if len(day.events) > 8 else "short"}, marker=f"Day: {day.date.isoformat()}",
            )
            for place, (id, day) in enumerate(self._days.items())
        ]  # fmt: skip

    def versions(self) -> Mapping[str, str]:
        """Nothing else."""
        return {}

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """Draft the session as `study summarize` does and keep the model's part."""
        draft = draft_session(chat, self._days[case.id])
        kept = [{"text": s.text, "events": list(s.events)} for s in draft.statements if s.by == "model"]
        dropped = [{"text": d.text, "reason": d.reason} for d in draft.dropped]
        if not kept and not dropped:
            raise Unparsed("The reply has no line of the form [number] sentence.")
        return {"kept": kept, "dropped": dropped}

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """Each fact in its own words; a boast without a source."""
        facts = [(int(number), text) for number, text in _FACT.findall(user)]
        share = -(-len(facts) // MAX_SENTENCES)
        groups = [facts[at : at + share] for at in range(0, len(facts), share)]
        lines = []
        for group in groups:
            numbers, texts = [str(number) for number, _ in group], [text.rstrip(".") for _, text in group]
            lines.append(f"[{', '.join(numbers)}] I worked on this: {'; '.join(texts)}.")
        return "\n".join(lines), "[1] I mastered everything brilliantly in 99 flawless attempts, as always."


def _day(row: Mapping[str, object]) -> Day:
    events = tuple(Event.model_validate(event) for event in row["events"])  # type: ignore[attr-defined]
    return Day(date.fromisoformat(str(row["date"])), events, zone=UTC)


def _plain(day: Day) -> list[dict[str, object]]:
    return [event.model_dump(mode="json") for event in day.events]


def _known_numbers(case: Case) -> set[str]:
    """The numbers of the day's record, of its facts, and counts of its events."""
    day = _day(case.input)
    texts = [fold(str(case.input)), *(fold(fact.text) for fact in condense(day.events))]
    counts = {str(count) for count in range(len(day.events) + 1)}
    return {number for text in texts for number in _numbers(text)} | counts


def _numbers(text: str) -> list[str]:
    """The numbers of a text; 600.0 is 600."""
    return [re.sub(r"\.0+$", "", number) for number in _NUMBER.findall(text)]
