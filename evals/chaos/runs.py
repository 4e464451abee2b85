"""Many kills of one scenario: each in a copy of the prepared workspace, each followed by a restart."""

import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.chaos.invariants import (
    Finding,
    Reference,
    acknowledged,
    after_kill,
    at_the_end,
    on_restart,
    questions_of,
    temporary_files,
    where,
)
from evals.chaos.process import Event, Length, Moment, Ran, run_child
from evals.chaos.scenarios import Scenario, decide, go_on, roadmap, turns_on_file
from evals.chaos.world import make_workspace

MAX_RESTARTS = 3  # kills in a row; the restart after the last one is left alone
KILL_RESTART = 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """One killed run: where it died, how it went on, what was found wrong, and how many times it was killed."""

    moment: str
    outcome: str
    kills: int
    findings: tuple[Finding, ...]
    temporary: int


class Bench:
    """A scenario, ready to be killed: the prepared workspace, the reference, and how long it takes."""

    def __init__(self, scenario: Scenario, folder: Path, *, slow_fsync: float = 0.0) -> None:
        self.scenario, self._folder, self._slow = scenario, folder, slow_fsync
        self.start = make_workspace(folder / "start")
        self.said: list[Event] = []
        if scenario.prepare is not None:
            self.said = fine(run_child(scenario.prepare(self.start))).events
        if scenario.git:
            for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
                _git(self.start, *command)
        self.reference, self.length = self._measure()

    def _measure(self) -> tuple[Reference, Length]:
        """Run unharmed, once timed and once counted."""
        root = self.copy()
        timed = fine(run_child(self.scenario.act(root), slow_fsync=self._slow))
        events = [*self.said, *timed.events]
        if not any(event["event"] == "decided" for event in events):
            fine(run_child(decide(root, self.scenario.decisions)))
        questions = tuple(question for _, question in questions_of(events))
        reference = Reference(questions, turns_on_file(root), roadmap(self.start), roadmap(root))
        counted = fine(run_child(self.scenario.act(self.copy()), count=True))
        return reference, Length(timed.seconds, counted.calls)

    def copy(self) -> Path:
        """Copy the prepared workspace to a folder of its own."""
        root = Path(tempfile.mkdtemp(dir=self._folder)) / "workspace"
        shutil.copytree(self.start, root)
        return root

    def runs(self, number: int, dice: random.Random, *, evenly: bool = False, keep: bool = False) -> Iterator[Run]:
        """Kill the scenario so many times, at random moments or at evenly spread ones."""
        moments = self.length.spread(number) if evenly else (self.length.drawn(dice) for _ in range(number))
        for moment in moments:
            root = self.copy()
            run = self._run(root, moment, dice)
            if not (keep and run.findings):
                shutil.rmtree(root.parent)
            yield run

    def _run(self, root: Path, moment: Moment, dice: random.Random) -> Run:
        first = run_child(self.scenario.act(root), moment, slow_fsync=self._slow)
        said, kills = [*self.said, *first.events], int(first.killed)
        died = where(root, said, first.events) if first.killed else "not killed in time"
        findings = [*crash_of(first), *after_kill(root, self.reference, said)]
        temporary = len(temporary_files(root))
        outcome = ""
        while True:
            again = kills < MAX_RESTARTS and first.killed and dice.random() < KILL_RESTART
            before = acknowledged(said)
            restart = run_child(
                go_on(root, self.scenario), self.length.drawn(dice) if again else Moment(), slow_fsync=self._slow
            )
            findings += [*crash_of(restart), *on_restart(restart.events, before, self.reference)]
            outcome = outcome or outcome_of(restart, before)
            said += heard(restart.events, before)
            kills += restart.killed
            if not restart.killed:
                break
            findings += after_kill(root, self.reference, said)
        if not findings:
            findings += at_the_end(root, self.reference, restart.events)
        return Run(died, outcome, kills, tuple(findings), temporary)


def heard(events: list[Event], before: int) -> list[Event]:
    """Give a restart's events; a turn that it found on disk counts as acknowledged from then on."""
    found = next((len(event["texts"]) for event in events if event["event"] == "found"), before)
    return [*([{"event": "judged", "n": found}] if found > before else []), *events]


def outcome_of(restart: Ran, before: int) -> str:
    """Say how the restart went on."""
    found = next((event for event in restart.events if event["event"] == "found"), None)
    if found is not None:
        if len(found["texts"]) > before:
            return "answer was saved; next question"
        if not any(event["event"] in ("judged", "appeal", "result", "question") for event in restart.events):
            return "killed again on restart"
        first = next(event["event"] for event in restart.events if event["event"] != "found")
        return {"judged": "answer judged on restart", "appeal": "answer judged on restart"}.get(first, "same question")
    if any(event["event"] == "asked" for event in restart.events):
        return "asked for the decision"
    if any(event["event"] == "caught_up" for event in restart.events):
        return "decision finished"
    return "killed again on restart" if restart.killed else "nothing left to do"


def crash_of(ran: Ran) -> list[Finding]:
    """Give the traceback that the process ended with, if it did."""
    return [Finding("crash", ran.crash.strip().splitlines()[-1] + "\n" + ran.crash)] if ran.crash else []


def fine(ran: Ran) -> Ran:
    """Give the run that nobody kills.

    Raises:
        RuntimeError: it failed, so that there is nothing to compare with.
    """
    if ran.crash or ran.killed:
        raise RuntimeError(f"the run that nobody kills failed: {ran.crash or 'killed'}")
    return ran


def _git(root: Path, *args: str) -> None:
    identity = ("-c", "user.name=Chaos", "-c", "user.email=chaos@localhost")
    subprocess.run(["git", "-C", str(root), *identity, *args], check=True, capture_output=True)
