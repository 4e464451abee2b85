"""`study summarize` as it is typed: on a pipe, and by a person at a terminal."""

from pathlib import Path

import pytest

from agent.cli.line_edit import apply_command, edit_lines
from agent.workspace.events import Events
from tests.helpers.days import MORNING, usual
from tests.helpers.fakes import START
from tests.helpers.labs import make_lab, make_run
from tests.helpers.study import PASSING, TOPIC, Terminal, make_workspace, study, tree
from tests.helpers.workspaces import git

DATE = ("--date", "2026-03-17")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = make_workspace(tmp_path / "work", git=True)
    for event in usual():
        Events(made).add(event)
    return made


def sessions(root: Path) -> list[str]:
    return [path for path in tree(root) if path.startswith("sessions/")]


def test_on_a_pipe_the_draft_is_printed_and_waits(root: Path) -> None:
    ran = study(root, "summarize", *DATE, given="a\napprove\ny\n")
    assert ran.code == 0
    (path,) = sessions(root)
    assert ran.out == (root / path).read_text(encoding="utf-8") + "\n"
    assert "status: draft" in ran.out
    assert "needs you at a terminal" in ran.err
    before = tree(root)
    assert study(root, "summarize", *DATE, given="a\n").out == ran.out
    assert tree(root) == before


def test_scripts_get_events_and_a_result(root: Path) -> None:
    ran = study(root, "summarize", *DATE, "--json", given="")
    assert [event["event"] for event in ran.events] == ["condensed", "drafted", "result"]
    assert all(statement["events"] for statement in ran.events[1]["statements"])
    result = ran.events[-1]
    assert (result["state"], result["session"], result["missing"]) == ("waiting", sessions(root)[0], 0)


def test_an_empty_day_says_so(root: Path) -> None:
    ran = study(root, "summarize", "--date", "2026-03-13")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Nothing was recorded in that time")
    assert sessions(root) == []
    result = study(root, "summarize", "--date", "2026-03-13", "--json").events[-1]
    assert (result["state"], result["session"]) == ("empty", None)


@pytest.mark.parametrize("args", [("--date", "soon"), ("--since", "noonish"), ("--date", "2026-02-30")])
def test_what_is_no_day_is_refused(root: Path, args: tuple[str, ...]) -> None:
    ran = study(root, "summarize", *args)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_today_with_a_real_quiz(tmp_path: Path) -> None:
    root = make_workspace(tmp_path / "work")
    study(root, "log", "read the GQA paper", "--topic", TOPIC)
    study(root, "quiz", TOPIC, given=PASSING)
    out = study(root, "summarize").out
    assert "Quiz on kv-cache-scaling: passed, 8 answers, 4 of 4 core claims explained." in out
    assert "in my words: “good”" in out
    assert f"](../tracks/02-infra/{TOPIC}.md#^c0)" in out
    assert "Noted: “read the GQA paper”" in out
    assert study(root, "check", "--json").code == study(make_workspace(tmp_path / "bare"), "check", "--json").code


def test_a_damaged_event_is_named_and_costs_nothing_else(root: Path) -> None:
    broken = root / "progress" / "events" / f"{MORNING:%Y%m%dT%H%M%SZ}-broken.json"
    broken.write_text("{", encoding="utf-8")
    ran = study(root, "summarize", *DATE)
    assert "broken.json is not a valid event" in ran.err
    assert "kv-cache-scaling: passed" in ran.out


def test_a_person_approves_and_it_is_committed_with_its_events(root: Path) -> None:
    with Terminal(root, "summarize", *DATE) as terminal:
        terminal.wait("[l]ater?")
        terminal.type("nonsense")
        terminal.wait("[l]ater?")
        terminal.type("a")
        terminal.wait("Committed")
        assert terminal.end() == 0
    (path,) = sessions(root)
    assert "status: draft" not in (root / path).read_text(encoding="utf-8")
    committed = set(git(root, "show", "--name-only", "--format=", "HEAD").split())
    assert path in committed
    assert len([name for name in committed if name.startswith("progress/events/")]) == len(usual()) + 1
    assert "has all 10 events" in study(root, "summarize", *DATE).out


