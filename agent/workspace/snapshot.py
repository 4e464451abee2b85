"""The workspace read once: for a pass over many topics that writes nothing and may not read the same file for each."""

from functools import cached_property
from pathlib import Path
from typing import TypeVar

from agent.domain.attempt import Attempt, Record
from agent.domain.note import Note
from agent.domain.proposal import LedgerEntry
from agent.domain.roadmap import Roadmap
from agent.workspace.records import Records
from agent.workspace.workspace import Workspace

R = TypeVar("R", bound=Record)


class _ReadOnce(Records[R]):
    """Records as they were when first asked for."""

    @cached_property
    def _files(self) -> list[str]:
        return super().files()

    @cached_property
    def _readable(self) -> tuple[list[R], list[str]]:
        return super().readable()

    def files(self) -> list[str]:
        """List the paths, as of the first time."""
        return self._files

    def readable(self) -> tuple[list[R], list[str]]:
        """Give what could be read, as of the first time."""
        return self._readable


class Snapshot(Workspace):
    """A workspace as it was when each part was first read; it lives for one pass."""

    def __init__(self, root: Path, roadmap: Roadmap | None = None) -> None:
        super().__init__(root)
        self._known = roadmap
        self.attempts = _ReadOnce(root, "attempts", Attempt, lambda a: a.id)
        self.ledger = _ReadOnce(root, "ledger", LedgerEntry, lambda e: e.id)

    @cached_property
    def _roadmap(self) -> Roadmap:
        return self._known or super().roadmap()

    @cached_property
    def _notes(self) -> dict[str, Note]:
        return {}

    def roadmap(self) -> Roadmap:
        """Give the roadmap, as of the first time."""
        return self._roadmap

    def note(self, topic_id: str) -> Note:
        """Read a topic's note, once."""
        if topic_id not in self._notes:
            self._notes[topic_id] = super().note(topic_id)
        return self._notes[topic_id]
