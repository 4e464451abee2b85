"""Graders that know the answer sheets: a perfect one, and one with given error rates.

They tell what the quiz's rules can reach at best, and how good a grader has to be for the targets.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from agent.domain.probing import CORRECTION
from agent.domain.text import words
from agent.domain.verdict import ClaimText, Verdict
from evals.simulation.sheets import Sheet


@dataclass(frozen=True, slots=True)
class OracleGrader:
    """Knows which answers of the sheets are true.

    accepts: share of true answers that it is sure of; it abstains on the others. passes: share of weak, false and
    other answers that share words with the claim which it takes for true. Which ones is fixed by a hash.
    """

    sheets: Sequence[Sheet]
    accepts: float = 1.0
    passes: float = 0.0

    @property
    def version(self) -> str:
        """Its error rates."""
        return f"oracle-{self.accepts:g}-{self.passes:g}"

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """Judge by the sheets."""
        said = _plain(answer)
        return [self._verdict(claim, said, answer) for claim in claims]

    def _verdict(self, claim: ClaimText, said: str, answer: str) -> Verdict:
        states, denies = self._truths(claim, said)
        draw = int(hashlib.sha256(f"{claim.id}/{said}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
        if (states or denies) and draw > self.accepts:
            return Verdict(claim.id, "missing", 0.3, 0.1, "", True)
        if states:
            return Verdict(claim.id, "covered", 0.95, 0.01, answer, False)
        if denies:
            return Verdict(claim.id, "contradicted", 0.02, 0.95, answer, False)
        if draw < self.passes:
            return Verdict(claim.id, "covered", 0.95, 0.01, answer, False)
        return Verdict(claim.id, "missing", 0.02, 0.02, "", False)

    def _truths(self, claim: ClaimText, said: str) -> tuple[bool, bool]:
        id = claim.id.removesuffix(CORRECTION)
        for sheet in self.sheets:
            knowledge, belief = sheet.claims.get(id), sheet.misconceptions.get(id)
            if knowledge is not None and any(_plain(text) in said for text in knowledge.knows):
                return True, False
            if belief is None:
                continue
            denied, voiced = any(_plain(text) in said for text in belief.denies), _plain(belief.voices) in said
            if denied or voiced:
                return (denied, voiced) if claim.id.endswith(CORRECTION) else (voiced, denied)
        return False, False


def _plain(text: str) -> str:
    return " ".join(words(text.replace("'", "").replace(", ", " ")))
