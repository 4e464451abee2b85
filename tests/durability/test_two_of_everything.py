"""Two processes at once, dead ones that held a lock, and folders that cannot be written: a sentence each."""

import ctypes
import errno
import fcntl
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.adapters.checkpoints import sqlite
from agent.app.quiz import open_quizzes, quiz_run
from agent.app.review import review
from agent.domain.errors import BusyError, ConflictError, StudyError, WorkspaceError
from agent.domain.proposal import Decision
from agent.workspace import files
from agent.workspace.check import check_workspace
from agent.workspace.files import locked, write_text
from agent.workspace.workspace import Workspace
from evals.chaos.process import run_child
from evals.chaos.scenarios import quiz
from evals.chaos.world import MESSAGES, TOPIC, make_workspace, scripted_app
from tests.helpers.processes import Other
from tests.helpers.study import REPO, command, environment, study

BEGIN = f"""
from agent.app.quiz import quiz_run
with scripted_app(root) as app, quiz_run(app, topic={TOPIC!r}) as run:
    list(run.resume() if run.state else run.begin({TOPIC!r}))
    hold()
    for message in {list(MESSAGES)!r}[len(run.state["turns"]):]:
        events = list(run.send(message))
    print(events[-1]["event"])
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "workspace")


@pytest.fixture
def proposed(root: Path) -> Path:
    """A workspace with a pending proposal."""
    ran = run_child(quiz(root))
    assert not ran.crash, ran.crash
    return root


class TestTwoTerminals:
    def test_on_one_thread(self, root: Path) -> None:
        with Other(root, BEGIN) as other, scripted_app(root) as app:
            other.wait()
            with app.threads() as threads:
                (paused,) = open_quizzes(threads)
            with pytest.raises(BusyError, match="open in another terminal"), quiz_run(app, thread=paused.thread):
                pass
            other.go()
            assert other.end()[0] == "result\n"
        assert len(Workspace(root).attempts.all()) == 1

    def test_one_finishes_what_the_other_was_about_to_open(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between the list of paused quizzes and the lock the first terminal ends the quiz and lets go."""
        with Other(root, BEGIN) as other, scripted_app(root) as app:
            other.wait()

            def late(*args: object, **options: object) -> object:
                other.go()
                assert other.end()[0] == "result\n"
                return locked(*args, **options)  # type: ignore[arg-type]

            monkeypatch.setattr("agent.app.quiz.tidy", lambda app, threads: None)
            monkeypatch.setattr("agent.app.quiz.locked", late)
            with pytest.raises(ConflictError, match="just finished"), quiz_run(app, topic=TOPIC):
                pass

    def test_on_one_workspace(self, root: Path) -> None:
        """Both begin anew and end at the same time: two attempts, two sessions, a proposal each, nothing mixed."""
        new = BEGIN.replace("topic=", "new=True, topic=")
        with Other(root, new) as one, Other(root, new) as two:
            for other in (one, two):
                other.wait()
            for other in (one, two):
                other.go()
            assert [other.end() for other in (one, two)] == [("result\n", "")] * 2
        workspace = Workspace(root)
        attempts = workspace.attempts.all()
        assert [len(attempt.turns) for attempt in attempts] == [len(MESSAGES)] * 2
        assert {p.attempt for p in workspace.proposals.all()} == {attempt.id for attempt in attempts}
        assert len(list((root / "sessions").glob("*.md"))) == 2
        assert [p for p in check_workspace(workspace) if p.severity == "error"] == []

    def test_at_one_question_of_review(self, proposed: Path) -> None:
        asking = """
from agent.app.review import review
with scripted_app(root) as app, review(app, app.promotions.pending()[0].id) as thread:
    thread.ask()
    hold()
"""
        with Other(proposed, asking) as other, scripted_app(proposed) as app:
            other.wait()
            (pending,) = app.promotions.pending()
            with pytest.raises(BusyError, match="Another terminal is deciding"), review(app, pending.id):
                pass


DECIDE = """
from agent.domain.proposal import Decision
with scripted_app(root) as app:
    id = app.promotions.pending()[0].id
    hold()
    print(app.promotions.decide(id, Decision(type={!r})).decision)
"""


@pytest.mark.parametrize("pair", [("approve", "reject"), ("approve", "approve"), ("reject", "reject")])
def test_two_decisions_on_one_proposal(proposed: Path, pair: tuple[str, str]) -> None:
    with Other(proposed, DECIDE.format(pair[0])) as one, Other(proposed, DECIDE.format(pair[1])) as two:
        for other in (one, two):
            other.wait()
        for other in (one, two):
            other.go()
        said = [other.end()[0].strip() for other in (one, two)]
    workspace = Workspace(proposed)
    (entry,) = workspace.ledger.all()
    assert sorted(said) == sorted([entry.decision, "already"])
    assert str(workspace.topic(TOPIC).level) == ("L1" if entry.decision == "approved" else "L0")
    assert [p for p in check_workspace(workspace) if p.severity == "error"] == []


def test_a_quiz_while_the_index_is_written(root: Path) -> None:
    indexing = """
with scripted_app(root) as app, app.index() as index:
    index.sync()
    hold()
    print(index.sync().files)
"""
    with Other(root, indexing, {"STUDY_EMBEDDER": "none"}) as other:
        other.wait()
        ran = run_child(quiz(root))
        assert ran.crash == ""
        assert ran.events[-1]["passed"]
        other.go()
        files_seen, errors = other.end()
    assert errors == ""
    assert int(files_seen) >= 3  # roadmap, note and the new session


