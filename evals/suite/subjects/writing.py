"""Question writing: authored questions reworded as the quiz rewords them, judged by what may be asked."""

import json
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from pydantic import BaseModel

from agent.app.wordings import RewordedQuestion, reword
from agent.domain.text import content_stems, words
from agent.domain.wording import MAX_WORDS, MIN_WORDS, leaked_share
from agent.ports import Chat
from evals.suite.closure import deciding
from evals.suite.contract import Case, Fixture, Unparsed, Value, Variant
from evals.suite.defects import damaged
from evals.suite.subjects.files import rows, split_of, track

SAME = 0.95
"""From this share of words in the same order on, a rewording is the authored question again."""
TEMPLATE = "quiz/reword"


class WritingScorer:
    """`fresh`: the quiz would ask it and it is not the authored question again. The others say why not.

    `form`: one question of 5 to 45 words. `sealed`: share of the claim's own words that it keeps to itself; a number
    that is added gives away all. `faithful`: share of the authored question's words that it keeps. `new`: it is not
    word for word what was there.
    """

    version = "1"
    metrics = ("fresh", "form", "sealed", "faithful", "new")
    targets: Mapping[str, float] = {"fresh": 0.90, "form": 0.99, "sealed": 0.98}

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """See `evals.suite.contract.Scorer`."""
        text, authored, claim = str(value["question"]), str(case.input["question"]), str(case.input["claim"])
        asked, own = content_stems(authored), content_stems(text)
        new = float(SequenceMatcher(None, words(authored), words(text), autojunk=False).ratio() < SAME)
        one = text.endswith("?") and text.count("?") == 1 and "\n" not in text
        number = any(word[0].isdigit() for word in own - asked)
        return {
            "fresh": new * (not value["fault"]),
            "form": float(one and MIN_WORDS <= len(words(text)) <= MAX_WORDS),
            "sealed": 0.0 if number else 1 - leaked_share(text, claim, authored),
            "faithful": len(asked & own) / len(asked) if asked else 1.0,
            "new": new,
        }

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """A good rewording, and one bad one a metric."""
        claim = "Doubling the batch doubles the bytes, because sequences share nothing."
        case = Case("f", "f", "dev", {"question": "What does a larger batch do to memory?", "claim": claim})
        good = {"question": "How does memory change with a larger batch?", "fault": ""}
        bad = {
            "fresh": {"question": good["question"], "fault": "asks something else"},
            "form": {"question": "Memory. Batch?\nWhy?", "fault": "not one question"},
            "sealed": {"question": "Does doubling the batch double the bytes as sequences share nothing?", "fault": ""},
            "faithful": {"question": "Which optimiser would you choose here?", "fault": ""},
            "new": {"question": case.input["question"], "fault": ""},
        }
        return [Fixture(m, True, case, good) for m in bad] + [Fixture(m, False, case, v) for m, v in bad.items()]


class NothingLeaks:
    """What the quiz would ask must not hold most of the secret claim, whatever its own check says."""

    name = "no question that is asked gives the answer away"
    most = 0.6

    def broken(self, case: Case, value: Value) -> str:
        """See `evals.suite.contract.Invariant`."""
        share = leaked_share(str(value["question"]), str(case.input["claim"]), str(case.input["question"]))
        if value["fault"] or share <= self.most:
            return ""
        return f"The question of {case.id} would be asked and holds {share:.0%} of the claim's own words."


class Writing:
    """Rewording of authored questions over all notes, five claims a note."""

    name = "writing"
    title = "Question writing"
    templates = (TEMPLATE,)
    schema: type[BaseModel] | None = RewordedQuestion
    code = deciding(__name__)
    uses_chat = True
    scorer = WritingScorer()
    invariants = (NothingLeaks(),)

    @property
    def defects(self) -> Sequence[Variant]:
        """Another language, topic and question exchanged, the task swapped, a hint asked for, the sense given up.

        Small models heed the first one and none of the last three.
        """
        return (
            damaged("other-language", TEMPLATE, "Reword the question.", "Write the reworded question in German."),
            damaged(
                "exchanged-slots", TEMPLATE, "Topic: {{topic}}\nQuestion: {{question}}",
                "Field: {{question}}\nQuestion: {{topic}}", rule="Topic: ",
            ),
            damaged("answers-instead", TEMPLATE, "Reword the question.", "Answer the question in one sentence."),
            damaged(
                "no-secrecy", TEMPLATE, "Never hint at the answer, add no numbers, add no new topic.",
                "Put the answer into the question, so that the learner sees what is meant.",
            ),
            damaged(
                "free-topic", TEMPLATE,
                "Ask exactly the same in another order of words. Keep every technical term of the question and "
                "add none.",
                "Ask about something else of the same field, in other terms.",
            ),
        )  # fmt: skip

    def cases(self) -> list[Case]:
        """Of `evals/cases/writing/questions.jsonl`."""
        return [
            Case(
                f"{row['note']}^{row['block']}", row["note"], split_of(row["note"]),
                {"topic": row["topic"], "question": row["question"], "claim": row["claim"]},
                slices={"kind": row["kind"], "track": track(row["note"])}, marker=row["question"],
            )
            for row in rows("writing/questions.jsonl")
        ]  # fmt: skip

    def versions(self) -> Mapping[str, str]:
        """Nothing else."""
        return {}

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """Reword it as the quiz does in the background."""
        given = {name: str(case.input[name]) for name in ("topic", "question", "claim")}
        wording = reword(chat, given["question"], claim=given["claim"], topic=given["topic"])
        if wording is None:
            raise Unparsed("The reply is no question in the form that was asked for.")
        return {"question": wording.text, "fault": wording.fault or ""}

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """The question in a frame of neutral words; the claim as a question."""
        plain = " ".join(str(case.input["question"]).replace("?", ",").split()).rstrip(".,! ")
        good = f"Put differently: {plain[0].lower()}{plain[1:]}, as you would say it?"
        return json.dumps({"question": good}), json.dumps({"question": f"{str(case.input['claim']).rstrip('.')}?"})
