"""Lexical features of an (answer, claim) pair: coverage of the claim's words and marks of reversal."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from agent.adapters.grading import text as plain
from agent.adapters.grading.opposites import table

NAMES = (
    "recall", "free_recall", "soft_recall", "free_soft_recall", "precision", "soft_precision", "bigram_recall",
    "sentence_recall", "char_cosine", "negation_mismatch", "opposite", "number_missing", "number_other",
    "length_ratio", "answer_words", "claim_words", "echo", "verbs_missing",
)  # fmt: skip
_UNKNOWN_RANK = 30_000


@cache
def _ranks() -> dict[str, int]:
    """Frequency rank of common English words: the order of the encoder's WordPiece vocabulary."""
    raw = resources.files("agent.adapters.grading").joinpath("weights/tokenizer.json").read_text("utf-8")
    vocab: dict[str, int] = json.loads(raw)["model"]["vocab"]
    return vocab


@lru_cache(maxsize=65536)
def weight(word: str) -> float:
    """How telling a word is, 0..1: function words little, rare words most."""
    if word in plain.STOP:
        return 0.08
    return min(1.0, 0.25 + 0.75 * math.log(max(_ranks().get(word, _UNKNOWN_RANK) - 1900, 50) / 50) / math.log(562))


@lru_cache(maxsize=8192)
def _grams(word: str) -> frozenset[str]:
    padded = f"^{word}$"
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


@lru_cache(maxsize=65536)
def _likeness(one: str, two: str) -> float:
    """The Dice overlap of letter trigrams where it is high (typing errors, compounds), else 0."""
    if not 0.5 <= len(one) / len(two) <= 2 or len(one) < 4 or len(two) < 4:
        return 0.0
    a, b = _grams(one), _grams(two)
    dice = 2 * len(a & b) / (len(a) + len(b))
    return dice if dice >= 0.5 else 0.0


@dataclass(frozen=True, slots=True)
class Bag:
    """A text's folded words and their distinct set, made once and compared with many others."""

    words: tuple[str, ...]
    stems: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Bag":
        """The bag of `text`."""
        words = tuple(plain.forms(text))
        return cls(words, frozenset(plain.stem(w) for w in words))


def recall(wanted: Sequence[str], bag: Bag, skip: frozenset[str] = frozenset(), soft: bool = False) -> float:
    """Weighted share of `wanted` words found in `bag`; words whose stem is in `skip` do not count.

    -1 where no word is left to be found.
    """
    total = found = 0.0
    distinct = {w for w in bag.words if len(w) > 3} if soft else set()
    for word in dict.fromkeys(wanted):
        root = plain.stem(word)
        if root in skip:
            continue
        w = weight(word)
        total += w
        if root in bag.stems:
            found += w
        elif soft and w > 0.08:
            found += w * max((_likeness(word, other) for other in distinct), default=0.0)
    return found / total if total else -1.0


def _cosine(one: Sequence[str], two: Sequence[str]) -> float:
    a: dict[str, float] = {}
    b: dict[str, float] = {}
    for words, counts in ((one, a), (two, b)):
        for word in words:
            telling = weight(word)
            for gram in _grams(word):
                counts[gram] = counts.get(gram, 0.0) + telling
    dot = sum(v * b.get(k, 0.0) for k, v in a.items())
    norm = math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
    return dot / norm if norm else 0.0


@cache
def _opposed() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for word, others in table().items():
        found.setdefault(plain.stem(word), set()).update(plain.stem(o) for o in others)
    return {stem: frozenset(others - {stem}) for stem, others in found.items()}


def opposites(claim: Bag, answer: Bag) -> int:
    """Claim words missing from the answer whose opposite stands there and not in the claim."""
    said, meant = answer.stems, claim.stems
    return sum(bool((_opposed().get(w, frozenset()) & said) - meant) for w in meant - said)


def features(question: Bag, claim: Bag, answer: Bag, parts: Sequence[Bag]) -> list[float]:
    """The values of `NAMES` for one pair; `parts` are the answer's sentences (at least one)."""
    best = max(parts, key=lambda part: recall(claim.words, part)) if parts else answer
    bigrams = set(zip(claim.words, claim.words[1:], strict=False))
    free = recall(claim.words, answer, question.stems)
    free_soft = recall(claim.words, answer, question.stems, soft=True)
    found = max(0.0, recall(claim.words, answer))
    soft = recall(claim.words, answer, soft=True)
    ours, theirs = plain.numbers(list(claim.words)), plain.numbers(list(answer.words))
    asked = plain.numbers(list(question.words))
    n_claim, n_answer = max(1, len(claim.words)), len(answer.words)
    content = [w for w in answer.words if w not in plain.STOP]
    said = set(zip(answer.words, answer.words[1:], strict=False))
    return [
        found,
        free if free >= 0 else found,
        max(0.0, soft),
        free_soft if free_soft >= 0 else soft,
        max(0.0, recall(answer.words, claim)),
        max(0.0, recall(answer.words, claim, soft=True)),
        len(bigrams & said) / max(1, len(bigrams)),
        max(0.0, recall(claim.words, best)),
        _cosine(claim.words, answer.words),
        float(bool(plain.negations(list(claim.words))) != bool(plain.negations(list(best.words)))),
        float(min(2, opposites(claim, best))),
        len(ours - theirs) / max(1, len(ours)),
        float(bool(theirs - ours - asked)),
        math.log((n_answer + 1) / (n_claim + 1)),
        math.log1p(n_answer),
        math.log1p(n_claim),
        sum(plain.stem(w) in question.stems for w in content) / max(1, len(content)),
        sum(w not in answer.words for w in claim.words if w in plain.FUNCTION) / n_claim,
    ]
