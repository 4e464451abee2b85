"""What a subject scored when somebody promoted it: one small JSON file a subject, readable in a diff."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent.domain.errors import StudyError
from evals.suite.contract import Case, Subject, Variant
from evals.suite.fingerprint import Parts

FOLDER = Path(__file__).resolve().parents[1] / "baselines"
RELEASED = "released"


class BaselineError(StudyError):
    """A baseline's file cannot be read; nothing can be compared with it."""

    exit_code = 11


@dataclass(frozen=True, slots=True)
class Baseline:
    """The promoted figures of a subject.

    `templates` are the prompt files' lines, so that the arm can be run again. `below` holds, by source and case, the
    primary scores under 1; every other case of the dataset scored 1, but for those in `unmeasured`. `canary`: case →
    digest of its greedy output. `known`: invariant → cases that break it already. `repeatable`: whether the canary
    gave the same bytes twice.
    """

    subject: str
    promoted: str
    run: str
    why: str
    fingerprint: Parts
    repeatable: bool
    summary: Mapping[str, Sequence[float]]
    templates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    canary: Mapping[str, str] = field(default_factory=dict)
    unmeasured: Sequence[str] = ()
    below: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def variant(self) -> Variant:
        """The arm that runs it again with the code of today."""
        return Variant("baseline", {name: "\n".join(lines) for name, lines in self.templates.items()})

    def score_of(self, case: Case) -> float | None:
        """The primary score of a case of the same dataset, None where it was not measured."""
        if case.id in self.unmeasured:
            return None
        return self.below.get(case.source, {}).get(case.id, 1.0)


def read_baseline(name: str, folder: Path = FOLDER) -> Baseline | None:
    """The baseline of a subject; None where none was promoted.

    Raises:
        BaselineError: the file is no baseline.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    try:
        row: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Baseline(**row)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BaselineError(
            f"{str(path)!r} is no baseline ({error}); restore it from git or promote a run again."
        ) from None


def write_baseline(baseline: Baseline, folder: Path = FOLDER) -> Path:
    """Write it whole or not at all: one line a source, sorted, so that a diff shows the notes that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{baseline.subject}.json"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(_layout(asdict(baseline)), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def template_lines(subject: Subject, texts: Mapping[str, str]) -> dict[str, list[str]]:
    """The templates' texts as lists of lines."""
    return {name: texts[name].split("\n") for name in subject.templates}


def below_one(cases: Iterable[Case], scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """The scores under 1 by source, sorted."""
    grouped: dict[str, dict[str, float]] = {}
    for case in sorted(cases, key=lambda c: (c.source, c.id)):
        if scores.get(case.id, 1.0) < 1:
            grouped.setdefault(case.source, {})[case.id] = round(scores[case.id], 6)
    return grouped


def _layout(row: Mapping[str, Any]) -> str:
    """JSON with one line a value of the two outer levels."""
    lines = []
    for key, value in row.items():
        name = json.dumps(key)
        if isinstance(value, Mapping) and value:
            inner = [f"  {json.dumps(k, ensure_ascii=False)}: {_inner(v)}" for k, v in value.items()]
            lines.append(f" {name}: {{\n" + ",\n".join(inner) + "\n }")
        else:
            lines.append(f" {name}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _inner(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "[\n" + ",\n".join(f"   {json.dumps(item, ensure_ascii=False)}" for item in value) + "\n  ]"
    return json.dumps(value, ensure_ascii=False)
