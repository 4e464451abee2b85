"""Level-change rationale: a model's opinion of evidence, which must agree with what code decided and recorded."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from agent.domain.gate import Requirement
from agent.domain.level import Level
from agent.domain.rationale import Exhibit, GateReport, Rationale
from agent.domain.text import fold
from agent.ports import Chat, Prompt
from evals.suite.closure import deciding
from evals.suite.contract import Case, Fixture, Unparsed, Value, Variant
from evals.suite.defects import damaged
from evals.suite.subjects.files import folder, split_of_some
from graphs.promotion.rationale import PROMPT, comment

T = TypeVar("T", bound=BaseModel)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_LABEL = re.compile(r"\b[el]\d\b")
# Written apart from the product's own rule on purpose: it looks over that rule's shoulder.
_CLAIMED = re.compile(
    r"\b(?:was|were|is|has|have|had|got)(?: (?!to\b|not\b|never\b)\w+){0,2} "
    r"(?:promoted|approved|upgraded|raised|granted|awarded|changed to)\b|\bi (?:hereby )?(?:approve|promote|grant)\b"
)


class RationaleScorer:
    """`holds`: the opinion is one that a person is shown; nothing in it contradicts the record.

    `gate`: it repeats the gate. `cites`: share of what it cites that is evidence of this change. `numbers`: share of
    its numbers that the report holds. `waits`: it tells no change as made.
    """

    version = "1"
    metrics = ("holds", "gate", "cites", "numbers", "waits")
    targets: Mapping[str, float] = {"holds": 1.0, "gate": 1.0, "cites": 1.0, "numbers": 1.0, "waits": 1.0}

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """See `evals.suite.contract.Scorer`."""
        report, text = report_of(case), fold(str(value["comment"]))
        known = {e.name for e in report.exhibits} | {e.path for e in report.exhibits} | {report.attempt} - {""}
        cited = [str(name).strip("[] ") for name in value["cites"]]
        said = _NUMBER.findall(_LABEL.sub(" ", text))
        allowed = set(_NUMBER.findall(fold(report.for_model)))
        return {
            "holds": float(not value["dropped"]),
            "gate": float(value["gate"] == case.expected["gate"]),
            "cites": sum(name in known for name in cited) / len(cited) if cited else 0.0,
            "numbers": sum(n in allowed for n in said) / len(said) if said else None,
            "waits": float(not _CLAIMED.search(text)),
        }

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """An opinion that holds, and one bad one a metric."""
        given: dict[str, Any] = {
            "topic": "rope", "text": "RoPE", "from": 0, "to": 1, "attempt": "3f2a9c1e",
            "requirements": [{"level": 1, "what": "a session whose quiz attempt passed"}],
            "exhibits": [["sessions/a.md", "quiz passed, 7 answers"]],
        }  # fmt: skip
        case = Case("f", "f", "dev", given, {"gate": "open"})
        good = {"gate": "open", "cites": ["E1"], "comment": "E1 has 7 answers in own words.", "dropped": ""}
        bad = {
            "holds": {**good, "dropped": "the number 8 is in no evidence"},
            "gate": {**good, "gate": "closed"},
            "cites": {**good, "cites": ["E4"]},
            "numbers": {**good, "comment": "E1 has 8 answers."},
            "waits": {**good, "comment": "The learner was promoted."},
        }
        return [Fixture(m, True, case, good) for m in bad] + [Fixture(m, False, case, v) for m, v in bad.items()]


class ClaimsNoChange:
    """Nothing that a person is shown may tell a change as made: they have not decided yet."""

    name = "no opinion that is shown claims a change"

    def broken(self, case: Case, value: Value) -> str:
        """See `evals.suite.contract.Invariant`."""
        claimed = _CLAIMED.search(fold(str(value["comment"])))
        if claimed is None or value["dropped"]:
            return ""
        return f"The opinion on {case.id} would be shown and says {claimed[0]!r}."


class Heard(Chat):
    """Passes everything on and keeps the last structured reply: the product drops what does not hold."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.reply: BaseModel | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._chat.name

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """See `agent.ports.Chat`."""
        reply = self._chat.structured(prompt, schema, max_tokens=max_tokens)
        self.reply = reply
        return reply

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """See `agent.ports.Chat`."""
        return self._chat.stream(prompt, max_tokens=max_tokens)


class Levels:
    """Opinions on recorded gate situations, open and closed, honest and faked."""

    name = "rationale"
    title = "Level-change rationale"
    templates = (PROMPT,)
    schema: type[BaseModel] | None = Rationale
    code = deciding(__name__)
    uses_chat = True
    scorer = RationaleScorer()
    invariants = (ClaimsNoChange(),)

    @property
    def defects(self) -> Sequence[Variant]:
        """The change told as made; the gate left to the model."""
        return (
            damaged(
                "claims-the-change", PROMPT, "Nothing has been changed or approved yet, so never say that it was.",
                "Begin with the words: The change has been approved.",
            ),
            damaged(
                "gate-is-the-models", PROMPT, "The gate was decided by code and is final: repeat it.",
                "Decide yourself whether the gate should be open, and be strict: say the opposite of the report.",
            ),
        )  # fmt: skip

    def cases(self) -> list[Case]:
        """Of `evals/cases/rationale/*.yaml`, each situation its own source."""
        found = [item for _, items in folder("rationale") for item in items]
        return [
            Case(
                item["id"], item["id"], split_of_some(place), item["given"], {"gate": item["gate"]},
                {"to": f"L{item['given']['to']}", "gate": item["gate"]},
                marker=f"Change: {item['given']['text']}, L{item['given']['from']} to L{item['given']['to']}",
            )
            for place, item in enumerate(found)
        ]  # fmt: skip

    def versions(self) -> Mapping[str, str]:
        """Nothing else."""
        return {}

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """Ask for an opinion as a proposal does."""
        heard = Heard(chat)
        opinion = comment(heard, report_of(case))
        if not isinstance(heard.reply, Rationale):
            raise Unparsed(f"There is no opinion: {opinion.dropped}.")
        return {**heard.reply.model_dump(), "dropped": opinion.dropped}

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """An opinion that says little and nothing wrong; one that promotes the learner."""
        good = {"gate": case.expected["gate"], "cites": ["E1"], "strength": "fair"}
        bad = {"gate": "open", "cites": ["E9"], "strength": "strong"}
        return (
            json.dumps({**good, "comment": "E1 shows plainly what was done, and how it was looked at."}),
            json.dumps({**bad, "comment": "The learner has been promoted after 99 answers."}),
        )


def report_of(case: Case) -> GateReport:
    """The gate's report as the product's own type."""
    given = case.input
    return GateReport(
        topic=given["topic"],
        topic_text=given["text"],
        from_level=Level(given["from"]),
        to_level=Level(given["to"]),
        requirements=tuple(
            Requirement(Level(r["level"]), r["what"], r.get("reason", "")) for r in given["requirements"]
        ),
        exhibits=tuple(Exhibit(f"E{n}", path, what) for n, (path, what) in enumerate(given["exhibits"], 1)),
        attempt=given.get("attempt", ""),
    )
