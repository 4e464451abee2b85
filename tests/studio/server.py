"""`langgraph dev` on a workspace, as a user would start it, with a scripted judge and no way out of this machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx

from tests.helpers.study import REPO

# A Python that has the extra `studio`, where it is not this one.
PYTHON = Path(os.environ.get("STUDIO_PYTHON", sys.executable))
LANGGRAPH = PYTHON.with_name("langgraph")
TOKEN = "a-token-of-this-test-0123456789"
WAIT = 100  # seconds for the server to answer

# Python runs it at its start. The product has no such door: the judge is put in from outside, as in other tests.
_SITE = """
import os, sys
sys.path.insert(0, {repo!r})
from tests.helpers.network import Guard

class Told(Guard):
    def _look(self, event, args):
        try:
            super()._look(event, args)
        except OSError as error:
            with open({log!r}, "a") as log:
                log.write(f"{{error}}\\n")
            raise

Told()
if "langgraph" in sys.argv[0]:
    from agent.app import App
    from evals.chaos.world import ScriptedJudge
    App.grader = ScriptedJudge()
"""


def missing() -> str:
    """Say why the server cannot be started here, "" when it can."""
    if not LANGGRAPH.exists():
        return f"the extra `studio` is not installed ({LANGGRAPH} is missing; STUDIO_PYTHON names another Python)"
    have = [str(PYTHON), "-c", "import langgraph_api"]
    if subprocess.run(have, capture_output=True, check=False).returncode:
        return "langgraph-api is not installed: pip install 'study-agent[studio]'"
    return ""


class Server:
    """A running server; `url` is where it answers, `left` lists connections that tried to leave this machine."""

    def __init__(self, folder: Path, root: Path, *, token: str = "") -> None:
        site = folder / "site"
        site.mkdir(parents=True)
        self._log = folder / "connections.log"
        (site / "sitecustomize.py").write_text(_SITE.format(repo=str(REPO), log=str(self._log)), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("STUDY_", "LANGSMITH_"))
        } | {
            "PYTHONPATH": f"{site}{os.pathsep}{REPO}",
            "STUDY_ROOT": str(root),
            "STUDY_CHAT": "none",
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGGRAPH_NO_VERSION_CHECK": "1",
        }
        if token:
            environment["STUDY_STUDIO_TOKEN"] = token
        self.output = folder / "server.log"
        options = ["--config", str(REPO / "langgraph.json"), "--no-browser", "--no-reload", "--port", str(port)]
        with self.output.open("wb") as log:
            self._process = subprocess.Popen(
                [str(LANGGRAPH), "dev", *options], cwd=folder, env=environment, stdout=log, stderr=log
            )

    def __enter__(self) -> "Server":
        end = time.monotonic() + WAIT
        while True:
            try:
                httpx.get(f"{self.url}/ok", timeout=5)
            except httpx.HTTPError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self._process.kill()
                    raise RuntimeError(self.output.read_text(encoding="utf-8", errors="replace")[-3000:]) from None
                time.sleep(0.2)
            else:
                return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def left(self) -> list[str]:
        """The attempts so far."""
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []


def fresh(folder: Path, template: Path) -> Path:
    """Copy a workspace to where a server serves it."""
    shutil.copytree(template, folder / "workspace")
    return folder / "workspace"
