"""A second opinion from the embedded chat model: an expected grade read from its next-token probabilities.

Asked only where the first grader abstains. Question and answer come first and the claim last, so that the
server's prefix cache serves every further claim of the same answer.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from math import exp, log
from typing import Protocol

from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimText, Verdict

_SLOPE, _NEUTRAL = 0.5, 0.54
"""Weight of the model's log odds beside the first grader's, and the grade that says nothing either way (their mean).
Fitted on 152 answers that the small judge was not trained on (lab/claim-grader/scripts/second.py): beside it the model
adds little, so it may tip a claim that hangs in the balance and no more."""
_ANSWER_CHARS = 2400


class FirstTokenProbs(Protocol):
    """A model that tells the probabilities of the next token."""

    def first_token_probs(self, prompt: str, n_probs: int) -> dict[str, float]:
        """The most likely next tokens after a raw prompt with their probabilities.

        Raises:
            ModelError: the model cannot be reached.
        """
        ...


def few_shot() -> str:
    """The fixed prefix: the task and graded examples."""
    return resources.files("agent.adapters.grading").joinpath("weights/judge.md").read_text("utf-8")


def render(question: str, answer: str, claim: str) -> str:
    """The whole prompt; what the learner wrote is one JSON string, so it cannot end its field.

    It ends in a blank, since the tokenizer gives each digit a token of its own.
    """
    said = json.dumps(answer[:_ANSWER_CHARS], ensure_ascii=False)
    return f"{few_shot()}\nQuestion: {question}\nAnswer: {said}\nPoint: {claim}\nGrade: "


def expected_grade(probs: dict[str, float]) -> float | None:
    """The mean of the grades 0 to 5 under `probs`, as 0..1; None where no grade is among the tokens."""
    grades = {token.strip(): 0.0 for token in probs if token.strip() in {"0", "1", "2", "3", "4", "5"}}
    for token, p in probs.items():
        if token.strip() in grades:
            grades[token.strip()] += p
    total = sum(grades.values())
    return sum(int(g) * p for g, p in grades.items()) / (5 * total) if total > 0.2 else None


class SecondOpinion:
    """Asks the chat model about uncertain claims, at most `limit` an answer: the first claim, then the nearest ones.

    The first claim of the list is the one that was asked about, so an opinion on it decides the turn.
    """

    def __init__(self, model: FirstTokenProbs, *, limit: int = 2) -> None:
        self._model = model
        self._limit = limit

    @property
    def version(self) -> str:
        """Digest of the prompt and the mixing constants."""
        return "second-" + hashlib.sha256(f"{few_shot()}{_SLOPE}{_NEUTRAL}{self._limit}".encode()).hexdigest()[:8]

    def covered(
        self, question: str, answer: str, claims: Sequence[ClaimText], first: Sequence[Verdict]
    ) -> dict[int, float]:
        """New p(covered) of those claims that were asked about; none where the model fails."""
        unsure = [i for i, v in enumerate(first) if v.abstain]
        unsure.sort(key=lambda i: (i > 0, abs(first[i].p_covered - 0.5)))
        out: dict[int, float] = {}
        for i in unsure[: self._limit]:
            try:
                probs = self._model.first_token_probs(render(question, answer, claims[i].text), 20)
            except ModelError:
                break
            grade = expected_grade(probs)
            if grade is not None:
                out[i] = _mix(first[i].p_covered, grade)
        return out


def _mix(first: float, grade: float) -> float:
    odds = _logit(first) + _SLOPE * (_logit(grade) - _logit(_NEUTRAL))
    return 1 / (1 + exp(-odds))


def _logit(p: float) -> float:
    p = min(0.98, max(0.02, p))
    return log(p / (1 - p))
