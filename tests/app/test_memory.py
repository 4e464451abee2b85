"""Re-checks on a real workspace: what is due, a short quiz of the weakest claims, and what it proposes."""

from pathlib import Path

import pytest

from agent.app import App
from agent.app.memory import choose_recheck, remembered, weak_claims
from agent.app.quiz import Event, quiz_run
from agent.app.review import catch_up
from agent.domain.change import StatusChange
from agent.domain.errors import UsageError
from agent.domain.level import Level
from agent.domain.proposal import Decision, Proposal
from agent.workspace.check import check_workspace
from agent.workspace.workspace import Workspace
from tests.helpers.fakes import FakeClock
from tests.helpers.sittings import attempt, later, quiz_note, right, say, wrong
from tests.helpers.study import Terminal, study
from tests.helpers.workspaces import TOPIC, make_app, make_workspace, record_pass, tree

VERIFIED = later(-60)  # long before today, whatever today is
SCOPE = ["c0", "c1", "c2"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(VERIFIED)


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> App:
    """A topic verified sixty days before the tests' today."""
    workspace = make_workspace(tmp_path)
    app = make_app(workspace.root, clock=clock, commit=False)
    record_pass(workspace, attempt(quiz_note(), [right] * 9, start=VERIFIED))
    catch_up(app)
    approve(app)
    return app


def approve(app: App) -> None:
    for proposal in app.promotions.pending():
        assert app.promotions.decide(proposal.id, Decision(type="approve", by="me")).decision == "approved"


def sit(app: App, *answers: str) -> Event:
    """Take a re-check of the topic; give the result."""
    with quiz_run(app, topic=TOPIC) as run:
        events = list(run.begin(TOPIC, weak_claims(app, TOPIC)))
        for answer in answers:
            events = list(run.send(answer))
    return events[-1]


def row(app: App) -> tuple[Level, str]:
    topic = app.workspace.topic(TOPIC)
    return topic.level, topic.status


def pending(app: App) -> Proposal:
    (proposal,) = app.promotions.pending()
    return proposal


class TestDue:
    def test_level_and_what_is_left_are_two_things(self, app: App, clock: FakeClock) -> None:
        (fresh,) = remembered(app)
        assert (fresh.topic.level, fresh.due, fresh.retrievability) == (Level.L1, False, 1.0)
        clock.advance(days=30)
        (old,) = remembered(app)
        assert (old.topic.level, old.due) == (Level.L1, True)
        assert round(old.retrievability, 2) == 0.67
        assert old.days_left == -28

    def test_only_verified_topics_are(self, app: App) -> None:
        record_pass(app.workspace, attempt(quiz_note(), [right] * 9, id="a" * 36))
        assert [item.topic.id for item in remembered(app)] == [TOPIC]
        with pytest.raises(UsageError, match="was never passed in a quiz"):
            choose_recheck(app, "rope")
        with pytest.raises(UsageError, match="Nothing is due"):
            choose_recheck(app, None)
        assert choose_recheck(app, TOPIC).topic.id == TOPIC

    def test_files_are_the_truth(self, app: App) -> None:
        (path,) = app.workspace.attempts.files()
        (app.settings.root / path).unlink()
        assert remembered(app) == []


class TestRecheck:
    def test_it_asks_the_weakest_claims_and_no_more(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        assert weak_claims(app, TOPIC) == SCOPE
        result = sit(app, say("c0"), say("c1"), say("c2"))
        assert (result["passed"], result["scope"], result["proposal"]) == (True, SCOPE, None)
        (item,) = remembered(app)
        assert item.memory.reviews == 2
        assert item.days_left > 10
        assert weak_claims(app, TOPIC)[0] == "c3"
        made = app.workspace.attempts.all()[-1]
        assert made.scope == tuple(SCOPE)
        session = (app.settings.root / app.workspace.session_of(made)).read_text(encoding="utf-8")
        assert "# Re-check: KV cache scaling" in session
        assert "was passed: 3 answers, 3 of 3 claims explained again." in session
        assert [p for p in check_workspace(app.workspace) if p.severity == "error"] == []

    def test_a_failed_one_takes_nothing_away_and_proposes(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        before = tree(app.settings.root)["roadmap.md"]
        result = sit(app, "no", "no", say("c1"), say("c2"))
        assert not result["passed"]
        assert tree(app.settings.root)["roadmap.md"] == before
        proposal = pending(app)
        assert result["proposal"] == proposal.id
        assert isinstance(proposal.change, StatusChange)
        assert proposal.change.summary == "KV cache scaling (batch/seq/heads): Verified → Learning, L1 stays"
        assert "The core claim ^c0 is not explained." in proposal.rationale
        (item,) = remembered(app)
        assert item.memory.stability < 3

    def test_rejected_nothing_changes(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        before = tree(app.settings.root)["roadmap.md"]
        sit(app, *["no"] * 6)
        app.promotions.decide(pending(app).id, Decision(type="reject", reason="A bad day."))
        assert tree(app.settings.root)["roadmap.md"] == before
        catch_up(app)
        assert app.promotions.pending() == []

    def test_approved_the_row_asks_for_study_and_keeps_its_level(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        before = tree(app.settings.root)["roadmap.md"]
        sit(app, *["no"] * 6)
        approve(app)
        assert row(app) == (Level.L1, "Learning")
        assert tree(app.settings.root)["roadmap.md"] == before.replace(b"Verified", b"Learning")
        assert app.promotions.vouched(TOPIC) == Level.L1
        assert [p for p in check_workspace(app.workspace) if p.severity == "error"] == []
        # The next one that is passed proposes the way back, with its session as evidence.
        clock.advance(days=3)
        result = sit(app, *[say(claim) for claim in weak_claims(app, TOPIC)])
        assert pending(app).id == result["proposal"]
        approve(app)
        assert row(app) == (Level.L1, "Verified")
        assert app.workspace.topic(TOPIC).evidence[-1].label.endswith("re-check")
        assert [p for p in check_workspace(app.workspace) if p.severity == "error"] == []

    def test_stopped_it_says_nothing(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        result = sit(app, "no", "/quit")
        assert (result["state"], result["proposal"]) == ("stopped", None)
        (item,) = remembered(app)
        assert item.memory.reviews == 1

    def test_what_a_dead_process_left_is_proposed_by_the_next_review(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        proposal = pending(app).id if sit(app, *["no"] * 6)["proposal"] else ""
        app.workspace.proposals.remove(proposal)
        catch_up(app)
        assert pending(app).id == proposal

    def test_it_opens_no_gate(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        sit(app, say("c0"), say("c1"), say("c2"))
        app.promotions.propose(app.promotions.change_to(TOPIC, Level.L0), "I start over.")
        approve(app)
        (app.settings.root / app.workspace.attempts.files()[0]).unlink()
        assert catch_up(app) == []
        assert app.promotions.pending() == []

    def test_a_status_edited_meanwhile_is_asked_about(self, app: App, clock: FakeClock) -> None:
        clock.advance(days=30)
        sit(app, *["no"] * 6)
        path = app.settings.root / "roadmap.md"
        path.write_text(path.read_text(encoding="utf-8").replace("Verified", "Paused"), encoding="utf-8")
        with pytest.raises(Exception, match=r"roadmap\.md was edited meanwhile"):
            approve(app)

    def test_attempts_of_before_keep_their_hash(self) -> None:
        made = attempt(quiz_note(), [wrong])
        assert made.scope == ()
        assert made.computed_hash() == made.model_copy(update={"scope": ()}).computed_hash()
        assert made.model_copy(update={"scope": ("c0",)}).computed_hash() != made.sha256


class TestCommand:
    def test_listed_and_taken_on_a_pipe(self, app: App) -> None:
        root = app.settings.root
        (item,) = study(root, "due", "--json").events[0]["due"]
        assert (item["topic"], item["level"], item["is_due"], item["weakest"]) == (TOPIC, "L1", True, SCOPE)
        out = study(root, "due").out
        assert "1 due; `study due --start` checks the first one again" in out
        assert "asks ^c0, ^c1, ^c2" in out
        ran = study(root, "due", "--start", "--json", given="\n---\n".join(["good"] * 3))
        assert ran.code == 0
        assert [e["claim"] for e in ran.events if e["event"] == "question"] == SCOPE
        assert ran.result["passed"]
        assert "Nothing is due." in study(root, "due").out
        assert study(root, "due", "--start").code == 2

    def test_a_quiz_on_a_due_topic_is_the_re_check_unless_all_is_asked_for(self, app: App) -> None:
        root = app.settings.root
        ran = study(root, "quiz", TOPIC, given="no")
        assert (
            f"A short re-check of KV cache scaling (batch/seq/heads) (L1, which stays): {len(SCOPE)} questions."
            in ran.out
        )
        assert f"`study quiz {TOPIC} --full` asks everything." in ran.out
        went_on = study(root, "quiz", TOPIC, given="")
        assert f"Going on with the paused quiz on {TOPIC} (--new starts another one)." in went_on.out
        assert "A short re-check" not in went_on.out
        full = study(root, "quiz", TOPIC, "--full", "--new", "--json", given="\n---\n".join(["good"] * 9))
        assert full.result["passed"]
        asked = [e["claim"] for e in full.events if e["event"] == "question"]
        assert set(SCOPE) < set(asked)
        # It counts as a review too: nothing is due any more, and the next quiz is a whole one.
        assert "Nothing is due." in study(root, "due").out
        assert "A short re-check" not in study(root, "quiz", TOPIC, "--new", given="").out

    def test_nothing_verified(self, tmp_path: Path) -> None:
        root = make_workspace(tmp_path).root
        assert "No topic is verified yet" in study(root, "due").out
        assert study(root, "due", "--json").events == [{"due": []}]
        assert "add --start" in study(root, "due", TOPIC).err

    def test_failed_at_a_terminal_and_decided(self, app: App) -> None:
        root = app.settings.root
        ran = study(root, "due", TOPIC, "--start", given="\n---\n".join(["no"] * 6))
        assert ran.code == 1
        assert "A change of status is proposed; decide on it with `study review`." in ran.out
        with Terminal(root, "review") as terminal:
            terminal.wait("Verified → Learning, L1 stays")
            terminal.wait("+| **Serving** | KV cache scaling (batch/seq/heads)   |   L1 |")
            terminal.wait("[a]pprove")
            terminal.type("a")
            terminal.wait("is marked Learning now and stays at L1.")
            assert terminal.end() == 0
        assert Workspace(root).topic(TOPIC).status == "Learning"
