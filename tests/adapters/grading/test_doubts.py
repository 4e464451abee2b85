"""Answers beside a claim, and keywords in a heap: refused whatever the scorer says."""

import pytest

from agent.adapters.grading.doubts import is_beside, is_heap
from agent.adapters.grading.features import Bag

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
        ("heap tree minimum", False),
    ],
)
def test_the_claims_keywords_without_sentences_are_a_heap(answer: str, expected: bool) -> None:
    assert is_heap(Bag.of(CLAIM), Bag.of(answer), answer) is expected
