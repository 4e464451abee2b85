"""Databases of every released version: a paused quiz goes on, or the learner is told that it has to start anew."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from agent.adapters.checkpoints import open_threads
from agent.adapters.checkpoints.sqlite import config
from agent.app import App
from agent.app.quiz import open_quizzes, quiz_run, tidy
from agent.app.review import Asked, review
from agent.domain.errors import StudyError
from graphs.promotion.graph import build_promotion
from graphs.quiz import FLOW_VERSION, build_quiz
from tests.helpers.sittings import ENOUGH, say
from tests.helpers.workspaces import TOPIC, make_app, make_store, make_workspace, record_pass

DATABASES = Path(__file__).parents[1] / "fixtures" / "databases"
FIRST_SUPPORTED = 1


@pytest.fixture
def app(tmp_path: Path) -> App:
    return make_app(make_workspace(tmp_path).root)


def database(app: App) -> Path:
    return app.settings.root / ".study" / "checkpoints.sqlite"


def bring(app: App, name: str) -> None:
    """Put a fixture where the workspace's database lies."""
    database(app).parent.mkdir(exist_ok=True)
    shutil.copy(DATABASES / name, database(app))


def test_there_is_a_fixture_for_every_released_version() -> None:
    names = {path.name for path in DATABASES.glob("*.sqlite")}
    assert names == {f"flow-{version}.sqlite" for version in range(FIRST_SUPPORTED, FLOW_VERSION + 1)}


@pytest.mark.parametrize("version", range(FIRST_SUPPORTED, FLOW_VERSION + 1))
class TestReleased:
    def test_a_paused_quiz_goes_on_or_says_that_it_cannot(self, app: App, version: int) -> None:
        bring(app, f"flow-{version}.sqlite")
        with quiz_run(app, topic=TOPIC) as run:
            if version != FLOW_VERSION:
                with pytest.raises(StudyError, match="start it anew"):
                    list(run.resume())
                return
            (question,) = run.resume()
            assert (question["claim"], question["n"]) == ("c1", 2)
            assert [turn["action"] for turn in run.state["turns"]] == ["answer", "hint"]
            events = list(run.send(say(*ENOUGH[1:])))
            assert events[0]["event"] == "judged"

    def test_an_approval_that_waited_is_asked_anew(self, app: App, version: int) -> None:
        bring(app, f"flow-{version}.sqlite")
        proposal = make_store(app.workspace).propose_from_attempt(record_pass(app.workspace).id)
        assert proposal is not None
        with review(app, proposal.id) as thread:
            asked = thread.ask()
            assert isinstance(asked, Asked)
            thread.reply(asked, {"type": "approve"})
        assert str(app.workspace.topic(TOPIC).level) == "L1"

    def test_what_nobody_can_go_on_with_is_forgotten(self, app: App, version: int) -> None:
        bring(app, f"flow-{version}.sqlite")
        with app.threads() as threads:
            tidy(app, threads)
            assert [quiz.thread for quiz in open_quizzes(threads)] == threads.ids()


def test_the_gates_name_is_frozen() -> None:
    """A pending interrupt of a renamed node would vanish without a word."""
    assert {"propose", "gate", "apply"} <= set(build_promotion().nodes)


def paused(app: App) -> str:
    """Pause a quiz after one answer; give its thread."""
    with quiz_run(app, topic=TOPIC) as run:
        list(run.begin(TOPIC))
        list(run.send(say("c0")))
        return run.thread


@pytest.mark.parametrize(
    "values",
    [
        {"flow_version": FLOW_VERSION + 1},
        {"flow_version": 0},
        {"turns": [{"verdict": "covered"}]},
        {"turns": ["text"]},
        {"question": {"id": 7}},
    ],
)
def test_a_shape_that_this_version_does_not_know(app: App, values: dict[str, object]) -> None:
    thread = paused(app)
    with app.threads() as threads:
        threads.compile(build_quiz()).update_state(config(thread), values, as_node="ask")
        assert [quiz.thread for quiz in open_quizzes(threads)] == [thread]
    with quiz_run(app, topic=TOPIC) as run, pytest.raises(StudyError, match="start it anew"):
        list(run.resume())
    with quiz_run(app, topic=TOPIC) as run:
        assert run.thread != thread
        assert [event["event"] for event in run.begin(TOPIC)] == ["question"]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwrite(path: Path) -> None:
    path.write_bytes(b"<<<<<<< HEAD\n" + path.read_bytes()[13:])


def _other_tables(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE checkpoints (thread TEXT, state TEXT)")


@pytest.mark.parametrize("harm", [_truncate, _overwrite, _other_tables])
def test_a_database_that_cannot_be_read_is_set_aside_and_said(app: App, harm: object) -> None:
    paused(app)
    harm(database(app))  # type: ignore[operator]
    with quiz_run(app, topic=TOPIC) as run:
        assert run.state == {}
        notice, question = run.begin(TOPIC)
    assert notice["event"] == "notice"
    assert "a paused quiz has to start anew" in notice["text"]
    assert question["event"] == "question"
    assert database(app).with_suffix(".damaged").exists()
    with quiz_run(app, topic=TOPIC) as run:
        assert [event["event"] for event in run.resume()] == ["question"]


def test_a_database_from_before_a_column_that_the_library_adds(app: App) -> None:
    thread = paused(app)
    with sqlite3.connect(database(app)) as connection:
        connection.execute("ALTER TABLE writes DROP COLUMN task_path")
    with open_threads(app.settings.root) as threads:
        assert [quiz.thread for quiz in open_quizzes(threads)] == [thread]
        assert threads.notice == ""
