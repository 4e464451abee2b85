"""What runs leave in a lab's folder: a record each, and the measured table of its RESULTS.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.domain.event import Event
from agent.domain.happened import lab_ran
from agent.domain.lab import RESULTS, RunRecord
from agent.domain.lab_table import marker_gap, rows, table, with_table
from agent.workspace.files import inside, locked, read_text, write_text
from agent.workspace.lab_file import lab_folders, topics_of
from agent.workspace.labs import read_lab, read_run, run_files


@dataclass(frozen=True, slots=True)
class Table:
    """How a lab's measured table stands: `fault` says why it cannot be written, `behind` whether it has to be."""

    path: str
    fault: str = ""
    behind: bool = False


def write_run(root: Path, record: RunRecord) -> str:
    """Write the record of a run, whole or not at all, and give its path.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    path = f"lab/{record.lab}/runs/{record.started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{record.id}.json"
    write_text(root, path, record.sealed().model_dump_json(indent=1) + "\n")
    return path


def run_events(root: Path, start: datetime, end: datetime) -> Iterator[Event]:
    """Give the event of each sound record of a run that ended in the span.

    A run that was killed after its record and before its event is told all the same: the event follows from the record,
    with the same id whoever writes it.
    """
    for folder in lab_folders(root):
        for path in run_files(root, folder):
            record = read_run(root, path).record
            if record is None or record.sha256 != record.computed_hash() or f"lab/{record.lab}" != folder:
                continue
            event = lab_ran(record, path, topics_of(root, folder))
            if start <= event.at < end:
                yield event


def known_run(root: Path, folder: str, id: str) -> str | None:
    """Find the record with this id."""
    return next((path for path in run_files(root, folder) if path.endswith(f"-{id}.json")), None)


def write_table(root: Path, folder: str, *, variants: Sequence[str] = (), metrics: Sequence[str] = ()) -> Table:
    """Bring the measured table level with the records; nothing between other lines is touched.

    Raises:
        WorkspaceError: RESULTS.md cannot be read or written.
    """
    with locked(root):
        found, text = _drawn(root, folder, variants, metrics)
        if found.behind:
            write_text(root, found.path, text)
    return found


def look_at_table(root: Path, folder: str, *, variants: Sequence[str] = (), metrics: Sequence[str] = ()) -> Table:
    """Say how the table stands, without writing.

    Raises:
        WorkspaceError: RESULTS.md cannot be read.
    """
    return _drawn(root, folder, variants, metrics)[0]


def _drawn(root: Path, folder: str, variants: Sequence[str], metrics: Sequence[str]) -> tuple[Table, str]:
    path = f"{folder}/{RESULTS}"
    if not inside(root, path).is_file():
        return Table(path, f"{path} does not exist"), ""
    text = read_text(root, path)
    gap = marker_gap(text)
    if gap:
        return Table(path, f"{path}: {gap}"), text
    wanted = with_table(text, table(rows(read_lab(root, folder, ()), variants), metrics))
    return Table(path, behind=wanted != text), wanted
