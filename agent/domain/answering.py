"""Answers that rest on quotes: what a model said is kept only where a passage says it in so many words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.domain.citation import Citation, Span, resolve
from agent.domain.text import content_stems, words

# Best BM25 share plus best cosine among the first passages; chosen on evals/cases/retrieval/golden.jsonl, where it
# turns away 24 of 27 unanswerable questions and none of the 48 that are worded near the note.
EVIDENCE_FLOOR = 0.55
EVIDENCE_PASSAGES = 3
# Share of a sentence's content words that its quote (or the question) must hold.
SUPPORT_SHARE = 0.7
# The same where the model did not quote the statement itself.
REPAIR_SHARE = 0.85
MAX_SENTENCES = 6
_NEGATIONS = frozenset("no not never none neither nor without cannot isn't doesn't don't can't won't nothing".split())
_LINE = re.compile(
    r"""^[\s\-*•]*\[(?P<number>\d{1,2})\]\s*[:\-]?\s*["“'`](?P<quote>.+?)["”'`]\s*(?:=+>|-+>|→)\s*(?P<text>.+)$"""
)
_NOTHING = re.compile(r"^[\s\-*\"'`\[]*none\b", re.IGNORECASE)
_QUESTION_LINE = re.compile(r"^[ \t]*[-*][ \t]+Q:.*$", re.MULTILINE)
_UNIT_END = re.compile(r"(?<=[.!?;])[\"')\]*_]*\s+|\n")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A passage as the model sees it: its number in the prompt, its place, its text in the file now."""

    number: int
    path: str
    start_line: int
    end_line: int
    text: str


@dataclass(frozen=True, slots=True)
class Supported:
    """A sentence and the citation that was found to hold; `span` is where the quote stands in the file."""

    text: str
    citation: Citation


def has_evidence(scores: Sequence[tuple[float, float | None]]) -> bool:
    """Whether passages with these (lexical, cosine) scores, best first, can hold an answer at all."""
    top = scores[:EVIDENCE_PASSAGES]
    lexical = max((words for words, _ in top), default=0.0)
    cosines = [cosine for _, cosine in top if cosine is not None]
    if not cosines:
        return lexical >= EVIDENCE_FLOOR / 2
    return lexical + max(cosines) >= EVIDENCE_FLOOR


def for_model(passages: Sequence[Numbered], max_chars: int) -> str:
    """The passages under their numbers, without the quiz's own questions, cut at a line where the budget ends."""
    parts = []
    left = max_chars
    for passage in passages:
        text = "\n".join(line for line in _QUESTION_LINE.sub("", passage.text).split("\n") if line.strip())
        if len(text) > left:
            text = text[: text.rfind("\n", 0, left) + 1].rstrip()
        if not text:
            break
        parts.append(f"[{passage.number}]\n{text}")
        left -= len(text)
    return "\n\n".join(parts)


def parse(reply: str) -> Iterator[tuple[int, str, str]]:
    """(number, quote, sentence) of each line of the form `[2] "quote" -> sentence`; other lines are dropped."""
    for line in reply.split("\n"):
        found = _LINE.match(line.strip())
        if found and not _NOTHING.match(found["text"]):
            yield int(found["number"]), found["quote"], found["text"].strip()


def supported(number: int, quote: str, sentence: str, passages: Sequence[Numbered], sources: dict[str, str],
              question: str) -> Supported | None:  # fmt: skip
    """The sentence with a citation that holds in the file, or None.

    The quote is looked for in the passage it names, then in the others (small models mix the numbers up). Where
    it stands nowhere, the passage's own statement nearest to the sentence is tried instead.
    """
    named = [p for p in passages if p.number == number]
    for passage in [*named, *(p for p in passages if p.number != number)]:
        source = sources.get(passage.path, "")
        span = resolve(Citation(passage.path, passage.start_line, passage.end_line, quote), source)
        if span and _carries(source[span.start : span.end], sentence, question):
            return Supported(sentence, _citation(passage, span, source))
    for passage in named:
        source = sources.get(passage.path, "")
        for statement in _nearest(sentence, passage.text):
            span = resolve(Citation(passage.path, passage.start_line, passage.end_line, statement), source)
            if span and _carries(source[span.start : span.end], sentence, question, REPAIR_SHARE):
                return Supported(sentence, _citation(passage, span, source))
    return None


def highlights(question: str, passage: Numbered, limit: int = 2) -> list[str]:
    """The statements of a passage that share most words with the question, as they stand there."""
    wanted = content_stems(question)
    scored = [(len(wanted & content_stems(unit)), -order, unit) for order, unit in enumerate(_units(passage.text))]
    best = sorted((item for item in scored if item[0]), reverse=True)[:limit]
    return [unit for _, _, unit in sorted(best, key=lambda item: -item[1])]


def _citation(passage: Numbered, span: Span, source: str) -> Citation:
    return Citation(passage.path, span.start_line, span.end_line, source[span.start : span.end])


def _carries(quote: str, sentence: str, question: str, share: float = SUPPORT_SHARE) -> bool:
    """Whether the quote says the sentence: its numbers, its polarity and most of its content words."""
    if quote.rstrip().endswith("?"):
        return False  # a question states nothing
    said, asked = content_stems(sentence), content_stems(question)
    given = content_stems(quote)
    if not said:
        return False
    numbers = {word for word in said if word[0].isdigit()}
    if not numbers <= given | asked:
        return False
    if _negative(sentence) != _negative(quote):
        return False
    return len(said & (given | asked)) >= share * len(said) and bool((said - asked) & given or said <= given)


def _negative(text: str) -> bool:
    return bool(_NEGATIONS & set(words(text.replace("’", "'"))) | _NEGATIONS & set(text.lower().split()))


def _nearest(sentence: str, text: str) -> list[str]:
    """Statements of the text, those that share most words with the sentence first."""
    wanted = content_stems(sentence)
    return sorted(_units(text), key=lambda unit: -len(wanted & content_stems(unit)))[:2]


def _units(text: str) -> list[str]:
    """Sentences and list items of a passage, without the quiz's own questions, fences and headings."""
    plain = _QUESTION_LINE.sub("", text)
    units = (unit.strip() for unit in _UNIT_END.split(plain))
    return [unit for unit in units if len(unit) > 20 and not unit.startswith(("#", "```", "|"))]
