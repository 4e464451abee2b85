"""Case files of the subjects: YAML and JSON lines under `evals/cases/`, and which notes are sealed."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from evals.adversarial.cases import split_of
from evals.adversarial.pins import CASES, ROOT
from evals.suite.contract import Split

__all__ = ["CASES", "ROOT", "folder", "rows", "split_of", "split_of_some", "track"]


def rows(path: str) -> list[dict[str, Any]]:
    """The objects of a JSON lines file below `evals/cases/`."""
    text = (CASES / path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def folder(name: str) -> Iterator[tuple[str, Any]]:
    """(stem, content) of each YAML file of a folder below `evals/cases/`, by name."""
    for path in sorted((CASES / name).glob("*.yaml")):
        yield path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))


def split_of_some(place: int) -> Split:
    """Every third of a list that no note stands behind is sealed."""
    return "sealed" if place % 3 == 2 else "dev"


@cache
def track(note: str) -> str:
    """The track of a note, `02` for `tracks/02-…`; for slices."""
    found: list[Path] = sorted((ROOT / "tracks").glob(f"*/{note}.md"))
    return found[0].parent.name[:2] if found else ""
