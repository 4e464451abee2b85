"""The approval graph: one question to a human, applied once, and never on a misunderstanding."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from langgraph.types import Command, Interrupt

from agent.adapters.checkpoints import open_threads
from agent.adapters.checkpoints.sqlite import Threads, config
from agent.domain.errors import ConflictError, GateError, StudyError
from agent.domain.level import Level
from agent.domain.proposal import Change, Decision, Evidence, Proposal
from graphs.promotion import PromotionContext, build_promotion
from tests.graphs.test_reply import GARBAGE
from tests.helpers.fakes import START

THREAD = "0d1f4d0e-7f0f-5f43-8f43-2a9f2d9b5a01"
SESSION = Evidence(path="sessions/s.md", label="2026-11-23 quiz")
PROPOSAL = Proposal(
    id="p",
    created=START,
    change=Change(
        topic="t", topic_text="T", from_level=Level.L0, to_level=Level.L1, evidence=(SESSION,), status="Verified"
    ),
    rationale="because",
)


@dataclass
class Outcome:
    """What came of a decision."""

    decision: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass
class MemoryPromotions:
    """One proposal; `faults` are raised by the next decisions, one each. An approval is final."""

    faults: list[StudyError] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)
    pending: Proposal | None = PROPOSAL

    def load(self, proposal_id: str) -> Proposal:
        """Give it while it is pending."""
        if self.pending is None or proposal_id != self.pending.id:
            raise ConflictError("It was decided elsewhere.")
        return self.pending

    def describe(self, proposal: Proposal) -> str:
        """Describe it."""
        assert isinstance(proposal.change, Change)
        return f"{proposal.change.topic_text}: {proposal.change.status}"

    def decide(self, proposal_id: str, decision: Decision) -> Outcome:
        """Keep the decision."""
        self.decisions.append(decision)
        if self.faults:
            raise self.faults.pop(0)
        assert self.pending is not None
        if decision.type == "edit":
            assert decision.change is not None
            self.pending = self.pending.model_copy(update={"change": decision.change, "rationale": decision.reason})
            return Outcome("edited", "Decide on it as it is now.")
        if decision.type != "later":
            self.pending = None
        return Outcome(f"{decision.type}d", "Done.", ("roadmap.md",))

    def note_unconfirmed(self, proposal_id: str, type: str, reason: str) -> None:
        """Keep what arrived without authentication."""
        self.unconfirmed.append(type)


class Gate:
    """One approval thread."""

    def __init__(
        self,
        threads: Threads,
        promotions: MemoryPromotions,
        channel: Literal["terminal", "web", "api", "unauthenticated"],
    ) -> None:
        self.graph = threads.compile(build_promotion())
        self.promotions = promotions
        self.context = PromotionContext(promotions, by="me", channel=channel)

    def run(self, given: Any) -> dict[str, Any]:
        """Run to the next question or the end."""
        self.graph.invoke(given, config(THREAD), context=self.context, durability="sync")
        return dict(self.graph.get_state(config(THREAD)).values)

    def ask(self) -> Interrupt:
        """Put the question."""
        self.run({"proposal": "p"})
        return self.open[0]

    def reply(self, value: Any) -> dict[str, Any]:
        """Answer the open question by its id."""
        return self.run(Command(resume={self.open[0].id: value}))

    @property
    def open(self) -> Sequence[Interrupt]:
        """What waits for an answer."""
        return self.graph.get_state(config(THREAD)).interrupts


@contextmanager
def opened(
    root: Path,
    promotions: MemoryPromotions,
    channel: Literal["terminal", "web", "api", "unauthenticated"] = "terminal",
) -> Iterator[Gate]:
    """Open the thread; opened again it goes on where it was, as in another process."""
    with open_threads(root) as threads:
        yield Gate(threads, promotions, channel)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with opened(tmp_path, MemoryPromotions()) as made:
        yield made


def test_the_question_is_readable_by_all_three_clients(gate: Gate) -> None:
    payload = gate.ask().value
    args = {
        "topic": "t",
        "from_level": "L0",
        "to_level": "L1",
        "evidence": ["sessions/s.md"],
        "status": "Verified",
        "rationale": "because",
    }
    assert payload == {
        "action_requests": [{"name": "change_level", "args": args, "description": "T: Verified"}],
        "review_configs": [
            {"action_name": "change_level", "allowed_decisions": ["approve", "edit", "reject", "respond"]}
        ],
        "action_request": {"action": "change_level", "args": args},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": "T: Verified",
    }


def test_node_names_are_frozen() -> None:
    # A pending question of a renamed node would vanish from every old database.
    assert set(build_promotion().nodes) == {"propose", "gate", "apply"}


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ({"type": "approve"}, "approve"),
        ({"decisions": [{"type": "approve"}]}, "approve"),
        ([{"type": "accept", "args": None}], "approve"),
        ({"type": "reject", "reason": "no"}, "reject"),
        ([{"type": "ignore", "args": None}], "later"),
    ],
)
def test_a_decision_is_applied_once(gate: Gate, value: Any, type_: str) -> None:
    gate.ask()
    state = gate.reply(value)
    (decision,) = gate.promotions.decisions
    assert (decision.type, decision.by, decision.channel) == (type_, "me", "terminal")
    assert state["outcome"] == {"decision": f"{type_}d", "message": "Done.", "paths": ["roadmap.md"]}
    assert gate.open == ()


def test_a_bare_answer_is_an_answer_to_the_open_question(gate: Gate) -> None:
    gate.ask()
    gate.run(Command(resume={"type": "approve"}))
    assert [d.type for d in gate.promotions.decisions] == ["approve"]


@pytest.mark.parametrize("bare", [True, False])
def test_garbage_leaves_the_question_open(tmp_path: Path, bare: bool) -> None:
    promotions = MemoryPromotions()
    with opened(tmp_path, promotions) as gate:
        asked = gate.ask()
        for value in GARBAGE:
            with suppress(Exception):  # most raise; an empty mapping answers nothing
                gate.run(Command(resume=value) if bare else Command(resume={asked.id: value}))
            assert [item.id for item in gate.open] == [asked.id], value
        assert promotions.decisions == []
    with opened(tmp_path, promotions) as gate:
        assert gate.reply({"type": "approve"})["outcome"]["decision"] == "approved"


def test_the_answer_to_another_question_is_none_to_this(gate: Gate) -> None:
    asked = gate.ask()
    gate.run(Command(resume={"0" * 32: {"type": "approve"}}))
    assert [item.id for item in gate.open] == [asked.id]
    assert gate.promotions.decisions == []


def test_an_unauthenticated_channel_never_applies(tmp_path: Path) -> None:
    promotions = MemoryPromotions()
    with opened(tmp_path, promotions, "unauthenticated") as gate:
        gate.ask()
        state = gate.reply({"type": "approve"})
    assert promotions.decisions == []
    assert promotions.pending == PROPOSAL
    assert state["outcome"]["decision"] == "unconfirmed"
    assert "`study review`" in state["outcome"]["message"]


class TestEdit:
    def edit(self, gate: Gate, **edited: Any) -> Interrupt:
        gate.ask()
        gate.reply({"type": "edit", "edited": edited, "reason": "why"})
        return gate.open[0]

    def test_it_is_asked_again_as_it_is_then(self, gate: Gate) -> None:
        again = self.edit(gate, status="Mine")
        assert again.value["description"] == "Decide on it as it is now.\n\nT: Mine"
        assert again.value["action_request"]["args"]["status"] == "Mine"
        state = gate.reply({"type": "approve"})
        assert [d.type for d in gate.promotions.decisions] == ["edit", "approve"]
        assert state["outcome"]["decision"] == "approved"

    @pytest.mark.parametrize(
        ("edited", "changed"),
        [
            ({}, {}),
            ({"to_level": "L2"}, {"to_level": Level.L2}),
            ({"evidence": ["sessions/s.md", "b.md"]}, {"evidence": (SESSION, Evidence(path="b.md"))}),
            ({"evidence": [{"path": "b.md", "label": "x"}]}, {"evidence": (Evidence(path="b.md"),)}),
            ({"evidence": []}, {"evidence": ()}),
            # What may not be edited is not.
            ({"topic": "other", "from_level": "L5", "topic_text": "X"}, {}),
        ],
    )
    def test_what_can_be_edited(self, gate: Gate, edited: dict[str, Any], changed: dict[str, Any]) -> None:
        self.edit(gate, **edited)
        assert gate.promotions.decisions[0].change == PROPOSAL.change.model_copy(update=changed)

    @pytest.mark.parametrize(
        "edited",
        [
            {"to_level": "L9"},
            {"to_level": None},
            {"status": 5},
            {"evidence": None},
            {"evidence": "sessions/s.md"},
            {"evidence": [None]},
            {"evidence": [{"label": "x"}]},
            {"evidence": [{"path": 5}]},
            {"evidence": [""]},
        ],
    )
    def test_an_edit_that_makes_no_sense_is_asked_again(self, gate: Gate, edited: dict[str, Any]) -> None:
        again = self.edit(gate, **edited)
        assert gate.promotions.decisions == []
        assert again.value["description"].endswith("\n\nT: Verified")
        assert again.value["description"] != "T: Verified"

    def test_the_rationale_of_other_clients_is_taken(self, gate: Gate) -> None:
        gate.ask()
        args = {"rationale": "in my words", "status": "Verified"}
        gate.reply([{"type": "edit", "args": {"action": "change_level", "args": args}}])
        assert gate.promotions.decisions[0].reason == "in my words"


@pytest.mark.parametrize("fault", [ConflictError("The row moved."), GateError("L1 needs a session.")])
def test_what_speaks_against_it_is_shown_and_it_is_asked_again(gate: Gate, fault: StudyError) -> None:
    gate.promotions.faults = [fault]
    first = gate.ask()
    gate.reply({"type": "approve"})
    (again,) = gate.open
    assert again.id != first.id
    assert again.value["description"] == f"{fault}\n\nT: Verified"
    assert gate.reply({"type": "approve"})["outcome"]["decision"] == "approved"


def test_one_decided_elsewhere_is_not_asked(gate: Gate) -> None:
    gate.promotions.pending = None
    state = gate.run({"proposal": "p"})
    assert gate.open == ()
    assert state["outcome"] == {"decision": "conflict", "message": "It was decided elsewhere.", "paths": []}


def test_nor_applied_when_it_was_decided_while_the_question_was_open(gate: Gate) -> None:
    gate.ask()
    gate.promotions.pending = None
    state = gate.reply({"type": "approve"})
    assert gate.promotions.decisions == []
    assert state["outcome"]["decision"] == "conflict"


def test_another_process_answers_days_later(tmp_path: Path) -> None:
    promotions = MemoryPromotions()
    with opened(tmp_path, promotions) as gate:
        asked = gate.ask()
    with opened(tmp_path, promotions) as gate:
        assert gate.open[0].id == asked.id
        assert gate.open[0].value == asked.value
        gate.reply({"type": "approve"})
    with opened(tmp_path, promotions) as gate:
        assert gate.open == ()
    assert len(promotions.decisions) == 1
