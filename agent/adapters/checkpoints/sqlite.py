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
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

BUSY_SECONDS = 10
RECURSION_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of one workspace."""

    saver: "SqliteSaver"

    def compile(self, graph: "StateGraph[Any, Any, Any, Any]") -> "CompiledStateGraph[Any, Any, Any, Any]":
        """Compile a graph so that its threads are kept here."""
        return graph.compile(checkpointer=self.saver)

    def ids(self) -> list[str]:
        """List thread ids, the one written last first."""
        with self.saver.cursor(transaction=False) as cursor:
            cursor.execute("SELECT thread_id FROM checkpoints GROUP BY thread_id ORDER BY MAX(rowid) DESC")
            return [row[0] for row in cursor.fetchall()]

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
        StudyError: the folder cannot be written.
    """
    # Read by langgraph at import: only plain values are ever stored, so nothing else needs to be loadable.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = root / ".study" / "checkpoints.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BusyError("Another study command is using the quiz database; try again in a moment.") from None
        raise StudyError(f"{str(path)!r} cannot be opened: {error}.") from None
    except OSError as error:
        raise StudyError(f"{str(path.parent)!r} cannot be written: {error.strerror}.") from None
    try:
        yield Threads(SqliteSaver(connection))
    finally:
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return _opened(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        # Damaged: what it held was disposable. It is kept beside for whoever wants to look.
        path.replace(path.with_suffix(".damaged"))
        for extra in ("-wal", "-shm"):
            path.with_name(path.name + extra).unlink(missing_ok=True)
        return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        result = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result[0] != "ok":
            raise sqlite3.DatabaseError(str(result[0]))
    except sqlite3.Error:
        connection.close()
        raise
    return connection
