"""p(covered) is scaled last, so that it says how often such an answer is true."""

import json
from collections.abc import Sequence
from importlib import resources

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.adapters.grading.head import Head
from agent.adapters.grading.local import LocalGrader
from agent.adapters.grading.prepare import Prepared, Window
from agent.adapters.grading.second import Reading, SecondOpinion
from agent.domain.calibration import Bands, Scaling
from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimKind, ClaimText, Verdict

QUESTION = "Why is decoding slow on a large GPU?"
ANSWER = "Memory bandwidth limits the speed, since weights must be streamed for each token."
ALONE, READ = Scaling(1.5, 2.0), Scaling(1.0, 1.0)


class Modest:
    """Says .4 where most such answers are true."""

    version = "modest"
    bands = Bands(accept=0.7, reject=0.2, contradict=0.9)
    reversal = 0.0

    def scaling(self, *, read: bool) -> Scaling:
        return READ if read else ALONE

    def score(
        self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
    ) -> NDArray[np.float64]:
        return np.array([(0.2, 0.4, 0.4) for _ in pairs])


class Model:
    """Finds nothing beside the first grader, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails

    def next_token_scores(self, prompt: str, tokens: Sequence[int]) -> list[float]:
        if self.fails:
            raise ModelError("The embedded model did not answer.")
        return [0.0, 0.0]


SAME = Reading(model="m", tokens=(7, 9), mean=np.zeros(2), coef=np.zeros(2), mix=(1.0, 0.0, 0.0, 0.0), digest="d")
"""The first grader's own log odds."""


def judged(model: Model | None = None, *, kind: ClaimKind = "core", personal: Scaling | None = None) -> Verdict:
    second = SecondOpinion(model, SAME) if model else None
    claim = ClaimText("bandwidth", "Decoding is limited by memory bandwidth, not by arithmetic.", kind)
    return LocalGrader(Modest(), second=second, personal=personal).judge(QUESTION, [claim], ANSWER)[0]


def test_a_modest_probability_is_raised_and_acted_on() -> None:
    verdict = judged()
    assert verdict.p_covered == pytest.approx(ALONE.apply(0.4), abs=1e-6)
    assert (verdict.name, verdict.abstain) == ("covered", False)


def test_the_rest_keeps_its_proportions() -> None:
    verdict = judged()
    assert verdict.p_contradicted == pytest.approx((1 - verdict.p_covered) * 0.4 / 0.6, abs=1e-6)


def test_what_the_second_opinion_read_has_a_scaling_of_its_own() -> None:
    assert judged(Model()).p_covered == pytest.approx(READ.apply(0.4), abs=1e-6)


def test_a_second_opinion_that_failed_does_not_count_as_one() -> None:
    assert judged(Model(fails=True)) == judged()


def test_a_misconception_is_weighed_as_it_was_scored() -> None:
    assert judged(kind="misconception").p_covered == 0.4
    assert judged(kind="correction").p_covered == 0.4


def test_the_learners_own_correction_comes_on_top() -> None:
    kinder = Scaling(1.0, 0.5)
    assert judged(personal=kinder).p_covered == pytest.approx(kinder.apply(ALONE.apply(0.4)), abs=1e-6)


@pytest.mark.parametrize("kind", ["core", "misconception"])
@pytest.mark.parametrize(("p", "sure"), [(0.79, False), (0.81, True)])
def test_what_was_not_asked_about_is_not_scaled_and_needs_more(kind: ClaimKind, p: float, sure: bool) -> None:
    """The scaling is that of answers to the claim's own question, half of them true."""

    class Hearing(Modest):
        def score(
            self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
        ) -> NDArray[np.float64]:
            return np.array([(1 - p, p, 0.0) for _ in pairs])

    claims = [ClaimText("c", "Decoding is slow.", "core"), ClaimText("other", "Decoding is fast.", kind)]
    asked, other = LocalGrader(Hearing()).judge(QUESTION, claims, ANSWER)
    assert asked.p_covered > 0.9
    assert (other.p_covered, other.abstain) == (p, not sure)


@pytest.mark.parametrize("name", ["grader", "marks", "lexical"])
def test_the_shipped_heads_scale_as_their_file_says(name: str) -> None:
    raw = json.loads(resources.files("agent.adapters.grading").joinpath(f"weights/{name}.json").read_text("utf-8"))
    head = Head.load(name)
    assert head.alone == Scaling(*raw.get("alone", (1.0, 0.0)))
    assert head.read == Scaling(*raw.get("read", (1.0, 0.0)))
