"""What of an answer may count: unicode undone, orders to the grader, bluffs and keyword heaps left out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.adapters.grading import text as plain
from agent.adapters.grading.features import Bag
from agent.adapters.grading.text import Sentence

MAX_WORDS = 1200
"""Words of an answer that are read; more is not an answer to one question."""
_WINDOW_WORDS = 110
_QUESTION_WORDS = 30
_CODE = re.compile(r"^\s*[\[{].*[\]}]\s*$", re.S)


@dataclass(frozen=True)
class Window:
    """A stretch of kept sentences, `first` to `last` (inclusive) in `Prepared.kept`."""

    text: str
    bag: Bag
    first: int
    last: int


@dataclass(frozen=True)
class Prepared:
    """The answer as the scorers see it: kept sentences, their bags, and the windows over them."""

    answer: str
    kept: tuple[Sentence, ...]
    sentences: tuple[Window, ...]
    passages: tuple[Window, ...]

    def quote(self, window: Window) -> str:
        """The window as an exact substring of the answer (all between its first and last sentence)."""
        return self.answer[self.kept[window.first].start : self.kept[window.last].end]


def _counts(sentence: Sentence) -> bool:
    said = sentence.text
    return not (plain.is_order(said) or plain.is_bluff(said) or plain.is_stuffed(said) or _CODE.match(said))


def _window(kept: Sequence[Sentence], first: int, last: int) -> Window:
    text = plain.clean(" ".join(s.text for s in kept[first : last + 1]))
    return Window(text, Bag.of(text), first, last)


def prepare(answer: str, question: str = "") -> Prepared | None:
    """The countable part of `answer`, or None where nothing in it can cover a claim.

    The question repeated does not count, with or without keywords behind it. Nothing counts in an answer without a
    content word, in a lone word, in a heap of keywords, or where an order to the grader leaves no sentence about the
    subject.
    """
    kept: list[Sentence] = []
    words = 0
    for sentence in plain.sentences(answer):
        if not _counts(sentence) or plain.echoes(sentence.text, question):
            continue
        words += len(sentence.text.split())
        if words > MAX_WORDS:
            break
        kept.append(sentence)
    said = [w for s in kept for w in plain.forms(s.text)]
    content = sum(w not in plain.STOP for w in said)
    if content == 0 or len(said) < (2 if content > 1 else 3) or plain.is_stuffed(" ".join(s.text for s in kept)):
        return None
    singles = tuple(_window(kept, i, i) for i in range(len(kept)))
    return Prepared(answer, tuple(kept), singles, tuple(_passages(kept)))


def asked_part(question: str) -> str:
    """The question's last sentences, up to 30 words: long ones begin with a description of an experiment."""
    parts = [s.text for s in plain.sentences(plain.clean(question))]
    while len(parts) > 1 and sum(len(p.split()) for p in parts) > _QUESTION_WORDS:
        parts = parts[1:]
    return " ".join(" ".join(parts).split()[-_QUESTION_WORDS:])


def _passages(kept: Sequence[Sentence]) -> list[Window]:
    """The whole answer where it is short, else overlapping stretches of about `_WINDOW_WORDS` words."""
    sizes = [len(s.text.split()) for s in kept]
    out: list[Window] = []
    first = 0
    while first < len(kept):
        last, total = first, sizes[first]
        while last + 1 < len(kept) and total + sizes[last + 1] <= _WINDOW_WORDS + 20:
            last += 1
            total += sizes[last]
        out.append(_window(kept, first, last))
        if last == len(kept) - 1:
            break
        first = max(first + 1, (first + last + 1) // 2)
    return out
