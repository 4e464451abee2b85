"""The fit of the odds of a quote, on rows made here."""

import random

import pytest

from agent.domain.quoting import Signals
from evals.golden import Case
from evals.quotes import Row, best, fit, folded, line


def _rows() -> list[Row]:
    """Twenty questions to ten notes: of three statements the gold one is nearer; the last ten have no gold."""
    rng = random.Random(0)
    rows = []
    for number in range(30):
        gold = number < 20
        near = [0.5 + 0.3 * (gold and place == number % 3) + rng.uniform(-0.1, 0.1) for place in range(3)]
        case = Case(str(number), "?", "near" if gold else "unanswerable", ((f"{number // 2}.md", "a"),) if gold else ())
        found = tuple(Signals(value, 0.5, 0.9, True, 0.0, True, 0.5) for value in near)
        rows.append(Row(case, found, tuple(gold and place == number % 3 for place in range(3)), ""))
    return rows


def test_the_fit_finds_the_signal_that_tells() -> None:
    rows = _rows()
    weights, offset = fit(rows)
    assert weights[0] > 5
    assert max(abs(weights[1:])) == pytest.approx(0, abs=0.01), "what never differs says nothing"
    assert all(best(row, weights, offset)[1] for row in rows[:20])
    assert min(best(row, weights, offset)[0] for row in rows[:20]) > max(
        best(row, weights, offset)[0] for row in rows[20:]
    )


def test_folds_and_the_line_of_a_floor() -> None:
    rows = _rows()
    text = line("dev", rows, folded(rows), 0.3)
    assert text.endswith("precision 1.000  recall 1.000 of 20  unanswerable abstained 10/10")
    assert "precision –" in line("dev", rows, folded(rows), 1.1)
