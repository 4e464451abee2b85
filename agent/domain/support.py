"""Whether recorded facts say what a sentence says. What they do not say is dropped, whoever wrote it.

A sentence is kept only if its numbers, names, levels and outcomes are those of the facts that it cites, and nearly all
of its other words are theirs too. It errs on the side of dropping: the facts themselves stand in the session anyway.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.domain.condense import Fact, succeeded
from agent.domain.event import Event, text_of
from agent.domain.text import STOP_WORDS, fold, stem, words

MIN_WORDS, MAX_WORDS = 4, 80
MAX_RANGE = 30  # facts that `[2-9]` can name at once
# Words of its own that a sentence may have, one in so many: of three words, one is a third of what is said.
OWN_WORD_IN = 5
_NUMBERS = r"\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]"
_CITED = rf"(?P<cited>{_NUMBERS}(?:\s*[,;]?\s*{_NUMBERS}){{0,9}})"
_LINE = re.compile(rf"^[\s\-*•]*{_CITED}\s*[:\-–.]?\s*(?P<text>.+)$")
_TAIL = re.compile(rf"^[\s\-*•\d.]*(?P<text>.+?)\s*{_CITED}\s*\.?$")
_RUN_ON = re.compile(r"\n|(?<=[.!?])\s+(?=\[\d{1,3}\]\s+\w)")
_LINES = re.compile(r"\b(?P<verb>add|remov|delet)\w* (?P<number>\d+)")
_ID = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b")
_PAIR = re.compile(r"(\d+) of (\d+)")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_LEVEL = re.compile(r"\b[Ll]\s?(\d)\b|\blevels?\s+(\d)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"`]([^”\"`]+)[”\"`]")
# Who answers a question from the notes is the notes: an `I` before the verb, and none of these right before it.
_ANSWERERS = frozenset("notes note assistant it they which that who was were is are been being got".split())
_AUXILIARY = frozenset("did didn t not have has had could couldn then also fully".split())
_SENTENCE_END = re.compile(r"[.!?;:](?=\s|$)")
# A cause is a claim of its own: that two things happened, one after the other, does not make it.
_CAUSE = re.compile(
    r"\b(?:because|therefore|thus|hence|caus(?:e|es|ed|ing)|due to|owing to|thanks to|so that|as a result"
    r"|result(?:ed|ing|s)? (?:in|from)|(?:led|leads|leading) to|which (?:made|means|meant))\b"
)
# What a name looks like: parts joined by - _ / ., letters with digits, capitals inside or throughout.
_NAME = re.compile(r"(?<![\w/.-])(?:[^\W\d_][\w]*(?:[-_/.]\w+)+|[^\W\d_]+\d\w*|[A-Za-z]+[A-Z]\w*)(?![\w])")
_NEGATIONS = frozenset("no not never none neither nor without cannot isn doesn don didn wasn nothing".split())
_COUNTS = {
    w: str(n) for n, w in enumerate("two three four five six seven eight nine ten eleven twelve twenty".split(), 2)
} | {"twenty": "20", "both": "2", "twice": "2"}
_ALL = frozenset("all every everything always entire fully whole completely entirely".split())
# Words that any account of a day uses and that claim nothing.
NEUTRAL = frozenset(
    stem(w)
    for w in """today day session work worked study studied studying learn topic time spend spent start started begin
    began continue continued focus focused look looked related regarding including included include several first later
    last next finally additionally follow followed take took taken total based question asked quiz note noted line made
    did record recorded jot jotted log logged wrote written write there lab run ran change changed edit file commit
    committed decision decided result about my notes number add added adding remove removed removing delete deleted
    deleting repository hash status""".split()
)
# How the tool writes a unit, and how people say it.
_UNITS = {"second": "s", "seconds": "s", "minute": "min", "minutes": "min", "milliseconds": "ms", "hours": "h"}
# Outcomes are claims: each needs an event of the tool that says so; the learner's own lines do not count.
_OUTCOMES = {
    "passed": "pass passed passing succeed succeeded successful successfully success",
    "failed": "fail failed failing failure crashed crash",
    "approved": "approve approved approval promote promoted promotion accepted upgraded upgrade raised verified",
    "rejected": "reject rejected rejection declined denied",
    "edited": "edited amended",
    "answered": "answered answer answers",
    "explained": "explain explained explains",
    "mastered": "mastered master mastery understood understand understanding",
    "improved": "improve improved improvement achieve achieved achieving better best faster optimised optimized fixed "
    "solved resolved proved",
    "completed": "complete completed finish finished done ready",
}
_OUTCOME = {stem(word): name for name, line in _OUTCOMES.items() for word in line.split()}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that a model wrote, with the numbers of the facts that it cites."""

    text: str
    cited: tuple[int, ...]


def parse(reply: str) -> Iterator[Said]:
    """Read lines of the form `[1, 3] sentence` (or with the numbers at the end); other lines say nothing."""
    for line in _RUN_ON.split(reply):
        found = _LINE.match(line.strip()) or _TAIL.match(line.strip())
        if found:
            yield Said(" ".join(found["text"].split()), tuple(_cited(found["cited"])))


