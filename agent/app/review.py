"""Deciding on pending proposals. Every decision goes through the promotion graph, and needs a person."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import ValidationError

from agent.adapters.checkpoints.sqlite import Threads, config
from agent.app.commits import commit_decision
from agent.app.container import App
from agent.app.lines import propose_ready_ticks
from agent.app.quiz import thread_lock, tidy
from agent.domain.change import AnyChange, Change
from agent.domain.errors import GateError, StudyError
from agent.domain.proposal import Decision, DecisionType, Proposal, Unconfirmed
from agent.domain.text import neutralise, one_line
from agent.ports import Clock
from agent.workspace.files import locked
from agent.workspace.promotions import Outcome, PromotionStore

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


@dataclass(frozen=True, slots=True)
class WorkspacePromotions:
    """The `Promotions` port on the workspace."""

    store: PromotionStore
    clock: Clock

    def load(self, proposal_id: str) -> Proposal:
        """Read a pending proposal."""
        return self.store.load(proposal_id)

    def describe(self, proposal: Proposal) -> str:
        """Give the whole change: the levels, why, the evidence, the gate, and the diff.

        What makes it impossible (an edited row, a note that is gone) is part of the text: it can still be rejected.
        """
        change = proposal.change
        lines = [
            *_unconfirmed(proposal),
            one_line(change.summary, 400),
            "",
            neutralise(proposal.rationale),
            "",
        ]
        if change.evidence or proposal.attempt:
            lines += ["Evidence:", *(f"  {one_line(e.path, 300)}" for e in change.evidence)]
        if proposal.attempt:
            lines.append(f"  attempt {proposal.attempt}")
        try:
            lines += [*self._gate(change), "", neutralise(self.store.diff(change))]
        except StudyError as error:
            lines += ["", f"It cannot be approved as it stands: {neutralise(str(error))}"]
        return "\n".join(lines)

    def _gate(self, change: AnyChange) -> Iterator[str]:
        requirements = self.store.requirements(change)
        if requirements or isinstance(change, Change):
            yield from ("", "Gate:")
        for requirement in requirements:
            mark = "met" if requirement.met else f"missing: {requirement.reason}"
            yield f"  {requirement.asks or requirement.level} {requirement.what}: {one_line(mark, 400)}"

    def note_unconfirmed(self, proposal_id: str, decision: DecisionType, reason: str) -> None:
        """Keep a decision that nobody vouches for."""
        self.store.note_unconfirmed(proposal_id, Unconfirmed(type=decision, reason=reason, at=self.clock.now()))

    def decide(self, proposal_id: str, decision: Decision) -> Outcome:
        """Apply a decision."""
        return self.store.decide(proposal_id, decision)


def _unconfirmed(proposal: Proposal) -> list[str]:
    """Say that a decision came from nobody in particular; the person who reads this confirms it or not."""
    given = proposal.unconfirmed
    if given is None:
        return []
    why = f" (“{one_line(given.reason)}”)" if given.reason else ""
    when = f"{given.at.astimezone():%Y-%m-%d %H:%M}"
    return [
        f"A decision arrived over a channel without authentication on {when}: {given.type}{why}.",
        "It changed nothing; confirm it by deciding so here, or decide otherwise.",
        "",
    ]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question at the gate: the interrupt's id, what the human is shown, and what an edit may change."""

    interrupt: str
    description: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision, and what git made of it."""

    message: str
    decision: str
    commit: str = ""


class Review:
    """One proposal's approval thread, under its lock."""

    def __init__(self, app: App, threads: Threads, proposal: str, channel: Literal["terminal", "web", "api"]) -> None:
        from graphs.promotion import PromotionContext, build_promotion

        self._app = app
        self._proposal = proposal
        self._graph: CompiledStateGraph[Any, Any, Any, Any] = threads.compile(build_promotion())
        self._thread = review_thread(proposal)
        self._threads = threads
        self._context = PromotionContext(
            WorkspacePromotions(app.promotions, app.clock), by=getpass.getuser(), channel=channel
        )

    def ask(self) -> Asked | Decided:
        """Describe the proposal as it stands now.

        An earlier question on this thread showed an earlier roadmap, so the thread starts anew: what is pending
        lies in the proposal's file, never in the checkpoint alone.
        """
        self._threads.delete(self._thread)
        return self._run({"proposal": self._proposal})

    def reply(self, asked: Asked, value: dict[str, Any]) -> Asked | Decided:
        """Answer the question that was asked, and no other one."""
        from langgraph.types import Command

        pending = {item.id for item in self._graph.get_state(config(self._thread)).interrupts}
        if asked.interrupt not in pending:
            return Decided("This question is not open any more; run `study review` again.", "conflict")
        try:
            return self._run(Command(resume={asked.interrupt: value}))
        except ValidationError as error:  # the question stays open
            notice = f"That is no decision: {error.errors()[0]['msg'].removeprefix('Value error, ')}."
            return replace(asked, description=f"{notice}\n\n{asked.description}")

    def _run(self, given: Any) -> Asked | Decided:
        self._graph.invoke(given, config(self._thread), context=self._context, durability="sync")
        snapshot = self._graph.get_state(config(self._thread))
        if snapshot.interrupts:
            interrupt = snapshot.interrupts[0]
            return Asked(interrupt.id, interrupt.value["description"], interrupt.value["action_request"]["args"])
        outcome = snapshot.values["outcome"]
        self._threads.delete(self._thread)
        commit = self._commit(outcome) if outcome["paths"] else ""
        return Decided(outcome["message"], outcome["decision"], commit=commit)

    def _commit(self, outcome: dict[str, Any]) -> str:
        return commit_decision(self._app, outcome["paths"], outcome["message"])


def review_thread(proposal: str) -> str:
    """Give the thread of a proposal's approval: always the same, so that one lock guards it."""
    return str(uuid5(NAMESPACE_URL, f"study:review:{proposal}"))


@contextmanager
def review(app: App, proposal: str, *, channel: Literal["terminal", "web", "api"] = "terminal") -> Iterator[Review]:
    """Open a proposal for a decision, under its lock.

    Raises:
        BusyError: another terminal is deciding on it.
    """
    busy = "Another terminal is deciding on this proposal."
    lock = thread_lock(review_thread(proposal))
    with app.threads() as threads, locked(app.settings.root, lock, seconds=0.2, busy=busy):
        tidy(app, threads)
        yield Review(app, threads, proposal, channel)


def catch_up(app: App) -> list[str]:
    """Finish what a dead process left, approvals half applied and passed attempts without a proposal; ask for ticks."""
    messages = []
    for outcome in app.promotions.roll_forward():
        commit = commit_decision(app, list(outcome.paths), outcome.message) if outcome.paths else ""
        messages.append(f"{outcome.message} {commit}".strip())
    for attempt in app.promotions.undecided_attempts():
        try:
            app.promotions.propose_from_attempt(attempt.id)
        except GateError as error:
            messages.append(f"The attempt {attempt.id[:8]} on {attempt.topic} cannot be proposed: {error}")
    for attempt in app.promotions.undecided_rechecks():
        with suppress(StudyError):  # without a status column there is nothing to propose
            app.promotions.propose_from_recheck(attempt.id)
    propose_ready_ticks(app)
    return messages
