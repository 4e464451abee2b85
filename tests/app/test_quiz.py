"""A quiz on a real workspace: events, files, locks, and going on after a kill."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.checkpoints import open_threads
from agent.adapters.checkpoints.sqlite import config
from agent.app import App
from agent.app.quiz import Event, QuizRun, open_quizzes, quiz_run
from agent.app.review import catch_up, review
from agent.domain.errors import BusyError, StudyError, UsageError, WorkspaceError
from agent.workspace.promotions import PromotionStore
from agent.workspace.session_file import is_draft
from agent.workspace.workspace import Workspace
from graphs.quiz import build_quiz
from tests.helpers.blocked_quiz import blocked_quiz
from tests.helpers.fakes import FakeClock, HeldChat, MarkGrader, until
from tests.helpers.forks import start
from tests.helpers.notes import PATH
from tests.helpers.sittings import DENIALS, ENOUGH, INTRO, attempt, later, quiz_note, quiz_text, right, say, wrong
from tests.helpers.workspaces import ROW, TOPIC, make_app, make_workspace, record_pass, tree

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def answers(run: QuizRun, *messages: str) -> list[Event]:
    """Send messages; give the events of the last."""
    events: list[Event] = []
    for message in messages:
        events = list(run.send(message))
    return events


@contextmanager
def begun(app: App, **options: Any) -> Iterator[tuple[QuizRun, list[Event]]]:
    """Open a new quiz on the topic."""
    with quiz_run(app, topic=TOPIC, **options) as run:
        yield run, list(run.begin(TOPIC))


def thread_ids(root: Path) -> list[str]:
    with open_threads(root) as opened:
        return opened.ids()


def kinds(events: list[Event]) -> list[str]:
    return [event["event"] for event in events]


class TestEvents:
    def test_a_question(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, events):
            assert events == [
                {
                    "event": "question",
                    "thread": run.thread,
                    "n": 1,
                    "claim": "c0",
                    "kind": "ask",
                    "source": "authored",
                    "text": "Why would anyone care about point c0?",
                }
            ]

    def test_the_second_opinion_prepares_for_the_claim_that_is_asked(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_app(workspace.root, chat=HeldChat())
        told: list[tuple[str, str]] = []
        monkeypatch.setattr(App, "expect", lambda _self, question, claim: told.append((question, claim)))
        with begun(app) as (run, events):
            again = answers(run, say("c0"))[-1]
        texts = {claim.id: claim.text for claim in workspace.note(TOPIC).claims}
        assert told == [(event["text"], texts[event["claim"]]) for event in (events[-1], again)]

    def test_a_judged_answer(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            judged, question = answers(run, say("c0", "c1"))
        assert judged == {
            "event": "judged",
            "n": 1,
            "claim": "c0",
            "copied": False,
            "covered": ["c0", "c1"],
            "misconceptions": [],
            "verdicts": [
                {
                    "claim": claim,
                    "kind": "core",
                    "verdict": "covered",
                    "p": 0.97,
                    "abstain": False,
                    "quote": quote,
                }
                for claim, quote in (("c0", say("c0")), ("c1", say("c0", "c1")))
            ],
        }
        assert (question["claim"], question["n"]) == ("c2", 2)

    def test_a_misconception_set_right(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            judged, question = answers(run, say(*ENOUGH), DENIALS[0])
        assert judged["misconceptions"] == [{"claim": "m1", "set_right": True, "again": False, "quote": "-m1"}]
        assert question["claim"] == "m2"

    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            ("/hint", ["hint", "notice", "question"]),
            ("/skip", ["skip", "question"]),
            ("/explain", ["explain", "notice", "question"]),
            ("/nonsense", ["notice", "question"]),
            (INTRO, ["judged", "notice", "question"]),
            ("", ["question"]),
            ("/quit", ["result"]),
        ],
    )
    def test_one_each(self, workspace: Workspace, message: str, expected: list[str]) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            assert kinds(answers(run, message)) == expected

    def test_a_note_cannot_reach_the_terminal_raw(self, tmp_path: Path) -> None:
        text = quiz_text().replace("Why would anyone care about point c0?", "Why \x1b[31mred\u202e?")
        with begun(make_app(make_workspace(tmp_path, note=text).root)) as (_, events):
            assert events[0]["text"] == "Why \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}?"


class TestTheEnd:
    def test_a_pass_leaves_attempt_session_and_proposal(self, workspace: Workspace) -> None:
        app = make_app(workspace.root)
        before = tree(workspace.root)
        with begun(app) as (run, _):
            (*_, result) = answers(run, say(*ENOUGH), *DENIALS)
        assert (result["event"], result["state"], result["passed"]) == ("result", "passed", True)
        (attempt_,) = workspace.attempts.all()
        (proposal,) = workspace.proposals.all()
        assert result["attempt"] == attempt_.id == run.thread
        assert result["proposal"] == proposal.id
        assert proposal.change.evidence[0].path == result["session"]
        assert is_draft((workspace.root / result["session"]).read_text(encoding="utf-8"))
        # Nothing of the user's own was touched, the roadmap least of all.
        assert {path: data for path, data in tree(workspace.root).items() if path in before} == before
        assert {path.split("/")[0] for path in tree(workspace.root).keys() - before.keys()} == {"progress", "sessions"}

    def test_a_miss_proposes_nothing(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root, max_turns=4)) as (run, _):
            (*_, result) = answers(run, "no", "no", "no", "no")
        assert (result["state"], result["passed"], result["proposal"]) == ("not_passed", False, None)
        assert len(workspace.attempts.all()) == 1
        assert workspace.proposals.files() == []

    def test_quit_at_once_leaves_nothing(self, workspace: Workspace) -> None:
        before = tree(workspace.root)
        with begun(make_app(workspace.root)) as (run, _):
            (result,) = answers(run, "/quit")
        assert (result["state"], result["session"]) == ("stopped", None)
        assert tree(workspace.root) == before

    def test_a_topic_that_has_its_level_is_not_proposed(self, workspace: Workspace) -> None:
        path = workspace.root / "roadmap.md"
        path.write_text(path.read_text().replace(ROW, ROW.replace("L0", "L1")))
        with begun(make_app(workspace.root)) as (run, _):
            (*_, result) = answers(run, say(*ENOUGH), *DENIALS)
        assert (result["passed"], result["proposal"]) == (True, None)

    def test_the_thread_is_pruned(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            assert thread_ids(workspace.root) == [run.thread]
            answers(run, say("c0"), "/quit")
        assert thread_ids(workspace.root) == []

    def test_appeals_lie_in_their_folder(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            answers(run, "it depends", "/appeal it does", "/appeal again")
        (appeal,) = workspace.appeals.all()
        assert (appeal.attempt, appeal.claim, appeal.answer, appeal.case) == (run.thread, "c0", "it depends", "it does")

    def test_covers_of_an_earlier_quiz_count(self, workspace: Workspace) -> None:
        record_pass(workspace, attempt(quiz_note(), [right, right, wrong], start=later(-2)))
        with begun(make_app(workspace.root)) as (run, events):
            assert events[0]["claim"] == "c2"
            (*_, result) = answers(run, say("c2", "c3", "b1", "gqa"), *DENIALS)
        assert result["proposal"] is not None

    def test_a_misconception_set_right_in_an_earlier_quiz_counts(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root, clock=FakeClock(later(-2)))) as (run, _):
            assert answers(run, say(*ENOUGH), DENIALS[0], "no", "no")[-1]["state"] == "not_passed"
        with begun(make_app(workspace.root)) as (run, events):
            assert events[0]["claim"] == "m2"
            (*_, result) = answers(run, "it costs precision +m2.correction")
        assert result["proposal"] is not None

    def test_an_answer_that_is_no_text_at_all(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            assert kinds(answers(run, "\x00\x1b]0;x\x07 \U000e0041 " + "z" * 20_000)) == ["judged", "question"]
            answers(run, "/quit")
        (recorded,) = workspace.attempts.all()
        assert len(recorded.turns[0].text) == 8000


class TestOpening:
    def test_a_paused_one_goes_on_and_is_listed(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            answers(run, say("c0"))
        with open_threads(workspace.root) as opened:
            (paused,) = open_quizzes(opened)
        assert (paused.thread, paused.topic, paused.answers) == (run.thread, TOPIC, 1)
        for choice in ({"topic": TOPIC}, {"thread": run.thread}, {"thread": run.thread[:6]}, {}):
            with quiz_run(make_app(workspace.root), **choice) as again:  # type: ignore[arg-type]
                assert again.thread == run.thread
                (question,) = again.resume()
                assert (question["claim"], question["n"]) == ("c1", 2)

    def test_a_new_one_beside_it(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _), begun(make_app(workspace.root), new=True) as (other, _):
            assert other.thread != run.thread
        assert len(thread_ids(workspace.root)) == 2

    @pytest.mark.parametrize("name", ["nope", "", "../x"])
    def test_a_thread_that_is_not_there(self, workspace: Workspace, name: str) -> None:
        with pytest.raises(UsageError, match="no paused quiz"), quiz_run(make_app(workspace.root), thread=name):
            pass

    def test_two_terminals_on_one_thread(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            busy = pytest.raises(BusyError, match="open in another terminal; go on there")
            with busy, quiz_run(make_app(workspace.root), thread=run.thread):
                pass
            assert kinds(answers(run, say("c0"))) == ["judged", "question"]

    @pytest.mark.parametrize("note", [quiz_text(terms=""), "no note"])
    def test_a_quiz_that_could_not_begin_is_not_left_as_paused(self, tmp_path: Path, note: str) -> None:
        workspace = make_workspace(tmp_path, note=note)
        with quiz_run(make_app(workspace.root), topic=TOPIC) as run, pytest.raises(WorkspaceError):
            list(run.begin(TOPIC))
        assert thread_ids(workspace.root) == []

    def test_a_thread_of_another_version_cannot_go_on(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            pass
        with open_threads(workspace.root) as opened:
            opened.compile(build_quiz()).update_state(config(run.thread), {"flow_version": 0})
        other = pytest.raises(StudyError, match="another version")
        with quiz_run(make_app(workspace.root), thread=run.thread) as again, other:
            list(again.resume())
        assert thread_ids(workspace.root) == []

    def test_an_approval_that_waits_is_no_quiz(self, workspace: Workspace) -> None:
        record_pass(workspace)
        app = make_app(workspace.root)
        proposal = app.promotions.propose_from_attempt(workspace.attempts.all()[0].id)
        assert proposal is not None
        with review(app, proposal.id) as thread:
            thread.ask()
        with open_threads(workspace.root) as opened:
            assert opened.ids() != []
            assert open_quizzes(opened) == []


def kill_while_judging(root: Path, *before: str) -> None:
    """Run a quiz in a process of its own and kill it in the middle of judging the answer `BLOCK +c1`."""
    blocked = say("c1") + " BLOCK"
    with start(lambda: blocked_quiz(root, *before, blocked), os.environ, REPOSITORY) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "judging\n"
        with open_threads(root) as opened:
            (paused,) = open_quizzes(opened)
        with pytest.raises(BusyError), quiz_run(make_app(root), thread=paused.thread):
            pass
        child.kill()
        child.wait()


class TestKilled:
    def test_it_goes_on_with_nothing_asked_or_judged_twice(self, workspace: Workspace) -> None:
        kill_while_judging(workspace.root, say("c0"))
        grader = MarkGrader()
        with quiz_run(make_app(workspace.root, grader=grader)) as run:
            events = list(run.resume())
            assert [(e["event"], e["claim"], e["n"]) for e in events] == [
                ("judged", "c1", 2),
                ("question", "c2", 2 + 1),
            ]
            assert [answer for _, _, answer in grader.calls] == [say("c1") + " BLOCK"]
            # A second resume has nothing left to finish.
            assert [e["claim"] for e in run.resume()] == ["c2"]
            assert len(grader.calls) == 1
            answers(run, "/quit")
        (recorded,) = workspace.attempts.all()
        assert [t.question.claim for t in recorded.turns] == ["c0", "c1"]

    def test_between_two_answers_the_same_question_stands(self, workspace: Workspace) -> None:
        with begun(make_app(workspace.root)) as (run, _):
            (*_, question) = answers(run, "no")
        grader = MarkGrader()
        with quiz_run(make_app(workspace.root, grader=grader), thread=run.thread) as again:
            assert list(again.resume()) == [question]
        assert question["kind"] == "follow_up"
        assert grader.calls == []

    def test_after_the_attempt_was_written(self, workspace: Workspace) -> None:
        """The process dies when attempt and session are on file and the proposal is not."""

        class Died(BaseException):
            pass

        class Dying(PromotionStore):
            def propose_from_attempt(self, attempt_id: str) -> None:
                raise Died

        app = make_app(workspace.root)
        vars(app)["promotions"] = Dying(app.workspace, app.policy, app.clock.now)
        with begun(app) as (run, _), pytest.raises(Died):
            answers(run, say(*ENOUGH), *DENIALS)
        before = tree(workspace.root)
        assert len(workspace.attempts.all()) == 1
        catch_up(make_app(workspace.root))
        assert len(workspace.proposals.all()) == 1
        catch_up(make_app(workspace.root))
        new = tree(workspace.root).keys() - before.keys()
        assert [path.rpartition("/")[0] for path in new] == ["progress/proposals"]


class TestWordings:
    def test_the_next_question_is_reworded_while_the_learner_types(self, workspace: Workspace) -> None:
        chat = HeldChat({"question": "Why would anyone ever care about point c1?"}, {"question": "no question"})
        with begun(make_app(workspace.root, chat=chat)) as (run, events):
            assert events[0]["source"] == "authored"
            until(lambda: len(chat.asked) == 2)  # the first of the two is ready then
            (*_, question) = answers(run, say("c0"))
            assert (question["source"], question["text"]) == ("model", "Why would anyone ever care about point c1?")
        assert [prompt.user.count("point c1") for prompt in chat.asked[:2]] == [1, 0]

    def test_a_model_that_hangs_holds_nobody_up(self, workspace: Workspace) -> None:
        chat = HeldChat()
        chat.held = threading.Event()
        with begun(make_app(workspace.root, chat=chat)) as (run, _):
            assert chat.started.wait(10)
            (*_, question) = answers(run, say("c0"))
            assert (question["claim"], question["source"]) == ("c1", "authored")
        assert chat.cancelled >= 1


def test_versions_travel_with_the_attempt(workspace: Workspace) -> None:
    with begun(make_app(workspace.root, clock=FakeClock())) as (run, _):
        answers(run, say("c0"), "/quit")
    versions = workspace.attempts.all()[0].versions
    assert versions["grader"] == "marks@1"
    assert versions["chat"] == "none"
    assert versions["reword"].startswith("quiz/reword@")
    assert PATH in tree(workspace.root)
