"""The calibrated head: features of a pair to (missing, covered, contradicted) probabilities."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from agent.domain.calibration import Bands, Scaling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Head:
    """Multinomial logistic regression over standardised features, as fitted by lab/claim-grader.

    `coef` is (3, features); classes are missing, covered, contradicted. `reversal` (0 to 1) is how strongly the rules
    on negation, direction and number move its probabilities. `alone` and `read` scale the p(covered) that comes out of
    all rules, without and with a second opinion, so that it says how often such an answer is true. `digest` names the
    content.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coef: tuple[tuple[float, ...], ...]
    intercept: tuple[float, ...]
    bands: Bands
    reversal: float
    alone: Scaling
    read: Scaling
    digest: str

    @classmethod
    def load(cls, name: str) -> "Head":
        """The head `weights/NAME.json` of this package."""
        raw = resources.files("agent.adapters.grading").joinpath(f"weights/{name}.json").read_bytes()
        data = json.loads(raw)
        return cls(
            features=tuple(data["features"]),
            mean=tuple(data["mean"]),
            scale=tuple(data["scale"]),
            coef=tuple(tuple(row) for row in data["coef"]),
            intercept=tuple(data["intercept"]),
            bands=Bands(**data["bands"]),
            reversal=data.get("reversal", 1.0),
            alone=Scaling(*data.get("alone", (1.0, 0.0))),
            read=Scaling(*data.get("read", (1.0, 0.0))),
            digest=hashlib.sha256(raw).hexdigest()[:12],
        )

    def probabilities(self, rows: "Sequence[Sequence[float]] | NDArray[np.float64]") -> "NDArray[np.float64]":
        """(n, 3) probabilities of (n, features) rows."""
        import numpy as np

        if not len(rows):
            return np.zeros((0, 3))
        x = np.clip((np.asarray(rows, dtype=np.float64) - self.mean) / self.scale, -4.0, 4.0)
        z = x @ np.asarray(self.coef).T + np.asarray(self.intercept)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        p: NDArray[np.float64] = e / e.sum(axis=1, keepdims=True)
        return p
