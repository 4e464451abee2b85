"""Graph threads in `.study/checkpoints.sqlite`: disposable, since attempts and proposals are files.

Writes are synchronous: a step counts as done only when its checkpoint is on disk.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.domain.errors import BusyError, StudyError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

    from agent.adapters.checkpoints.saver import LastWrittenSaver

BUSY_SECONDS = 10
# What langgraph-checkpoint-sqlite 3 reads; it adds `task_path` itself where an older database lacks it.
_COLUMNS = {
    "checkpoints": frozenset(
        "thread_id checkpoint_ns checkpoint_id parent_checkpoint_id type checkpoint metadata".split()
    ),
    "writes": frozenset("thread_id checkpoint_ns checkpoint_id task_id idx channel type value".split()),
}
RECURSION_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of one workspace. `notice` is one sentence for the user where the database was set aside."""

    saver: "LastWrittenSaver"
    notice: str = ""

    def compile(self, graph: "StateGraph[Any, Any, Any, Any]") -> "CompiledStateGraph[Any, Any, Any, Any]":
        """Compile a graph so that its threads are kept here."""
        return graph.compile(checkpointer=self.saver)

    def ids(self) -> list[str]:
        """List thread ids, the one written last first."""
        with self.saver.cursor(transaction=False) as cursor:
            cursor.execute("SELECT thread_id FROM checkpoints GROUP BY thread_id ORDER BY MAX(rowid) DESC")
            return [row[0] for row in cursor.fetchall()]

    def saved(self, thread: str) -> dict[str, Any]:
        """Give what a thread's last checkpoint holds, whichever graph wrote it, with the input that waits."""
        found = self.saver.get_tuple(config(thread))
        values: dict[str, Any] = dict(found.checkpoint["channel_values"]) if found is not None else {}
        begun = values.get("__start__")
        return {**values, **begun} if isinstance(begun, dict) else values

    def delete(self, thread: str) -> None:
        """Forget a finished thread, so that the database does not grow with every quiz."""
        self.saver.delete_thread(thread)


def config(thread: str) -> "RunnableConfig":
    """Give the run configuration of a thread. Nothing but its id goes in: all of it is stored in plain text."""
    return {"configurable": {"thread_id": thread}, "recursion_limit": RECURSION_LIMIT}


@contextmanager
def open_threads(root: Path) -> Iterator[Threads]:
    """Open the checkpoint database, moving a damaged one aside.

    Raises:
        BusyError: another process has it locked for too long.
        StudyError: the folder cannot be written, or the disk is full; also later, while the threads are in use.
    """
    # Read by langgraph at import: only plain values are ever stored, so nothing else needs to be loadable.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from agent.adapters.checkpoints.saver import LastWrittenSaver

    path = root / ".study" / "checkpoints.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection, notice = _connect(path)
    except sqlite3.Error as error:
        raise _sentence(path, error) from None
    except OSError as error:
        raise StudyError(f"{str(path.parent)!r} cannot be written: {error.strerror}.") from None
    try:
        yield Threads(LastWrittenSaver(connection), notice)
    except sqlite3.Error as error:  # a full disk, say, in the middle of a run
        raise _sentence(path, error) from None
    finally:
        connection.close()


def _sentence(path: Path, error: sqlite3.Error) -> StudyError:
    """Say what an error of the database means; whatever was acknowledged before is on disk."""
    if "locked" in str(error):
        return BusyError("Another study command is using the quiz database; try again in a moment.")
    if "full" in str(error) or "disk I/O" in str(error):
        return StudyError(f"{str(path)!r} cannot be written ({error}); make room, then run the command again.")
    return StudyError(f"{str(path)!r} cannot be used ({error}); check the folder's permissions, then try again.")


def _connect(path: Path) -> tuple[sqlite3.Connection, str]:
    try:
        return _opened(path), ""
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        # Damaged, or of another version: what it held was disposable. It is kept beside for whoever wants to look.
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
        notice = (
            f"The database of paused quizzes could not be read ({error}) and is now {aside.name}; a paused quiz has to "
            "start anew, while attempts and proposals are files and all there."
        )
        return _opened(path), notice


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        result = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result[0] != "ok":
            raise sqlite3.DatabaseError(str(result[0]))
        for table, columns in _COLUMNS.items():
            found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if found and not columns <= found:
                raise sqlite3.DatabaseError(f"the table {table} is of another version")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
