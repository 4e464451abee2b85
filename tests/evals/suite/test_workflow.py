"""The nightly workflow: its steps' scripts are run, its paths are held against what the subjects are made of."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from evals.suite.closure import source_of
from evals.suite.subjects import SUBJECTS

REPO = Path(__file__).resolve().parents[3]
FLOW: Mapping[Any, Any] = yaml.safe_load((REPO / ".github/workflows/nightly-evals.yml").read_text(encoding="utf-8"))
JOB = FLOW["jobs"]["evals"]
STEPS = JOB["steps"]


def place(name: str) -> int:
    return next(i for i, step in enumerate(STEPS) if step.get("name", step.get("uses", "")).startswith(name))


def step(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = STEPS[place(name)]
    return found


def deciding_files(subject: str) -> Iterator[str]:
    """What the fingerprint of a subject is made of, as paths in the repository."""
    made = SUBJECTS[subject]()
    for module in (*made.code, type(made.scorer).__module__):
        path = source_of(module)
        assert path is not None, module
        yield path.relative_to(REPO).as_posix()
    for name in made.templates:
        graph, file = name.split("/")
        yield f"graphs/{graph}/prompts/{file}.md"
    yield from (path.relative_to(REPO).as_posix() for path in (REPO / "evals/cases").rglob("*") if path.is_file())
    yield from (path.relative_to(REPO).as_posix() for path in (REPO / "tracks").rglob("*.md"))
    yield from (path.relative_to(REPO).as_posix() for path in (REPO / "agent/adapters").rglob("weights/*"))
    yield "agent/adapters/models/manifest.json"
    yield "constraints.txt"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_pull_request_that_changes_what_decides_is_measured(subject: str) -> None:
    patterns = FLOW[True]["pull_request"]["paths"]  # YAML reads `on` as true
    every = "|".join(re.escape(pattern).replace(r"\*\*", ".*") for pattern in patterns)
    files = set(deciding_files(subject))
    assert len(files) > 100
    assert sorted(file for file in files if not re.fullmatch(every, file)) == []


def test_the_night_keeps_to_its_budget_and_everything_is_kept_whatever_the_verdict() -> None:
    assert set(FLOW[True]) == {"schedule", "workflow_dispatch", "pull_request"}
    assert 60 < step("Measure")["timeout-minutes"] < JOB["timeout-minutes"], "what hangs is cut in time to be saved"
    assert "--budget-minutes 60" in step("Measure")["run"]
    for name in ("What this night sampled", "actions/upload-artifact"):
        assert step(name)["if"] == "always()"
        assert place("Measure") < place(name) < place("Verdict")
    before, after = step("What earlier nights sampled"), step("What this night sampled")
    assert before["uses"].startswith("actions/cache/restore@"), "actions/cache saves after green jobs only"
    assert after["uses"].startswith("actions/cache/save@")
    assert after["with"]["key"] == before["with"]["key"]
    assert after["with"]["path"] == before["with"]["path"] == ".study/evals"
    assert place("What earlier nights sampled") < place("Measure")


def measured(folder: Path, *, code: int, printed: str) -> tuple[int, dict[str, str], str]:
    """Run the step as GitHub does, `bash -e`, with a `study` that prints and exits as told."""
    study = folder / ".venv/bin/study"
    study.parent.mkdir(parents=True)
    study.write_text(
        f"#!{sys.executable}\nimport sys\n"
        "if sys.argv[2] == 'report':\n"
        "    sys.exit(print('report of', sys.argv[3])) if sys.argv[3] == 'tonight' else sys.exit(2)\n"
        f"print({printed!r}, end='')\nsys.exit({code})\n",
        encoding="utf-8",
    )
    study.chmod(0o755)
    (study.parent / "python").symlink_to(sys.executable)
    for name in ("output", "summary"):
        (folder / name).touch()
    environ = {**os.environ, "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    script = ["bash", "-e", "-c", step("Measure")["run"]]
    done = subprocess.run(script, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    lines = (folder / "output").read_text(encoding="utf-8").split()
    return done.returncode, dict(line.split("=") for line in lines), (folder / "summary").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", [0, 1, 10, 11, 12])
def test_each_verdict_reaches_the_last_step_with_the_report_of_this_run(tmp_path: Path, code: int) -> None:
    ended, outputs, summary = measured(tmp_path, code=code, printed=json.dumps({"id": "tonight"}))
    assert (ended, outputs) == (0, {"code": str(code)})
    assert summary == "report of tonight\n"


@pytest.mark.parametrize("code", [1, 3, 11, 130])
def test_a_night_that_ends_before_anything_was_run_shows_no_older_report(tmp_path: Path, code: int) -> None:
    ended, outputs, summary = measured(tmp_path, code=code, printed="")
    assert (ended, outputs) == (0, {"code": str(code)})
    assert f"exit code {code}" in summary
    assert "report of" not in summary


@pytest.mark.parametrize(
    ("code", "ended"), [("0", 0), ("10", 0), ("12", 0), ("1", 1), ("11", 11), ("3", 1), ("130", 1), ("", 1)]
)
def test_a_regression_and_an_invalid_night_fail_the_job(code: str, ended: int) -> None:
    verdict = step("Verdict")
    assert verdict["env"] == {"CODE": "${{ steps.measure.outputs.code }}"}
    done = subprocess.run(
        ["bash", "-e", "-c", verdict["run"]], env={**os.environ, "CODE": code}, check=False, capture_output=True
    )
    assert done.returncode == ended
