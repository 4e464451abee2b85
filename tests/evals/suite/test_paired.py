"""The statistics, against brute force and against each other."""

from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.suite.paired import (
    benjamini_hochberg,
    better_p,
    exchange_p,
    holm,
    interval,
    mcnemar_p,
    mean_difference,
    sign_flip_p,
    standard_error,
    worse_p,
)

STEPS = [-2.0, -1.0, -2 / 3, -0.5, -1 / 3, 0.0, 1 / 3, 0.5, 1.0, 4 / 3]
SUMS = st.lists(st.sampled_from(STEPS), min_size=1, max_size=9)
ITEMS = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=4)
GROUPS = st.dictionaries(st.text("xyz", min_size=1, max_size=4), ITEMS, min_size=1, max_size=8)
P_VALUES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.floats(0, 1), min_size=1, max_size=8)


def _by_enumeration(sums: list[float]) -> float:
    totals = [sum(s * abs(v) for s, v in zip(signs, sums, strict=True)) for signs in product((-1, 1), repeat=len(sums))]
    return sum(total <= sum(sums) + 1e-9 for total in totals) / len(totals)


@given(SUMS)
@settings(max_examples=60, deadline=None)
def test_sign_flips_are_exact(sums: list[float]) -> None:
    assert sign_flip_p(sums) == pytest.approx(_by_enumeration(sums))


def test_sums_on_no_grid_are_drawn_and_close_to_exact() -> None:
    sums = [float(x) for x in np.random.default_rng(3).normal(-0.4, 1, 14)]
    assert sign_flip_p(sums) == pytest.approx(_by_enumeration(sums), abs=0.015)
    assert sign_flip_p([-np.pi] * 40) > 0


@given(st.integers(0, 12), st.integers(0, 12))
@settings(deadline=None)
def test_single_items_are_mcnemar(lost: int, won: int) -> None:
    groups = {f"s{i}": [-1.0 if i < lost else 1.0] for i in range(lost + won)} | {"same": [0.0]}
    expected = sum(comb(lost + won, k) for k in range(lost, lost + won + 1)) / 2 ** (lost + won)
    assert worse_p(groups) == pytest.approx(expected)
    assert mcnemar_p(lost, won) == pytest.approx(sign_flip_p([-1.0] * lost + [1.0] * won))


@given(GROUPS)
@settings(max_examples=40, deadline=None)
def test_the_two_sides_mirror_and_cover_everything(groups: dict[str, list[float]]) -> None:
    mirrored = {source: [-value for value in group] for source, group in groups.items()}
    assert better_p(groups) == pytest.approx(worse_p(mirrored))
    assert worse_p(groups) + better_p(groups) >= 1 - 1e-9
    low, high = interval(groups)
    assert low <= high


def test_under_the_null_a_twentieth_of_the_nights_is_below_a_twentieth() -> None:
    rng = np.random.default_rng(1)
    p = [sign_flip_p([float(v) for v in rng.binomial(6, 0.8, 40) - rng.binomial(6, 0.8, 40)]) for _ in range(400)]
    assert np.mean([value <= 0.05 for value in p]) <= 0.08
    assert np.mean([value <= 0.5 for value in p]) == pytest.approx(0.5, abs=0.08)


def test_items_of_one_source_do_not_count_as_independent() -> None:
    together = {"a": [-1.0] * 10, "b": [0.0] * 10}
    apart = {f"s{i}": [-1.0 if i < 10 else 0.0] for i in range(20)}
    assert worse_p(together) == 0.5
    assert worse_p(apart) < 0.01
    assert standard_error(together) > 3 * standard_error(apart)


def test_the_interval_agrees_with_a_simulation() -> None:
    rng = np.random.default_rng(5)

    def night(drop: float) -> dict[str, list[float]]:
        base = rng.beta(8, 2, (50, 4))
        two = rng.binomial(3, np.clip(base - drop, 0, 1)) / 3 - rng.binomial(3, base) / 3
        return {str(i): [float(v) for v in row] for i, row in enumerate(two)}

    inside = [low <= -0.1 <= high for low, high in (interval(night(0.1), draws=400) for _ in range(120))]
    assert np.mean(inside) >= 0.88


def test_one_source_has_no_interval() -> None:
    assert interval({"a": [0.5]}) == (-1.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_exchanged_draws_are_exact(strata: list[tuple[int, int]]) -> None:
    """Against every way to deal the draws of each stratum to the two arms, three to one and two to the other."""
    seen, totals = sum(hits for hits, _ in strata), [0]
    for hits, others in strata:
        draws = [1] * (hits + others) + [0] * (5 - hits - others)
        totals = [total + sum(dealt) for total in totals for dealt in combinations(draws, 3)]
    expected = sum(total >= seen for total in totals) / len(totals)
    assert exchange_p([(hits, 3, others, 2) for hits, others in strata]) == pytest.approx(expected)


def test_no_draws_say_nothing() -> None:
    assert exchange_p([]) == 1.0
    assert exchange_p([(10, 10, 0, 10)]) == pytest.approx(1 / comb(20, 10))


@given(P_VALUES)
def test_corrections_keep_order_and_never_help(p: dict[str, float]) -> None:
    for adjusted in (holm(p), benjamini_hochberg(p)):
        assert all(adjusted[name] >= p[name] - 1e-12 for name in p)
        order = sorted(p, key=lambda name: p[name])
        assert [adjusted[name] for name in order] == sorted(adjusted.values())
        assert max(adjusted.values()) <= 1
    assert all(holm(p)[name] >= benjamini_hochberg(p)[name] - 1e-12 for name in p)


def test_corrections_on_the_textbook_example() -> None:
    p = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(p) == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert benjamini_hochberg(p) == pytest.approx({"d": 0.02, "a": 0.02, "c": 0.04, "b": 0.04})


def test_the_mean_is_over_items() -> None:
    assert mean_difference({"a": [1.0, 0.0, 0.0], "b": [-1.0]}) == 0.0