def _cited(text: str) -> Iterator[int]:
    for part in re.split(r"[,;\]]", text):
        ends = [int(number) for number in re.findall(r"\d+", part)]
        yield from range(ends[0], min(ends[-1], ends[0] + MAX_RANGE) + 1) if len(ends) > 1 else ends


def fault(said: Said, facts: Sequence[Fact], day: str = "") -> str:
    """Say in a clause why the cited facts do not support a sentence; "" where they do. `day` may be named freely."""
    known = {fact.number: fact for fact in facts}
    if not said.cited:
        return "it cites nothing"
    missing = [number for number in said.cited if number not in known]
    if missing:
        return f"it cites [{missing[0]}], which does not exist"
    cited = [known[number] for number in dict.fromkeys(said.cited)]
    told = words(said.text)
    if not MIN_WORDS <= len(told) <= MAX_WORDS:
        return f"it has {len(told)} words"
    source = _source(cited)
    own = words(_QUOTED.sub(" ", said.text))  # what is quoted has only to be quoted rightly
    checks = (
        _number_fault(said.text, own, cited, source, day),
        _lines_fault(own, cited),
        _name_fault(said.text, source),
        _outcome_fault(own, cited),
        _answer_fault(said.text, cited),
        _cause_fault(own, source),
        _polarity_fault(own, told, cited),
        _foreign_fault(own, source),
        _idle_citation(told, cited),
    )
    return next((found for found in checks if found), "")


def _source(facts: Sequence[Fact]) -> str:
    """Everything that the facts and their events say, as one folded text."""
    parts = []
    for fact in facts:
        parts += [fact.text, fact.topic]
        for event in fact.events:
            parts += [event.text, event.topic, *event.refs, *(str(value) for value in event.data.values())]
    return fold(" \n".join(parts))


def _number_fault(text: str, told: Sequence[str], facts: Sequence[Fact], source: str, day: str) -> str:
    figures = fold(" \n".join(_figures(facts)))
    allowed = set(_NUMBER.findall(figures)) | set(_NUMBER.findall(day))
    allowed |= {_COUNTS[word] for word in words(figures) if word in _COUNTS}
    events = [event for fact in facts for event in fact.events]
    kinds = [event.kind for event in events]
    allowed |= {str(len(facts)), str(len(events)), *(str(kinds.count(kind)) for kind in set(kinds))}
    # The digits of a name or id that is there as a whole are no numbers.
    for name in {*_NAME.findall(text), *_ID.findall(text), day} - {""}:
        if fold(name) in source or name == day:
            text = text.replace(name, " ")
    given = [*_NUMBER.findall(fold(text)), *(_COUNTS[word] for word in told if word in _COUNTS)]
    values = {_value(number) for number in allowed}
    wrong = next((number for number in given if _value(number) not in values), None)
    if wrong is not None:
        return f"the number {wrong} is in no cited fact"
    pair = next((pair for pair in _PAIR.findall(fold(text)) if pair not in _PAIR.findall(figures)), None)
    if pair is not None:
        return f"{pair[0]} of {pair[1]} is in no cited fact"
    if _ALL & set(told) and not _ALL & set(words(figures)) and not _complete(figures):
        return "it says all where no cited fact does"
    return ""


def _lines_fault(told: Sequence[str], facts: Sequence[Fact]) -> str:
    """Lines added are not lines removed."""
    for found in _LINES.finditer(" ".join(told)):
        key = "added" if found["verb"] == "add" else "deleted"
        events = [event for fact in facts for event in fact.events if event.kind == "change"]
        counts = [number for event in events if isinstance(number := event.data.get(key), int)]
        if int(found["number"]) not in {*counts, sum(counts), len({ref for e in events for ref in e.refs})}:
            return f"no cited fact says {found[0]!r}"
    return ""


def _value(number: str) -> str:
    """Give a number as its value is written shortest: 600.0 is 600, and 1,200 is 1200; a time stays as it is."""
    plain = number.replace(",", "") if _THOUSANDS.fullmatch(number) else number
    whole, _, rest = plain.partition(".")
    if not whole.isdecimal() or (rest and not rest.isdecimal()):
        return number
    rest = rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def _figures(facts: Sequence[Fact]) -> Iterator[str]:
    """What numbers may come from: the sentences and figures of the facts, not the digits of ids, times and paths."""
    for fact in facts:
        yield fact.text
        for event in fact.events:
            yield event.text
            yield from (str(value) for value in event.data.values() if isinstance(value, int | float))


def _complete(source: str) -> bool:
    return any(done == of for done, of in re.findall(r"(\d+) of (\d+)", source))


