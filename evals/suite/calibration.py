"""How far a judge may be believed: its agreement with human labels, kept beside the baselines for the reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.suite.decision import COVERAGE
from evals.suite.folders import read_json, write_json

BELIEVED, FEWEST = 0.6, 100
FILE = "judges.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge against labels: `pairs` are (label, judgement) of the rows that it scored, of `rows` in all."""

    pairs: tuple[tuple[bool, bool], ...]
    rows: int

    @property
    def kappa(self) -> float:
        """Cohen's kappa (Cohen 1960): agreement beyond what the two margins give by chance; 0 without any pair."""
        n = len(self.pairs)
        if n == 0:
            return 0.0
        agree = sum(one == other for one, other in self.pairs) / n
        yes, said = (sum(pair[side] for pair in self.pairs) / n for side in (0, 1))
        chance = yes * said + (1 - yes) * (1 - said)
        return (agree - chance) / (1 - chance) if chance < 1 else 0.0

    @property
    def agreement(self) -> float:
        """Share of the pairs that agree."""
        return sum(one == other for one, other in self.pairs) / len(self.pairs) if self.pairs else 0.0

    @property
    def believed(self) -> bool:
        """Whether its figures may be read as quality and not only as a trend."""
        enough = len(self.pairs) >= FEWEST and len(self.pairs) >= COVERAGE * self.rows
        return enough and self.kappa >= BELIEVED

    def __str__(self) -> str:
        verdict = "calibrated" if self.believed else "a trend only"
        return (
            f"kappa {self.kappa:.2f}, agreement {self.agreement:.1%} on {len(self.pairs)} of {self.rows} labelled "
            f"answers: {verdict}"
        )

    def as_row(self) -> dict[str, Any]:
        """What is kept: agreements and disagreements as counts, by (label, judgement)."""
        counts = {
            f"{label:d}{said:d}": self.pairs.count((label, said)) for label in (True, False) for said in (True, False)
        }
        return {"rows": self.rows, "pairs": counts, "kappa": round(self.kappa, 4)}


def keep(folder: Path, judge: str, found: Calibration, today: str) -> None:
    """Write a judge's calibration, `faithfulness of MODEL`, in the place of an older one of the same judge."""
    path = folder / FILE
    rows = read_json(path) if path.exists() else {}
    write_json(path, {**rows, judge: {"on": today, **found.as_row()}})


def calibrations(folder: Path) -> dict[str, str]:
    """What was measured of each judge, in words; none where nobody calibrated one."""
    path = folder / FILE
    rows: dict[str, Any] = read_json(path) if path.exists() else {}
    return {judge: f"{_from(row)} (on {row['on']})" for judge, row in rows.items()}


def _from(row: dict[str, Any]) -> Calibration:
    pairs = [(name[0] == "1", name[1] == "1") for name, count in row["pairs"].items() for _ in range(count)]
    return Calibration(tuple(pairs), row["rows"])
