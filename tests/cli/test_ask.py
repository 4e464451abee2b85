"""`study ask` and `study index`, with words alone: no embedder and no chat model are here in tests."""

import json
from pathlib import Path

import pytest

from tests.helpers.study import make_workspace, study


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def test_without_a_model_the_passages_are_shown_with_their_places(root: Path) -> None:
    ran = study(root, "ask", "What does decoding wait for, memory bandwidth or arithmetic?")
    assert ran.code == 0
    assert "tracks/02-infra/kv-cache-scaling.md:" in ran.out
    assert "Decoding waits for memory bandwidth rather than arithmetic." in ran.out


def test_every_passage_stands_at_its_lines(root: Path) -> None:
    events = [
        json.loads(line)
        for line in study(root, "ask", "Why does paging avoid fragmentation?", "--json").out.splitlines()
    ]
    assert [event["event"] for event in events] == ["passages", "result"]
    assert set(events[-1]) == {"event", "query", "outcome", "answer", "notice", "thread"}
    for passage in events[0]["passages"]:
        lines = (root / passage["path"]).read_text(encoding="utf-8").split("\n")
        assert passage["text"] in "\n".join(lines[passage["start_line"] - 1 : passage["end_line"]])


def test_what_the_notes_do_not_say_is_said_so(root: Path) -> None:
    ran = study(root, "ask", "Who won the football world cup in Paris?")
    assert ran.code == 1
    assert "Your notes don't say" in ran.out


def test_filters_and_threads(root: Path) -> None:
    first = study(root, "ask", "What limits decoding?", "--in", "tracks", "--json")
    thread = json.loads(first.out.splitlines()[-1])["thread"]
    follow_up = study(root, "ask", "And what does paging avoid?", "--thread", thread, "--json")
    assert json.loads(follow_up.out.splitlines()[-1])["query"].startswith("What limits decoding?")
    elsewhere = study(root, "ask", "What limits decoding?", "--in", "lab", "--json")
    assert json.loads(elsewhere.out.splitlines()[0])["passages"] == []


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("--since", "yesterday"), "a date like"),
        (("--topic", "no such topic"), "No topic matches"),
        (("--thread", "nothing"), "no conversation"),
    ],
)
def test_bad_arguments_are_one_sentence(root: Path, args: tuple[str, ...], problem: str) -> None:
    ran = study(root, "ask", "What limits decoding?", *args)
    assert ran.code == 2
    assert problem in ran.err
    assert ran.err.count("\n") == 1


def test_index_says_what_it_covers_and_what_it_skipped(root: Path) -> None:
    (root / "sessions" / "binary.md").parent.mkdir(exist_ok=True)
    (root / "sessions" / "binary.md").write_bytes(b"\x00\xff\x00")
    assert "files" in study(root, "index").out
    status = json.loads(study(root, "index", "--status", "--json").out)
    assert status["chunks"] > 0
    assert [path for path, _ in status["skipped"]] == ["sessions/binary.md"]


def test_many_files_of_a_folder_are_one_line(root: Path) -> None:
    data = root / "lab" / "grader" / "data" / "answers"
    data.mkdir(parents=True)
    for number in range(5):
        (data / f"{number}.yaml").write_text("true: paging moves bytes to the moon\n", "utf-8")
    study(root, "index")
    lines = study(root, "index", "--status").out.splitlines()
    assert [line for line in lines if "lab/" in line] == ["skipped lab/grader/data/answers/ (5 files): a lab's data"]
    assert len(json.loads(study(root, "index", "--status", "--json").out)["skipped"]) == 5
    assert (
        study(root, "ask", "Does paging move bytes to the moon?", "--in", "lab", "--json").events[0]["passages"] == []
    )
