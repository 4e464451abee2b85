"""What the encoder does not see: an answer about something else, and the claim's own keywords in a heap.

Both checks only take away. They hold the words of the whole answer against those of the claim.
"""

import re

from agent.adapters.grading import text as plain
from agent.adapters.grading.features import Bag, weight

BESIDE = 0.1
"""p(covered) that an answer beside the claim has at most: low enough to be asked again, not a verdict."""
_TOUCH = 0.7
"""Weight of shared content words below which an answer is beside the claim; the rarest words weigh 1."""
_CLAIM_WORDS = 6
_HEAP_WORDS, _HEAP_GLUE, _HEAP_SHARE = 7, 0.08, 0.6
_NOTATION = re.compile(r"[:;=<>→]|\.\s")


def _content(bag: Bag) -> list[str]:
    return [word for word in dict.fromkeys(bag.words) if word not in plain.STOP]


def is_beside(claim: Bag, said: Bag) -> bool:
    """Whether the answer has almost none of a longer claim's words: a true answer repeats at least its subject.

    A long answer on another topic otherwise reaches probabilities of an unsure one.
    """
    if len(_content(claim)) < _CLAIM_WORDS:
        return False
    return sum(weight(word) for word in _content(said) if plain.stem(word) in claim.stems) < _TOUCH


def is_heap(claim: Bag, said: Bag, answer: str) -> bool:
    """Whether the answer is little but the claim's content words, with hardly a function word between them.

    Notes in formulas and arrows ("name <- function name") are no heap.
    """
    words = said.words
    if len(words) < _HEAP_WORDS or _NOTATION.search(answer.strip()):
        return False
    glue = sum(word in plain.FUNCTION for word in words) / len(words)
    content = _content(said)
    taken = sum(plain.stem(word) in claim.stems for word in content)
    return glue <= _HEAP_GLUE and taken >= _HEAP_SHARE * len(content)
