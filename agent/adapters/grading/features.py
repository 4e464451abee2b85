"""Lexical features of an (answer, claim) pair: coverage of the claim's words and marks of reversal."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
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


def features(question: Bag, claim: Bag, answer: Bag, parts: Sequence[Bag], names: Sequence[str] = NAMES) -> list[float]:
    """The values of `names`, of `NAMES`, for one pair; `parts` are the answer's sentences (at least one)."""
    pair = _Pair(question, claim, answer, parts)
    return [float(_FEATURES[name](pair)) for name in names]


@dataclass(frozen=True)
class _Pair:
    question: Bag
    claim: Bag
    answer: Bag
    parts: Sequence[Bag]

    @cached_property
    def best(self) -> Bag:
        """The sentence that says most of the claim."""
        return max(self.parts, key=lambda part: recall(self.claim.words, part)) if self.parts else self.answer

    def found(self, *, soft: bool = False, free: bool = False) -> float:
        """Recall of the claim; `free`: of what the question does not say, where anything is left."""
        skip = self.question.stems if free else frozenset[str]()
        share = recall(self.claim.words, self.answer, skip, soft)
        return self.found(soft=soft) if free and share < 0 else max(0.0, share)


def _bigrams(bag: Bag) -> set[tuple[str, str]]:
    return set(zip(bag.words, bag.words[1:], strict=False))


def _numbers(bag: Bag) -> frozenset[str]:
    return plain.numbers(list(bag.words))


def _negates(bag: Bag) -> bool:
    return bool(plain.negations(list(bag.words)))


def _echo(pair: _Pair) -> float:
    content = [word for word in pair.answer.words if word not in plain.STOP]
    return sum(plain.stem(word) in pair.question.stems for word in content) / max(1, len(content))


def _verbs_missing(pair: _Pair) -> float:
    missing = sum(word not in pair.answer.words for word in pair.claim.words if word in plain.FUNCTION)
    return missing / max(1, len(pair.claim.words))


# Made one by one: a head reads few of them, and some are slow.
_FEATURES: Mapping[str, Callable[[_Pair], float]] = {
    "recall": lambda pair: pair.found(),
    "free_recall": lambda pair: pair.found(free=True),
    "soft_recall": lambda pair: pair.found(soft=True),
    "free_soft_recall": lambda pair: pair.found(soft=True, free=True),
    "precision": lambda pair: max(0.0, recall(pair.answer.words, pair.claim)),
    "soft_precision": lambda pair: max(0.0, recall(pair.answer.words, pair.claim, soft=True)),
    "bigram_recall": lambda pair: len(_bigrams(pair.claim) & _bigrams(pair.answer)) / max(1, len(_bigrams(pair.claim))),
    "sentence_recall": lambda pair: max(0.0, recall(pair.claim.words, pair.best)),
    "char_cosine": lambda pair: _cosine(pair.claim.words, pair.answer.words),
    "negation_mismatch": lambda pair: _negates(pair.claim) != _negates(pair.best),
    "opposite": lambda pair: min(2, opposites(pair.claim, pair.best)),
    "number_missing": lambda pair: (
        len(_numbers(pair.claim) - _numbers(pair.answer)) / max(1, len(_numbers(pair.claim)))
    ),
    "number_other": lambda pair: bool(_numbers(pair.answer) - _numbers(pair.claim) - _numbers(pair.question)),
    "length_ratio": lambda pair: math.log((len(pair.answer.words) + 1) / (max(1, len(pair.claim.words)) + 1)),
    "answer_words": lambda pair: math.log1p(len(pair.answer.words)),
    "claim_words": lambda pair: math.log1p(max(1, len(pair.claim.words))),
    "echo": _echo,
    "verbs_missing": _verbs_missing,
}
