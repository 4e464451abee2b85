"""What a process does until it is killed, and how the next one goes on: through the app, as the command line does."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.app import App
from agent.app.quiz import QuizRun, open_quizzes, quiz_run, tidy
from agent.app.review import Asked, Decided, catch_up, review
from agent.domain.proposal import Proposal
from evals.chaos.process import Say, Step
from evals.chaos.world import MESSAGES, TOPIC, scripted_app

Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`prepare` brings a fresh workspace to where the scenario begins, `act` is what gets killed.

    `decisions` are the replies that the learner gives at the gate, also after the restart.
    """

    name: str
    prepare: Callable[[Path], Step] | None
    act: Callable[[Path], Step]
    decisions: tuple[Reply, ...] = ({"type": "approve"},)
    git: bool = False


def quiz(root: Path, *, messages: int = len(MESSAGES)) -> Step:
    """Take the quiz to its end, or until so many messages were sent."""

    def step(say: Say) -> None:
        with scripted_app(root) as app, quiz_run(app, topic=TOPIC) as run:
            _converse(run, say, messages)

    return step


def _converse(run: QuizRun, say: Say, messages: int) -> None:
    events = run.resume() if run.state else run.begin(TOPIC)
    while True:
        for event in events:
            say(event)
            if event["event"] == "result":
                return
        sent = len(run.state["turns"])
        if sent >= messages:
            return
        events = run.send(MESSAGES[sent])


def decide(root: Path, replies: tuple[Reply, ...], *, commit: bool = False) -> Step:
    """Decide on what is pending, as `study review` does."""

    def step(say: Say) -> None:
        with scripted_app(root, commit=commit) as app:
            for message in catch_up(app):
                say({"event": "caught_up", "message": message})
            for proposal in app.promotions.pending():
                _decide(app, proposal, replies, say)

    return step


def _decide(app: App, proposal: Proposal, replies: tuple[Reply, ...], say: Say) -> None:
    with review(app, proposal.id) as thread:
        asked: Asked | Decided = thread.ask()
        for reply in replies:
            if isinstance(asked, Decided):
                break
            say({"event": "asked", "proposal": proposal.id, "shown": asked.description.splitlines()[0]})
            asked = thread.reply(asked, reply)
        if isinstance(asked, Asked):
            raise AssertionError(f"asked once more than there are replies: {asked.description}")
        say({"event": "decided", "decision": asked.decision, "proposal": proposal.id, "message": asked.message})


def day(root: Path) -> Step:
    """Take the quiz, then approve: the whole day in one process."""

    def step(say: Say) -> None:
        quiz(root)(say)
        decide(root, ({"type": "approve"},))(say)

    return step


def go_on(root: Path, scenario: Scenario) -> Step:
    """Restart after a kill: say what is there, finish the quiz where it stands, catch up, decide.

    A quiz is begun anew only where neither a thread nor an attempt is left of the killed one.
    """

    def step(say: Say) -> None:
        with scripted_app(root) as app:
            with app.threads() as threads:
                paused = open_quizzes(threads)
            attempts = app.workspace.attempts.files()
            if paused or not attempts:
                with quiz_run(app, topic=TOPIC) as run:
                    say({"event": "found", "texts": [turn["text"] for turn in run.state.get("turns", [])]})
                    _converse(run, say, len(MESSAGES))
        decide(root, scenario.decisions, commit=scenario.git)(say)
        with scripted_app(root) as app, app.threads() as threads:
            tidy(app, threads)
            say({"event": "threads", "left": threads.ids()})

    return step


def turns_on_file(root: Path) -> list[dict[str, Any]]:
    """Give the turns of the one attempt on file, without their times."""
    attempts = sorted((root / "progress" / "attempts").glob("*.json"))
    if len(attempts) != 1:
        raise AssertionError(f"{len(attempts)} attempts on file instead of one")
    turns: list[dict[str, Any]] = json.loads(attempts[0].read_text(encoding="utf-8"))["turns"]
    return [{key: value for key, value in turn.items() if key != "at"} for turn in turns]


_SESSION = re.compile(r"\d{4}-\d\d-\d\d(-kv-cache-scaling-quiz-[0-9a-f]{4}\.md| quiz)")


def roadmap(root: Path) -> str:
    """Read roadmap.md with the names of sessions, which differ from run to run, made equal."""
    return _SESSION.sub("SESSION", (root / "roadmap.md").read_text(encoding="utf-8"))


_EDIT: Reply = {"type": "edit", "edited": {"status": "Verified by me"}, "reason": "my own word for it"}
_EDITED = (_EDIT, {"type": "approve"})

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("quiz", None, quiz),
        Scenario("draft", lambda root: quiz(root, messages=len(MESSAGES) - 1), quiz),
        Scenario("approve", quiz, lambda root: decide(root, ({"type": "approve"},))),
        Scenario("reject", quiz, lambda root: decide(root, ({"type": "reject"},)), ({"type": "reject"},)),
        Scenario("edit", quiz, lambda root: decide(root, _EDITED), _EDITED),
        Scenario("commit", quiz, lambda root: decide(root, ({"type": "approve"},), commit=True), git=True),
        Scenario("day", None, day),
    )
}
