"""What counts as another measurement, and what does not."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.suite.fingerprint import scorer_hash

MODULE = """
class Scorer:
    def score(self):
        return {score}


class Subject:
    @property
    def defects(self):
        return {defects}
"""


@pytest.fixture
def hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Give the hash of a scorer's module with this score and these defects."""
    monkeypatch.syspath_prepend(tmp_path)

    def of(score: str, defects: str) -> str:
        (tmp_path / "a_scorer_of_its_own.py").write_text(MODULE.format(score=score, defects=defects), encoding="utf-8")
        sys.modules.pop("a_scorer_of_its_own", None)
        return scorer_hash("a_scorer_of_its_own")

    return of


def test_another_planted_defect_is_no_other_scorer(hashed: Callable[[str, str], str]) -> None:
    assert hashed("1.0", "()") == hashed("1.0", "(1,\n 2)")


def test_another_score_is(hashed: Callable[[str, str], str]) -> None:
    assert hashed("1.0", "()") != hashed("0.5", "()")
