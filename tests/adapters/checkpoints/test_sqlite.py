"""The checkpoint database: durable, disposable, and in nobody's way when it is damaged."""

import os
import sqlite3
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from agent.adapters.checkpoints import open_threads
from agent.adapters.checkpoints.sqlite import Threads, config
from agent.domain.errors import StudyError

DATABASE = ".study/checkpoints.sqlite"


class Said(TypedDict, total=False):
    text: str


def put(threads: Threads, thread: str, text: str) -> None:
    graph: StateGraph[Said, None, Said, Said] = StateGraph(Said)
    graph.add_node("keep", lambda state: {"text": state["text"]})
    graph.add_edge(START, "keep")
    threads.compile(graph).invoke({"text": text}, config(thread), durability="sync")


def texts(root: Path) -> list[str]:
    with open_threads(root) as threads:
        found = (threads.saver.get_tuple(config(thread)) for thread in threads.ids())
        return [item.checkpoint["channel_values"]["text"] for item in found if item is not None]


def test_threads_last_and_the_one_written_last_comes_first(tmp_path: Path) -> None:
    with open_threads(tmp_path) as threads:
        for thread in ("a", "b", "a"):
            put(threads, thread, f"in {thread}")
        assert threads.ids() == ["a", "b"]
    assert texts(tmp_path) == ["in a", "in b"]


def test_a_finished_thread_is_pruned(tmp_path: Path) -> None:
    with open_threads(tmp_path) as threads:
        put(threads, "a", "x")
        put(threads, "b", "y")
        threads.delete("a")
        threads.delete("never there")
    assert texts(tmp_path) == ["y"]
    with sqlite3.connect(tmp_path / DATABASE) as database:
        rows = [
            database.execute(f"SELECT count(*) FROM {t} WHERE thread_id='a'").fetchone()
            for t in ("checkpoints", "writes")
        ]
    assert rows == [(0,), (0,)]


def test_every_step_is_on_disk(tmp_path: Path) -> None:
    with open_threads(tmp_path) as threads:
        put(threads, "a", "x")
        assert threads.saver.conn.execute("PRAGMA synchronous").fetchone() == (2,)
        # Another process sees it while this one is still open.
        assert texts(tmp_path) == ["x"]


def test_only_the_threads_id_is_configured() -> None:
    assert config("a")["configurable"] == {"thread_id": "a"}


def test_only_plain_values_are_loaded(tmp_path: Path) -> None:
    with open_threads(tmp_path):
        assert os.environ["LANGGRAPH_STRICT_MSGPACK"] == "true"


def overwrite(data: bytes, at: int = 0) -> Any:
    def damage(path: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[:at] + data + whole[at + len(data) :])

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database at all, but long enough to be one" * 40),
        overwrite(b"\xff" * 64),
        overwrite(b"\xff" * 4096, at=4096),
        overwrite(b"\x00" * 8192, at=4096),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
    ],
)
def test_a_damaged_one_is_set_aside(tmp_path: Path, damage: Any) -> None:
    with open_threads(tmp_path) as threads:
        put(threads, "a", "x" * 20_000)
    path = tmp_path / DATABASE
    damage(path)
    broken = path.read_bytes()
    path.with_name(path.name + "-wal").write_bytes(b"stale")
    assert texts(tmp_path) == []
    with open_threads(tmp_path) as threads:
        put(threads, "b", "y")
    assert texts(tmp_path) == ["y"]
    assert path.with_suffix(".damaged").read_bytes() == broken


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / ".study").mkdir()
    (tmp_path / DATABASE).touch()
    assert texts(tmp_path) == []
    assert not (tmp_path / DATABASE).with_suffix(".damaged").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".study").write_text("a file")
    with pytest.raises(StudyError, match="cannot be written"), open_threads(tmp_path):
        pass
    (tmp_path / "other" / DATABASE).mkdir(parents=True)
    with pytest.raises(StudyError, match=r"checkpoints\.sqlite' cannot be"), open_threads(tmp_path / "other"):
        pass
