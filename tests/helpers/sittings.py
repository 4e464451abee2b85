"""Sittings for tests: a learner who answers by the marks of `MarkGrader`, on a note that can be quizzed from."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from agent.domain.asking import next_question
from agent.domain.attempt import Action, Attempt, Judged, Question, Standing, Turn
from agent.domain.note import Note
from agent.domain.pass_rule import answered, unmet
from agent.domain.probing import CORRECTION
from agent.domain.quiz import History, Policy, claim_hash, history_of, standings
from agent.domain.verdict import VerdictName
from tests.helpers.fakes import START
from tests.helpers.notes import block, note, note_text

# The scripted grader quotes its marks, which share no word with a claim.
POLICY = Policy(unasked_share=0.0)
INTRO = (
    "Every generated token leaves a key and a value vector behind for each layer of the network, and whoever serves "
    "long contexts to many users pays for that store in gigabytes."
)
MISCONCEPTIONS = (
    '- "The cache makes decoding compute-bound." Decoding with a cache is bound by memory bandwidth. ^m1\n'
    '- "Quantising the cache is free." Fewer bits cost precision on long contexts. ^m2'
)
BOUNDARIES = "\n".join(
    [
        block("Sliding windows stop growth.", "b1"),
        block("MLA stores one latent.", "b2"),
        block("Offloading moves it.", "b3"),
    ]
)

# What a learner says to cover a claim: words that touch it, and the mark that the grader reads.
SAYS = {
    "c0": "the cache grows with the sequence",
    "c1": "grouped heads shrink it",
    "c2": "decoding waits for memory",
    "c3": "weights are shared by every user",
    "c4": "paging avoids fragmentation",
    "c5": "eight-bit storage halves traffic",
    "b1": "sliding windows stop the growth",
    "b2": "MLA stores a latent",
    "b3": "offloading moves bytes",
    "gqa": "query heads share keys",
    "ttft": "TTFT is the first token",
    "m1": "the cache makes decoding compute-bound",
    "m2": "quantising the cache is free",
}
CORE = ("c0", "c1", "c2", "c3")
ENOUGH = (*CORE, "b1", "gqa")


def quiz_text(**sections: str) -> str:
    """A note to be quizzed from, as markdown; a keyword replaces a part, as in `note_text`."""
    parts = {"intro": INTRO, "misconceptions": MISCONCEPTIONS, "boundaries": BOUNDARIES, "front": _FRONT}
    return note_text(**{**parts, **sections})


_FRONT = 'id: kv-cache-scaling\ntopic: "KV cache scaling (batch/seq/heads)"\nrequires: []'


def quiz_note(**sections: str) -> Note:
    """The same, read."""
    parts = {"intro": INTRO, "misconceptions": MISCONCEPTIONS, "boundaries": BOUNDARIES, "front": _FRONT}
    return note(**{**parts, **sections})


def claims_with(first: str) -> str:
    """The note's claims section, the first core claim saying something else."""
    claims = [claim for claim in quiz_note().claims if claim.id[0] == "c"][1:]
    rest = [block(("(core) " if claim.kind == "core" else "") + claim.text, claim.id) for claim in claims]
    return "\n".join([block(f"(core) {first}", "c0"), *rest])


def all_covered(of: Attempt) -> tuple[Standing, ...]:
    """Forged standings: everything covered."""
    return tuple(s.model_copy(update={"status": "covered", "covered_at": START}) for s in of.standings)


def say(*claims: str, mark: str = "+", p: float | None = None) -> str:
    """An answer that touches these claims, with the mark for each."""
    tail = "" if p is None else f"@{p}"
    return ", ".join(f"{SAYS[claim.removesuffix(CORRECTION)]} {mark}{claim}{tail} " for claim in claims).strip()


