"""The judging pipeline of the local graders: windows, scores, reversal rules, bands, quotes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from agent.adapters.grading import text as plain
from agent.adapters.grading.doubts import BESIDE, is_beside, is_heap
from agent.adapters.grading.features import Bag, opposites, recall
from agent.adapters.grading.prepare import Prepared, Window, prepare
from agent.adapters.grading.second import OPEN, SecondOpinion
from agent.adapters.grading.twins import doubted, twins
from agent.domain.calibration import Bands, Scaling
from agent.domain.verdict import ClaimText, Verdict, VerdictName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Probabilities = tuple[float, float, float]
"""Of missing, covered and contradicted."""
_SENTENCES = 2
"""Sentences of the answer scored by themselves for each claim, besides the passages that hold them."""
_SHORT = 30
"""Words up to which an answer is read as a whole for a teacher's mark: its sentences add nothing there but time."""
_UNASKED = 0.8
"""Least p(covered) of a claim that the question was not about: every answer is held against all of a note's claims,
so a small rate of false covers adds up over a quiz. Such a p is not scaled: few answers cover what was not asked."""
_NOTHING = (0.99, 0.01, 0.0)
_TWIN_FROM = 0.15
"""Least p(covered) for which an answer's twins are heard: below it no band accepts."""
_WEIGHED = ("misconception", "correction")
"""Kinds whose probabilities are held against each other, not against a band."""


class Scorer(Protocol):
    """Probabilities (n, 3) of missing, covered and contradicted for pairs of claims and windows."""

    @property
    def version(self) -> str:
        """Name and digest of all that decides."""
        ...

    @property
    def bands(self) -> Bands:
        """Where its probabilities are acted on."""
        ...

    @property
    def reversal(self) -> float:
        """How strongly the reversal rules move them, 0 to 1."""
        ...

    def scaling(self, *, read: bool) -> Scaling:
        """What makes p(covered) after all rules say how often it is so, without or with a second opinion."""
        ...

    def score(
        self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
    ) -> "NDArray[np.float64]":
        """One row a pair (index of the claim, window)."""
        ...


@cache
def _rules() -> str:
    """Digest of this package's code: its rules decide as much as the weights do."""
    whole = hashlib.sha256()
    for path in sorted(resources.files("agent.adapters.grading").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".py"):
            whole.update(path.read_bytes())
    return whole.hexdigest()[:8]


def decide(p: Sequence[float], bands: Bands) -> tuple[VerdictName, bool]:
    """The verdict and whether to abstain: `p` is (missing, covered, contradicted).

    The name is the best guess even where the grader abstains.
    """
    missing, covered, contradicted = p
    if covered >= min(0.5, bands.accept):
        return "covered", covered < bands.accept
    name: VerdictName = "contradicted" if contradicted > bands.lean * (missing + contradicted) else "missing"
    return name, covered > bands.reject or (name == "contradicted" and contradicted < bands.contradict)


