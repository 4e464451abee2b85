"""Builders for the regression suite: a drill, our own endpoint in this process, and a session in a folder."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.suite.contract import Subject, Variant
from evals.suite.drill import Drill, recognise
from evals.suite.endpoint import StochasticModel
from evals.suite.home import Home
from evals.suite.plan import Options
from evals.suite.result import RunResult
from evals.suite.session import Session, promote

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


class Days:
    """A clock that a test moves; each reading is a second later."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> datetime:
        self.seconds += 1
        return datetime.fromtimestamp(START.timestamp() + self.seconds, UTC)


def model(**fields: Any) -> StochasticModel:
    """Our own model for drills."""
    return StochasticModel(fields.pop("recognise", recognise), **fields)


def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "evals", tmp_path / "baselines")


def session(place: Home, transport: StochasticModel, *subjects: Subject, **fields: Any) -> Session:
    """A session whose retries do not wait."""
    options = fields.pop("options", Options(items=4))
    return Session(
        place, transport, subjects or (Drill(),), options, retries=(0.0,), clock=fields.pop("clock", Days()), **fields
    )


def promoted(place: Home, transport: StochasticModel, *subjects: Subject, options: Options | None = None) -> RunResult:
    """A first run, made the baseline."""
    result = session(place, transport, *subjects, options=options or Options(items=4)).run()
    promote(place, result.id, "the first one", "2026-11-24")
    return result


def figures(result: RunResult) -> Mapping[str, Any]:
    """Everything that must not depend on when, where or in how many pieces a run was made."""
    row = result.as_dict()
    for name in ("id", "started", "finished", "minutes"):
        row.pop(name)
    for subject in row["subjects"]:
        subject.pop("baseline_run")
        spent = subject["spent"]  # a reply that came just before a kill is kept, and counted as kept afterwards
        subject["spent"] = {"asked": spent["requests"] + spent["cached"]}
    return row


def variants(subject: Subject, variant: Variant) -> Options:
    return Options(items=4, variants={subject.name: variant})


def verdicts(result: RunResult) -> Sequence[str]:
    return [subject.verdict for subject in result.subjects]
