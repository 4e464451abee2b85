"""Small workspaces on disk: a roadmap, one note, and sittings recorded in them."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from agent.app import App
from agent.domain.attempt import Attempt
from agent.ports import Chat, Grader
from agent.settings import Settings
from agent.workspace.promotions import PromotionStore
from agent.workspace.workspace import Workspace
from tests.helpers.fakes import FakeClock, MarkGrader
from tests.helpers.notes import PATH
from tests.helpers.sittings import POLICY, attempt, quiz_note, quiz_text, right

TOPIC = "kv-cache-scaling"
# Odd on purpose: padding, a row that continues a module, an emoji, a status of the user's own, a text after the table.
ROADMAP = """\
# Roadmap 🧠

- **Q4 focus:** KV caches

## Track 01 — Models

| Module | Topic | Level | Evidence (Links) | Status |
|---|---|---:|:--|---|
| **Attention** | RoPE | L0 | - | Planned |

## Track 02 — Infra

| Module  | Topic |  Level | Evidence (Links) | Status |
|---|---|---:|:--|---|
| **Serving** | KV cache scaling (batch/seq/heads)   |   L0 | -   | Planned |
|         | Paged attention |   L0 | [mine](notes.md)   | In progress |

Notes of my own.
"""
ROW = "| **Serving** | KV cache scaling (batch/seq/heads)   |   L0 | -   | Planned |"


def make_workspace(root: Path, *, roadmap: str = ROADMAP, note: str | None = None) -> Workspace:
    """Write a workspace with one note that can be quizzed from."""
    files = {"roadmap.md": roadmap, PATH: quiz_text() if note is None else note, "notes.md": "mine\n"}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="")
    return Workspace(root)


def make_store(workspace: Workspace, clock: FakeClock | None = None) -> PromotionStore:
    """The promotions of a workspace."""
    return PromotionStore(workspace, POLICY, (clock or FakeClock()).now)


def record_pass(workspace: Workspace, made: Attempt | None = None) -> Attempt:
    """Record a passed quiz with its session draft."""
    made = made or attempt(quiz_note(), [right] * 9)
    workspace.record(made)
    return made


def make_app(
    root: Path,
    *,
    grader: Grader | None = None,
    clock: FakeClock | None = None,
    chat: Chat | None = None,
    commit: bool = True,
    max_turns: int = 16,
) -> App:
    """The app on a workspace, with scripted ports where a model or the time would be."""
    settings = Settings(root=root, cache=root / ".study" / "cache", chat="none", commit=commit, max_turns=max_turns)
    app = App(settings)
    vars(app).update(grader=grader or MarkGrader(), clock=clock or FakeClock(), chat=chat)
    return app


def tree(root: Path) -> Mapping[str, bytes]:
    """Every file's bytes, `.study` and `.git` left out."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    named = {path.relative_to(root).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in named.items() if name.split("/")[0] not in (".study", ".git")}


def git(root: Path, *args: str) -> str:
    """Run git and give what it prints."""
    done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_repository(root: Path) -> None:
    """Put the folder under git, everything in it committed."""
    git(root, "init", "--quiet")
    (root / ".gitignore").write_text(".study/\n", encoding="utf-8")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
