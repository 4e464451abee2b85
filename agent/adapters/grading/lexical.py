"""The lexical scorer: word alignment features under a calibrated head; no model file, instant."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.adapters.grading.features import NAMES, Bag, features
from agent.adapters.grading.head import Head
from agent.adapters.grading.prepare import Prepared, Window
from agent.domain.calibration import Bands, Scaling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def lexical_rows(
    question: str,
    claims: Sequence[str],
    prepared: Prepared,
    pairs: Sequence[tuple[int, Window]],
    names: Sequence[str] = NAMES,
) -> list[list[float]]:
    """The features `names` of each (claim index, window) pair."""
    asked = Bag.of(question)
    bags = [Bag.of(claim) for claim in claims]
    return [
        features(asked, bags[i], window.bag, [s.bag for s in prepared.sentences[window.first : window.last + 1]], names)
        for i, window in pairs
    ]


class LexicalScorer:
    """Scores pairs by word alignment alone. It does not understand paraphrase: its abstain band is wide."""

    def __init__(self) -> None:
        self._head = Head.load("lexical")

    @property
    def version(self) -> str:
        """`lexical-` and the head's digest."""
        return f"lexical-{self._head.digest}"

    @property
    def bands(self) -> Bands:
        """The head's bands."""
        return self._head.bands

    @property
    def reversal(self) -> float:
        """The head's strength of the reversal rules."""
        return self._head.reversal

    def scaling(self, *, read: bool) -> Scaling:
        """The head's scaling of p(covered)."""
        return self._head.read if read else self._head.alone

    def score(
        self, question: str, claims: Sequence[str], prepared: Prepared, pairs: Sequence[tuple[int, Window]]
    ) -> "NDArray[np.float64]":
        """(n, 3) probabilities of the pairs."""
        return self._head.probabilities(lexical_rows(question, claims, prepared, pairs))