def judged(
    of: Note,
    id: str,
    name: VerdictName = "covered",
    p: float = 0.97,
    *,
    abstain: bool = False,
    quote: str = "my words",
) -> Judged:
    """A verdict on a claim, a misconception, or (`m1.correction`) what corrects it."""
    claim, misconception = of.claim(id), of.misconception(id.removesuffix(CORRECTION))
    if claim is not None:
        text, kind = claim.text, claim.kind
    else:
        assert misconception is not None
        text = misconception.correction if id.endswith(CORRECTION) else misconception.statement
        kind = "claim" if id.endswith(CORRECTION) else "misconception"
    p_covered, p_contradicted = (p, 1 - p) if name == "covered" else (1 - p, p if name == "contradicted" else 0.0)
    return Judged(
        claim=id,
        kind=kind,
        name=name,
        p_covered=p_covered,
        p_contradicted=p_contradicted,
        quote=quote if name == "covered" else "",
        abstain=abstain,
        claim_hash=claim_hash(text),
    )


DENIALS = (say("m1", mark="-"), say("m2", mark="-"))

Step = Callable[[Note, Question], Turn]
Word = str | tuple[str, VerdictName] | tuple[str, VerdictName, float]


def answer(*words: Word, copied: bool = False, abstain: bool = False, text: str = "my words") -> Step:
    """A step that answers: a claim's id alone covers it, a tuple names the verdict and its probability."""

    def step(of: Note, question: Question) -> Turn:
        verdicts = tuple(judged(of, *((w,) if isinstance(w, str) else w), abstain=abstain) for w in words)
        return _turn(question, "answer", text, copied=copied, verdicts=verdicts)

    return step


def right(of: Note, question: Question) -> Turn:
    """Cover what is asked; deny a misconception."""
    if of.misconception(question.claim):
        return answer((question.claim, "contradicted"), question.claim + CORRECTION)(of, question)
    return answer(question.claim)(of, question)


def wrong(of: Note, question: Question) -> Turn:
    """Answer without covering anything."""
    return answer((question.claim, "missing"))(of, question)


def act(action: Action) -> Step:
    """A step that is no answer."""
    return lambda _, question: _turn(question, action, "")


def _turn(
    question: Question, action: Action, text: str, *, copied: bool = False, verdicts: tuple[Judged, ...] = ()
) -> Turn:
    return Turn(question=question, action=action, text=text, at=START, copied=copied, verdicts=verdicts)


def play(
    of: Note,
    steps: Iterable[Step],
    history: History | None = None,
    policy: Policy = POLICY,
    start: datetime = START,
) -> list[Turn]:
    """Put question after question and take a step to each, until the quiz or the steps end; a minute a turn.

    An appeal is about the last answer, as in the graph.
    """
    history = history or History()
    turns: list[Turn] = []
    for step in steps:
        question = next_question(of, turns, history, policy)
        if question is None:
            break
        turn = step(of, question)
        if turn.action == "appeal":
            turn = turn.model_copy(update={"question": [t for t in turns if t.action == "answer"][-1].question})
        turns.append(turn.model_copy(update={"at": start + timedelta(minutes=len(turns))}))
    return turns


def asked(turns: Sequence[Turn]) -> list[str]:
    """What was asked in order, `kind claim`; `ask` is left out."""
    return [f"{t.question.kind} {t.question.claim}".removeprefix("ask ") for t in turns]


def attempt(
    of: Note,
    steps: Iterable[Step],
    earlier: Sequence[Attempt] = (),
    *,
    id: str = "",
    start: datetime = START,
    policy: Policy = POLICY,
) -> Attempt:
    """A finished sitting, as `close` records it."""
    history = history_of(of, earlier, start, policy)
    turns = play(of, steps, history, policy, start)
    table = standings(of, turns, history, policy)
    reasons = unmet(of, table, answered=answered(turns))
    return Attempt(
        id=id or str(uuid5(NAMESPACE_URL, f"{start}{len(earlier)}")),
        topic=of.id,
        note=of.path,
        note_sha256="0" * 64,
        started=start,
        finished=turns[-1].at if turns else start,
        state="not_passed" if reasons else "passed",
        reasons=reasons,
        standings=tuple(table.values()),
        turns=tuple(turns),
        versions={"grader": "marks@1"},
    ).sealed()


def later(days: float) -> datetime:
    """A time that many days after the first sitting."""
    return START + timedelta(days=days)
