"""The user's editor: what comes back from it, and what is said when it fails."""

from pathlib import Path

import pytest

from agent.cli.editor import edit

FAILURES = {"missing": "/nonexistent/editor", "failing": "false", "unclosed quote": "'oops", "file removed": "rm"}


@pytest.mark.parametrize("name", FAILURES.values(), ids=FAILURES)
def test_a_failing_editor_is_said_and_changes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDITOR", name)
    assert edit("text", suffix=".md") is None
    said = capsys.readouterr().err
    assert said.startswith(f"study: the editor {name!r} failed (")
    assert said.endswith("; set EDITOR to one that works.\n")
    assert said.count("\n") == 1


def test_an_unchanged_text_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EDITOR", "true")
    assert edit("text", suffix=".md") is None
    assert capsys.readouterr().err == ""


def test_visual_goes_before_editor_and_may_have_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "ed"
    script.write_text('#!/bin/sh\necho "$1 é" >> "$2"\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("VISUAL", f"{script} --wait")
    assert edit("text\n", suffix=".md") == "text\n--wait é\n"
