"""The learner's own correction of the grader: from approved appeals only, with the setting only, never in an eval."""

import json
from pathlib import Path

import pytest

from agent.adapters.grading import load_grader
from agent.app import App
from agent.app.doctor import examine
from agent.app.review import review
from agent.domain.attempt import Attempt
from agent.domain.personal import Corrections, corrections
from agent.domain.quiz import QUIZ_BANDS
from agent.settings import Settings
from agent.workspace.workspace import Workspace
from tests.helpers.sittings import act, attempt, later, quiz_note, right, wrong
from tests.helpers.study import study
from tests.helpers.workspaces import make_app, make_workspace, record_pass

NOTE = quiz_note()


def appealed(grader: str = "local") -> Attempt:
    """A passed quiz: the first core claim refused and appealed, its follow-up never put."""
    made = attempt(NOTE, [wrong, act("appeal"), *[right] * 9], start=later(1))
    version = load_grader(grader, bands=QUIZ_BANDS).version
    return made.model_copy(update={"versions": {"grader": version}}).sealed()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def decide(workspace: Workspace, made: Attempt, kind: str) -> None:
    """Decide on the proposal that a quiz led to."""
    app = make_app(workspace.root)
    proposal = app.promotions.propose_from_attempt(record_pass(workspace, made).id)
    assert proposal is not None
    with review(app, proposal.id) as thread:
        step = thread.ask()
        thread.reply(step, {"type": kind, "message": "no"})  # type: ignore[arg-type]


def found(workspace: Workspace) -> Corrections:
    return corrections(workspace.attempts.all(), workspace.ledger.all(), load_grader("local").version.split("+")[0])


def personal_line(root: Path, *, personal: bool) -> str:
    with App(Settings(root=root, cache=root / ".study" / "cache", chat="none", personal=personal)) as app:
        return next(d.detail for d in examine(app) if d.subject == "Personal grader")


def grader_of(root: Path, *, personal: bool) -> str:
    return App(
        Settings(root=root, cache=root / ".study", chat="none", grader="lexical", personal=personal)
    ).grader.version


def test_an_approved_appeal_is_a_row_and_a_pending_or_rejected_one_is_not(workspace: Workspace) -> None:
    made = appealed()
    record_pass(workspace, made)
    assert found(workspace) == Corrections()
    decide(workspace, made, "reject")
    assert found(workspace) == Corrections()


def test_what_the_learner_won_and_what_they_let_stand(workspace: Workspace) -> None:
    decide(workspace, appealed(), "approve")
    rows = found(workspace)
    assert len(rows.appeals) == 1
    fitted = rows.fitted()
    assert fitted is not None
    assert fitted.apply(0.45) > 0.45


def test_an_attempt_that_was_edited_counts_for_nothing(workspace: Workspace) -> None:
    decide(workspace, appealed(), "approve")
    (path,) = (workspace.root / "progress" / "attempts").glob("*.json")
    data = json.loads(path.read_text("utf-8"))
    data["turns"][0]["verdicts"][0]["p_covered"] = 0.9
    path.write_text(json.dumps(data), encoding="utf-8")
    assert found(workspace) == Corrections()


def test_another_graders_probabilities_say_nothing_about_this_one(workspace: Workspace) -> None:
    decide(workspace, appealed("lexical"), "approve")
    assert found(workspace) == Corrections()
    assert "against this grader" in personal_line(workspace.root, personal=True)


def test_it_is_off_unless_set_and_the_version_tells(workspace: Workspace) -> None:
    decide(workspace, appealed("lexical"), "approve")
    assert "personal" not in grader_of(workspace.root, personal=False)
    assert "+personal-" in grader_of(workspace.root, personal=True)


def test_doctor_says_whether_it_is_on_and_on_what_it_rests(workspace: Workspace) -> None:
    assert personal_line(workspace.root, personal=False).startswith("off")
    assert "nothing changes" in personal_line(workspace.root, personal=True)
    decide(workspace, appealed(), "approve")
    assert "1 accepted appeals" in personal_line(workspace.root, personal=True)


def test_an_eval_never_uses_it(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(workspace, appealed(), "approve")
    row = {"id": "1", "question": "Why?", "reference": "Paging avoids fragmentation.", "answer": "It avoids fragments."}
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    graded = []
    for value in ("false", "true"):
        monkeypatch.setenv("STUDY_PERSONAL", value)
        assert study(workspace.root, "eval", "grade", str(source), str(tmp_path / "out.jsonl")).code == 0
        graded.append((tmp_path / "out.jsonl").read_text("utf-8"))
    assert graded[0] == graded[1]
