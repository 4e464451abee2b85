"""Running `study`: in this process for most tests, in its own on a pipe, and in one at a pseudo-terminal."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pexpect

from agent.app import App
from agent.cli.main import main
from tests.helpers import forks
from tests.helpers.notes import PATH, note_text
from tests.helpers.scripted import ScriptedGrader

REPO = Path(__file__).parents[2]
TOPIC = "kv-cache-scaling"
# Four core claims, a boundary, a term and two misconceptions to set right.
ANSWERS_TO_PASS = 8
ROADMAP = """\
# My roadmap \N{BRAIN}

## Quarter Focus

- **Q1 focus:** caches
- **Q2 focus:** caches

## Track 01 — Frameworks

| Module | Topic | Level | Evidence (Links) | Status |
|---|---|---:|---|---|
| **Caching** | Response caching (TTL, keys)  | L0 | - | Planned |

## Track 02 — Infra

| Module | Topic | Level | Evidence (Links) | Status |
|---|---|---:|---|---|
| **Serving** | KV cache scaling (batch/seq/heads) | L0 | - | Planned |
|  | KV cache: definition | L0 | - | Planned |
|  | Paged attention | L0 | - | In progress |

## Milestones

### Milestone A

- [ ] A server that streams
- [x] A repository

## How to Update

- No level upgrade without evidence links.
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON values on its lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def result(self) -> dict[str, Any]:
        """The last event of a quiz, which has to be its result."""
        last = self.events[-1]
        assert last["event"] == "result", self.out
        return last


def make_workspace(root: Path, *, git: bool = False) -> Path:
    """Make a small workspace with one finished note; with `git`, a work tree with everything committed."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "roadmap.md").write_text(ROADMAP, encoding="utf-8")
    (root / PATH).parent.mkdir(parents=True)
    (root / PATH).write_text(note_text(), encoding="utf-8")
    (root / ".gitignore").write_text(".study/\n", encoding="utf-8")
    if git:
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
            subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def answers(*given: str) -> str:
    """Join answers as a pipe carries them."""
    return "\n---\n".join(given)


PASSING = answers(*["good"] * ANSWERS_TO_PASS)


def study(
    root: Path, *args: str, given: str | bytes = "", env: Mapping[str, str] | None = None, scripted: bool = True
) -> Ran:
    """Run a command in this process with stdin, stdout and stderr that are no terminals."""
    data = given.encode() if isinstance(given, str) else given
    stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors=sys.stdin.errors or "strict")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    variables = {"STUDY_ROOT": str(root), "STUDY_CHAT": "none", **(env or {})}
    grader = {"grader": ScriptedGrader()} if scripted else {"_": None}
    with (
        patch.dict(os.environ, variables),
        patch.multiple(sys, argv=["study", *args], stdin=stdin, stdout=out, stderr=err),
        patch.multiple(App, create=True, **grader),
    ):
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    assert isinstance(code, int), code
    texts = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]
    return Ran(code, texts[0], texts[1])


def environment(root: Path, **more: str) -> dict[str, str]:
    """Give the environment of a child process."""
    return {
        **os.environ,
        "STUDY_ROOT": str(root),
        "STUDY_CHAT": "none",
        "TERM": "xterm",
        "PYTHONPATH": str(REPO),
    } | more


def command(*args: str, scripted: bool = True) -> list[str]:
    """Give the command line of a child process."""
    return [sys.executable, "-m", "tests.helpers.scripted_study" if scripted else "agent", *args]


def start(root: Path, *args: str) -> "subprocess.Popen[str]":
    """Start a command in a process of its own, on pipes."""
    return forks.start(_scripted(args), environment(root), REPO)


def _scripted(args: Sequence[str]) -> Callable[[], None]:
    """Give the program of `tests.helpers.scripted_study`, for a fork of this process."""

    def run() -> None:
        sys.argv = ["study", *args]
        App.grader = ScriptedGrader()  # type: ignore[assignment]  # the port's one wiring, for this process
        main()

    return run


def _hear_ctrl_c() -> None:
    """At a terminal Ctrl-C is heard; a suite started in the background hands an ignored SIGINT down."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def study_process(
    root: Path, *args: str, given: str | bytes = "", env: Mapping[str, str] | None = None, scripted: bool = True
) -> Ran:
    """Run a command with an interpreter of its own, on pipes."""
    done = subprocess.run(
        command(*args, scripted=scripted),
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        cwd=REPO,
        env=environment(root, **(env or {})),
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHMNOZ])")


class Terminal:
    """A command at a pseudo-terminal."""

    def __init__(self, root: Path, *args: str, env: Mapping[str, str] | None = None, interpreter: bool = False) -> None:
        """Start the command, in a fork of this process or with an interpreter of its own."""
        line, variables = command(*args), environment(root, **(env or {}))
        self._child = pexpect.spawn(
            line[0],
            line[1:],
            cwd=str(REPO),
            env=variables,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, 160),
            timeout=20,
            preexec_fn=_hear_ctrl_c if interpreter else forks.in_a_fork(_scripted(args), variables),
        )
        self._child.delaybeforesend = None
        self._shown: list[str] = []

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._child.close(force=True)

    @property
    def raw(self) -> str:
        """Everything sent to the terminal so far."""
        return "".join(self._shown)

    @property
    def shown(self) -> str:
        """The same without escape sequences."""
        return plain(self.raw)

    def wait(self, text: str) -> str:
        """Wait until a text is shown; give what came before it."""
        self._child.expect_exact(text)
        self._shown += [self._child.before, self._child.after]
        return plain(self._child.before)

    def ask(self) -> str:
        """Wait for the answer prompt; give what was shown since the last one."""
        # Once a prompt: what it switches on, then its mark (which is drawn again while one types).
        self._child.expect(r"\x1b\[\?2004h.*?\x1b\[0;1m>")
        self._shown += [self._child.before, self._child.after]
        return plain(self._child.before)

    def type(self, text: str, *, enter: bool = True) -> None:
        """Type a text, and Enter."""
        self._child.send(text + ("\r" if enter else ""))

    def press(self, key: str) -> None:
        """Press a control key, `c` for Ctrl-C."""
        self._child.sendcontrol(key)

    def hang_up(self) -> None:
        """Close the terminal as a lost connection does."""
        self._child.kill(signal.SIGHUP)

    def end(self) -> int:
        """Wait for the end; give the exit code."""
        self._child.expect(pexpect.EOF)
        self._shown.append(self._child.before)
        self._child.close()
        code = self._child.exitstatus
        assert code is not None, f"died of signal {self._child.signalstatus}"
        return int(code)


def plain(text: str) -> str:
    """Give a terminal's output without escape sequences."""
    return _ESCAPES.sub("", text).replace("\r", "")


def tree(root: Path) -> dict[str, bytes]:
    """Read every file of a workspace but the tool's own state."""
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and not {".study", ".git"} & set(p.parts))
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}
