"""Wrongly promoted and wrongly blocked learners, through the real graph and the real gate."""

from agent.domain.quiz import Policy
from evals.simulation.learners import KINDS, RETRIES, Kind, Learner
from evals.simulation.oracle import OracleGrader
from evals.simulation.run import play
from evals.simulation.sheets import load_sheets
from evals.suite.harm import figures, harm, promoted


def test_the_gate_opens_for_who_knows_and_not_for_who_bluffs() -> None:
    sheets = load_sheets()[:1]
    oracle = OracleGrader(sheets)
    outcomes: dict[Kind, bool] = {"knows all": True, "bluffs": False, "wrong": False}
    for kind, expected in outcomes.items():
        assert promoted(play(Learner.draw(kind, sheets[0], 1), oracle, Policy()), Policy()) == expected


def test_the_figures_are_per_thousand_with_intervals_by_note() -> None:
    outcomes = [(f"n{i}", should, i == 0 and not should) for i in range(10) for should in (True, False)]
    found = figures(outcomes)
    assert found["promoted"] == 100
    assert found["blocked"] == 1000
    assert found["promoted_low"] <= 100 <= found["promoted_high"]
    assert found["quizzes"] == 20


def test_who_appeals_or_sits_again_is_not_counted() -> None:
    planned: list[int] = []

    def progress(done: int, total: int) -> None:
        planned.append(total)

    assert harm(OracleGrader(load_sheets()), out_of_time=lambda: bool(planned), progress=progress) is None
    assert planned == [(len(KINDS) - len(RETRIES)) * len(load_sheets())]


def test_no_time_is_unmeasured_and_no_rate_of_a_few() -> None:
    assert harm(OracleGrader([]), out_of_time=lambda: True) is None
