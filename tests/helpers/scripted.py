"""A grader that says what the answer tells it to, so that tests of everything around it need no model.

`good` covers what is asked and denies a misconception; `wrong` contradicts; `maybe` leaves the grader unsure; naming
a claim's id covers it, whatever was asked; any other answer covers nothing.
"""

import re
from collections.abc import Sequence

from agent.domain.verdict import ClaimText, Verdict

_WORD = re.compile(r"[a-z0-9-]+")


class ScriptedGrader:
    """Implements `agent.ports.Grader`; keeps the answers it saw."""

    version = "scripted-1"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """Judge by the words of the answer."""
        self.seen.append(answer)
        said = set(_WORD.findall(answer[:10_000].casefold()))
        return [self._one(claim, said, answer) for claim in claims]

    @staticmethod
    def _one(claim: ClaimText, said: set[str], answer: str) -> Verdict:
        false = claim.kind == "misconception"
        quote = answer.strip()[:200]
        if claim.id in said or ("good" in said and not false) or ("wrong" in said and false):
            return Verdict(claim.id, "covered", 0.97, 0.01, quote, abstain=False)
        if "wrong" in said or ("good" in said and false):
            return Verdict(claim.id, "contradicted", 0.02, 0.95, quote, abstain=False)
        if "maybe" in said:
            return Verdict(claim.id, "covered", 0.55, 0.05, quote, abstain=True)
        return Verdict(claim.id, "missing", 0.03, 0.02, "", abstain=False)
