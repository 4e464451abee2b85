"""The judging pipeline of the local graders: windows, scores, reversal rules, bands, quotes."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from agent.adapters.grading import text as plain
from agent.adapters.grading.doubts import BESIDE, is_beside, is_heap
from agent.adapters.grading.features import Bag, opposites, recall
from agent.adapters.grading.prepare import Prepared, Window, prepare
from agent.adapters.grading.second import SecondOpinion
from agent.domain.calibration import Bands, Personal
from agent.domain.verdict import ClaimText, Verdict, VerdictName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SENTENCES = 2
"""Sentences of the answer scored by themselves for each claim, besides the passages that hold them."""
_UNASKED = 0.8
"""Least p(covered) of a claim that the question was not about: every answer is held against all of a note's claims,
so a small rate of false covers adds up over a quiz."""
_NOTHING = (0.99, 0.01, 0.0)
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
        on_subject: refuse answers with hardly a word of the claim; a teacher's references are too short for that.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        second: SecondOpinion | None = None,
        personal: Personal | None = None,
        bands: Bands | None = None,
        on_subject: bool = True,
    ) -> None:
        self._scorer = scorer
        self._on_subject = on_subject
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
        pairs: list[tuple[int, Window]] = []
        for i, bag in enumerate(bags):
            pairs += [(i, window) for window in _candidates(bag, prepared)]
        scores = self._scorer.score(question, [plain.clean(c.text) for c in claims], prepared, pairs)
        asked = Bag.of(question)
        kept = plain.clean(" ".join(s.text for s in prepared.kept))
        whole = Bag.of(kept)
        out = []
        quotes = []
        for i, claim in enumerate(claims):
            mine = [(w, scores[k].tolist()) for k, (j, w) in enumerate(pairs) if j == i]
            p, window = _combine(bags[i], asked, mine, self._scorer.reversal)
            if is_heap(bags[i], whole, kept):
                p = _NOTHING
            elif self._on_subject and is_beside(bags[i], whole):
                p = _at_most(BESIDE, p)
            p = self._corrected(p)
            quotes.append(prepared.quote(window))
            out.append(self._verdict(claim.id, p, quotes[-1], asked_about=i == 0))
        if self._second and claims[0].kind not in _WEIGHED:
            covered = self._second.covered(question, claims[0], kept, out[0])
            if covered is not None:
                first = out[0]
                p = (1 - first.p_covered - first.p_contradicted, first.p_covered, first.p_contradicted)
                out[0] = self._verdict(first.claim, _moved(p, covered), quotes[0])
        return out

    def _corrected(self, p: tuple[float, float, float]) -> tuple[float, float, float]:
        if self._personal is None:
            return p
        return _moved(p, self._personal.apply(p[1]))

    def _verdict(self, claim: str, p: Sequence[float], quote: str, *, asked_about: bool = True) -> Verdict:
        bands = self.bands if asked_about else replace(self.bands, accept=max(self.bands.accept, _UNASKED))
        name, abstain = decide(p, bands)
        shown = quote if name != "missing" else ""
        return Verdict(claim, name, round(float(p[1]), 6), round(float(p[2]), 6), shown, abstain)


def _candidates(claim: Bag, prepared: Prepared) -> list[Window]:
    """Windows worth scoring: the best passage, and the sentences that share most with the claim."""
    passage = max(prepared.passages, key=lambda w: recall(claim.words, w.bag))
    if len(prepared.sentences) == 1:
        return [passage]
    ranked = sorted(prepared.sentences, key=lambda w: -recall(claim.words, w.bag))
    return [passage, *ranked[:_SENTENCES]]


def _combine(
    claim: Bag, asked: Bag, scored: Sequence[tuple[Window, Sequence[float]]], strength: float = 1.0
) -> tuple[tuple[float, float, float], Window]:
    """Probabilities of the claim and the window that decided them.

    The passage and the best sentence vote equally, so one sentence cannot pass against the rest of the answer,
    and a long answer is not punished for also saying other things. The reversal rules run on the quoted
    sentence.
    """
    passage = scored[0]
    best = max(scored[1:], key=lambda s: s[1][1], default=passage)
    worst = max(scored[1:], key=lambda s: s[1][2], default=passage)
    covered = max(passage[1][1], 0.5 * (passage[1][1] + best[1][1]))
    contradicted = max(passage[1][2], 0.5 * (passage[1][2] + worst[1][2]))
    quoted = best if covered >= contradicted else worst
    covered, contradicted = reverse(claim, asked, quoted[0].bag, covered, contradicted, strength)
    if covered + contradicted > 1.0:
        total = covered + contradicted
        covered, contradicted = covered / total, contradicted / total
    return (max(0.0, 1.0 - covered - contradicted), covered, contradicted), quoted[0]


def _moved(p: Sequence[float], covered: float) -> tuple[float, float, float]:
    """Probabilities with p(covered) set to `covered`, the other two in the same proportion."""
    rest = (1 - covered) / (1 - p[1]) if p[1] < 1 else 0.0
    return p[0] * rest, covered, p[2] * rest


def _at_most(covered: float, p: tuple[float, float, float]) -> tuple[float, float, float]:
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