def _name_fault(text: str, source: str) -> str:
    for quoted in _QUOTED.findall(text):
        if " ".join(fold(quoted).split()).strip(" .,…") not in " ".join(source.split()):
            return f"the words {quoted[:60]!r} are in no cited fact"
    for name in [*_NAME.findall(text), *_ID.findall(text)]:
        # Hyphenated words of plain English are judged as words.
        plain = "-" in name and name.islower() and not any(c.isdigit() for c in name)
        if not plain and fold(name) not in source:
            return f"the name {name[:60]!r} is in no cited fact"
    return ""


def _outcome_fault(told: Sequence[str], facts: Sequence[Fact]) -> str:
    events = [event for fact in facts for event in fact.events]
    have = {outcome for event in events for outcome in outcomes(event)}
    tool = set(words(" ".join(e.text for e in events if e.kind not in ("note", "ask"))))
    for place, word in enumerate(told):
        outcome = _OUTCOME.get(stem(word))
        if outcome is None or (outcome in ("improved", "completed") and word in tool):
            continue
        denied = bool(_NEGATIONS & set(told[max(0, place - 3) : place]))
        if denied == (outcome in have):
            return f"{word!r} is {'an' if denied else 'the'} outcome of {'a' if denied else 'no'} cited fact"
    levels = {str(event.data.get(key)) for event in events if event.kind == "decision" for key in ("from", "to")}
    for match in _LEVEL.finditer(" ".join(told)):
        if f"L{match[1] or match[2]}" not in levels:
            return f"the level in {match[0]!r} is in no cited decision"
    return ""


def _answer_fault(text: str, facts: Sequence[Fact]) -> str:
    kinds = {event.kind for fact in facts for event in fact.events}
    for sentence in _SENTENCE_END.split(_QUOTED.sub(" ", text)):
        told = words(sentence)
        about_notes = kinds == {"ask"} or ("ask" in kinds and "notes" in told)
        verbs = [place for place, word in enumerate(told) if word in ("answer", "answered", "answering")]
        if about_notes and any(_subject_is_i(told[:place]) for place in verbs):
            return "the notes answered, not the learner"
    return ""


def _subject_is_i(before: Sequence[str]) -> bool:
    near = [word for word in before if word not in _AUXILIARY][-2:]
    return "i" in before and not _ANSWERERS & set(near)


def _cause_fault(told: Sequence[str], source: str) -> str:
    cause = _CAUSE.search(" ".join(told))
    return f"{cause[0]!r} claims a cause, and no cited fact does" if cause and not _CAUSE.search(source) else ""


def outcomes(event: Event) -> set[str]:
    """Give what an event of the tool says came of it, in the words of `_OUTCOMES`."""
    if event.kind == "decision":
        return {text_of(event.data, "decision")}
    if event.kind == "ask":
        return {"answered"} if text_of(event.data, "outcome") == "answered" else set()
    if event.kind == "lab-run":
        return {"passed", "completed"} if succeeded(event) else {"failed"}
    if event.kind == "quiz":
        state = text_of(event.data, "state")
        found = {"passed": {"passed", "completed", "mastered"}, "not_passed": {"failed", "completed"}}.get(
            state, set()
        ) | {"answered"}
        return found | ({"explained"} if event.data.get("core_explained") else set())
    return set()


def _polarity_fault(own: Sequence[str], told: Sequence[str], facts: Sequence[Fact]) -> str:
    negative = bool(_NEGATIONS & set(own))
    given = [bool(_NEGATIONS & set(words(fact.text))) for fact in facts]
    if negative and not any(given):
        return "it denies something, and no cited fact does"
    asked = all(event.kind in ("note", "ask") for fact in facts for event in fact.events)
    return "the cited facts deny what it says" if asked and all(given) and not _NEGATIONS & set(told) else ""


def _foreign_fault(told: Sequence[str], source: str) -> str:
    have = {stem(word) for word in words(source)}
    have |= {stem(part) for word in source.split() for part in words(re.sub(r"[-_/.^]", " ", word))}
    units = {word for word, unit in _UNITS.items() if unit in have}
    content = [
        word
        for word in dict.fromkeys(told)
        if word not in STOP_WORDS | _ALL | _NEGATIONS | units
        and word not in _COUNTS
        and not word[0].isdigit()
        and stem(word) not in _OUTCOME
        and stem(word) not in NEUTRAL - have
    ]
    foreign = [word for word in content if stem(word) not in have]
    if len(foreign) > 1:
        return f"{foreign[0]!r} and other words are in no cited fact"
    return f"{foreign[0]!r} is in no cited fact" if len(foreign) * OWN_WORD_IN > len(content) else ""


def _idle_citation(told: Sequence[str], facts: Sequence[Fact]) -> str:
    """A citation has to carry something: a sentence about one fact must not be decorated with others."""
    said = {stem(word) for word in told if word not in STOP_WORDS and not _NUMBER.fullmatch(word)}
    for fact in facts:
        own = {stem(word) for word in words(re.sub(r"[-_/.^]", " ", f"{fact.text} {fact.topic}"))}
        own |= {stem(word) for word in words(f"{fact.text} {fact.topic}")}
        if not said & (own - NEUTRAL):
            return f"it says nothing of [{fact.number}], which it cites"
    return ""
