"""Condensing a day to a few numbered facts that a small model, or a person, reads in a minute. Code alone decides."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.domain.day import superseded
from agent.domain.event import Event, EventKind, counted, text_of
from agent.domain.text import one_line

MAX_FACTS = 24
MAX_STORIES = 8
FACTS_TOLD = 3  # facts that one sentence can tell
MAX_QUOTED = 80
NAMED = 2  # questions, lines or files that a fact about many of them names
_KINDS: tuple[EventKind, ...] = ("change", "ask", "note", "lab-run", "quiz", "decision")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing of the day, or many of one kind. `events` holds everything that it stands for, in order."""

    number: int
    kind: EventKind
    topic: str
    text: str
    events: tuple[Event, ...]


def condense(events: Sequence[Event], limit: int = MAX_FACTS) -> tuple[Fact, ...]:
    """Give the facts in the order of their first events: one an event where `limit` allows, else many in one.

    What is many and alike is put together first: changes, then questions; by topic, then a kind as a whole.
    """
    levels: dict[EventKind, int] = dict.fromkeys(_KINDS, 0)
    steps = [(kind, level) for level in (1, 2) for kind in _KINDS]
    groups = _groups(events, levels)
    for kind, level in steps:
        if len(groups) <= limit:
            break
        levels[kind] = level
        groups = _groups(events, levels)
    return tuple(Fact(number, *group) for number, group in enumerate(groups, 1))


def _groups(
    events: Sequence[Event], levels: dict[EventKind, int]
) -> list[tuple[EventKind, str, str, tuple[Event, ...]]]:
    old = superseded(events)
    members: dict[tuple[EventKind, str], list[Event]] = {}
    place: dict[str, tuple[EventKind, str]] = {}
    for event in events:
        if event.id not in old:
            key = (event.kind, _key(event, levels[event.kind]))
            place[event.id] = key
            members.setdefault(key, []).append(event)
    for id, newer in old.items():
        while newer in old:
            newer = old[newer]
        members[place[newer]].append(next(event for event in events if event.id == id))
    found = []
    for (kind, _), group in members.items():
        current = [event for event in group if event.id not in old]
        topics = {event.topic for event in current}
        topic = topics.pop() if len(topics) == 1 else ""
        text = sentence(current[0]) if len(current) == 1 else _MANY[kind](current, topic)
        found.append((kind, topic, text, tuple(sorted(group, key=lambda event: (event.at, event.id)))))
    return sorted(found, key=lambda item: (item[3][0].at, item[3][0].id))


def _key(event: Event, level: int) -> str:
    if level == 0:
        return event.id
    return subject(event) if level == 1 else ""


def subject(event: Event) -> str:
    """Name what an event is about: its lab, its topic, or the folder of what changed."""
    folder = "/".join(event.refs[0].split("/")[:2]) if event.kind == "change" and event.refs else ""
    return text_of(event.data, "lab") or event.topic or folder


def sentence(event: Event) -> str:
    """Tell an event in its own sentence; a jotted line is quoted, since the words are the learner's."""
    return f"Noted: {_quoted(event.text, 400)}" if event.kind == "note" else event.text


def _quoted(text: str, limit: int = MAX_QUOTED) -> str:
    return f"“{one_line(text, limit).replace('“', '‘').replace('”', '’')}”"


def _some(texts: Iterable[str]) -> str:
    different = list(dict.fromkeys(texts))
    return ", ".join(different[:NAMED]) + (", …" if len(different) > NAMED else "")


def _about(topic: str) -> str:
    return f" on {topic}" if topic else ""


def _changes(events: Sequence[Event], topic: str) -> str:
    files = list(dict.fromkeys(ref for event in events for ref in event.refs))
    added, deleted = (sum(_number(event, key) for event in events) for key in ("added", "deleted"))
    what = f"{counted(len(events), 'change')}{_about(topic)} in {counted(len(files), 'file')}"
    return f"{what}, +{added} −{deleted} lines: {_some(files)}."


