"""The kill harness: kills at evenly spread moments find nothing, and each of its checks can find something."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.app import App
from agent.workspace.workspace import Workspace
from evals.chaos import invariants
from evals.chaos.__main__ import main, warm_up
from evals.chaos.full_disk import with_limited_files
from evals.chaos.invariants import Finding, Reference, after_kill, at_the_end, on_restart
from evals.chaos.process import Event, Moment, Say, run_child
from evals.chaos.runs import Bench
from evals.chaos.scenarios import SCENARIOS, decide, quiz, roadmap, turns_on_file
from evals.chaos.world import MESSAGES, TOPIC, make_workspace

# `make chaos N=1000` kills more often, and at random moments.
KILLS = {"quiz": 6, "draft": 4, "approve": 6, "reject": 2, "edit": 2, "commit": 2, "day": 2, "index": 4, "lab": 2}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Import once, in this process, what each of the forks would import by itself."""
    warm_up()


def chaos(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    code = main(["--evenly", "--jobs", "1", *args])
    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err
    return shown.out


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("scenario", "kills"), KILLS.items())
def test_kills_all_along_the_way_lose_nothing(scenario: str, kills: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert ": 0 runs with a finding." in chaos(capsys, "--runs", str(kills), "--scenario", scenario)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", ["quiz", "approve"])
def test_a_full_disk_is_one_sentence_and_loses_nothing(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "refused: " in chaos(capsys, "--full-disk", "--runs", "4", "--scenario", scenario)


@pytest.mark.timeout(600)
def test_a_slow_disk(capsys: pytest.CaptureFixture[str]) -> None:
    chaos(capsys, "--slow-fsync", "0.05", "--runs", "4", "--scenario", "approve")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference, list[Event]]:
    """A day that nobody killed."""
    root = make_workspace(tmp_path_factory.mktemp("day") / "workspace")
    before = roadmap(root)
    said: list[Event] = []
    for step in (quiz(root), decide(root, ({"type": "approve"},))):
        ran = run_child(step)
        assert not ran.crash, ran.crash
        said += ran.events
    questions = tuple(question for _, question in invariants.questions_of(said))
    return root, Reference(questions, turns_on_file(root), before, roadmap(root)), said


@pytest.fixture
def day(finished: tuple[Path, Reference, list[Event]], tmp_path: Path) -> tuple[Path, Reference, list[Event]]:
    root = tmp_path / "workspace"
    shutil.copytree(finished[0], root)
    return root, finished[1], finished[2]


def test_an_unharmed_day_has_no_findings(day: tuple[Path, Reference, list[Event]]) -> None:
    root, reference, said = day
    assert [*after_kill(root, reference, said), *at_the_end(root, reference, said)] == []


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def _halve_roadmap(root: Path) -> None:
    path = root / "roadmap.md"
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")


def _forget_ledger(root: Path) -> None:
    only(root / "progress" / "ledger").unlink()


def _double_session(root: Path) -> None:
    session = only(root / "sessions")
    shutil.copy(session, session.with_name("2026-11-23-again.md"))


def _draft_again(root: Path) -> None:
    session = only(root / "sessions")
    session.write_text(session.read_text(encoding="utf-8").replace("kind: quiz\n", "kind: quiz\nstatus: draft\n"))


def _lower_row(root: Path) -> None:
    path = root / "roadmap.md"
    path.write_text(path.read_text(encoding="utf-8").replace("| L1 |", "| L0 |"), encoding="utf-8")


def _double_attempt(root: Path) -> None:
    attempt = only(root / "progress" / "attempts")
    shutil.copy(attempt, attempt.with_name("20260101T000000Z-again.json"))


def _halve_attempt(root: Path) -> None:
    attempt = only(root / "progress" / "attempts")
    attempt.write_bytes(attempt.read_bytes()[:500])


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_halve_roadmap, "half done"),
        (_forget_ledger, "lost"),
        (_double_session, "doubled"),
        (_draft_again, "half done"),
        (_lower_row, "lost"),
        (_double_attempt, "doubled"),
        (_halve_attempt, "damaged"),
    ],
)
def test_harm_on_disk_is_found(
    day: tuple[Path, Reference, list[Event]], harm: Callable[[Path], None], kind: str
) -> None:
    root, reference, said = day
    harm(root)
    found = list(after_kill(root, reference, said)) or list(at_the_end(root, reference, said))
    assert kind in {finding.kind for finding in found}


