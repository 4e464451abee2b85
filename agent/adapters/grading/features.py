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
    return [float(_MADE[name](pair)) for name in names]


@dataclass(frozen=True)
class _Pair:
    """Each feature by its name, made only where it is asked for: most heads read few of them."""

    question: Bag
    claim: Bag
    answer: Bag
    parts: Sequence[Bag]

    @cached_property
    def best(self) -> Bag:
        return max(self.parts, key=lambda part: recall(self.claim.words, part)) if self.parts else self.answer

    @cached_property
    def recall(self) -> float:
        return max(0.0, recall(self.claim.words, self.answer))

    @property
    def free_recall(self) -> float:
        free = recall(self.claim.words, self.answer, self.question.stems)
        return free if free >= 0 else self.recall

    @cached_property
    def soft_recall(self) -> float:
        return max(0.0, recall(self.claim.words, self.answer, soft=True))

    @property
    def free_soft_recall(self) -> float:
        free = recall(self.claim.words, self.answer, self.question.stems, soft=True)
        return free if free >= 0 else self.soft_recall

    @property
    def precision(self) -> float:
        return max(0.0, recall(self.answer.words, self.claim))

    @property
    def soft_precision(self) -> float:
        return max(0.0, recall(self.answer.words, self.claim, soft=True))

    @property
    def bigram_recall(self) -> float:
        wanted, said = (set(zip(b.words, b.words[1:], strict=False)) for b in (self.claim, self.answer))
        return len(wanted & said) / max(1, len(wanted))

    @property
    def sentence_recall(self) -> float:
        return max(0.0, recall(self.claim.words, self.best))

    @property
    def char_cosine(self) -> float:
        return _cosine(self.claim.words, self.answer.words)

    @property
    def negation_mismatch(self) -> float:
        ours, theirs = (bool(plain.negations(list(b.words))) for b in (self.claim, self.best))
        return ours != theirs

    @property
    def opposite(self) -> float:
        return min(2, opposites(self.claim, self.best))

    @property
    def number_missing(self) -> float:
        ours, theirs = (plain.numbers(list(b.words)) for b in (self.claim, self.answer))
        return len(ours - theirs) / max(1, len(ours))

    @property
    def number_other(self) -> float:
        ours, theirs, asked = (plain.numbers(list(b.words)) for b in (self.claim, self.answer, self.question))
        return bool(theirs - ours - asked)

    @property
    def length_ratio(self) -> float:
        return math.log((len(self.answer.words) + 1) / (max(1, len(self.claim.words)) + 1))

    @property
    def answer_words(self) -> float:
        return math.log1p(len(self.answer.words))

    @property
    def claim_words(self) -> float:
        return math.log1p(max(1, len(self.claim.words)))

    @property
    def echo(self) -> float:
        content = [w for w in self.answer.words if w not in plain.STOP]
        return sum(plain.stem(w) in self.question.stems for w in content) / max(1, len(content))

    @property
    def verbs_missing(self) -> float:
        missing = sum(w not in self.answer.words for w in self.claim.words if w in plain.FUNCTION)
        return missing / max(1, len(self.claim.words))


_MADE: Mapping[str, Callable[[_Pair], float]] = {
    "recall": lambda pair: pair.recall,
    "free_recall": lambda pair: pair.free_recall,
    "soft_recall": lambda pair: pair.soft_recall,
    "free_soft_recall": lambda pair: pair.free_soft_recall,
    "precision": lambda pair: pair.precision,
    "soft_precision": lambda pair: pair.soft_precision,
    "bigram_recall": lambda pair: pair.bigram_recall,
    "sentence_recall": lambda pair: pair.sentence_recall,
    "char_cosine": lambda pair: pair.char_cosine,
    "negation_mismatch": lambda pair: pair.negation_mismatch,
    "opposite": lambda pair: pair.opposite,
    "number_missing": lambda pair: pair.number_missing,
    "number_other": lambda pair: pair.number_other,
    "length_ratio": lambda pair: pair.length_ratio,
    "answer_words": lambda pair: pair.answer_words,
    "claim_words": lambda pair: pair.claim_words,
    "echo": lambda pair: pair.echo,
    "verbs_missing": lambda pair: pair.verbs_missing,
}
