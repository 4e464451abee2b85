"""True answers are few among the grading cases; their weight is what lets the gate see refusals."""

from dataclasses import replace

import pytest

from evals.suite.contract import Case
from evals.suite.decision import MARGIN, compare
from evals.suite.fingerprint import dataset_hash
from evals.suite.subjects import SUBJECTS


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(SUBJECTS["grading"]().cases())


def is_true(case: Case) -> bool:
    return bool(case.expected["labels"] == ["covered"])


def test_true_answers_weigh_as_much_as_all_others(cases: list[Case]) -> None:
    true = sum(case.weight for case in cases if is_true(case))
    assert true / sum(case.weight for case in cases) == pytest.approx(0.5, abs=0.03)


def test_a_grader_that_refuses_one_true_answer_in_five_is_caught(cases: list[Case]) -> None:
    right = {case.id: 1.0 for case in cases}
    refused = {case.id for case in [case for case in cases if is_true(case)][::5]}
    worse = {id: float(id not in refused) for id in right}
    found = compare(cases, right, worse)
    assert found is not None
    assert found.difference < -MARGIN
    assert found.p_worse < 0.001
    assert found.lost == len(refused)
    unweighted = compare([replace(case, weight=1) for case in cases], right, worse)
    assert unweighted is not None
    assert unweighted.difference > -MARGIN, "what the gate saw before"


def test_a_weight_counts_as_so_many_cases_of_one_source() -> None:
    heavy = [Case("a", "one", "dev", {}, weight=3), Case("b", "one", "dev", {}), Case("c", "two", "dev", {})]
    found = compare(heavy, dict.fromkeys("abc", 1.0), {"a": 0.0, "b": 1.0, "c": 0.0})
    assert found is not None
    assert (found.items, found.lost, found.baseline, found.candidate) == (3, 2, 1.0, 0.2)
    assert found.difference == pytest.approx(-0.8)
    assert found.p_worse == pytest.approx(0.25), "two sources, both down: one of four choices of signs"
    assert dataset_hash(heavy) != dataset_hash([replace(case, weight=1) for case in heavy])
