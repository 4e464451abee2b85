"""Before anything is measured: scorers separate."""

from collections.abc import Mapping, Sequence

from evals.suite.contract import Case, Fixture, Value
from evals.suite.preflight import scorer_faults

CASE = Case("c", "s", "dev", {})


class Length:
    version = "1"
    targets: Mapping[str, float] = {}

    def __init__(self, *fixtures: Fixture, metrics: Sequence[str] = ("length",)) -> None:
        self.fixtures, self.metrics = fixtures, metrics

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        return {"length": len(value["text"]) / 10}


def _fixture(good: bool, text: str) -> Fixture:
    return Fixture("length", good, CASE, {"text": text})


def test_a_scorer_that_separates_passes() -> None:
    assert scorer_faults(Length(_fixture(True, "long"), _fixture(False, "l"))) == []


def test_one_that_does_not_is_named_with_the_reason() -> None:
    assert "as high" in scorer_faults(Length(_fixture(True, "long"), _fixture(False, "long")))[0]
    assert "needs a known-good" in scorer_faults(Length(_fixture(True, "long")))[0]
    assert "not a number in 0..1" in scorer_faults(Length(_fixture(True, "x" * 11), _fixture(False, "")))[0]
    assert scorer_faults(Length(_fixture(True, "long"), _fixture(False, ""), metrics=("length", "other"))) != []
