"""`--second` of the evals that measure the quiz: with the embedded model as a quiz has it, or a refusal."""

import pytest

from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimText
from evals.graders import MeasuredModel, quiz_grader, second_opinion


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


def test_a_model_that_fails_ends_the_measurement() -> None:
    class Failing:
        def next_token_scores(self, prompt: str, tokens: object) -> list[float]:
            raise ModelError("The embedded model did not answer.")

    claim = ClaimText("linear", "KV-cache memory grows linearly with the sequence length.", "core")
    answer = "The KV cache gets twice as big, because each token of the sequence adds the same amount of memory."
    question = "What happens to the memory when a conversation doubles in length?"
    assert quiz_grader(model=Failing()).judge(question, [claim], answer)[0].p_covered > 0.05  # read, if it could be
    with pytest.raises(SystemExit, match="did not answer"):
        quiz_grader(model=MeasuredModel(Failing())).judge(question, [claim], answer)
