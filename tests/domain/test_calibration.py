"""Calibration error and the bounded accept threshold."""

import random

import pytest

from agent.domain.calibration import Scaling, accept_threshold, expected_calibration_error, fit_personal_head, platt


def test_calibration_error_of_a_sure_but_half_right_grader_is_a_half() -> None:
    assert expected_calibration_error([1.0] * 10, [True, False] * 5) == pytest.approx(0.5)
    assert expected_calibration_error([0.5] * 10, [True, False] * 5) == pytest.approx(0.0)


@pytest.mark.parametrize(("p", "hit"), [([], []), ([0.1], [True, False])])
def test_calibration_error_needs_matching_data(p: list[float], hit: list[bool]) -> None:
    with pytest.raises(ValueError, match="as many outcomes"):
        expected_calibration_error(p, hit)


def test_accept_threshold_bounds_the_error_on_fresh_draws() -> None:
    rng = random.Random(3)

    def draw(n: int) -> tuple[list[float], list[bool]]:
        p = [rng.random() for _ in range(n)]
        return p, [rng.random() < v for v in p]

    p, right = draw(4000)
    threshold = accept_threshold(p, right, 0.1)
    fresh, truth = draw(20000)
    accepted = [t for v, t in zip(fresh, truth, strict=True) if v >= threshold]
    assert 0.7 < threshold < 0.9
    assert accepted.count(False) / len(accepted) < 0.12


def test_accept_threshold_refuses_all_where_nothing_is_good_enough() -> None:
    assert accept_threshold([0.9] * 50, [False] * 50, 0.1) > 1
    assert accept_threshold([0.9] * 5, [True] * 5, 0.1) > 1


def test_without_appeals_nothing_changes() -> None:
    personal = fit_personal_head([])
    assert personal == Scaling()
    assert personal.apply(0.3) == pytest.approx(0.3)


def test_appeals_move_the_fence_their_way_but_never_open_it() -> None:
    stricter = fit_personal_head([(0.8, False)] * 5)
    kinder = fit_personal_head([(0.4, True)] * 5)
    assert stricter.apply(0.8) < 0.8
    assert kinder.apply(0.4) > 0.4
    flooded = fit_personal_head([(0.05, True)] * 500)
    assert flooded.apply(0.05) < 0.5


@pytest.mark.parametrize("p", [0.0, 0.001, 0.42, 1.0])
def test_the_identity_scales_nothing_at_the_ends_either(p: float) -> None:
    assert Scaling().apply(p) == p


def test_platt_scaling_says_how_often_it_is_so() -> None:
    shy = [(0.3, True)] * 75 + [(0.3, False)] * 25 + [(0.05, True)] * 10 + [(0.05, False)] * 90
    scaled = platt(shy)
    assert scaled.apply(0.3) == pytest.approx(0.75, abs=0.01)
    assert scaled.apply(0.05) == pytest.approx(0.1, abs=0.01)
