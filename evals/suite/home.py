"""Where runs are kept: finished ones, the history, and the lock that keeps two runs apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from agent.domain.errors import BusyError, UsageError
from evals.suite import baseline as baselines
from evals.suite.folders import read_json, read_rows, write_json
from evals.suite.result import RunResult, result_from


@dataclass(frozen=True, slots=True)
class Home:
    """Where runs are kept and baselines lie."""

    folder: Path
    baselines: Path = baselines.FOLDER

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder: two runs at once would take each other's time and samples.

        Raises:
            BusyError: another run holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BusyError("Another `study eval run` is at work here; wait for it, or stop it.") from None
        try:
            yield
        finally:
            lock.release()

    def runs(self) -> list[str]:
        """Ids of the finished runs, oldest first."""
        return sorted(path.parent.name for path in self.folder.glob("runs/*/result.json"))

    def run_folder(self, id: str) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / id

    def result(self, id: str) -> RunResult:
        """A finished run; `latest` is the last one of the working tree, planted damage left out.

        Raises:
            UsageError: there is no such run.
        """
        known = self.runs()
        if id == "latest":
            found = (self._read(run) for run in reversed(known))
            last_one = next((result for result in found if not result.planted), None)
            if last_one is None:
                raise UsageError("No run of the working tree is finished yet; `study eval run` makes one.")
            return last_one
        matches = [run for run in known if run == id] or [run for run in known if run.startswith(id)]
        if len(matches) != 1:
            last = f"the last one is {known[-1]}" if known else "none is finished yet"
            raise UsageError(f"There is no one run {id!r}; {last}.")
        return self._read(matches[0])

    def _read(self, run: str) -> RunResult:
        return result_from(read_json(self.run_folder(run) / "result.json"))

    def keep(self, result: RunResult) -> None:
        """Write a finished run."""
        write_json(self.run_folder(result.id) / "result.json", result.as_dict())

    def history(self) -> list[dict[str, Any]]:
        """One row a run and subject, oldest first: `at`, `run`, `subject`, `mean`, `low`, `high`, `verdict`."""
        return read_rows(self.folder / "history.jsonl")
