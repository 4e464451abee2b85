"""Statements: the sentences and list items of a passage, each with its exact place, as a reader would cite them.

A whole passage is too coarse twice over: six of them do not fit into what a small model reads in a few seconds, and a
citation that spans twenty lines shows nobody where to look.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.domain.text import content_stems

MIN_CHARS = 20
# A paragraph up to here is one statement; a longer one is cut into its sentences.
PARAGRAPH_CHARS = 240
FENCE_CHARS = 200
# Weight of the question's words against the passage's own score; the optimum is flat from .3 to 1.
WORDS_WEIGHT = 0.5
# A statement that takes more than this part of the room crowds out several others: only the best few may.
LONG_SHARE = 6
LONG_FIRST = 2

_FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})")
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+")
_QUIZ = re.compile(r"[ \t]*[-*+][ \t]+Q:[ \t]*(.*)")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)|[ \t]*(?:=+|-{2,})[ \t]*$")
_RULE = re.compile(r"[ \t]*\|?[ \t:|-]+\|?[ \t]*$")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[^a-z])")
_BLOCK_ID = re.compile(r"\s+\^[\w-]+\s*$")
_CORE = re.compile(r"^\(core\)\s+")


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` stands in the file at `path` exactly so, on lines `start_line` to `end_line` (1-based, inclusive).

    `heading` is the breadcrumb above it, `asked` the questions that the note itself puts to it, `table` the header
    of the row that it is.
    """

    path: str
    start_line: int
    end_line: int
    text: str
    heading: str = ""
    asked: tuple[str, ...] = ()
    table: str = ""

    @property
    def plain(self) -> str:
        """The statement on one line, without bullet, block id and emphasis."""
        text = "\n".join(line for line in self.text.split("\n") if not _FENCE.match(line))
        text = _CORE.sub("", _BULLET.sub("", _BLOCK_ID.sub("", text), count=1).strip())
        text = " ".join(text.replace("**", "").split())
        return f"{' '.join(self.table.split())} / {text}" if self.table else text


def statements(text: str, path: str, first_line: int = 1, heading: str = "") -> list[Statement]:
    """Cut a passage, which begins at line `first_line` of its file, into statements, in their order.

    List items stay whole, long paragraphs become sentences, table rows keep their header in mind. Headings, the quiz's
    own questions and long code are no statements.
    """
    lines = text.split("\n")
    found: list[Statement] = []
    for first, last, table in _blocks(lines):
        question = _QUIZ.match(lines[first])
        if question:
            if found:
                found[-1] = _asked(found[-1], question[1].strip())
            continue
        block = "\n".join(lines[first : last + 1])
        for start, end in _sentences(block, whole=bool(table or _BULLET.match(block) or _FENCE.match(block))):
            piece = block[start:end]
            line = first_line + first + block.count("\n", 0, start)
            found.append(Statement(path, line, line + piece.count("\n"), piece, heading, table=table))
    return [statement for statement in found if len(statement.plain) >= MIN_CHARS]


def _asked(statement: Statement, question: str) -> Statement:
    return Statement(
        statement.path, statement.start_line, statement.end_line, statement.text, statement.heading,
        (*statement.asked, question), statement.table,
    )  # fmt: skip


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """(first, last, table header) of every block of lines that can hold statements."""
    at = 0
    header = ""
    while at < len(lines):
        line = lines[at]
        if _FENCE.match(line):
            last = next((n for n in range(at + 1, len(lines)) if _FENCE.match(lines[n])), len(lines) - 1)
            if sum(len(each) + 1 for each in lines[at : last + 1]) <= FENCE_CHARS:
                yield at, last, ""
            at = last + 1
            continue
        if "|" in line and at + 1 < len(lines) and "|" in lines[at + 1] and _RULE.match(lines[at + 1]):
            header, at = line, at + 2
            continue
        if header and "|" in line:
            yield at, at, header
            at += 1
            continue
        header = ""
        if not line.strip() or _HEADING.match(line):
            at += 1
            continue
        last = at
        while last + 1 < len(lines) and not _ends(lines, last + 1):
            last += 1
        yield at, last, ""
        at = last + 1


def _ends(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    return bool(not line.strip() or _BULLET.match(line) or _HEADING.match(line) or _FENCE.match(line))


def _sentences(block: str, *, whole: bool) -> Iterator[tuple[int, int]]:
    """Offsets of the block's statements, without white space at either end."""
    cuts = [0, len(block)]
    if not whole and len(block) > PARAGRAPH_CHARS:
        cuts = [0, *(found.end() for found in _SENTENCE_END.finditer(block)), len(block)]
    for start, end in pairwise(cuts):
        piece = block[start:end]
        if piece.strip():
            yield start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def choose(question: str, candidates: Sequence[tuple[Statement, float]], max_chars: int) -> list[Statement]:
    """The statements to answer from: `candidates` pair each with the score of the passage that holds it.

    Passages say where to look, the question's words (rare ones count more; a note's own quiz questions lend a
    statement theirs) which lines of them to read. Best first, as many as fit `max_chars`.
    """
    texts: dict[tuple[str, int], tuple[Statement, float]] = {}
    for statement, score in candidates:
        texts.setdefault((statement.path, statement.start_line), (statement, score))
    pool = list(texts.values())
    held = [content_stems(" ".join((statement.text, *statement.asked))) for statement, _ in pool]
    seen = Counter(word for words in held for word in words)
    weight = {word: math.log(1 + len(pool) / (1 + seen[word])) for word in content_stems(question)}
    total = sum(weight.values()) or 1.0
    scored = [
        (WORDS_WEIGHT * sum(weight[word] for word in weight.keys() & words) / total + score, -order, statement)
        for order, ((statement, score), words) in enumerate(zip(pool, held, strict=True))
    ]
    chosen: list[Statement] = []
    left = max_chars
    for _, _, statement in sorted(scored, key=lambda item: item[:2], reverse=True):
        cost = len(statement.plain) + 6
        if cost > max_chars // LONG_SHARE and len(chosen) >= LONG_FIRST:
            continue
        if cost <= left:
            chosen.append(statement)
            left -= cost
        elif left < max_chars // 8:
            break
    return chosen


def highlights(question: str, text: str, path: str, first_line: int = 1, limit: int = 2) -> list[Statement]:
    """The statements of a passage that share most words with the question, those with more first."""
    wanted = content_stems(question)
    scored = [
        (len(wanted & content_stems(each.text)), -order, each)
        for order, each in enumerate(statements(text, path, first_line))
    ]
    best = sorted((item for item in scored if item[0]), key=lambda item: item[:2], reverse=True)
    return [statement for _, _, statement in best[:limit]]
