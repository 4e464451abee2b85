"""What is left in `.study/` stays small, whatever happened."""

import os
import time
from pathlib import Path

import pytest

from agent.adapters.checkpoints.sqlite import config
from agent.app import App
from agent.app.quiz import quiz_run, thread_lock, tidy
from agent.app.review import review
from agent.workspace import files
from agent.workspace.files import locked, sweep
from evals.chaos.growth import measure
from graphs.ask import build_ask
from graphs.quiz import build_quiz
from tests.helpers.sittings import say
from tests.helpers.workspaces import TOPIC, make_app, make_store, make_workspace, record_pass

STRANGE = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(make_workspace(tmp_path).root)


def threads_of(app: App) -> list[str]:
    with app.threads() as threads:
        return threads.ids()


class TestThreads:
    def test_an_approval_that_a_dead_process_left_is_forgotten(self, app: App) -> None:
        proposal = make_store(app.workspace).propose_from_attempt(record_pass(app.workspace).id)
        assert proposal is not None
        with review(app, proposal.id) as thread:
            thread.ask()
        assert len(threads_of(app)) == 1
        with app.threads() as threads:
            tidy(app, threads)
        assert threads_of(app) == []

    def test_a_quiz_that_never_began_is_forgotten(self, app: App) -> None:
        with app.threads() as threads:
            graph = threads.compile(build_quiz())
            graph.update_state(config(STRANGE), {"quiz_id": "of another thread"}, as_node="refuse")
        with quiz_run(app, topic=TOPIC) as run:
            list(run.begin(TOPIC))
            assert threads_of(app) == [run.thread]

    def test_one_that_is_in_use_stays(self, app: App) -> None:
        with app.threads() as threads, locked(app.settings.root, thread_lock(STRANGE)):
            graph = threads.compile(build_quiz())
            graph.update_state(config(STRANGE), {"quiz_id": "of another thread"}, as_node="refuse")
            tidy(app, threads)
            assert threads.ids() == [STRANGE]
        with app.threads() as threads:
            tidy(app, threads)
            assert threads.ids() == []

    def test_a_conversation_with_the_notes_stays(self, app: App) -> None:
        with app.threads() as threads:
            graph = threads.compile(build_ask())
            graph.update_state(config(STRANGE), {"question": "why?", "query": "why?"}, as_node="condense")
            tidy(app, threads)
            assert threads.ids() == [STRANGE]
        with quiz_run(app, topic=TOPIC) as run:
            list(run.begin(TOPIC))
        assert STRANGE in threads_of(app)

    def test_a_paused_quiz_stays(self, app: App) -> None:
        with quiz_run(app, topic=TOPIC) as run:
            list(run.begin(TOPIC))
            list(run.send(say("c0")))
        with app.threads() as threads:
            tidy(app, threads)
        assert threads_of(app) == [run.thread]


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


class TestSweep:
    TEMPORARY = ".roadmap.md.0123abcd.tmp"

    @pytest.mark.parametrize("folder", [".", "sessions", "progress/ledger", "tracks/02-infra", "lab/bench"])
    def test_unfinished_files_of_long_ago_go(self, tmp_path: Path, folder: str) -> None:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        path = tmp_path / folder / self.TEMPORARY
        path.write_text("half", encoding="utf-8")
        sweep(tmp_path)
        assert path.exists()  # somebody may be writing it
        age(path, files.TEMPORARY_SECONDS + 60)
        sweep(tmp_path)
        assert not path.exists()

    @pytest.mark.parametrize("name", [".mine.tmp", "roadmap.md.0123abcd.tmp", ".roadmap.md.0123abcd.tmp.md", ".tmp"])
    def test_the_users_own_files_stay(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_text("mine", encoding="utf-8")
        age(path, 10**7)
        sweep(tmp_path)
        assert path.exists()

    def test_locks_of_long_ago_go_unless_held(self, tmp_path: Path) -> None:
        for name in ("thread-over", "thread-new", "workspace"):
            with locked(tmp_path, name):
                pass
        folder = tmp_path / ".study" / "locks"
        with locked(tmp_path, "thread-held"):
            for path in folder.iterdir():
                if path.name != "thread-new.lock":
                    age(path, files.LOCK_FILE_SECONDS + 60)
            sweep(tmp_path)
            assert {p.name for p in folder.iterdir()} == {"thread-held.lock", "thread-new.lock", "workspace.lock"}

    def test_a_clock_that_went_back_removes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / self.TEMPORARY
        path.write_text("half", encoding="utf-8")
        age(path, -(10**7))
        sweep(tmp_path)
        assert path.exists()


def test_the_database_does_not_grow_with_every_quiz(tmp_path: Path) -> None:
    sizes = measure(tmp_path, quizzes=12)
    assert sizes[12] <= sizes[4]
