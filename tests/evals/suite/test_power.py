"""What a run says that it would have seen, against how often the procedure finds such a drop."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from evals.suite.contract import Case
from evals.suite.decision import ALARM, CONFIRM, MARGIN, Comparison, alarms, compare, confirmed, would_have_seen
from evals.suite.power import Stage, chance, detectable

SOURCES, EACH, REPEATS = 50, 4, 3
CASES = [Case(f"{s}-{i}", str(s), "dev", {}) for s in range(SOURCES) for i in range(EACH)]


def test_what_a_run_says_it_sees_is_what_alarm_and_confirmation_find() -> None:
    """One prompt of five is worse by the size that quiet nights name; the other four are not."""
    rng = np.random.default_rng(4)

    def arms(drop: float) -> Comparison:
        chances = np.clip(rng.beta(8, 2, len(CASES)), drop, 1)
        scores = [
            {case.id: float(score) for case, score in zip(CASES, rng.binomial(REPEATS, p) / REPEATS, strict=True)}
            for p in (chances, chances - drop)
        ]
        found = compare(CASES, *scores)
        assert found is not None
        return found

    quiet = [arms(0) for _ in range(10)]
    size = float(np.median([would_have_seen(one, one, draws=(3, 3), weights=(1, 1), compared=5) for one in quiet]))
    found = 0
    for night in range(150):
        firsts = {"worse": arms(size)} | {str(other): quiet[(night + other) % 10] for other in range(4)}
        again = arms(size)
        both = (firsts["worse"].difference + again.difference) / 2
        found += "worse" in alarms(firsts) and bool(confirmed({"worse": again})) and both < -MARGIN
    assert found / 150 == pytest.approx(0.8, abs=0.09)


def test_two_stages_and_a_margin_see_less_than_one_test() -> None:
    stage = Stage(CONFIRM, 0.02, 200, 50)
    normal = NormalDist()
    single = (normal.inv_cdf(0.95) + normal.inv_cdf(0.8)) * stage.error
    many = replace(stage, draws=10_000)
    assert detectable([many], margin=0) == pytest.approx(single, abs=1e-4)
    sieve = Stage(ALARM / 5, 0.02, 200, 50)
    both = detectable([sieve, stage], margin=MARGIN)
    assert both > single
    assert detectable([stage], margin=MARGIN) > single
    assert detectable([Stage(ALARM / 20, 0.02, 200, 50), stage], margin=MARGIN) > both, "more prompts, less power"


def test_it_is_never_below_the_margin() -> None:
    sharp = Stage(CONFIRM, 0.0001, 100_000, 40)
    assert MARGIN < detectable([sharp, sharp], margin=MARGIN) < MARGIN + 0.001


def test_where_nothing_differed_a_drop_still_has_its_own_spread() -> None:
    rng, still = np.random.default_rng(2), Stage(CONFIRM, 0.0, 200, 200)
    size = detectable([still], margin=MARGIN)
    lost = rng.binomial(200, size, 20_000)  # each lost item stands alone: significant from 5 on, and more than 5 %
    assert np.mean(lost / 200 > MARGIN) == pytest.approx(0.8, abs=0.06)


def test_the_chance_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(1)
    one, two = Stage(0.04, 0.03, 200, 50, 1, 10**6), Stage(0.05, 0.02, 200, 50, 3, 10**6)
    first, fresh = rng.normal(-0.07, one.error, 200_000), rng.normal(-0.07, two.error, 200_000)
    found = (first <= -one.bar(0.07)) & (fresh <= -two.bar(0.07)) & ((first + 3 * fresh) / 4 < -MARGIN)
    assert chance(0.07, [one, two], margin=MARGIN) == pytest.approx(found.mean(), abs=0.005)


def test_few_sources_can_detect_nothing_and_no_difference_is_not_certainty() -> None:
    assert detectable([Stage(CONFIRM, 0.0, 8, 2)], margin=MARGIN) == 1.0
    assert detectable([Stage(CONFIRM, 0.0, 40, 40)], margin=MARGIN) == pytest.approx(5 / 40, abs=0.02)
    assert detectable([Stage(CONFIRM, 1.0, 200, 50)], margin=MARGIN) == 1.0
