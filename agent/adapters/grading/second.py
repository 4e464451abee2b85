"""A second opinion from the embedded chat model: not what it says, but what it is about to say, read by a trained head.

Asked for a verdict in words, a model of this size calls nearly everything the same. Its next token holds more: the
scores of a fixed set of tokens are a linear view of its last hidden state, and a logistic regression reads them beside
the first grader's probability (lab/claim-grader/scripts/reading.py). The claim comes before the answer, so that all
before the answer is computed once for every answer to a question.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from agent.domain.calibration import log_odds, probability
from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ANSWER_CHARS = 2400
OPEN = (0.05, 0.8)
"""Between these p(covered) the first grader is not sure enough to be left alone."""


class NextTokenScores(Protocol):
    """A model that tells how likely given next tokens are."""

    def next_token_scores(self, prompt: str, tokens: Sequence[int]) -> list[float]:
        """Log probabilities of `tokens` among themselves after a raw prompt.

        Raises:
            ModelError: the model cannot be reached.
        """
        ...


def prompt_text() -> str:
    """The instruction."""
    return resources.files("agent.adapters.grading").joinpath("weights/judge.md").read_text("utf-8").strip()


def render(question: str, claim: str, answer: str) -> str:
    """The whole prompt in the model's chat form.

    What the learner wrote is one JSON string, so it cannot end its field, and no text holds a special token.
    """
    said = json.dumps(answer[:_ANSWER_CHARS], ensure_ascii=False)
    user = f"Question: {question}\nPoint: {claim}\nAnswer: {said}".replace("<|", "< |")
    return (
        f"<|im_start|>system\n{prompt_text()}<|im_end|>\n<|im_start|>user\n{user}\n"
        "Does the answer state the point?<|im_end|>\n<|im_start|>assistant\n"
    )


def opening(question: str, claim: str) -> str:
    """All of the prompt that does not depend on the answer; it ends where a token ends."""
    return render(question, claim, "").rpartition('Answer: ""')[0] + "Answer:"


@dataclass(frozen=True)
class Reading:
    """The head: log odds that the claim is covered, from token scores and the first grader's p(covered).

    `tokens` (k,) are token ids of `model`, `mean` and `coef` (k,) apply to centred scores, `mix` weighs the first
    grader's log odds of covered and of contradicted, the reading and a constant. `digest` names the content.
    """

    model: str
    tokens: tuple[int, ...]
    mean: "NDArray[np.float64]"
    coef: "NDArray[np.float64]"
    mix: tuple[float, float, float, float]
    digest: str

    @classmethod
    @cache
    def load(cls) -> "Reading":
        """The head that ships."""
        import numpy as np

        raw = resources.files("agent.adapters.grading").joinpath("weights/reading.npz").read_bytes()
        data = np.load(io.BytesIO(raw), allow_pickle=False)
        covered, contradicted, read, constant = data["mix"].tolist()
        return cls(
            model=str(data["model"]),
            tokens=tuple(data["tokens"].tolist()),
            mean=data["mean"].astype(np.float64),
            coef=data["coef"].astype(np.float64),
            mix=(covered, contradicted, read, constant),
            digest=hashlib.sha256(raw).hexdigest()[:8],
        )

    def covered(self, scores: Sequence[float], first: tuple[float, float, float]) -> float:
        """p(covered) of both together; `first` is (missing, covered, contradicted)."""
        import numpy as np

        x = np.asarray(scores, dtype=np.float64)
        seen = (log_odds(first[1]), log_odds(first[2]), float((x - x.mean() - self.mean) @ self.coef), 1.0)
        return probability(sum(weight * value for weight, value in zip(self.mix, seen, strict=True)))


class SecondOpinion:
    """Reads what the embedded model makes of the claim that was asked about, where the first grader is not sure.

    A claim that was not asked about has to be sure at once, and reading it would cost as much again. A misconception
    is weighed against its correction by the first grader, whose probabilities the margins there are made for.

    Args:
        model: the embedded chat model.
        reading: the head for this model, the shipped one where none is given.
    """

    def __init__(self, model: NextTokenScores, reading: Reading | None = None) -> None:
        self._model = model
        self._reading = reading

    @property
    def reading(self) -> Reading:
        """The head, loaded when first used."""
        return self._reading or Reading.load()

    @property
    def version(self) -> str:
        """Digest of the prompt and the head."""
        prompt = hashlib.sha256(f"{prompt_text()}{OPEN}".encode()).hexdigest()[:8]
        return f"second-{prompt}-{self.reading.digest}"

    def covered(self, question: str, claim: ClaimText, answer: str, first: tuple[float, float, float]) -> float | None:
        """p(covered) beside the first grader's (missing, covered, contradicted) before any rule.

        None where the model fails: the first verdict stands.
        """
        try:
            scores = self._model.next_token_scores(render(question, claim.text, answer), self.reading.tokens)
        except ModelError:
            return None
        return self.reading.covered(scores, first)
