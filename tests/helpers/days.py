"""Days for tests: a handful of events of every kind, and ways to make more."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from agent.domain.day import Day
from agent.domain.event import Event, EventKind

DATE = date(2026, 3, 17)
MORNING = datetime(2026, 3, 17, 8, 0, tzinfo=UTC)
KV, PAGED = "kv-cache-scaling", "paged-attention"


def event(minute: int, kind: EventKind, text: str, topic: str = "", **values: Any) -> Event:
    """An event so many minutes into the morning, `e<minute>`; further keywords are its data, `refs` its paths."""
    refs = tuple(values.pop("refs", ()))
    id = str(values.pop("id", f"e{minute}"))
    at = MORNING + timedelta(minutes=minute)
    return Event(id=id, at=at, kind=kind, topic=topic, text=text, data=values, refs=refs)


def noted(minute: int, text: str, topic: str = "") -> Event:
    return event(minute, "note", text, topic)


def quizzed(minute: int, state: str, topic: str = KV, *, attempt: str = "a1", answers: int = 7, core: int = 4) -> Event:
    said = {"passed": "passed", "not_passed": "not passed yet", "paused": f"paused after {answers} answers"}[state]
    if state == "paused":
        return event(minute, "quiz", f"Quiz on {topic}: {said}.", topic, state=state, attempt=attempt, answers=answers)
    text = f"Quiz on {topic}: {said}, {answers} answers, {core} of 4 core claims explained."
    numbers = {"answers": answers, "core_explained": core, "core": 4}
    return event(minute, "quiz", text, topic, state=state, attempt=attempt, **numbers)


def asked(minute: int, question: str, topic: str = "", *, outcome: str = "answered") -> Event:
    said = "answered from the notes" if outcome == "answered" else "the notes do not say"
    return event(minute, "ask", f"Asked “{question}”: {said}.", topic, outcome=outcome, citations=1)


def ran(minute: int, code: int = 0, lab: str = "serving-bench", topic: str = "continuous-batching") -> Event:
    text = f"Run of {lab}: exit code {code} after 41.2 s."
    return event(minute, "lab-run", text, topic, lab=lab, exit_code=code, duration_s=41.2)


def changed(minute: int, *refs: str, commit: str = "3fa1c2d", added: int = 40, deleted: int = 3) -> Event:
    where = f"Commit {commit} “Explain paging”" if commit else f"Not committed: {', '.join(refs)}"
    text = f"{where}: +{added} −{deleted} lines."
    return event(minute, "change", text, refs=refs, commit=commit, added=added, deleted=deleted)


def approved(minute: int, topic: str = KV, to: str = "L1") -> Event:
    data = {"decision": "approved", "proposal": "p1", "from": "L0", "to": to}
    return event(minute, "decision", f"Approved: {topic} from L0 to {to}.", topic, **data)


def usual() -> tuple[Event, ...]:
    """A day with something of everything."""
    return (
        noted(5, "read the GQA paper, sections 1 to 3", "grouped-query-attention"),
        quizzed(20, "paused", answers=3),
        quizzed(50, "passed", answers=9),
        quizzed(80, "not_passed", PAGED, attempt="a2", answers=11, core=2),
        asked(90, "why is decoding memory-bound?", KV),
        asked(95, "what is speculative decoding?", outcome="abstained"),
        ran(120),
        ran(130, 1),
        changed(150, "tracks/02-infra/paged-attention.md", "lab/serving-bench/README.md"),
        approved(200),
    )


def day(*events: Event, **values: Any) -> Day:
    """A day of these events, the usual ones without any; the learner lives in UTC."""
    return Day(DATE, events or usual(), zone=UTC, **values)
