import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.domain.errors import WorkspaceError
from agent.domain.event import Event, day_span
from agent.workspace.check import check_workspace
from agent.workspace.events import Events
from tests.helpers.workspaces import make_workspace

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
DAY = day_span(AT.date(), UTC)


def event(id: str = "e1", at: datetime = AT, text: str = "Read the paper.") -> Event:
    return Event(id=id, at=at, kind="note", text=text)


def test_an_event_is_one_small_file_named_by_its_time(tmp_path: Path) -> None:
    path = Events(tmp_path).add(event())
    assert path == "progress/events/20261124T093000Z-e1.json"
    assert json.loads((tmp_path / path).read_text(encoding="utf-8"))["text"] == "Read the paper."
    assert [p.name for p in (tmp_path / path).parent.iterdir()] == [Path(path).name]


def test_the_same_event_added_again_stays_as_it_was(tmp_path: Path) -> None:
    events = Events(tmp_path)
    first = events.add(event())
    assert events.add(event(at=AT + timedelta(hours=1), text="Something else.")) == first
    assert events.between(*DAY) == ([event()], [])


def test_a_day_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    events = Events(tmp_path)
    times = [DAY[0] - timedelta(microseconds=1), DAY[0], DAY[1] - timedelta(microseconds=1), DAY[1]]
    for number, at in enumerate(times):
        events.add(event(str(number), at))
    assert [e.id for e in events.between(*DAY)[0]] == ["1", "2"]


def test_malformed_files_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    events = Events(tmp_path)
    folder = tmp_path / "progress" / "events"
    events.add(event())
    (folder / "20261124T100000Z-broken.json").write_text("{", encoding="utf-8")
    (folder / "20261124T110000Z-marker.json").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    (folder / "20251124T110000Z-old.json").write_text("{", encoding="utf-8")
    good, problems = events.between(*DAY)
    assert good == [event()]
    assert [problem.split(" ", 1)[0] for problem in problems] == [
        "progress/events/20261124T100000Z-broken.json",
        "progress/events/20261124T110000Z-marker.json",
    ]


def test_two_files_with_one_id_that_differ_are_reported(tmp_path: Path) -> None:
    events = Events(tmp_path)
    path = events.add(event())
    other = (tmp_path / path).with_name("20261124T093001Z-e1.json")
    other.write_text(event(text="Another.").model_dump_json(), encoding="utf-8")
    good, problems = events.between(*DAY)
    assert good == [event()]
    assert len(problems) == 1


def test_a_file_that_a_person_renamed_is_still_found(tmp_path: Path) -> None:
    events = Events(tmp_path)
    path = tmp_path / events.add(event())
    path.rename(path.with_name("my-note.json"))
    assert events.between(*DAY) == ([event()], [])


def test_an_id_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError):
        Events(tmp_path).add(event("../../roadmap"))
    assert list(tmp_path.rglob("*.json")) == []


def test_a_folder_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "progress").write_text("a file in the way", encoding="utf-8")
    assert Events(tmp_path).try_add(event()) is None
    with pytest.raises(WorkspaceError):
        Events(tmp_path).add(event())


def test_the_check_covers_events(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    before = check_workspace(workspace)
    path = tmp_path / workspace.events.add(event())
    assert check_workspace(workspace) == before
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    found = set(check_workspace(workspace)) - set(before)
    assert [(p.path, p.severity) for p in found] == [("progress/events/20261124T093000Z-e1.json", "error")]
    assert workspace.problems()
