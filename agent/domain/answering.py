"""Answers that rest on quotes: what a model said is kept only where a statement of the notes carries it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.domain.citation import Citation, resolve
from agent.domain.statement import Statement
from agent.domain.text import content_stems, neutralise, words

# Best BM25 share plus best cosine among the first passages. Of the golden questions it turns away 26 of the 40
# unanswerable ones, none of the 62 worded near the note, and 18 of the 68 worded away (docs/retrieval.md).
EVIDENCE_FLOOR = 0.55
EVIDENCE_PASSAGES = 3
# Share of a sentence's content words that its statement (or the question) must hold.
SUPPORT_SHARE = 0.7
# The same where the model named another statement than the one that carries its sentence.
REPAIR_SHARE = 0.85
MAX_SENTENCES = 6
# Cosine plus this share of the question's words is how near a statement is to the question; what is below the floor
# answers something else. Both from a logistic fit on one half of the golden questions (docs/retrieval.md).
COVERAGE_WEIGHT = 0.32
RELEVANCE_FLOOR = 0.81
_NEGATIONS = frozenset("no not never none neither nor without cannot isn't doesn't don't can't won't nothing".split())
_MARKS = re.compile(r"\s*(?:\[\d{1,2}(?:\s*[,;]\s*\d{1,2})*\][\s,;]*)+")
# A title of the prompt that the model repeats in front of a marker.
_TITLE = re.compile(r"^[^.!?\[\]]{2,120}:\s*(?=\[\d)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
# What stands before is complete: more text follows a marker, or another sentence begins.
_COMPLETE = re.compile(r"\][.!?]?\s+(?=[^\s\[])|(?<=[.!?])\s+(?=[A-Z])|\n")
_NOTHING = re.compile(r"[\s\-*\"'`\[]*none\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Supported:
    """A sentence of the answer and a citation that was found to hold in the file as it is now."""

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


def for_model(given: Sequence[Statement]) -> str:
    """The statements under their numbers (from 1, in this order), below the title of their note."""
    lines: list[str] = []
    title = ""
    for number, statement in enumerate(given, 1):
        note = neutralise(statement.heading.split(" > ", maxsplit=1)[0])
        if note != title:
            lines.append(f"{note}:")
            title = note
        lines.append(f"[{number}] {neutralise(statement.plain)}")
    return "\n".join(lines)


def in_reading_order(chosen: Sequence[Statement]) -> list[Statement]:
    """Statements of one file side by side in the order of its lines, files in the order of their best statement."""
    paths = list(dict.fromkeys(statement.path for statement in chosen))
    return sorted(chosen, key=lambda statement: (paths.index(statement.path), statement.start_line))


def pieces(stream: Iterable[str]) -> Iterator[str]:
    """A reply as it comes, cut behind markers and line ends, so that each sentence can be judged at once."""
    rest = ""
    for piece in stream:
        rest += piece
        while found := _COMPLETE.search(rest):
            yield rest[: found.end()]
            rest = rest[found.end() :]
    yield rest


def parse(reply: str) -> Iterator[tuple[tuple[int, ...], str]]:
    """(numbers, sentence) of each sentence of a piece; no numbers where the model left its markers out."""
    if _NOTHING.match(reply):
        return
    text = _TITLE.sub("", reply.strip())
    numbers = tuple(int(number) for marks in _MARKS.findall(text) for number in re.findall(r"\d+", marks))
    for sentence in _SENTENCE_END.split(" ".join(_MARKS.sub(" ", text).split())):
        plain = _loose(sentence)
        if content_stems(plain):
            yield numbers, plain


def _loose(sentence: str) -> str:
    """The sentence without list marks and the space that a marker left before its full stop."""
    text = re.sub(r"\s+([.!?,;:])", r"\1", sentence.strip().lstrip("-*•.,;:!? "))
    return text if text[-1:] in (".", "!", "?") else f"{text.rstrip(',;:')}."


def supported(
    numbers: Sequence[int],
    sentence: str,
    given: Sequence[Statement],
    sources: dict[str, str],
    question: str,
    near: Sequence[float] | None = None,
) -> Supported | None:
    """The sentence with a citation that holds in the file, or None.

    The statements that it names are tried first, then the others: small models mix the numbers up or leave them out.
    The first one that carries it decides; `near` (as `relevances` gives them) is how near each is to the question.
    """
    named = [number - 1 for number in numbers if 1 <= number <= len(given)]
    said = content_stems(sentence)
    others = sorted(
        (n for n in range(len(given)) if n not in named), key=lambda n: -len(said & content_stems(given[n].text))
    )
    for share, places in ((SUPPORT_SHARE, named), (REPAIR_SHARE, others[:3])):
        for place in places:
            citation = cite(given[place], sources)
            if citation and carries(given[place].text, sentence, question, share):
                far = near is not None and near[place] < RELEVANCE_FLOOR
                return None if far else Supported(sentence, citation)
    return None


def compared(given: Sequence[Statement]) -> list[str]:
    """What to compare with the question: every statement, then the questions that the notes put to each, in order."""
    return [*(statement.plain for statement in given), *(text for statement in given for text in statement.asked)]


def relevances(question: str, given: Sequence[Statement], cosines: Sequence[float]) -> list[float]:
    """How near each statement is to the question; `cosines` belong to `compared(given)`.

    A note's own quiz questions speak for their statement: they are worded as learners ask.
    """
    wanted = content_stems(question)
    at = len(given)
    result = []
    for statement, cosine in zip(given, cosines, strict=False):
        asked = cosines[at : at + len(statement.asked)]
        at += len(statement.asked)
        held = content_stems(" ".join((statement.text, statement.heading, *statement.asked)))
        share = len(wanted & held) / max(1, len(wanted))
        result.append(max(cosine, *asked, -1.0) + COVERAGE_WEIGHT * share)
    return result


def cite(statement: Statement, sources: dict[str, str]) -> Citation | None:
    """The statement's own words and lines, None where the file does not hold them there."""
    source = sources.get(statement.path, "")
    given = Citation(statement.path, statement.start_line, statement.end_line, statement.text)
    span = resolve(given, source)
    if span is None:
        return None
    return Citation(statement.path, span.start_line, span.end_line, source[span.start : span.end])


def carries(quote: str, sentence: str, question: str, share: float = SUPPORT_SHARE) -> bool:
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