class LocalGrader:
    """Grader port over a scorer that runs in this process. Deterministic for the same version and input.

    Args:
        scorer: gives the probabilities of claim and window pairs.
        second: asked about the first claim where the scorer is not sure.
        personal: the learner's own correction of p(covered).
        bands: where probabilities are acted on, instead of the scorer's own.
        marks: the claims are a teacher's references, and nobody tries to fake. A short answer is read whole, no twin
            is heard, and hardly a word of the reference is no ground to refuse: many are too short for that.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        second: SecondOpinion | None = None,
        personal: Scaling | None = None,
        bands: Bands | None = None,
        marks: bool = False,
    ) -> None:
        self._scorer = scorer
        self._marks = marks
        self._personal = personal
        self._second = second
        self._bands = bands

    @property
    def version(self) -> str:
        """Name and digest of the scorer and its head, of the rules' code, and of what else decides."""
        extra = [f"rules-{_rules()}"] + ([self._second.version] if self._second else [])
        if self._personal:
            extra.append(f"personal-{self._personal.slope:.3f}{self._personal.shift:+.3f}")
        if self._bands:
            extra.append(f"bands-{self._bands.accept:g}-{self._bands.reject:g}-{self._bands.contradict:g}")
        return "+".join([self._scorer.version, *extra])

    @property
    def bands(self) -> Bands:
        """Where the probabilities are acted on."""
        return self._bands or self._scorer.bands

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """One verdict a claim, in the order given. The first claim is the one asked about; others need more."""
        prepared = prepare(answer, question)
        if prepared is None or not claims:
            return [self._verdict(claim.id, _NOTHING, "") for claim in claims]
        bags = [Bag.of(claim.text) for claim in claims]
        asked = Bag.of(question)
        kept = plain.clean(" ".join(s.text for s in prepared.kept))
        whole = Bag.of(kept)
        out = []
        for i, (raw, window) in enumerate(self._scored(question, claims, bags, prepared)):
            rules = _Rules(bags[i], asked, window.bag, whole, kept, self._scorer.reversal, not self._marks)
            p, read = rules(raw), False
            if i == 0 and claims[0].kind not in _WEIGHED:
                if OPEN[0] < p[1] < OPEN[1]:
                    p, read = self._weighed(question, claims[0], kept, raw, rules)
                p = _moved(p, self._scaled(p[1], read=read))
            quote = prepared.quote(_nearest(bags[i], prepared) if self._at_once(prepared) else window)
            out.append(self._verdict(claims[i].id, p, quote, asked_about=i == 0))
        return out

    def _at_once(self, prepared: Prepared) -> bool:
        return self._marks and sum(len(sentence.bag.words) for sentence in prepared.sentences) <= _SHORT

    def _scored(
        self, question: str, claims: Sequence[ClaimText], bags: Sequence[Bag], prepared: Prepared
    ) -> list[tuple[Probabilities, Window]]:
        """Probabilities of each claim before any rule, and the window that decided them."""
        pairs: list[tuple[int, Window]] = []
        for i, bag in enumerate(bags):
            pairs += [(i, window) for window in _candidates(bag, prepared)[: 1 if self._at_once(prepared) else None]]
        scores = self._scorer.score(question, [plain.clean(c.text) for c in claims], prepared, pairs)
        return [
            _combine([(w, scores[k].tolist()) for k, (j, w) in enumerate(pairs) if j == i]) for i in range(len(claims))
        ]

    def _weighed(
        self, question: str, claim: ClaimText, kept: str, raw: Probabilities, rules: "_Rules"
    ) -> tuple[Probabilities, bool]:
        """The asked claim, of which the scorer is not sure, after the second opinion and the answer's twins.

        And whether there was a second opinion.
        """
        read = self._second.covered(question, claim, kept, raw) if self._second else None
        p = rules(raw if read is None else _moved(raw, read))
        if self._marks or p[1] < _TWIN_FROM:
            return p, read is not None
        heard = []
        for twin in twins(kept):
            prepared = prepare(twin, question)
            if prepared is not None:
                heard.append(self._scored(question, [claim], [rules.claim], prepared)[0][0][1])
        # What is taken away is missing: a learner whose "not" was misread is asked again, not told to be wrong.
        return _at_most(doubted(p[1], raw[1], max(heard)), p) if heard else p, read is not None

    def _scaled(self, covered: float, *, read: bool) -> float:
        covered = self._scorer.scaling(read=read).apply(covered)
        return covered if self._personal is None else self._personal.apply(covered)

    def _verdict(self, claim: str, p: Sequence[float], quote: str, *, asked_about: bool = True) -> Verdict:
        bands = self.bands if asked_about else replace(self.bands, accept=max(self.bands.accept, _UNASKED))
        name, abstain = decide(p, bands)
        shown = quote if name != "missing" else ""
        return Verdict(claim, name, round(float(p[1]), 6), round(float(p[2]), 6), shown, abstain)


def _nearest(claim: Bag, prepared: Prepared) -> Window:
    """The sentence that shares most with the claim."""
    return max(prepared.sentences, key=lambda w: recall(claim.words, w.bag))


