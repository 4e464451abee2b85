"""Answers beside a claim, and keywords in a heap: refused whatever the scorer says."""

from collections.abc import Sequence

import numpy as np
import pytest

from agent.adapters.grading.doubts import is_beside, is_heap
from agent.adapters.grading.features import Bag
from agent.adapters.grading.local import LocalGrader
from agent.adapters.grading.prepare import Prepared, Window
from agent.domain.calibration import Bands, Scaling
from agent.domain.verdict import ClaimText

CLAIM = (
    "Reading the minimum of a binary heap is O(1), and push and pop are O(log n), because the tree is complete "
    "and an entry moves along one path."
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A sentence in the prompt is a request and no control; rights have to be enforced elsewhere.", True),
        ("The chance that one answer wins is the sigmoid of the difference of two rewards.", True),
        ("Looking at the smallest is constant, adding to the heap or removing takes log n.", False),
        ("The smallest entry sits on top; inserting one climbs a single path of the tree.", False),
    ],
)
def test_an_answer_without_the_claims_words_is_beside_it(answer: str, expected: bool) -> None:
    assert is_beside(Bag.of(CLAIM), Bag.of(answer)) is expected


def test_a_short_claim_may_be_said_in_quite_other_words() -> None:
    assert not is_beside(Bag.of("Heaps are fast."), Bag.of("It takes hardly any time at all."))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("complete binary pop minimum path tree heap o reading push log entry n", True),
        ("pop and push are o log n, reading the minimum of the heap is o 1 as the tree is complete", False),
        ("peek = O(1), push = O(log n), pop = O(log n), complete binary tree heap minimum", False),
        ("minimum path tree binary heap push entry", True),
        ("heap tree minimum", False),
    ],
)
def test_the_claims_keywords_without_sentences_are_a_heap(answer: str, expected: bool) -> None:
    assert is_heap(Bag.of(CLAIM), Bag.of(answer), answer) is expected


class Credulous:
    """Finds every claim in every answer."""

    version = "credulous"
    bands = Bands(accept=0.5, reject=0.1, contradict=0.9)
    reversal = 0.0

    def scaling(self, *, read: bool) -> Scaling:
        return Scaling()

    def score(
        self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
    ) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        """Nine in ten."""
        return np.tile([0.1, 0.9, 0.0], (len(pairs), 1))


BESIDE = "The chance that one answer wins is the sigmoid of the difference of two rewards."


@pytest.mark.parametrize(
    ("answer", "marks", "expected"),
    [
        ("Looking at the smallest entry of the heap is constant, a push takes log n.", False, 0.9),
        ("complete binary pop minimum path tree heap o reading push log entry n", False, 0.01),
        ("complete binary pop minimum path tree heap o reading push log entry n", True, 0.01),
        (BESIDE, False, 0.1),
        (BESIDE, True, 0.9),
    ],
)
def test_what_the_grader_makes_of_them(answer: str, marks: bool, expected: float) -> None:
    grader = LocalGrader(Credulous(), marks=marks)
    (verdict,) = grader.judge("What do a heap's operations cost?", [ClaimText("c", CLAIM, "core")], answer)
    assert verdict.p_covered == expected
