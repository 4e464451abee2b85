"""A small subject with a real prompt, a real parser and known difficulty: what the suite is tested on.

Thousands of simulated nights need a subject that costs microseconds; everything else on such a night is the real thing:
the runner, the draws, the cache, the tests, the confirmation.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from agent.ports import Chat
from evals.suite.contract import Case, Fixture, Invariant, Split, Unparsed, Value, Variant
from evals.suite.defects import damaged
from evals.suite.endpoint import Asked
from graphs.prompts import prompt, template_text

TEMPLATE = "quiz/hint"
RULE = "Never say the answer"
_LEAKY, _STRIDE = "!", 37
_GOOD, _BAD, _TOLD = "ANSWER: right", "ANSWER: wrong", "ANSWER: wrong, as the key says"


class DrillScorer:
    """Whether the answer is the right one."""

    version = "1"
    metrics = ("right",)
    targets: Mapping[str, float] = {"right": 0.9}

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """See `Scorer`."""
        return {"right": float(value["answer"] == "right")}

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """One of each."""
        case = Case("fixture", "fixture", "dev", {})
        return [Fixture("right", good, case, {"answer": "right" if good else "wrong"}) for good in (True, False)]


class NoKey:
    """The key is never told."""

    name = "the key is never told"

    def broken(self, case: Case, value: Value) -> str:
        """See `Invariant`."""
        return f"The answer to {case.id} tells the key." if "key" in str(value["answer"]) else ""


class Drill:
    """`sources` notes with `per_source` questions each; every third note is sealed.

    A flawed reply to one of the `leaky` questions breaks the invariant too: on any night, where the model varies.
    """

    title = "Drill"
    templates = (TEMPLATE,)
    schema: type[BaseModel] | None = None
    code = ("evals.suite.drill",)
    uses_chat = True
    scorer = DrillScorer()
    invariants: Sequence[Invariant] = (NoKey(),)

    def __init__(self, name: str = "drill", sources: int = 50, per_source: int = 4, leaky: int = 0) -> None:
        self.name = name
        self._cases = []
        for place in range(sources * per_source):
            source, item = divmod(place, per_source)
            id = f"{name}-{source}-{item}"
            question = f"{id}{_LEAKY if place * _STRIDE % (sources * per_source) < leaky else ''}?"
            split: Split = "sealed" if source % 3 == 0 else "dev"
            slices = {"parity": str(item % 2)}
            given, right = {"question": question}, {"answer": "right"}
            self._cases.append(Case(id, f"{name}-{source}", split, given, right, slices, marker=question))

    @property
    def defects(self) -> Sequence[Variant]:
        """Its one rule taken out."""
        return (damaged("no-rule", TEMPLATE, RULE, "Say something"),)

    def cases(self) -> list[Case]:
        """See `Subject`."""
        return list(self._cases)

    def versions(self) -> Mapping[str, str]:
        """Nothing else."""
        return {}

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """Render, ask, parse."""
        question = str(case.input["question"])
        request = prompt(TEMPLATE, topic=self.name, question=question, claim="none", answer="nothing")
        text = "".join(chat.stream(request, max_tokens=20))
        if not text.startswith("ANSWER: "):
            raise Unparsed(f"The reply {text[:40]!r} is no answer.")
        return {"answer": text.removeprefix("ANSWER: ")}

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """See `Subject`."""
        return _GOOD, _TOLD if case.marker.endswith(f"{_LEAKY}?") else _BAD


def recognise(_system: str, user: str) -> Asked | None:
    """Find a drill's case without a search: its question stands on a line of its own."""
    line = next((line for line in user.split("\n") if line.startswith("Question: ")), "")
    question = line.removeprefix("Question: ").removesuffix("?")
    leaky = question.endswith(_LEAKY)
    return Asked(question.removesuffix(_LEAKY), _GOOD, _TOLD if leaky else _BAD) if question else None


def harmless(template: str = TEMPLATE) -> Variant:
    """The template with a change that cannot matter: what a false alarm is counted on."""
    return Variant("harmless", {template: template_text(template) + "\n"})
