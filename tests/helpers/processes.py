"""Real processes that hold something open until they are told to go on, or killed."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.helpers.study import REPO, environment

_BEGIN = "import sys\nfrom pathlib import Path\nroot = Path(sys.argv[1])\nfrom evals.chaos.world import scripted_app\n"


class Other:
    """Another process, running Python code on a workspace; `hold()` in the code says `ready` and waits."""

    def __init__(self, root: Path, code: str, env: Mapping[str, str] | None = None) -> None:
        hold = "def hold():\n    print('ready', flush=True)\n    sys.stdin.readline()\n"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN + hold + code, str(root)],
            cwd=REPO,
            env=environment(root, **(env or {})),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

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
