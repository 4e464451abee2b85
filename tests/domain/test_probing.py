"""What an answer to a false statement is read as."""

import pytest

from agent.domain.attempt import Judged
from agent.domain.probing import is_about, nearness, stance


def judged(covered: float, contradicted: float = 0.0) -> Judged:
    return Judged(claim="m1", kind="misconception", name="missing", p_covered=covered, p_contradicted=contradicted)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes, it grows with the square.", "agrees"),
        ("I think true, building a heap costs n log n.", "agrees"),
        ("Not completely sure, but yes, it does.", "agrees"),
        ("Good question. Right, every token is turned by its own position.", "agrees"),
        ("That's right, it grows.", "agrees"),
        ("No, it is linear.", "denies"),
        ("Good question. No, it is linear.", "denies"),
        ("If I remember correctly, that's not so.", "denies"),
        ("it doesnt grow with the square", "denies"),
        ("I don't agree, only stage 3 has more traffic.", "denies"),
        ("The cache is linear, only attention is quadratic.", ""),
        ("A model can make use of no more than 20 tokens.", ""),
        ("", ""),
    ],
)
def test_stance(answer: str, expected: str) -> None:
    assert stance(answer) == expected


def test_nearness_is_the_distance_in_log_odds() -> None:
    assert nearness(judged(0.5), judged(0.5)) == 0
    assert nearness(judged(0.7), judged(0.3)) == pytest.approx(1.69, abs=0.01)
    assert nearness(judged(0.0), judged(1.0)) == pytest.approx(-7.78, abs=0.01), "no probability is taken for certain"


def test_without_a_verdict_on_the_correction_what_speaks_against_counts() -> None:
    assert nearness(judged(0.1, 0.8), None) < 0 < nearness(judged(0.8, 0.1), None)


def test_an_answer_on_neither_is_not_about_it() -> None:
    assert not is_about(judged(0.1, 0.2), judged(0.05, 0.3))
    assert is_about(judged(0.1, 0.2), judged(0.05, 0.4))