class TestLocks:
    HOLD = "from agent.workspace.files import locked\nwith locked(root, {!r}):\n    hold()\n"

    def test_a_dead_holders_lock_is_taken_over(self, root: Path) -> None:
        with Other(root, self.HOLD.format("workspace")) as other:
            other.wait()
            assert (root / ".study" / "locks" / "workspace.lock").exists()
            other.kill()
            with locked(root, seconds=5):
                pass

    def test_a_quiz_of_a_dead_terminal_goes_on(self, root: Path) -> None:
        with Other(root, BEGIN) as other:
            other.wait()
            other.kill()
        ran = run_child(quiz(root))
        assert ran.crash == ""
        assert ran.events[-1]["passed"]
        assert len(Workspace(root).attempts.all()) == 1

    def test_a_live_holder_is_respected(self, proposed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "LOCK_SECONDS", 0.1)
        with Other(proposed, self.HOLD.format("workspace")) as other, scripted_app(proposed) as app:
            other.wait()
            before = (proposed / "roadmap.md").read_bytes()
            (pending,) = app.promotions.pending()
            with pytest.raises(BusyError, match="try again in a moment"), locked(proposed, seconds=0.1):
                pass
            assert (proposed / "roadmap.md").read_bytes() == before
            other.go()
            other.end()
            assert app.promotions.decide(pending.id, Decision(type="approve")).decision == "approved"

    def test_a_database_that_another_program_locked(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.3)
        locking = """
import sqlite3
with scripted_app(root) as app, app.threads():
    pass
other = sqlite3.connect(root / ".study" / "checkpoints.sqlite", isolation_level=None)
other.execute("BEGIN EXCLUSIVE")
hold()
"""
        with Other(root, locking) as other:
            other.wait()
            ran = study(root, "quiz", TOPIC)
        assert ran.code == 3
        assert ran.err.strip() == ("study: Another study command is using the quiz database; try again in a moment.")


def _without_override() -> None:
    """Make root obey the modes of files, in this child only."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def _freeze(root: Path, *, frozen: bool) -> None:
    for path in [root, *root.rglob("*")]:
        path.chmod((0o555 if path.is_dir() else 0o444) if frozen else (0o755 if path.is_dir() else 0o644))


@pytest.fixture
def frozen(proposed: Path) -> object:
    """A workspace that cannot be written, with everything in it."""
    _freeze(proposed, frozen=True)
    probe = subprocess.run(
        ["touch", str(proposed / "x")], preexec_fn=_without_override, capture_output=True, check=False
    )
    if probe.returncode == 0:
        _freeze(proposed, frozen=False)
        pytest.skip("this user writes read-only folders whatever their modes")
    yield proposed
    _freeze(proposed, frozen=False)


@pytest.mark.parametrize("args", [["quiz", TOPIC], ["resume"]])
def test_a_read_only_workspace_is_one_sentence(frozen: Path, args: list[str]) -> None:
    ran = subprocess.run(
        command(*args),
        cwd=REPO,
        env=environment(frozen),
        preexec_fn=_without_override,
        input="an answer",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (1, 3), ran.stdout + ran.stderr
    assert ran.stderr.startswith("study: ")
    assert ran.stderr.count("\n") == 1
    assert "cannot be" in ran.stderr


@pytest.mark.parametrize("args", [["status"], ["check"], ["review"]])
def test_a_read_only_workspace_can_be_read(frozen: Path, args: list[str]) -> None:
    ran = subprocess.run(
        command(*args),
        cwd=REPO,
        env=environment(frozen),
        preexec_fn=_without_override,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


class TestNetworkFolder:
    def test_a_folder_that_cannot_be_synced(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sync: Callable[[int], None] = os.fsync

        def files_only(descriptor: int) -> None:
            if os.path.isdir(f"/dev/fd/{descriptor}"):  # noqa: PTH112  # a descriptor, not a path
                raise OSError(errno.EINVAL, "Invalid argument")
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", files_only)
        write_text(tmp_path, "a.md", "text")
        assert (tmp_path / "a.md").read_text(encoding="utf-8") == "text"

    def test_a_disk_that_fails_while_syncing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(descriptor: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        (tmp_path / "a.md").write_text("old", encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(WorkspaceError, match="Input/output error"):
                write_text(tmp_path, "a.md", "new")
        assert (tmp_path / "a.md").read_text(encoding="utf-8") == "old"

    def test_a_folder_without_locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refusing(descriptor: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refusing)
        with pytest.raises(WorkspaceError, match="cannot be locked for writing"), locked(tmp_path):
            pass


def test_a_workspace_that_goes_away(root: Path) -> None:
    with scripted_app(root) as app:
        root.rename(root.with_name("gone"))
        with pytest.raises(StudyError), quiz_run(app, topic=TOPIC) as run:
            list(run.begin(TOPIC))


def test_waiting_for_a_lock_ends(root: Path) -> None:
    with Other(root, TestLocks.HOLD.format("workspace")) as other:
        other.wait()
        began = time.monotonic()
        with pytest.raises(BusyError), locked(root, seconds=0.3):
            pass
        assert time.monotonic() >= began + 0.3  # it did wait; how much longer is the machine's affair
