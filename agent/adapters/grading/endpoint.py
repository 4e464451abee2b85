"""A strong endpoint as judge (`STUDY_GRADER=endpoint`), inside the local grader's rules and probabilities."""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Literal

from pydantic import BaseModel

from agent.adapters.grading.local import LocalGrader, decide
from agent.adapters.grading.prepare import prepare
from agent.domain.calibration import Bands
from agent.domain.errors import ModelError
from agent.domain.verdict import ClaimText, Verdict
from agent.ports.chat import Chat, Prompt

_PROBABILITIES: dict[str, tuple[float, float]] = {
    "covered": (0.95, 0.01),
    "partly": (0.45, 0.05),
    "missing": (0.03, 0.03),
    "contradicted": (0.01, 0.95),
}
_SHARE = 0.8
"""Weight of the endpoint's opinion; the local grader keeps the rest, so a lone "covered" cannot reach the band
against strong local evidence."""
_BANDS = Bands(accept=0.75, reject=0.35, contradict=0.6)

Name = Literal["covered", "partly", "missing", "contradicted"]


class Judgement(BaseModel):
    """The reply, flat so that every endpoint keeps to it: of each claim in order the words that decide, the verdict."""

    quotes: list[str]
    verdicts: list[Name]

    def by_claim(self, claims: int) -> Sequence[tuple[str, Name]]:
        """(quote, verdict) a claim; empty where their number is another, since nobody knows then which is whose."""
        whole = len(self.quotes) == len(self.verdicts) == claims
        return list(zip(self.quotes, self.verdicts, strict=True)) if whole else []


class EndpointGrader:
    """Grader port over a chat endpoint; falls back to the local grader where the endpoint fails."""

    def __init__(self, chat: Chat, local: LocalGrader) -> None:
        self._chat = chat
        self._local = local
        self._system = resources.files("agent.adapters.grading").joinpath("weights/endpoint.md").read_text("utf-8")

    @property
    def version(self) -> str:
        """The endpoint's model beside the local grader's version."""
        return f"endpoint-{self._chat.name}+{self._local.version}"

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """One verdict a claim, in the order given."""
        first = self._local.judge(question, claims, answer)
        prepared = prepare(answer, question)
        if prepared is None or not claims:
            return first
        kept = " ".join(s.text for s in prepared.kept)
        task = {"question": question, "answer": kept, "claims": {str(i + 1): c.text for i, c in enumerate(claims)}}
        prompt = Prompt("grading/endpoint", self._system, json.dumps(task, ensure_ascii=False, indent=1))
        try:
            reply = self._chat.structured(prompt, Judgement, max_tokens=120 * len(claims) + 100)
        except ModelError:
            return first
        said = reply.by_claim(len(claims)) if reply else []
        return [_merge(v, *one, answer) for v, one in zip(first, said, strict=True)] if said else first


def _merge(local: Verdict, words: str, verdict: Name, answer: str) -> Verdict:
    covered, contradicted = _PROBABILITIES[verdict]
    exact = bool(words) and words in answer
    if verdict == "covered" and not exact and not local.quote:
        # A verdict without words of the learner behind it is not evidence.
        covered = 0.5
    covered = _SHARE * covered + (1 - _SHARE) * local.p_covered
    contradicted = min(1 - covered, _SHARE * contradicted + (1 - _SHARE) * local.p_contradicted)
    name, abstain = decide((1 - covered - contradicted, covered, contradicted), _BANDS)
    quote = "" if name == "missing" else words if exact else local.quote
    return Verdict(local.claim, name, round(covered, 6), round(contradicted, 6), quote, abstain)
