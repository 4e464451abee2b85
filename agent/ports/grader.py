"""Port of the claim grader."""

from collections.abc import Sequence
from typing import Protocol

from agent.domain.verdict import ClaimText, Verdict


class Grader(Protocol):
    """Judges which claims an answer covers. Deterministic for the same version and input."""

    @property
    def version(self) -> str:
        """Name and content hash of everything that decides (weights, head, prompts); travels with verdicts."""
        ...

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """One verdict a claim, in the order given. The answer is untrusted text of any length."""
        ...
