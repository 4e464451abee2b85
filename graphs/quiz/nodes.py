"""Nodes of the quiz. Each reads the note anew: it belongs to the user and may change between two messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from langgraph.runtime import Runtime

from agent.domain.appeal import disputed
from agent.domain.appeal import notice as appeal_notice
from agent.domain.asking import next_question, unfit
from agent.domain.attempt import Attempt, Judged, Question, Standing, Turn
from agent.domain.copying import detect_copying
from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.note import Note
from agent.domain.pass_rule import answered, unmet
from agent.domain.probing import CORRECTION
from agent.domain.quiz import History, claim_hash, for_recheck, history_of, standings
from agent.domain.text import content_stems, one_line
from agent.domain.verdict import ClaimText, Verdict
from graphs.quiz.message import text_of
from graphs.quiz.state import FLOW_VERSION, QuizContext, QuizState

_COMMANDS = "/hint, /skip, /explain, /appeal WHY, /note, /quit"
MIN_SHARED_STEMS = 2  # an answer that shares fewer content words with a claim does not touch it


def open_quiz(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Start the clock; fails here, with one sentence, when the topic has no note that can be quizzed from."""
    quiz_id = state.get("quiz_id") or str(uuid4())
    if not _is_uuid(quiz_id):  # it names files
        raise UsageError(f"A quiz's id is a UUID, not {one_line(str(quiz_id), 60)!r}; leave it out to be given one.")
    note = runtime.context.notes.note(state["topic"])
    fault = unfit(note)
    if fault:
        raise WorkspaceError(f"{note.path} cannot be quizzed from: {fault}; finish it and try again.")
    unknown = [claim for claim in _scope(state) if note.claim(claim) is None]
    if unknown:
        raise UsageError(f"{note.path} has no claim ^{one_line(str(unknown[0]), 60)} to check again.")
    return {
        "flow_version": FLOW_VERSION,
        "quiz_id": quiz_id,
        "phase": "asking",
        "started": runtime.context.clock.now().isoformat(),
        "turns": [],
        "question": None,
        "notice": "",
    }


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def judge(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Judge every claim that the answer touches."""
    context, note = runtime.context, runtime.context.notes.note(state["topic"])
    question, answer = _question(state), text_of(state["message"])
    copying = detect_copying(answer, _passages(note))
    turns, history = _turns(state), _history(state, context, note)
    verdicts: tuple[Judged, ...] = ()
    if not copying.is_copied:
        verdicts = _judged(context, note, question, answer, turns, history)
    turn = Turn(
        question=question,
        action="answer",
        text=answer,
        at=context.clock.now(),
        copied=copying.is_copied,
        verdicts=verdicts,
    )
    notice = "Those are the note's words; say it in your own, and it counts." if copying.is_copied else ""
    before, after = (standings(note, given, history, context.policy) for given in (turns, [*turns, turn]))
    heard = [id for id, now in after.items() if now.status == "covered" and before[id].status != "covered"]
    return {**_with_turn(state, turn, notice), "heard": heard, "settled": _settled(question, before, after)}


def _settled(question: Question, before: Mapping[str, Standing], after: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """Say what an answer made of the false statement put, and which others it set right.

    One that was voiced in passing is left out: it is put next, and the learner must not be told that it is false.
    """
    return [
        {
            "claim": id,
            "set_right": now.status == "corrected",
            "again": now.status != "corrected" and question.kind == "probe",
            "quote": now.quote if now.status == "corrected" else "",
        }
        for id, now in after.items()
        if now.kind == "misconception"
        and (id == question.claim or (now.status == "corrected" and now != before.get(id)))
    ]


def give_hint(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Answer `/hint` with a question that leads on; the claim then counts only in a later sitting."""
    context, question = runtime.context, _question(state)
    hints = sum(t.action == "hint" and t.question.claim == question.claim for t in _turns(state))
    shown = (context.wordings.hint(question, _last_answer(state)) if hints == 0 else None) or _plain_hint(
        context.notes.note(state["topic"]), question, hints
    )
    turn = Turn(question=question, action="hint", text="", at=context.clock.now(), shown=shown)
    return _with_turn(state, turn, shown)


def explain(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Answer `/explain` with the claim itself, and go on to another one."""
    context, question = runtime.context, _question(state)
    note = context.notes.note(state["topic"])
    claim, misconception = note.claim(question.claim), note.misconception(question.claim)
    shown = claim.text if claim else misconception.correction if misconception else ""
    turn = Turn(question=question, action="explain", text="", at=context.clock.now(), shown=shown)
    later = "It counts in a later sitting, with another question." if claim else "A later sitting puts it to you again."
    return _with_turn(state, turn, f"{shown} {later}")


def skip(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Leave the claim as not explained and go on."""
    turn = Turn(question=_question(state), action="skip", text="", at=runtime.context.clock.now())
    return _with_turn(state, turn, "")


def appeal(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Keep the learner's case against the verdict on their last answer."""
    found = _disputed(state, runtime.context)
    if found is None:
        return {"notice": "There is no verdict on an answer of yours to appeal against."}
    question, table, last = found
    case = text_of(state["message"])
    _keep_case(state, runtime.context, question, last, case)
    turn = Turn(question=question, action="appeal", text=case, at=runtime.context.clock.now())
    return _with_turn(state, turn, appeal_notice(table, question.claim))


def note_gap(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Answer `/note`: the learner is right and the note lacks it. An appeal, and a proposed edit of the note.

    What the notes say already is no gap; then only the place is shown.
    """
    context = runtime.context
    found = _disputed(state, context)
    if found is None:
        return {"notice": "There is no verdict on an answer of yours; answer first, then /note."}
    question, table, last = found
    said = text_of(state["message"]) or last.text
    place = context.gaps.said(said) if context.gaps else ""
    if place:
        return {"notice": f"Your notes say that already: {place}. /appeal WHY disputes the verdict."}
    path = _keep_case(state, context, question, last, f"The note lacks it: {said}")
    proposed = ""
    if context.gaps:
        try:
            context.gaps.propose(topic=state["topic"], statement=said, question=question, appeal=path)
            proposed = "Proposed for the note; you decide on it with `study review`. "
        except UsageError as error:
            proposed = f"Not proposed for the note: {error} "
    turn = Turn(question=question, action="appeal", text=said, at=context.clock.now())
    return _with_turn(state, turn, proposed + appeal_notice(table, question.claim))


def _disputed(state: QuizState, context: QuizContext) -> tuple[Question, Mapping[str, Standing], Turn] | None:
    """The question whose verdict is disputed, the standings before, and the answer; None where there is none."""
    turns, note = _turns(state), context.notes.note(state["topic"])
    table = standings(note, turns, _history(state, context, note), context.policy)
    question = disputed(turns, table, _question(state))
    last = next((t for t in reversed(turns) if t.action == "answer"), None)
    if question is None or last is None or question.claim not in table:
        return None
    return question, table, last


def _keep_case(state: QuizState, context: QuizContext, question: Question, last: Turn, case: str) -> str:
    return context.journal.appeal(
        attempt=state["quiz_id"],
        topic=state["topic"],
        question=question,
        answer=last.text,
        verdict=next(v.name for v in last.verdicts if v.claim == question.claim),
        case=case,
    )


def ask(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Choose the next question; none when the quiz is over."""
    context, note = runtime.context, runtime.context.notes.note(state["topic"])
    pending = state.get("question")
    chosen = next_question(note, _turns(state), _history(state, context, note), context.policy, _scope(state))
    if chosen is None:
        return {"question": None}
    if pending and (pending["claim"], pending["kind"], pending["index"]) == (chosen.claim, chosen.kind, chosen.index):
        return {"question": pending}  # an appeal or an empty message in between: the same words stay
    text = context.wordings.reworded(chosen) if chosen.kind == "ask" else None
    if text is not None:
        chosen = chosen.model_copy(update={"text": text, "source": "model"})
    return {"question": chosen.model_dump(mode="json")}


def stop(state: QuizState) -> QuizState:
    """Answer `/quit`: the quiz closes with what was said so far."""
    return {"stop": True, "question": None, "notice": ""}


def refuse(state: QuizState) -> QuizState:
    """Answer a command that does not exist; the question stays."""
    return {"notice": f"Commands are {_COMMANDS}; start with // to answer with a slash."}


def close(state: QuizState, runtime: Runtime[QuizContext]) -> QuizState:
    """Record the attempt, draft its session, and say where every claim stands."""
    context, note, turns = runtime.context, runtime.context.notes.note(state["topic"]), _turns(state)
    table = standings(note, turns, _history(state, context, note), context.policy)
    scope = [claim for claim in _scope(state) if note.claim(claim) is not None]
    reasons = unmet(note, table, answered=answered(turns), scope=scope, turns=turns)
    outcome = "passed" if not reasons else "stopped" if state.get("stop") else "not_passed"
    attempt = Attempt.model_validate(
        {
            "id": state["quiz_id"],
            "topic": state["topic"],
            "note": note.path,
            "note_sha256": context.notes.sha256(note),
            "started": state["started"],
            "finished": turns[-1].at if turns else state["started"],
            "state": outcome,
            "reasons": reasons,
            "standings": tuple(table.values()),
            "turns": turns,
            "versions": dict(context.versions),
            "scope": scope,
        }
    ).sealed()
    recorded = context.journal.record(attempt) if turns else None
    result = {
        "topic": attempt.topic,
        "state": outcome,
        "passed": attempt.passed,
        "scope": list(attempt.scope),
        "verdicts": [_shown(note, standing) for standing in table.values()],
        "reasons": list(reasons),
        "attempt": attempt.id if recorded else None,
        "session": recorded.session if recorded else None,
    }
    return {"phase": "closed", "question": None, "result": result}


def _shown(note: Note, standing: Standing) -> dict[str, Any]:
    item = note.claim(standing.claim) or note.misconception(standing.claim)
    return {
        "claim": standing.claim,
        "kind": standing.kind,
        "verdict": standing.status,
        "p": round(standing.p_covered, 3),
        "quote": standing.quote,
        "origin": standing.origin,
        "carries": standing.covered_at is not None,
        "note": f"{note.path}#^{standing.claim}",
        "line": item.line if item else 0,
    }


def _judged(
    context: QuizContext, note: Note, question: Question, answer: str, turns: list[Turn], history: History
) -> tuple[Judged, ...]:
    """Judge the asked claim, the open ones that the answer touches, and the misconceptions that it comes near to."""
    table = standings(note, turns, history, context.policy)
    stems = content_stems(answer)
    settled = {"covered", "appealed"}
    asked = note.misconception(question.claim)
    claims = [
        claim.as_claim_text()
        for claim in note.claims
        if claim.id == question.claim or (table[claim.id].status not in settled and _touches(stems, claim.text))
    ]
    claims += [item.as_claim_text() for item in note.misconceptions if item is asked or _touches(stems, item.statement)]
    # The asked one first: a grader with little time for second opinions spends it there.
    claims.sort(key=lambda claim: claim.id != question.claim)
    verdicts = _ask_grader(context, question, claims, answer)
    # A correction shares most of its words with the false statement: where that seems asserted, both are weighed.
    suspected = {v.claim for v in verdicts if v.kind == "misconception" and v.name == "covered"}
    corrections = [
        ClaimText(id=item.id + CORRECTION, text=item.correction, kind="correction")
        for item in note.misconceptions
        if item.id in suspected or item is asked
    ]
    return (*verdicts, *_ask_grader(context, question, corrections, answer))


def _touches(stems: frozenset[str], statement: str) -> bool:
    """Whether an answer of these stems may say something about a statement; a short one is touched by all it has."""
    wanted = content_stems(statement)
    return bool(wanted) and len(stems & wanted) >= min(MIN_SHARED_STEMS, len(wanted))


def _ask_grader(context: QuizContext, question: Question, claims: list[ClaimText], answer: str) -> list[Judged]:
    if not claims:
        return []
    verdicts = context.grader.judge(question.text, claims, answer)
    return [_judgement(claim, verdict, answer) for claim, verdict in zip(claims, verdicts, strict=True)]


def _judgement(claim: ClaimText, verdict: Verdict, answer: str) -> Judged:
    # A quote that the learner never said would be evidence of nothing, whoever the grader is.
    quote = verdict.quote if verdict.quote in answer else ""
    return Judged(
        claim=claim.id,
        kind=claim.kind,
        name=verdict.name,
        p_covered=verdict.p_covered,
        p_contradicted=verdict.p_contradicted,
        quote=quote,
        abstain=verdict.abstain,
        claim_hash=claim_hash(claim.text),
    )


def _passages(note: Note) -> list[str]:
    """Give what a learner could copy: every statement of the note."""
    statements = [claim.text for claim in note.claims] + [item.correction for item in note.misconceptions]
    return [note.intro, *statements]


def _plain_hint(note: Note, question: Question, hints: int) -> str:
    """Give a hint without a model: another question on the same claim, else where in the note to look."""
    claim = note.claim(question.claim)
    others = [text for i, text in enumerate(claim.questions) if i != question.index] if claim else []
    if hints < len(others):
        return f"Come at it from another side: {others[hints]}"
    return f"Take one case and follow it through step by step; afterwards read {note.path} at ^{question.claim}."


def _question(state: QuizState) -> Question:
    return Question.model_validate(state["question"])


def _turns(state: QuizState) -> list[Turn]:
    return [Turn.model_validate(turn) for turn in state.get("turns", [])]


def _history(state: QuizState, context: QuizContext, note: Note) -> History:
    # As of the start, so that a cover which expires during a long pause does not vanish in the middle.
    started = datetime.fromisoformat(state["started"])
    earlier = [a for a in context.journal.attempts(state["topic"]) if a.id != state["quiz_id"]]
    history = history_of(note, earlier, started, context.policy)
    return for_recheck(history) if _scope(state) else history


def _scope(state: QuizState) -> list[str]:
    return state.get("scope") or []


def _with_turn(state: QuizState, turn: Turn, notice: str) -> QuizState:
    return {"turns": [*state.get("turns", []), turn.model_dump(mode="json")], "notice": notice}


def _last_answer(state: QuizState) -> str:
    last = next((t for t in reversed(_turns(state)) if t.action == "answer"), None)
    return last.text if last is not None else ""
