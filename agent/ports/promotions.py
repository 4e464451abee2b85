"""Port of level changes: the graph asks, the workspace writes."""

from typing import Protocol

from agent.domain.proposal import Decision, DecisionType, Proposal


class DecisionOutcome(Protocol):
    """What came of a decision."""

    @property
    def decision(self) -> str:
        """One of approved, rejected, edited, later, already."""
        ...

    @property
    def message(self) -> str:
        """One sentence for the user."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """The workspace files that belong to the decision."""
        ...


class Promotions(Protocol):
    """Proposals and their decisions."""

    def load(self, proposal_id: str) -> Proposal:
        """Read a pending proposal.

        Raises:
            ConflictError: it is not pending any more.
        """
        ...

    def describe(self, proposal: Proposal) -> str:
        """Give the whole change for a human: rationale, evidence, and the diff of roadmap.md, or why there is none."""
        ...

    def note_unconfirmed(self, proposal_id: str, decision: DecisionType, reason: str) -> None:
        """Keep a decision that arrived without authentication, for a person to see; it decides nothing.

        Raises:
            ConflictError: the proposal is not pending any more.
        """
        ...

    def decide(self, proposal_id: str, decision: Decision) -> DecisionOutcome:
        """Apply a decision, once.

        Raises:
            ConflictError: it has to be asked again.
            GateError: the evidence does not hold.
        """
        ...
