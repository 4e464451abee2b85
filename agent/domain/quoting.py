"""Which statement of the notes answers a question in its own words, and how likely it is that it does.

A verbatim line with its place is always true to the notes; what can be wrong is only that it answers something else.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from agent.domain.answering import EVIDENCE_PASSAGES, Supported, cite
from agent.domain.statement import Statement
from agent.domain.text import content_stems

# `python -m evals.quotes` fits both on the dev half of the golden questions and prints what each floor costs.
WEIGHTS = (7.8, 3.8, 10.1, 2.1, 3.1, 2.0, -5.4)
OFFSET = -14.5
FLOOR = 0.2


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for a statement; the order of the fields is that of `WEIGHTS`."""

    near: float  # best cosine with the question, of the statement under its heading or of a quiz question put to it
    words: float  # share of the question's words that it holds, rare ones counting more
    passage: float  # fused score of its passage, relative to the best one of this search
    asked: bool  # the note puts a question to it: a claim, not a remark
    said: float  # cosine with the whole of what the model replied, 0 where it was silent
    silent: bool  # the model said that no statement answers, or was not asked
    evidence: float  # how near the search came at all: a high `passage` means less where everything is near


def signals(
    question: str,
    given: Sequence[Statement],
    pool: Sequence[tuple[Statement, float]],
    cosines: Sequence[float],
    said: Sequence[float] | None,
    scores: Sequence[tuple[float, float | None]],
) -> list[Signals]:
    """What speaks for each statement of `given`.

    `pool` is all that was found, each statement with the score of its passage, best first. `cosines` compare
    `compared(given)` with the question, `said` compares the plain statements with the model's reply (None where it was
    silent). `scores` are (lexical, cosine) of the passages, best first.
    """
    passage: dict[tuple[str, int], float] = {}
    for statement, score in pool:
        passage.setdefault((statement.path, statement.start_line), score)
    near, words, came = nearest(given, cosines), shares(question, given, [each for each, _ in pool]), evidence(scores)
    return [
        Signals(
            near[place],
            words[place],
            passage[statement.path, statement.start_line],
            bool(statement.asked),
            said[place] if said else 0.0,
            said is None,
            came,
        )
        for place, statement in enumerate(given)
    ]


def chance(found: Signals) -> float:
    """How likely a statement with these signals answers the question (a logistic model)."""
    z = OFFSET + sum(weight * float(value) for weight, value in zip(WEIGHTS, astuple(found), strict=True))
    return 1 / (1 + math.exp(-z))


def compared(given: Sequence[Statement]) -> list[str]:
    """What to compare with the question: every statement under its heading, then the notes' own questions to them."""
    headed = [f"{statement.heading}\n\n{statement.plain}" for statement in given]
    return [*headed, *(text for statement in given for text in statement.asked)]


def nearest(given: Sequence[Statement], cosines: Sequence[float]) -> list[float]:
    """Each statement's best cosine; `cosines` belong to `compared(given)`."""
    at = len(given)
    result = []
    for statement, cosine in zip(given, cosines, strict=False):
        result.append(max(cosine, *cosines[at : at + len(statement.asked)], -1.0))
        at += len(statement.asked)
    return result


def evidence(scores: Sequence[tuple[float, float | None]]) -> float:
    """Best BM25 share plus best cosine among the first passages, given as (lexical, cosine), best first."""
    top = scores[:EVIDENCE_PASSAGES]
    return max((words for words, _ in top), default=0.0) + max((cosine or 0.0 for _, cosine in top), default=0.0)


def shares(question: str, given: Sequence[Statement], pool: Sequence[Statement]) -> list[float]:
    """Share of the question's words that each statement, its heading or its quiz questions hold.

    A word weighs the more the fewer statements of `pool` (all that was found) hold it.
    """
    seen = Counter(word for statement in pool for word in _held(statement))
    weight = {word: math.log(1 + len(pool) / (1 + seen[word])) for word in content_stems(question)}
    total = sum(weight.values()) or 1.0
    return [sum(weight[word] for word in weight.keys() & _held(statement)) / total for statement in given]


def _held(statement: Statement) -> frozenset[str]:
    return content_stems(" ".join((statement.text, statement.heading, *statement.asked)))


def quote(given: Sequence[Statement], chances: Sequence[float], sources: dict[str, str]) -> Supported | None:
    """The likeliest statement in its own words, None where it is not likely enough or its file says otherwise now."""
    if not given:
        return None
    best = max(range(len(given)), key=lambda place: chances[place])
    citation = cite(given[best], sources) if chances[best] >= FLOOR else None
    return Supported(given[best].plain, citation) if citation else None
