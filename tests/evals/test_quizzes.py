"""Whole quizzes with the answers of a sheet: the answer that a question gets, and a quiz to its end."""

import shutil
from pathlib import Path

import pytest

from evals.quizzes import CONTENT, ROOT, answer_to, take
from evals.simulation.sheets import load_sheets

SHEET = next(sheet for sheet in load_sheets() if sheet.note.id == "rope")


def test_a_follow_up_gets_the_other_wording() -> None:
    first, second = SHEET.claims["norm-preserved"].knows
    assert answer_to(SHEET, {"claim": "norm-preserved", "kind": "ask"}) == first
    assert answer_to(SHEET, {"claim": "norm-preserved", "kind": "follow_up"}) == second


def test_the_real_command_is_taken_to_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_CHAT", "none")
    monkeypatch.setenv("STUDY_GRADER", "lexical")
    for name in CONTENT:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    events = take(SHEET, tmp_path)
    asked = [event["claim"] for event, answer in events if answer]
    assert {claim.id for claim in SHEET.note.core} <= set(asked)
    assert events[-1][0]["event"] == "result"
    assert events[-1][0]["state"] in ("passed", "not_passed")
