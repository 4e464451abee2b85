"""From the lines that a model wrote of a day to sentences, each with the facts that bear it out.

A small model tells two facts in one line and gets one of them wrong, or puts down the wrong number. The line is then
taken apart, and each sentence stands or falls by itself: under the facts that it cites, else under another one that
says it all. What no fact supports is dropped as before; nothing here makes a sentence easier to support.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agent.domain.condense import FACTS_TOLD, Fact
from agent.domain.day import superseded
from agent.domain.event import Event
from agent.domain.support import NEUTRAL, Said, fault
from agent.domain.text import STOP_WORDS, stem, words

AT_ONCE = 3
"""Facts that one sentence may tell together: of more, the checks find a word for anything."""
_QUOTE = '(?:“[^”]*”|"[^"]*")'
_ALSO = "(?P<also>also |then )?"
# Told that a question was "answered from the notes", the small model writes that the learner answered it.
_MENDED = (
    (
        re.compile(rf"\bI {_ALSO}answered (?:from the notes (?:on )?)?(?P<q>{_QUOTE})(?: from the notes)?"),
        "which the notes answered",
    ),
    (re.compile(rf"\bI {_ALSO}did not answer (?P<q>{_QUOTE})(?: from the notes)?"), "which the notes did not answer"),
    (
        re.compile(rf"\bI {_ALSO}asked (?P<q>{_QUOTE}),? and (?:I )?answered(?: it)? from the notes"),
        "which the notes answered",
    ),
)
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“\"])|;\s+(?=I\s)")
_QUOTED = re.compile(_QUOTE)
_POINTS_BACK = re.compile(
    r"^(?:it|that|they|both|which|he|she|the (?:latter|former|last))\b|\b(?:this|these|those|the same)\b", re.IGNORECASE
)
_TAIL = re.compile(r",? (?:which|but|because|due to|so that|and then)\b|, (?=\w+ing\b)|, (?=and\b)")


def supported(line: Said, facts: Sequence[Fact], day: str = "") -> Iterator[tuple[Said, str]]:
    """Give the sentences of a line with the facts that support them, or with the clause that says why none does.

    A line that holds as it is stays whole. A sentence that points back ("It took 4 s.") falls with the one before it.
    Where only its last clause is too much ("…, which improved it"), that is dropped by itself.
    """
    whole = replace(line, text=mended(line.text))
    parts = [Said(text, line.cited) for text in split(whole.text)]
    reason = fault(whole, facts, day)
    if not line.cited or (not reason and all(not _borne_out(part, facts, day)[1] for part in parts)):
        yield whole, reason
        return
    held = True
    for part in parts:
        if not held and _POINTS_BACK.search(part.text):
            yield part, "it points to a sentence that was dropped"
            continue
        said, why = _borne_out(part, facts, day)
        if why:
            head = next(_heads(said, facts, day), None)
            if head is not None:
                yield head, ""
                said = replace(said, text=f"…{part.text[len(head.text) - 1 :]}")
        held = not why
        yield said, why


def mended(text: str) -> str:
    """Put right who answered a question that was put to the notes; whether they did is checked afterwards."""
    for pattern, says in _MENDED:
        text = pattern.sub(rf"I \g<also>asked \g<q>, {says}", text)
    return text


def split(text: str) -> Iterator[str]:
    """The sentences of a line; what is quoted stays whole."""
    inside = [found.span() for found in _QUOTED.finditer(text)]
    begin = 0
    for found in _END.finditer(text):
        if not any(start < found.start() < end for start, end in inside):
            yield _closed(text[begin : found.start()])
            begin = found.end()
    yield _closed(text[begin:])


def _heads(said: Said, facts: Sequence[Fact], day: str) -> Iterator[Said]:
    """What is left of a sentence without its last clauses and holds; the longest first."""
    inside = [found.span() for found in _QUOTED.finditer(said.text)]
    for found in reversed(list(_TAIL.finditer(said.text))):
        if not any(start < found.start() < end for start, end in inside):
            head, why = _borne_out(replace(said, text=_closed(said.text[: found.start()])), facts, day)
            if not why:
                yield head


def _closed(sentence: str) -> str:
    sentence = sentence.strip()
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."


def _borne_out(said: Said, facts: Sequence[Fact], day: str) -> tuple[Said, str]:
    """The sentence under the first citation that supports it, or as it is with the reason against it."""
    cited = [fact.number for fact in facts if fact.number in said.cited]
    others = [fact.number for fact in facts if fact.number not in cited]
    # One fact first: what one says must not borrow the outcome of another.
    together = [said.cited] if len(cited) <= AT_ONCE else []
    for choice in (*((number,) for number in cited), *together, *((number,) for number in others)):
        found = replace(said, cited=choice)
        if not fault(found, facts, day):
            return found, ""
    return said, fault(said, facts, day) or f"it tells {len(cited)} facts at once"


def told_of(said: Said, facts: Sequence[Fact]) -> list[Event]:
    """Give the events of the cited facts that a sentence speaks of; all of them where it says what they share."""
    stems = {stem(word) for word in words(said.text) if word not in STOP_WORDS}
    cited = [fact for fact in facts if fact.number in said.cited]
    events = [event for fact in cited for event in fact.events]
    shares = {event.id: _share(stems, event) for event in events}
    best = max(shares.values(), default=0.0)
    near = {event.id for event in events if shares[event.id] >= 0.75 * best}
    # Of many alike that were put together all are meant.
    many = [fact for fact in cited if len(fact.events) > 2 * FACTS_TOLD]
    near |= {event.id for fact in many for event in fact.events if not near.isdisjoint(e.id for e in fact.events)}
    told = [event for event in events if event.id in near]
    older = superseded(events)  # what was left and taken up again is told with what it became
    ids = {event.id for event in told}
    return [event for event in events if event.id in ids or older.get(event.id) in ids]


def _share(stems: set[str], event: Event) -> float:
    """Which share of an event's own words a sentence has."""
    topic = {stem(part) for part in words(event.topic.replace("-", " "))} | {stem(event.topic)}
    own = {stem(word) for word in words(event.text) if word not in STOP_WORDS} - topic - NEUTRAL
    return len(own & stems) / len(own) if own else 0.0
