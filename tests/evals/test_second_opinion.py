"""`--second` of the evals that measure the quiz: with the embedded model as a quiz has it, or a refusal."""

import pytest

from evals.graders import quiz_grader, second_opinion


def test_none_unless_asked_for() -> None:
    with second_opinion(wanted=False) as model:
        assert model is None
        assert "second-" not in quiz_grader(model=model).version


def test_a_missing_model_is_said_and_nothing_is_measured_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_CHAT", "none")
    with pytest.raises(SystemExit, match="study model pull"), second_opinion(wanted=True):
        pytest.fail("measured without the model")


def test_the_opinion_shows_in_the_version() -> None:
    class Silent:
        def next_token_scores(self, prompt: str, tokens: object) -> list[float]:
            raise NotImplementedError

    assert "+second-" in quiz_grader(model=Silent()).version
