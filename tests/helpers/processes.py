"""Real processes that hold something open until they are told to go on, or killed."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from evals.chaos.world import scripted_app
from tests.helpers.forks import start
from tests.helpers.study import REPO, environment


class Other:
    """Another process, running Python code on the workspace `root`; `hold()` in it says `ready` and waits."""

    def __init__(self, root: Path, code: str, env: Mapping[str, str] | None = None) -> None:
        names = {"root": root, "scripted_app": scripted_app, "hold": _hold}
        self._process = start(lambda: exec(code, names), environment(root, **(env or {})), REPO)

    def __enter__(self) -> "Other":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def wait(self) -> None:
        """Wait until it holds."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == "ready\n", line + self.end()[1]

    def go(self) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> tuple[str, str]:
        """Wait for its end; give what it printed."""
        return self._process.communicate(timeout=110)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self._process.communicate()


def _hold() -> None:
    print("ready", flush=True)
    sys.stdin.readline()
