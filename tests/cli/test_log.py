"""`study log`, and the events that the other commands leave."""

from pathlib import Path

import pytest

from agent.app import App
from agent.domain.event import Event
from agent.workspace.events import Events
from tests.helpers.study import PASSING, TOPIC, answers, make_workspace, study


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def events(root: Path) -> list[Event]:
    good, problems = Events(root).records.readable()
    assert problems == []
    return good


def test_a_line_is_jotted_down(root: Path) -> None:
    ran = study(root, "log", "read", "the", "GQA paper")
    assert (ran.code, ran.err) == (0, "")
    [event] = events(root)
    assert (event.kind, event.text, event.topic) == ("note", "read the GQA paper", "")
    assert "progress/events/" in ran.out


def test_a_line_may_name_its_topic_and_scripts_get_json(root: Path) -> None:
    ran = study(root, "log", "heads share keys", "--topic", "scaling", "--json")
    assert ran.events[0]["topic"] == TOPIC
    assert (root / ran.events[0]["path"]).is_file()


@pytest.mark.parametrize("line", ["", "  \n "])
def test_an_empty_line_is_no_event(root: Path, line: str) -> None:
    ran = study(root, "log", line)
    assert ran.code == 2
    assert events(root) == []


def test_a_finished_quiz_leaves_an_event(root: Path) -> None:
    study(root, "quiz", TOPIC, given=PASSING)
    [event] = events(root)
    assert (event.kind, event.topic, event.data["state"]) == ("quiz", TOPIC, "passed")
    assert (event.data["core_explained"], event.data["core"], event.data["answers"]) == (4, 4, 8)
    assert all((root / ref).is_file() for ref in event.refs)


def test_a_paused_quiz_leaves_an_event_once_a_place(root: Path) -> None:
    study(root, "quiz", TOPIC, given=answers("good", "good"))
    study(root, "resume", given="")
    [event] = events(root)
    assert event.data["state"] == "paused"
    assert "paused after 2 answers" in event.text


def test_a_question_leaves_an_event(root: Path) -> None:
    study(root, "ask", "What does decoding wait for, memory bandwidth or arithmetic?")
    [event] = events(root)
    assert (event.kind, event.data["outcome"]) == ("ask", "passages")
    assert "“What does decoding wait for, memory bandwidth or arithmetic?”" in event.text


def test_what_happens_does_not_fail_with_its_event(root: Path) -> None:
    (root / "progress").mkdir()
    (root / "progress" / "events").write_text("a file in the way", encoding="utf-8")
    ran = study(root, "quiz", TOPIC, given=PASSING, env={"STUDY_COMMIT": "false"})
    assert (ran.code, ran.err) == (0, "")
    refused = study(root, "log", "a line")
    assert refused.code == 1
    assert "Traceback" not in refused.err


def test_the_app_reads_events_where_commands_write_them(root: Path) -> None:
    study(root, "log", "a line")
    with App.load(root) as app:
        assert len(app.workspace.events.records.all()) == 1
