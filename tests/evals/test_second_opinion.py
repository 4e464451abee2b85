"""`--second` of the evals that measure the quiz: with the embedded model as a quiz has it, or a refusal."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimText
from evals.graders import KeptReadings, MeasuredModel, quiz_grader, second_opinion


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


class Counting:
    """A model that tells how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def next_token_scores(self, prompt: str, tokens: Sequence[int]) -> list[float]:
        self.asked += 1
        return [-0.1 / (n + 1) for n, _ in enumerate(tokens)]


def test_readings_are_kept_from_run_to_run_digit_for_digit(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    with closing(sqlite3.connect(tmp_path / "readings.db")) as kept:
        said = KeptReadings(first, "small", kept).next_token_scores("Question", [3, 7])
    with closing(sqlite3.connect(tmp_path / "readings.db")) as kept:
        assert KeptReadings(second, "small", kept).next_token_scores("Question", [3, 7]) == said
    assert (first.asked, second.asked) == (1, 0)


@pytest.mark.parametrize(
    ("name", "prompt", "tokens"),
    [("large", "Question", [3, 7]), ("small", "Other", [3, 7]), ("small", "Question", [3])],
)
def test_another_model_prompt_or_choice_of_tokens_is_read_anew(name: str, prompt: str, tokens: list[int]) -> None:
    model = Counting()
    with closing(sqlite3.connect(":memory:")) as kept:
        KeptReadings(model, "small", kept).next_token_scores("Question", [3, 7])
        KeptReadings(model, name, kept).next_token_scores(prompt, tokens)
    assert model.asked == 2
