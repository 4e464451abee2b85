"""Records below `progress/`: one file an item."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.domain.attempt import Record
from agent.domain.errors import WorkspaceError
from agent.workspace.records import Records
from tests.helpers.fakes import START


class Item(Record):
    id: str
    text: str = ""


@pytest.fixture
def items(tmp_path: Path) -> Records[Item]:
    return Records(tmp_path, "items", Item, lambda i: i.id)


def test_a_record_is_written_read_found_and_removed(items: Records[Item]) -> None:
    path = items.write(START, Item(id="a", text="键 \u2028"))
    assert path == "progress/items/20261123T110000Z-a.json"
    assert items.read(path) == Item(id="a", text="键 \u2028")
    assert items.find("a") == (path, items.read(path))
    assert items.remove("a") == path
    assert items.remove("a") is None
    assert items.find("a") is None
    assert items.files() == []


def test_names_are_utc_and_sort_by_time(items: Records[Item]) -> None:
    east = datetime(2026, 11, 23, 10, 30, tzinfo=timezone(timedelta(hours=9)))
    items.write(START, Item(id="late"))
    items.write(east, Item(id="early"))
    assert [item.id for item in items.all()] == ["early", "late"]
    assert "20261123T013000Z" in items.files()[0]


def test_writing_twice_is_one_file(items: Records[Item]) -> None:
    assert items.write(START, Item(id="a")) == items.write(START, Item(id="a"))
    assert len(items.files()) == 1


def test_an_empty_workspace_has_none(items: Records[Item]) -> None:
    assert items.all() == []
    assert items.readable() == ([], [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON"),
        ('{"id": "a"', "Invalid JSON"),
        ('{"id": 1}', "id: Input should be a valid string"),
        ('{"id": "a", "more": 1}', "more: Extra inputs are not permitted"),
    ],
)
def test_a_damaged_one_is_named_and_the_others_are_read(
    items: Records[Item], tmp_path: Path, text: str, problem: str
) -> None:
    items.write(START, Item(id="good"))
    (tmp_path / "progress/items/x.json").write_text(text)
    with pytest.raises(WorkspaceError) as error:
        items.all()
    assert str(error.value).startswith("progress/items/x.json is not a valid item (")
    assert problem in str(error.value)
    good, problems = items.readable()
    assert [item.id for item in good] == ["good"]
    assert problems == [str(error.value)]


def test_two_files_of_one_id_count_once_if_they_are_equal(items: Records[Item]) -> None:
    items.write(START, Item(id="a"))
    items.write(START + timedelta(hours=1), Item(id="a"))
    assert len(items.all()) == 1
    assert items.readable() == ([Item(id="a")], [])


def test_two_that_differ_are_refused(items: Records[Item]) -> None:
    items.write(START, Item(id="a"))
    items.write(START + timedelta(hours=1), Item(id="a", text="other"))
    with pytest.raises(WorkspaceError, match="have the same id and differ; keep the right one"):
        items.all()
    good, problems = items.readable()
    assert good == [Item(id="a")]
    assert "have the same id and differ" in problems[0]


def test_left_over_temporary_files_are_none(items: Records[Item], tmp_path: Path) -> None:
    items.write(START, Item(id="a"))
    (tmp_path / "progress/items/.x.json.1234.tmp").write_text("{")
    (tmp_path / "progress/items/.hidden.json").write_text("{")
    assert len(items.all()) == 1
