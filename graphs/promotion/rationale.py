"""A chat model's opinion of the evidence behind a change: asked for, checked by code, and never counted."""

from dataclasses import dataclass, field
from typing import Final

from agent.domain.rationale import GateReport, Rationale, rationale_fault
from agent.ports import Chat
from graphs.prompts import prompt, template

PROMPT: Final = "promotion/rationale"
RATIONALE_TOKENS = 220


@dataclass(frozen=True, slots=True)
class Opinion:
    """What came of asking: the opinion, or None and the clause that says why there is none to show."""

    rationale: Rationale | None
    dropped: str = ""
    versions: dict[str, str] = field(default_factory=dict)


def comment(chat: Chat, report: GateReport) -> Opinion:
    """Ask for an opinion of the evidence; one that contradicts the gate, cites or counts wrongly is dropped whole.

    Raises:
        ModelError: the endpoint cannot be reached, times out or refuses.
    """
    versions = {"chat": chat.name, "rationale": template(PROMPT).id}
    if not report.exhibits:
        return Opinion(None, "there is no evidence to speak of", versions)
    reply = chat.structured(
        prompt(PROMPT, report=report.for_model, gate=report.gate), Rationale, max_tokens=RATIONALE_TOKENS
    )
    if reply is None:
        return Opinion(None, "the reply did not have the form asked for", versions)
    fault = rationale_fault(reply, report)
    return Opinion(None if fault else reply, fault, versions)
