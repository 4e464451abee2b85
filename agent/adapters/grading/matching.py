"""The matcher: learned weights for the tokens of claim and answer, and how well each finds a partner.

Late interaction (as ColBERT, Khattab and Zaharia 2020) over the encoder's untuned lower half. It has few parameters
and reads questions that it has not seen better than the fine-tuned upper half does; the two err differently.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = ("match_missing", "match_covered", "match_contradicted")


def among(ids: "NDArray[np.int64]", others: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    """Which of `ids` are in `others`: for a few dozen each, comparing all is faster than sorting."""
    found: NDArray[np.bool_] = (ids[:, None] == others).any(axis=1)
    return found


def rarity(ids: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """Telling tokens weigh more: WordPiece ids grow with rarity from about 2,000 on."""
    import numpy as np

    rank = np.maximum(ids - 1900, 50)
    weights: NDArray[np.float64] = 0.1 + 0.9 * np.minimum(1.0, np.log(rank / 50) / np.log(562))
    return weights


@dataclass(frozen=True)
class Matcher:
    """Weights as trained by lab/claim-grader/scripts/matching.py, by their names there."""

    arrays: "dict[str, NDArray[np.float32]]"

    def __call__(
        self,
        question: "NDArray[np.int64]",
        claim: "tuple[NDArray[np.int64], NDArray[np.float32]]",
        answer: "tuple[NDArray[np.int64], NDArray[np.float32]]",
    ) -> "NDArray[np.float64]":
        """Three centred logits; each text as WordPiece ids and states (tokens, 384) without specials."""
        import numpy as np

        w = self.arrays
        (ci, ch), (ai, ah) = claim, answer
        if not len(ci) or not len(ai):
            return np.zeros(3)
        sim = self._turned(ch) @ self._turned(ah).T
        recall, precision = sim.max(axis=1), sim.max(axis=0)
        wc = self._weights("claim", 0, ch, ci, question)
        wa = self._weights("answer", 1, ah, ai, question)
        flat = rarity(ci)
        x = np.array(
            [
                ((recall * wc).sum() / max(wc.sum(), 1e-3) - 0.55) * 6,
                ((precision * wa).sum() / max(wa.sum(), 1e-3) - 0.6) * 6,
                ((recall * flat).sum() / flat.sum() - 0.55) * 6,
                (-np.log(np.exp(-8 * recall).sum()) / 8 - 0.3) * 6,
                np.log((len(ai) + 1) / (len(ci) + 1)),
                np.log1p(wa.sum()),
            ]
        )
        z: NDArray[np.float64] = np.asarray(w["out"], np.float64) @ x + np.asarray(w["out_bias"], np.float64)
        return np.asarray(z - z.mean())

    def _turned(self, h: "NDArray[np.float32]") -> "NDArray[np.float32]":
        return _unit(h + h @ self.arrays["down"].T @ self.arrays["up"].T)

    def _weights(
        self, side: str, place: int, h: "NDArray[np.float32]", ids: "NDArray[np.int64]", question: "NDArray[np.int64]"
    ) -> "NDArray[np.float64]":
        import numpy as np

        told = np.clip(_unit(h) * 19 @ self.arrays[side] + self.arrays["bias"][place], -3, 3)
        weights: NDArray[np.float64] = rarity(ids) * np.exp(told + self.arrays["asked"][place] * among(ids, question))
        return weights


@dataclass(frozen=True)
class Matchers:
    """Matchers of several seeds; their logits are averaged."""

    members: tuple[Matcher, ...]

    @classmethod
    def load(cls, path: Path) -> "Matchers":
        """Read an npz file whose arrays have one entry a seed."""
        import numpy as np

        with np.load(path) as data:
            arrays = {name: data[name].astype(np.float32) for name in data.files}
        count = len(arrays["out"])
        return cls(tuple(Matcher({name: array[i] for name, array in arrays.items()}) for i in range(count)))

    def __call__(
        self,
        question: "NDArray[np.int64]",
        claim: "tuple[NDArray[np.int64], NDArray[np.float32]]",
        answer: "tuple[NDArray[np.int64], NDArray[np.float32]]",
    ) -> "NDArray[np.float64]":
        """The mean of the members' logits."""
        import numpy as np

        return np.asarray(np.mean([member(question, claim, answer) for member in self.members], axis=0))


def _unit(h: "NDArray[Any]") -> "NDArray[np.float32]":
    import numpy as np

    unit: NDArray[np.float32] = h / np.maximum(np.linalg.norm(h, axis=1, keepdims=True), 1e-6)
    return unit
