"""JSON records below `progress/`, one small file an item: two machines merge without conflict."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from agent.domain.attempt import Record
from agent.domain.errors import WorkspaceError
from agent.workspace.files import read_text, sync_folder, write_text

R = TypeVar("R", bound=Record)
_ID = re.compile(r"\w[\w.-]*")


class Records(Generic[R]):
    """The records of one kind in `progress/<folder>/`, named `<utc>-<id>.json` so that they sort by time.

    `compact` writes them on one line. Pending proposals are: a decision takes one file away and adds a ledger entry
    that says much the same, and git would take that for a rename, and merge what another machine does in the folder of
    the proposals into the ledger. On one line the two have nothing in common for git.
    """

    def __init__(
        self, root: Path, folder: str, model: type[R], key: Callable[[R], str], *, compact: bool = False
    ) -> None:
        self._root, self._folder, self._model, self._key = root, f"progress/{folder}", model, key
        self._indent = None if compact else 1

    def path(self, at: datetime, id: str) -> str:
        """Give the path of a record relative to the workspace.

        Raises:
            WorkspaceError: the id would lead out of the folder.
        """
        if not _ID.fullmatch(id):
            raise WorkspaceError(f"{id[:60]!r} cannot name a file in {self._folder}.")
        return f"{self._folder}/{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{id}.json"

    def files(self) -> list[str]:
        """List the paths of all records, oldest first by name."""
        folder = self._root / self._folder
        return [f"{self._folder}/{p.name}" for p in sorted(folder.glob("*.json")) if not p.name.startswith(".")]

    def read(self, path: str) -> R:
        """Read one record.

        Raises:
            WorkspaceError: it is missing, damaged, or not of this kind.
        """
        text = read_text(self._root, path)
        try:
            return self._model.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"{where}: {first['msg']}" if where else first["msg"]
            kind = self._model.__name__.lower()
            raise WorkspaceError(
                f"{path} is not a valid {kind} ({problem}); restore it with git, or delete it if it is a leftover."
            ) from None

    def all(self) -> list[R]:
        """Read every record, oldest first; two files with the same id count once if they are equal.

        Raises:
            WorkspaceError: one is damaged, or two differ under one id.
        """
        found: dict[str, tuple[str, R]] = {}
        for path in self.files():
            record = self.read(path)
            key = self._key(record)
            if key in found and found[key][1] != record:
                raise WorkspaceError(f"{path} and {found[key][0]} have the same id and differ; keep the right one.")
            found.setdefault(key, (path, record))
        return [record for _, record in found.values()]

    def readable(self) -> tuple[list[R], list[str]]:
        """Read what can be read; the second list says, a sentence each, what cannot, and which differ under one id."""
        good: dict[str, tuple[str, R]] = {}
        problems: list[str] = []
        for path in self.files():
            try:
                record = self.read(path)
            except WorkspaceError as error:
                problems.append(str(error))
                continue
            first, kept = good.setdefault(self._key(record), (path, record))
            if kept != record:
                problems.append(f"{path} and {first} have the same id and differ; keep the right one.")
        return [record for _, record in good.values()], problems

    def find(self, id: str) -> tuple[str, R] | None:
        """Find the record with this id and its path, or None."""
        for path in self.files():
            if path.endswith(f"-{id}.json"):
                return path, self.read(path)
        return None

    def write(self, at: datetime, record: R) -> str:
        """Write a record atomically and give its path; the same record written twice is one file."""
        path = self.path(at, self._key(record))
        write_text(self._root, path, record.model_dump_json(indent=self._indent) + "\n")
        return path

    def remove(self, id: str) -> str | None:
        """Remove a record durably; give the path it had, None if there was none.

        Raises:
            WorkspaceError: the folder cannot be written.
        """
        found = next((path for path in self.files() if path.endswith(f"-{id}.json")), None)
        if found is not None:
            try:
                (self._root / found).unlink(missing_ok=True)
                sync_folder((self._root / found).parent)
            except OSError as error:
                raise WorkspaceError(f"{found} cannot be removed: {error.strerror}; try again.") from None
        return found
