"""`study doctor`: each thing it can find, with what to do about it."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.app import App
from agent.app import doctor as examination
from agent.app.doctor import Diagnosis, examine
from agent.workspace.files import locked
from tests.helpers.study import make_workspace, study

CHAT = "Chat"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def findings(root: Path) -> dict[str, Diagnosis]:
    with App.load(root) as app:
        return {found.subject: found for found in examine(app)}


def test_a_machine_without_models_is_told_what_to_fetch(root: Path) -> None:
    found = findings(root)
    assert found["Python"] == Diagnosis("Python", True, ".".join(map(str, sys.version_info[:3])))
    assert found["Workspace"].ok
    assert found["Workspace"].detail.endswith(": 4 topics, 1 notes")
    assert found["Writing"].ok
    chat = next(d for name, d in found.items() if name.startswith("Model qwen"))
    assert (chat.ok, chat.advice) == (False, f"Fetch it with `study model pull {chat.subject[6:]}`.")
    assert not found[CHAT].ok
    assert "`study model pull`" in found[CHAT].advice or "study-agent[local]" in found[CHAT].advice
    assert found["Grader"].ok
    assert found["Locks"].ok


def test_without_a_chat_model_none_is_missed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_CHAT", "none")
    found = findings(root)
    assert found[CHAT] == Diagnosis(CHAT, True, "none: authored questions only")
    assert next(d for name, d in found.items() if name.startswith("Model qwen")).ok


def test_an_old_python(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MIN_PYTHON", (9, 0))
    found = findings(root)["Python"]
    assert (found.ok, "is needed" in found.advice) == (False, True)


def test_a_model_name_without_an_endpoint(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_CHAT", "some-model")
    found = findings(root)[CHAT]
    assert not found.ok
    assert "set STUDY_BASE_URL" in found.advice


class Endpoint(BaseHTTPRequestHandler):
    """Answers with the status that its server was given, and keeps the key that it saw."""

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read `seen` instead."""


@contextmanager
def endpoint(status: int) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.status, server.seen = status, []
    server.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


STATUSES = {
    200: "",
    404: "",
    401: "set STUDY_API_KEY",
    403: "set STUDY_API_KEY",
    500: "look at its log",
    503: "its log",
}


@pytest.mark.parametrize(("status", "advice"), STATUSES.items())
def test_what_an_endpoint_answers(root: Path, monkeypatch: pytest.MonkeyPatch, status: int, advice: str) -> None:
    """404: not every endpoint lists its models."""
    with endpoint(status) as server:
        monkeypatch.setenv("STUDY_CHAT", "some-model")
        monkeypatch.setenv("STUDY_BASE_URL", server.url + "/")
        monkeypatch.setenv("OPENAI_API_KEY", "secret")
        found = findings(root)[CHAT]
        assert server.seen == [("/v1/models", "Bearer secret")]
    assert found.detail.startswith(f"some-model at {server.url}")
    assert found.ok is (advice == "")
    assert advice in found.advice
    assert "secret" not in found.detail + found.advice


def test_an_endpoint_that_does_not_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(200) as server:
        url = server.url
    monkeypatch.setenv("STUDY_CHAT", "some-model")
    monkeypatch.setenv("STUDY_BASE_URL", url)
    found = findings(root)[CHAT]
    assert (found.ok, found.advice) == (
        False,
        f"{url} does not answer (ConnectError); start it or correct STUDY_BASE_URL.",
    )


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1/v1", "http://[::1", "http://"])
def test_an_address_that_is_none(root: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("STUDY_CHAT", "some-model")
    monkeypatch.setenv("STUDY_BASE_URL", url)
    found = findings(root)[CHAT]
    assert not found.ok
    assert "correct STUDY_BASE_URL" in found.advice


def test_a_damaged_roadmap(root: Path) -> None:
    (root / "roadmap.md").write_text("<<<<<<< HEAD\n", encoding="utf-8")
    found = findings(root)["Workspace"]
    assert not found.ok
    assert "unfinished merge" in found.advice


def test_a_damaged_record(root: Path) -> None:
    (root / "progress/attempts").mkdir(parents=True)
    (root / "progress/attempts/20260101T000000Z-x.json").write_text("{", encoding="utf-8")
    found = findings(root)["Workspace"]
    assert not found.ok
    assert found.advice.startswith("progress/attempts/20260101T000000Z-x.json is not a valid attempt")


def test_a_workspace_that_cannot_be_written(root: Path) -> None:
    (root / ".study").write_text("a file where a folder should be", encoding="utf-8")
    found = findings(root)["Writing"]
    assert (found.ok, found.detail) == (False, "the workspace cannot be written")
    assert found.advice


HOLD = "import sys\nfrom pathlib import Path\nfrom agent.workspace.files import locked\n"
HOLD += "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"


def test_locks_of_the_living_are_named_and_those_of_the_dead_are_free(root: Path) -> None:
    line = [sys.executable, "-c", HOLD, str(root)]
    cwd = Path(__file__).parents[2]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert findings(root)["Locks"].detail == "held by a running study command: workspace"
        holder.kill()
    assert findings(root)["Locks"].detail == "none held"
    with locked(root):
        pass


def test_a_damaged_database_of_paused_quizzes(root: Path) -> None:
    path = root / ".study" / "checkpoints.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    found = findings(root)["Paused quizzes"]
    assert (found.ok, found.advice) == (False, "It only holds paused quizzes; the next command sets it aside.")
    study(root, "resume", "--list")
    assert findings(root)["Paused quizzes"].ok
    assert (root / ".study" / "checkpoints.damaged").exists()


def test_a_sound_database(root: Path) -> None:
    (root / ".study").mkdir()
    with sqlite3.connect(root / ".study" / "checkpoints.sqlite") as connection:
        connection.execute("CREATE TABLE a (b)")
    assert findings(root)["Paused quizzes"].ok


def test_the_command(root: Path) -> None:
    ran = study(root, "doctor", env={"STUDY_CHAT": "local"})
    assert ran.code == 3
    assert "✗ Chat" in ran.out
    assert "→ " in ran.out
    rows = study(root, "doctor", "--json", env={"STUDY_CHAT": "local"})
    assert rows.code == 3
    assert all(set(json.loads(line)) == {"subject", "ok", "detail", "advice"} for line in rows.out.splitlines())
    assert all(row["ok"] or row["advice"] for row in rows.events)


def test_the_command_without_a_workspace(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(empty)
    ran = study(empty, "doctor", env={"STUDY_ROOT": ""})
    assert ran.code == 3
    assert "run `study init`" in ran.out + ran.err