def test_a_run_whose_event_was_lost_is_told_once(tmp_path: Path) -> None:
    """The process died between the run's record and its event; an edited record tells nothing."""
    made = make_workspace(tmp_path / "w")
    make_lab(made, 2)
    edited = made / make_run(made, id="0f0f0f0f", name="20261123T120000Z-0f0f0f0f")
    edited.write_text(edited.read_text(encoding="utf-8").replace("3.2", "9.9"), encoding="utf-8")
    for _ in range(2):
        out = study(made, "summarize", "--date", START.date().isoformat()).out
        assert out.count("Ran lab/kv-bench (fp16): exit 0 after 3.2 s") >= 1
        assert "9.9" not in out
        assert len(list((made / "progress" / "events").glob("*.json"))) == 1


def test_a_busy_day_is_an_overview_and_v_shows_all_of_it(root: Path) -> None:
    for event in usual():
        for n in range(6):
            Events(root).add(event.model_copy(update={"id": f"{event.id[:-2]}{n:02}"}))
    with Terminal(root, "summarize", *DATE, env={"PAGER": "cat"}) as terminal:
        terminal.wait("v shows the whole draft")
        terminal.wait("[l]ater?")
        assert "## Log" not in terminal.shown
        terminal.type("v")
        terminal.wait("## Log")
        terminal.wait("[l]ater?")
        terminal.type("l")
        assert terminal.end() == 0
    (path,) = sessions(root)
    assert "## Log" in study(root, "summarize", *DATE).out
    assert "status: draft" in (root / path).read_text(encoding="utf-8")


def test_lines_are_changed_and_the_rest_stays(root: Path) -> None:
    with Terminal(root, "summarize", *DATE) as terminal:
        terminal.wait("[l]ater?")
        terminal.type("c")
        terminal.wait("line>")
        terminal.type("1 # My day")
        terminal.wait("line>")
        terminal.type("")
        terminal.wait("as you edited it")
        terminal.wait("[l]ater?")
        terminal.press("d")
        assert terminal.end() == 0
    text = (root / sessions(root)[0]).read_text(encoding="utf-8")
    assert "\n# My day\n" in text
    assert "status: draft" in text


def test_the_editor_gets_the_body(root: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\nsed -i "s/^# Study session.*/# Edited/" "$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    with Terminal(root, "summarize", *DATE, env={"EDITOR": str(editor)}) as terminal:
        terminal.wait("[l]ater?")
        terminal.type("e")
        terminal.wait("as you edited it")
        terminal.type("r")
        terminal.wait("The draft is gone")
        assert terminal.end() == 0
    assert sessions(root) == []


def test_ctrl_c_and_a_lost_terminal_leave_the_draft(root: Path) -> None:
    with Terminal(root, "summarize", *DATE) as terminal:
        terminal.wait("[l]ater?")
        terminal.press("c")
        assert terminal.end() == 130
    (path,) = sessions(root)
    with Terminal(root, "summarize", *DATE) as terminal:
        terminal.wait("[l]ater?")
        terminal.hang_up()
    assert "status: draft" in (root / path).read_text(encoding="utf-8")


def test_two_terminals(root: Path) -> None:
    with Terminal(root, "summarize", *DATE) as terminal:
        terminal.wait("[l]ater?")
        ran = study(root, "summarize", *DATE)
        assert ran.code == 3
        assert "Another terminal" in ran.err


@pytest.mark.parametrize(
    ("command", "lines"),
    [("2 new", ["a", "new", "c"]), ("-2", ["a", "c"]), ("+2 new", ["a", "b", "new", "c"]), ("3  x", ["a", "b", " x"])],
)
def test_commands_on_lines(command: str, lines: list[str]) -> None:
    given = ["a", "b", "c"]
    assert apply_command(given, command) == ""
    assert given == lines


@pytest.mark.parametrize("command", ["", "x", "0 x", "4 x", "2", "-2 x", "--2", "99999999 x", "² x"])
def test_what_is_no_command_changes_nothing(command: str) -> None:
    given = ["a", "b", "c"]
    assert apply_command(given, command)
    assert given == ["a", "b", "c"]


def test_line_editing_ends_with_an_empty_line_or_changes_nothing() -> None:
    shown: list[str] = []
    typed = iter(["1 z", ""])
    assert edit_lines("a\nb\n", lambda _: next(typed), shown.append) == "z\nb\n"
    assert edit_lines("a\n", lambda _: "", shown.append) is None
    ended = iter(["1 z", None])
    assert edit_lines("a\n", lambda _: next(ended), shown.append) is None