def _candidates(claim: Bag, prepared: Prepared) -> list[Window]:
    """Windows worth scoring: the best passage, and the sentences that share most with the claim."""
    passage = max(prepared.passages, key=lambda w: recall(claim.words, w.bag))
    if len(prepared.sentences) == 1:
        return [passage]
    ranked = sorted(prepared.sentences, key=lambda w: -recall(claim.words, w.bag))
    return [passage, *ranked[:_SENTENCES]]


def _combine(scored: Sequence[tuple[Window, Sequence[float]]]) -> tuple[Probabilities, Window]:
    """Probabilities of the claim before any rule, and the window that decided them.

    The passage and the best sentence vote equally, so one sentence cannot pass against the rest of the answer,
    and a long answer is not punished for also saying other things.
    """
    passage = scored[0]
    best = max(scored[1:], key=lambda s: s[1][1], default=passage)
    worst = max(scored[1:], key=lambda s: s[1][2], default=passage)
    covered = max(passage[1][1], 0.5 * (passage[1][1] + best[1][1]))
    contradicted = max(passage[1][2], 0.5 * (passage[1][2] + worst[1][2]))
    return (1.0 - covered - contradicted, covered, contradicted), (best if covered >= contradicted else worst)[0]


def _turned(claim: Bag, asked: Bag, said: Bag, p: Probabilities, strength: float) -> Probabilities:
    """Probabilities after the reversal rules."""
    covered, contradicted = reverse(claim, asked, said, p[1], p[2], strength)
    if covered + contradicted > 1.0:
        total = covered + contradicted
        covered, contradicted = covered / total, contradicted / total
    return max(0.0, 1.0 - covered - contradicted), covered, contradicted


@dataclass(frozen=True)
class _Rules:
    """What only takes away from p(covered), whoever gave it: reversal in the quote, heaps, answers off the subject."""

    claim: Bag
    asked: Bag
    quoted: Bag
    whole: Bag
    kept: str
    reversal: float
    on_subject: bool

    def __call__(self, p: Probabilities) -> Probabilities:
        if is_heap(self.claim, self.whole, self.kept):
            return _NOTHING
        p = _turned(self.claim, self.asked, self.quoted, p, self.reversal)
        return _at_most(BESIDE, p) if self.on_subject and is_beside(self.claim, self.whole) else p


def _moved(p: Probabilities, covered: float) -> Probabilities:
    """Probabilities with p(covered) set to `covered`, the other two in the same proportion."""
    rest = (1 - covered) / (1 - p[1]) if p[1] < 1 else 0.0
    return p[0] * rest, covered, p[2] * rest


def _at_most(covered: float, p: Probabilities) -> Probabilities:
    """Probabilities with no more than `covered`; what is taken away is missing."""
    return (p[0] + max(0.0, p[1] - covered), min(p[1], covered), p[2])


def reverse(
    claim: Bag, asked: Bag, said: Bag, covered: float, contradicted: float, strength: float = 1.0
) -> tuple[float, float]:
    """Lower p(covered) where the deciding sentence reverses the claim by negation, direction or number.

    An encoder of this size reads "is linear" and "is not linear" nearly alike; these rules do not. They only
    take away: a claim is never covered because of them.
    """
    share = recall(claim.words, said)
    parity = (plain.negations(list(claim.words)) - plain.negations(list(said.words))) % 2
    turned = opposites(claim, said)
    theirs = plain.numbers(list(said.words))
    ours = plain.numbers(list(claim.words)) - plain.numbers(list(asked.words))
    wrong_number = bool(ours - theirs) and bool(theirs - ours - plain.numbers(list(asked.words)))
    flips = (parity + (turned > 0)) % 2 == 1 if (parity or turned) else False
    moved = 0.0
    if (flips and share >= 0.6) or (wrong_number and share >= 0.2):
        moved = 0.75 * strength * covered
    elif flips and share >= 0.35:
        moved = 0.35 * strength * covered
    return covered - moved, contradicted + moved