TEXTS = [message.removeprefix("/appeal ") for message in MESSAGES]


@pytest.mark.parametrize(
    ("texts", "acknowledged", "kind"),
    [
        (TEXTS[:2], 3, "lost"),
        (TEXTS[:5], 3, "doubled"),
        ([TEXTS[0], TEXTS[0], TEXTS[1]], 3, "doubled"),
        ([TEXTS[0], TEXTS[2], TEXTS[1]], 3, "doubled"),
    ],
)
def test_harm_to_the_quiz_is_found(
    day: tuple[Path, Reference, list[Event]], texts: list[str], acknowledged: int, kind: str
) -> None:
    found = list(on_restart([{"event": "found", "texts": texts}], acknowledged, day[1]))
    assert kind in {finding.kind for finding in found}


def test_a_wrong_question_is_found(day: tuple[Path, Reference, list[Event]]) -> None:
    asked = {"event": "question", **day[1].questions[1]}
    assert list(on_restart([{"event": "found", "texts": TEXTS[:1]}, asked], 1, day[1])) == []
    (finding,) = on_restart([{"event": "found", "texts": TEXTS[:2]}, asked], 2, day[1])
    assert finding.kind == "wrong question"


def test_a_decision_without_its_intent_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the row written before the intent, a kill in between would leave a level that no decision gave."""
    from agent.workspace.promotions import PromotionStore

    bench = Bench(SCENARIOS["approve"], tmp_path)
    approve = PromotionStore._approve

    def row_first(self: PromotionStore, proposal: object, decision: object) -> object:
        change = proposal.change  # type: ignore[attr-defined]
        self._write_change(change)
        return approve(self, proposal, decision)  # type: ignore[arg-type]

    monkeypatch.setattr(PromotionStore, "_approve", row_first)
    found: set[Finding] = set()
    for run in bench.runs(40, random.Random(1), evenly=True):
        found |= set(run.findings)
        if found:
            break
    assert found


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """What a user who may not mount gets instead of a full disk."""
    runs = list(with_limited_files(Bench(SCENARIOS["approve"], tmp_path), (0.02, 0.1, 0.4, 0.8)))
    assert [run.findings for run in runs] == [()] * 4
    assert any(run.moment.startswith("refused: ") for run in runs)


def test_moments_are_counted_the_same_way_each_time(tmp_path: Path) -> None:
    """A child told to die at its last call dies there, one told to die later does not."""
    roots = [make_workspace(tmp_path / name / "workspace") for name in ("a", "b", "c")]
    calls = run_child(quiz(roots[0], messages=1), count=True).calls
    assert calls > 20
    assert run_child(quiz(roots[1], messages=1), Moment("call", calls // 2)).killed
    assert not run_child(quiz(roots[2], messages=1), Moment("call", calls * 3)).killed


def test_what_a_dying_process_was_saying_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    to_parent = os.pipe()
    monkeypatch.setattr(os, "pipe", lambda: to_parent)

    def step(say: Say) -> None:
        say({"event": "whole"})
        os.write(to_parent[1], b'{"event": "ha')
        os.kill(os.getpid(), signal.SIGKILL)

    ran = run_child(step)
    assert ran.killed
    assert ran.events == [{"event": "whole"}]


def test_the_scripted_day_ends_at_l1(day: tuple[Path, Reference, list[Event]]) -> None:
    assert str(Workspace(day[0]).topic(TOPIC).level) == "L1"
    assert App.load(day[0]).promotions.pending() == []
