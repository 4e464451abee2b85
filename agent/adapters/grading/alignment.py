"""Soft alignment of claim and answer tokens in the encoder's lower half (as BERTScore, Zhang et al. 2020).

Five numbers from untuned token vectors transfer to unseen questions better than anything learned from
a few hundred of them; they stand beside the fine-tuned upper half under one head.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.adapters.grading.matching import among, rarity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = (
    "align_recall",
    "align_free_recall",
    "align_low",
    "align_precision",
    "align_free_precision",
)


@dataclass(frozen=True)
class Encoded:
    """A text's WordPiece ids and their states (tokens, 384), specials included."""

    ids: "NDArray[np.int64]"
    states: "NDArray[np.float32]"


def alignment(question: Encoded, claim: Encoded, answer: Encoded) -> list[float]:
    """The values of `NAMES` for one pair; tokens of the question count less where a name says free."""
    import numpy as np

    ci, ai = claim.ids[1:-1], answer.ids[1:-1]
    if not len(ci) or not len(ai):
        return [0.0] * len(NAMES)
    c, a = claim.states[1:-1], answer.states[1:-1]
    c = c / np.linalg.norm(c, axis=1, keepdims=True)
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    sim = c @ a.T
    recall, precision = sim.max(axis=1), sim.max(axis=0)
    cw, aw = rarity(ci), rarity(ai)
    cf, af = cw * ~among(ci, question.ids), aw * ~among(ai, question.ids)
    cf = cf if cf.sum() > 0 else cw
    low = np.sort(recall)[: max(1, len(recall) // 4)]
    values = [
        (recall * cw).sum() / cw.sum(),
        (recall * cf).sum() / cf.sum(),
        low.mean(),
        (precision * aw).sum() / aw.sum(),
        (precision * af).sum() / af.sum() if af.sum() > 0 else 0.0,
    ]
    return [float(value) for value in values]