def _asks(events: Sequence[Event], topic: str) -> str:
    answered = sum(text_of(event.data, "outcome") == "answered" for event in events)
    questions = _some(_quoted(question_of(event)) for event in events)
    return f"{counted(len(events), 'question')}{_about(topic)}, {answered} answered from the notes: {questions}."


def question_of(event: Event) -> str:
    """Give the question of an `ask` event: what stands in its quotation marks, else its sentence."""
    start, end = event.text.find("“"), event.text.rfind("”")
    return event.text[start + 1 : end] if 0 <= start < end else event.text


def _notes(events: Sequence[Event], topic: str) -> str:
    return f"{counted(len(events), 'line')} noted{_about(topic)}: {_some(_quoted(e.text) for e in events)}."


def _runs(events: Sequence[Event], topic: str) -> str:
    good = sum(succeeded(event) for event in events)
    labs = {subject(event) for event in events}
    of = f" of {labs.pop()}" if len(labs) == 1 else ""
    runs = counted(len(events), "lab run")
    return f"{runs}{of}, {good} exited 0; the last one: {one_line(events[-1].text, 200)}"


def succeeded(event: Event) -> bool:
    """Whether a lab run ended well, by what its event says of the exit code."""
    code = event.data.get("exit_code")
    return code == 0 and not isinstance(code, bool)


def _quizzes(events: Sequence[Event], topic: str) -> str:
    passed = sum(text_of(event.data, "state") == "passed" for event in events)
    answers = sum(_number(event, "answers") for event in events)
    quizzes = counted(len(events), "quiz", "quizzes")
    return f"{quizzes}{_about(topic)}, {passed} passed, {counted(answers, 'answer')}."


def _decisions(events: Sequence[Event], topic: str) -> str:
    made = [text_of(event.data, "decision") for event in events]
    kinds = ", ".join(f"{made.count(kind)} {kind or 'other'}" for kind in sorted(set(made)))
    return f"{counted(len(events), 'decision')}{_about(topic)}: {kinds}."


def _number(event: Event, key: str) -> int:
    value = event.data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


_MANY: dict[EventKind, Callable[[Sequence[Event], str], str]] = {
    "change": _changes,
    "ask": _asks,
    "note": _notes,
    "lab-run": _runs,
    "quiz": _quizzes,
    "decision": _decisions,
}


def stories(facts: Sequence[Fact], limit: int = MAX_STORIES) -> tuple[Fact, ...]:
    """Join facts on the same topic, lab or folder, a few at a time: what a summary says a sentence about each.

    Beyond `limit`, those of the fewest events are joined in the last one.
    """
    groups: dict[str, list[Fact]] = {}
    for fact in facts:
        about = fact.topic or next((subject(event) for event in fact.events), "")
        groups.setdefault(about or fact.kind, []).append(fact)
    chunks: list[list[Fact]] = []
    for size in (*range(FACTS_TOLD, 2 * FACTS_TOLD), len(facts)):
        chunks = [group[at : at + size] for group in groups.values() for at in range(0, len(group), size)]
        if len(chunks) <= limit:
            break
    if len(chunks) > limit:
        ranked = sorted(chunks, key=lambda chunk: -sum(len(fact.events) for fact in chunk))
        rest = [fact for chunk in ranked[limit - 1 :] for fact in chunk]
        chunks = [chunk for chunk in chunks if chunk in ranked[: limit - 1]] + [rest]
    return tuple(_story(number, chunk) for number, chunk in enumerate(chunks, 1))


def _story(number: int, facts: Sequence[Fact]) -> Fact:
    topics = {fact.topic for fact in facts}
    text = "; ".join(fact.text.rstrip(".") for fact in facts)
    events = sorted((event for fact in facts for event in fact.events), key=lambda event: (event.at, event.id))
    return Fact(number, facts[0].kind, topics.pop() if len(topics) == 1 else "", text, tuple(events))


def for_model(facts: Sequence[Fact], max_chars: int) -> str:
    """Write the facts a line each under their numbers, each cut so that all of them fit."""
    room = max(60, max_chars // max(1, len(facts)) - 6)
    return "\n".join(f"[{fact.number}] {one_line(fact.text, room)}" for fact in facts)
