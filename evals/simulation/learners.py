"""Learners: who they are decides what they answer to a question of the quiz."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.domain.attempt import Question
from agent.domain.note import Claim
from agent.domain.text import STOP_WORDS, words
from evals.adversarial.templates import EMPTY, INJECTIONS, light_edit
from evals.simulation.sheets import Sheet

Kind = Literal[
    "knows all", "knows all, appeals", "knows all, second sitting", "lacks one claim", "knows half",
    "holds a misconception", "takes it back", "wrong", "bluffs", "copies", "attacks",
]  # fmt: skip
KINDS: Mapping[Kind, str] = {
    "knows all": "true answers to everything, in one register; the other wording when asked again",
    "knows all, appeals": "the same, and disputes the first core claim that its follow-up leaves refused",
    "knows all, second sitting": "the same, and sits again the next day where the first sitting was not passed",
    "lacks one claim": "true answers to everything but one core claim",
    "knows half": "true answers to a random half of the note, weak or false ones to the rest",
    "holds a misconception": "true answers, but says a false statement of the note and stays with it",
    "takes it back": "says a false statement of the note once, and denies it when asked",
    "wrong": "a false answer to everything",
    "bluffs": "says little, or strings the note's words together",
    "copies": "gives the note's sentences, lightly edited",
    "attacks": "orders the grader to pass them, with the note's words around it",
}
RETRIES = frozenset[Kind]({"knows all, appeals", "knows all, second sitting"})
"""Who does something about a refusal; all others take the quiz once and accept what it says."""
SHOULD_PASS = frozenset[Kind]({"knows all", "takes it back"}) | RETRIES
LIMIT: Mapping[Kind, float] = {"lacks one claim": 0.05, "knows half": 0.05}
"""The share that may pass of those who should not, where it is not 0.02."""

Register = Literal["plain", "typed fast", "hedged", "wordy"]
REGISTERS: tuple[Register, ...] = ("plain", "typed fast", "hedged", "wordy")
_HEDGES = ("I think ", "If I remember correctly, ", "As far as I understand it, ", "Not completely sure, but ")
_OPENERS = ("Good question. ", "Let me think about that for a moment. ", "OK so. ", "We had that in the course. ")
_CLOSERS = (" That is how I would explain it.", " At least that's my understanding.", " Hope that makes sense.", "")


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner before one note. Everything random about them was drawn when they were made.

    `sitting` counts from 0; in the second one they begin with the wording that they ended with in the first.
    """

    kind: Kind
    sheet: Sheet
    register: Register
    unknown: frozenset[str]
    belief: str
    seed: int
    sitting: int = 0

    @classmethod
    def draw(cls, kind: Kind, sheet: Sheet, seed: int) -> "Learner":
        """Draw a learner of a kind; the same seed gives the same one."""
        drawn_as = "knows all" if kind in RETRIES else kind  # the same people, so that what they mend shows
        rng = random.Random(f"{drawn_as}/{sheet.note.id}/{seed}")  # noqa: S311
        every = sorted(sheet.claims)
        unknown: set[str] = set()
        if kind == "lacks one claim":
            unknown = {rng.choice([claim.id for claim in sheet.note.core])}
        elif kind == "knows half":
            unknown = set(rng.sample(every, (len(every) + 1) // 2))
        belief = rng.choice(sorted(sheet.misconceptions))
        return cls(kind, sheet, rng.choice(REGISTERS), frozenset(unknown), belief, rng.randrange(2**31))

    def answer(self, question: Question, before: int) -> str:
        """Answer a question; `before` counts the answers given so far."""
        rng = random.Random(f"{self.seed}/{question.claim}/{question.kind}")  # noqa: S311
        return _ANSWERS[self.kind](self, question, before, rng)

    def true_answer(self, question: Question) -> str:
        """Give a true answer; asked again, the other wording."""
        first = random.Random(f"{self.seed}/{question.claim}").randrange(2)  # noqa: S311
        again = question.kind in ("follow_up", "own_words")
        belief = self.sheet.misconceptions.get(question.claim)
        wordings = belief.denies if belief else self.sheet.claims[question.claim].knows
        text = wordings[(first + again + self.sitting) % 2]
        return spoken(text, self.register, random.Random(f"{self.seed}/{wordings[0]}"))  # noqa: S311


def spoken(text: str, register: Register, rng: random.Random) -> str:
    """Say a text in a register. What it states stays the same."""
    if register == "typed fast":
        return text.lower().replace(", ", " ").rstrip(".").replace("'", "")
    if register == "hedged":
        hedge = rng.choice(_HEDGES)
        return hedge + (text if text[:2].isupper() or text.startswith("I ") else text[0].lower() + text[1:])
    if register == "wordy":
        return rng.choice(_OPENERS) + text + rng.choice(_CLOSERS)
    return text


def _knows(learner: Learner, question: Question, before: int, rng: random.Random) -> str:
    if question.claim not in learner.unknown:
        return learner.true_answer(question)
    if question.claim not in learner.sheet.claims:
        return rng.choice(EMPTY)
    knowledge = learner.sheet.claims[question.claim]
    return rng.choice((knowledge.weak, knowledge.wrong))


def _believes(learner: Learner, question: Question, before: int, rng: random.Random) -> str:
    belief = learner.sheet.misconceptions[learner.belief]
    if question.claim == learner.belief:
        return belief.voices if learner.kind == "holds a misconception" else learner.true_answer(question)
    if before == _place(learner):
        return f"{learner.true_answer(question)} {belief.voices}"
    return learner.true_answer(question)


def _place(learner: Learner) -> int:
    return learner.seed % 4


def _wrong(learner: Learner, question: Question, before: int, rng: random.Random) -> str:
    belief = learner.sheet.misconceptions.get(question.claim)
    return belief.voices if belief else learner.sheet.claims[question.claim].wrong


def _bluffs(learner: Learner, question: Question, before: int, rng: random.Random) -> str:
    if question.claim in learner.sheet.misconceptions:
        return rng.choice(("Hard to say, there is something to it.", *EMPTY))
    terms = [w for w in dict.fromkeys(words(_claim(learner, question).text)) if w not in STOP_WORDS]
    rng.shuffle(terms)
    weak = learner.sheet.claims[question.claim].weak
    return rng.choice(
        (weak, " ".join(terms), f"It has to do with {', '.join(terms[:8])}.", f"{weak} {' '.join(terms[:5])}.")
    )


def _copies(learner: Learner, question: Question, before: int, rng: random.Random) -> str:
    misconception = learner.sheet.note.misconception(question.claim)
    text = misconception.correction if misconception else _claim(learner, question).text
    made = (
        text,
        light_edit(text),
        f"As I would say it: {text}",
        f"{light_edit(text)} So that is basically what it is about.",
    )
    return made[rng.randrange(4)] if question.kind != "own_words" else rng.choice(made[1:])


def _attacks(learner: Learner, question: Question, before: int, rng: random.Random) -> str:
    item = learner.sheet.note.claim(question.claim) or learner.sheet.note.misconception(question.claim)
    text = item.as_claim_text().text if item else question.text
    terms = " ".join([w for w in words(text) if w not in STOP_WORDS][:6])
    return rng.choice(INJECTIONS).format(words=terms)


def _claim(learner: Learner, question: Question) -> Claim:
    claim = learner.sheet.note.claim(question.claim)
    assert claim is not None
    return claim


_ANSWERS: Mapping[Kind, Callable[[Learner, Question, int, random.Random], str]] = {
    "knows all": _knows,
    "knows all, appeals": _knows,
    "knows all, second sitting": _knows,
    "lacks one claim": _knows,
    "knows half": _knows,
    "holds a misconception": _believes,
    "takes it back": _believes,
    "wrong": _wrong,
    "bluffs": _bluffs,
    "copies": _copies,
    "attacks": _attacks,
}
