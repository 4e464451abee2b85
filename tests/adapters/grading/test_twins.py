"""An answer against itself with a negation undone: the difference tells which of the two states the claim."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.adapters.grading.local import LocalGrader
from agent.adapters.grading.prepare import Prepared, Window
from agent.adapters.grading.twins import doubted, twins
from agent.domain.calibration import Bands, Scaling
from agent.domain.verdict import ClaimText

QUESTION = "What limits decoding on a large GPU?"
CLAIM = ClaimText("bandwidth", "Decoding is limited by memory bandwidth, not by arithmetic.", "core")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The cache does not grow with the batch.", ["The cache does grow with the batch."]),
        ("It can't be shared.", ["It can be shared."]),
        ("It cannot be shared.", ["It can be shared."]),
        ("They don’t add a rotation, never.", ["They do add a rotation, never.", "They don’t add a rotation, ."]),
        ("Without padding nothing works.", ["with padding nothing works."]),
        ("It is no longer stored.", ["It is still stored."]),
        ("Notes about knots and novelty.", []),
        ("", []),
    ],
)
def test_one_twin_for_each_negation(answer: str, expected: list[str]) -> None:
    assert twins(answer) == expected


def test_a_hundred_negations_are_not_a_hundred_passes() -> None:
    assert len(twins("not " * 100)) == 4


def test_only_a_twin_that_states_it_better_takes_away() -> None:
    assert doubted(0.6, own=0.5, twin=0.5) == 0.6
    assert doubted(0.6, own=0.5, twin=0.55) == 0.6  # within what two wordings of one thing differ by
    assert doubted(0.6, own=0.5, twin=0.1) == 0.6
    assert doubted(0.6, own=0.3, twin=0.7) < 0.2
    assert doubted(0.6, own=0.3, twin=0.8) < doubted(0.6, own=0.3, twin=0.7)


class NotScorer:
    """Reads what holds a "not" as it reads the rest, only a little less likely to cover."""

    version = "not"
    bands = Bands(accept=0.4, reject=0.1, contradict=0.9)
    reversal = 0.0

    def scaling(self, *, read: bool) -> Scaling:
        return Scaling()

    def __init__(self, plain: float, negated: float) -> None:
        self.plain, self.negated = plain, negated
        self.passes = 0

    def score(
        self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
    ) -> NDArray[np.float64]:
        self.passes += 1
        covered = [self.negated if " not " in f" {window.text} " else self.plain for _, window in pairs]
        return np.array([(1 - p, p, 0.0) for p in covered])


DENIED = "Memory bandwidth is not what limits the speed of decoding on such a card."
STATED = "Memory bandwidth limits the speed, the arithmetic is not the limit of decoding on such a card."


def test_an_answer_that_denies_the_claim_is_asked_again() -> None:
    (verdict,) = LocalGrader(NotScorer(plain=0.7, negated=0.45)).judge(QUESTION, [CLAIM], DENIED)
    assert verdict.p_covered == pytest.approx(
        1 / (1 + math.exp(-(math.log(0.45 / 0.55) - 2 * (math.log(0.7 / 0.3) - math.log(0.45 / 0.55) - 0.3)))), abs=1e-5
    )
    assert verdict.name != "covered"


def test_a_negation_that_the_claim_needs_costs_nothing() -> None:
    (verdict,) = LocalGrader(NotScorer(plain=0.3, negated=0.45)).judge(QUESTION, [CLAIM], STATED)
    assert (verdict.name, verdict.p_covered) == ("covered", 0.45)


@pytest.mark.parametrize("negated", [0.04, 0.1, 0.9])
def test_twins_are_heard_only_where_it_can_matter(negated: float) -> None:
    scorer = NotScorer(plain=0.97, negated=negated)
    LocalGrader(scorer).judge(QUESTION, [CLAIM], DENIED)
    assert scorer.passes == 1


def test_marks_of_a_teacher_hear_no_twins() -> None:
    scorer = NotScorer(plain=0.7, negated=0.45)
    LocalGrader(scorer, marks=True).judge(QUESTION, [CLAIM], DENIED)
    assert scorer.passes == 1
