"""The matcher: partners of telling tokens count, the question's tokens little, and it is the same in any order."""

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.adapters.grading.matching import Matcher, rarity

RNG = np.random.default_rng(0)
STATES = {i: RNG.normal(size=384).astype(np.float32) for i in range(3000, 3040)}
Side = tuple[NDArray[np.int64], NDArray[np.float32]]


def side(*ids: int) -> Side:
    """A text of these tokens; equal tokens have equal states."""
    return np.array(ids, np.int64), np.array([STATES[i] for i in ids], np.float32).reshape(-1, 384)


@pytest.fixture
def matcher() -> Matcher:
    """One that adds up recall and precision, with no learned change of the vectors."""
    out = np.zeros((3, 6), np.float32)
    out[1, :2] = 1
    vectors = {name: np.zeros(384, np.float32) for name in ("claim", "answer")}
    low_rank = {name: np.zeros(shape, np.float32) for name, shape in (("down", (48, 384)), ("up", (384, 48)))}
    rest = {"bias": np.zeros(2, np.float32), "asked": np.full(2, -3, np.float32), "out_bias": np.zeros(3, np.float32)}
    return Matcher({"out": out, **vectors, **low_rank, **rest})


NO_QUESTION = np.array([], np.int64)
CLAIM = side(3000, 3001, 3002, 3003)


def covered(matcher: Matcher, answer: Side, question: NDArray[np.int64] = NO_QUESTION) -> float:
    return float(matcher(question, CLAIM, answer)[1])


def test_the_more_of_the_claim_finds_a_partner_the_better(matcher: Matcher) -> None:
    whole, half, none = (covered(matcher, side(*ids)) for ids in ((3003, 3000, 3001, 3002), (3000, 3001), (3010, 3011)))
    assert whole > half > none


def test_words_of_the_question_count_little(matcher: Matcher) -> None:
    asked = np.array([3000, 3001], np.int64)
    assert covered(matcher, side(3000, 3001), asked) < covered(matcher, side(3000, 3001))


def test_an_empty_side_says_nothing(matcher: Matcher) -> None:
    assert np.array_equal(matcher(NO_QUESTION, CLAIM, side()), np.zeros(3))


def test_rare_tokens_weigh_more() -> None:
    weights = rarity(np.array([1996, 2500, 9000, 30000], np.int64))
    assert list(weights) == sorted(weights)
    assert weights[0] == pytest.approx(0.2, abs=0.1)
    assert weights[-1] == pytest.approx(1.0, abs=0.01)
