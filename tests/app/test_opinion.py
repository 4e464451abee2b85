"""The opinion of the evidence: what the model is shown, and that it never counts."""

from pathlib import Path

import pytest

from agent.app import App
from agent.app.opinion import gate_report, opinion
from agent.domain.errors import ModelError
from agent.domain.level import Level
from tests.helpers.labs import LAB, make_lab
from tests.helpers.scripted_chat import ScriptedChat
from tests.helpers.study import Ran, study
from tests.helpers.workspaces import TOPIC, make_app, make_workspace, record_pass, tree

GOOD = {"gate": "open", "cites": ["E1"], "strength": "fair", "comment": "The answers in the session are short."}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    workspace = make_workspace(tmp_path)
    record_pass(workspace)
    make_lab(tmp_path, 3)
    return tmp_path


def session(root: Path) -> str:
    (file,) = (root / "sessions").glob("*.md")
    return f"sessions/{file.name}"


def test_the_model_sees_what_code_read_in_the_evidence(root: Path) -> None:
    app = make_app(root)
    report = gate_report(app, app.promotions.change_to(TOPIC, Level.L2, [session(root), LAB]))
    assert report.gate == "open"
    shown = {exhibit.path: exhibit.summary for exhibit in report.exhibits}
    assert "passed" in shown[session(root)]
    assert any("exit code 0 after" in text for path, text in shown.items() if "/runs/" in path)
    closed = gate_report(app, app.promotions.change_to(TOPIC, Level.L2, [LAB]))
    assert closed.gate == "closed"


def test_evidence_that_is_gone_is_said_not_raised(root: Path) -> None:
    app = make_app(root)
    change = app.promotions.change_to(TOPIC, Level.L1, [session(root)])
    (root / session(root)).unlink()
    assert "does not exist" in gate_report(app, change).exhibits[0].summary


def test_without_a_model_there_is_none(root: Path) -> None:
    app = make_app(root)
    found = opinion(app, app.promotions.change_to(TOPIC, Level.L1, [session(root)]))
    assert found.rationale is None
    assert "no chat model" in found.dropped


def run(root: Path, monkeypatch: pytest.MonkeyPatch, reply: object, *args: str) -> Ran:
    monkeypatch.setattr(App, "chat", ScriptedChat(reply))  # type: ignore[arg-type]
    monkeypatch.setattr(ScriptedChat, "close", lambda _: None, raising=False)
    return study(root, "promote", TOPIC, "--to", "L1", "--evidence", session(root), "--opinion", *args)


def test_it_is_shown_as_an_opinion_and_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(root, monkeypatch, GOOD)
    assert "Opinion of scripted, not counted (fair evidence):" in ran.out
    assert GOOD["comment"] in ran.out  # type: ignore[operator]
    proposals = [data for path, data in tree(root).items() if path.startswith("progress/proposals/")]
    assert len(proposals) == 1
    assert b"short" not in proposals[0]


@pytest.mark.parametrize(
    "reply", [{**GOOD, "comment": "It was approved, well done."}, {"x": 1}, ModelError("The endpoint is down.")]
)
def test_one_that_does_not_hold_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch, reply: object) -> None:
    ran = run(root, monkeypatch, reply, "--json")
    assert ran.code == 0
    assert ran.events[0]["opinion"]["comment"] is None
    assert ran.events[0]["opinion"]["counted"] is False
    assert ran.events[0]["opinion"]["dropped"]
    assert ran.events[0]["proposal"]
