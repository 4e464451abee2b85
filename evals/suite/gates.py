"""What the trust runs say about each gate: whether it has a say, and which planted damage it noticed.

Read from `trust.json` beside the baselines, which `python -m evals.suite.trust record` writes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.suite.contract import Subject
from evals.suite.folders import read_json

STOCHASTIC = "the stochastic model"


def demoted(folder: Path) -> dict[str, str]:
    """Subjects whose gate has lost its say, with the reason."""
    return {name: str(row["demoted"]) for name, row in _rows(folder).items() if row.get("demoted")}


def noticed(folder: Path, subject: Subject, model: str = "") -> list[str]:
    """One phrase for each of the subject's defects and each model: `NAME on MODEL caught 3 of 4`, or unmeasured.

    `model` is the one of the run. A defect that nobody planted was not missed, and nothing is known of it.
    """
    known: Mapping[str, Mapping[str, int]] = _rows(folder).get(subject.name, {}).get("defects", {})
    told = []
    for defect in subject.defects:
        places = [place for place in known if place.partition(" on ")[0] == defect.name]
        wanted = [f"{defect.name} on {STOCHASTIC}"] if subject.uses_chat else []
        wanted += [f"{defect.name} on {model}"] if model else []
        told += [_phrase(place, known[place]) for place in places]
        told += [f"{place} unmeasured" for place in wanted if place not in places]
    return told


def unmeasured(folder: Path, subjects: Sequence[Subject]) -> list[str]:
    """Planted defects of the subjects that were never measured: on our own model, or on any where none is asked."""
    found = []
    for subject in subjects:
        known = _rows(folder).get(subject.name, {}).get("defects", {})
        names = known if subject.uses_chat else {place.partition(" on ")[0] for place in known}
        place = f" on {STOCHASTIC}" if subject.uses_chat else ""
        found += [f"{subject.name}: {d.name}" for d in subject.defects if f"{d.name}{place}" not in names]
    return found


def _phrase(place: str, counts: Mapping[str, int]) -> str:
    inert = f", {counts['inert']} of them without effect" if counts.get("inert") else ""
    undecided = f", {counts['undecided']} undecided" if counts.get("undecided") else ""
    return f"{place} caught {counts['caught']} of {counts['of']}{undecided}{inert}"


def _rows(folder: Path) -> dict[str, Any]:
    path = folder / "trust.json"
    return dict(read_json(path)) if path.exists() else {}
