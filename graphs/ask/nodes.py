"""Nodes of `ask`. Only code decides what is shown: a model proposes sentences, their quotes are checked."""

from dataclasses import asdict
from datetime import date
from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field

from agent.domain import answering, quoting
from agent.domain.answering import Supported
from agent.domain.errors import ModelError
from agent.domain.statement import Statement, choose, statements
from agent.domain.text import content_stems, one_line
from agent.ports.retriever import Filters
from graphs.ask.state import FLOW_VERSION, AskContext, AskState
from graphs.prompts import prompt

ANSWER_TOKENS = 300
CONDENSE_TOKENS = 60
REMEMBERED_TURNS = 3
MAX_QUESTION = 500
NEAREST = 3
NEAREST_CHARS = 1200
# The likeliest statement is looked for among as many as the embedded model reads: the odds were fitted on those.
QUOTE_CHARS = 1700


class Standalone(BaseModel):
    """A follow-up made to stand alone."""

    question: str = Field(min_length=5, max_length=300)


def condense(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Make a follow-up stand alone; without a model, or where it drifts, the last question is put in front."""
    question = state["question"][:MAX_QUESTION]
    turns = state.get("turns", [])[-REMEMBERED_TURNS:]
    fresh: AskState = {
        "flow_version": FLOW_VERSION,
        "query": question,
        "places": [],
        "answer": [],
        "notice": "",
        "reply": "",
    }
    if not turns:
        return fresh
    rewritten = _rewritten(runtime.context, turns, question)
    fresh["query"] = rewritten or f"{turns[-1]['question']} {question}"
    return fresh


def retrieve(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Find passages and show the first of them at once; the others only lend statements to the answer."""
    context = runtime.context
    passages = context.retriever.search(state["query"], context.candidates, _filters(state.get("filters", {})))
    runtime.stream_writer({"event": "passages", "passages": [asdict(p) for p in passages[: context.passages]]})
    return {"places": [{k: v for k, v in asdict(p).items() if k != "text"} for p in passages]}


def answer(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Let the model answer; a sentence that a statement near the question carries is shown as it comes.

    Any other is dropped.
    """
    context, query = runtime.context, state["query"]
    if context.chat is None:
        return {"outcome": "passages", "notice": ""}
    candidates, sources = _statements(state, context)
    given = answering.in_reading_order(choose(query, candidates, context.context_chars))
    near = _near(given, query, context)
    request = prompt("ask/answer", question=query, statements=answering.for_model(given))
    kept: list[dict[str, Any]] = []
    broken, reply = "", ""
    try:
        for piece in answering.pieces(context.chat.stream(request, max_tokens=ANSWER_TOKENS)):
            reply += piece
            for numbers, sentence in answering.parse(piece):
                found = answering.supported(numbers, sentence, given, sources, query, near)
                _show(found, kept, runtime)
    except ModelError as error:
        if not kept:
            return {"outcome": "passages", "notice": str(error)}
        broken = f"The answer broke off: {error}"
    if not kept:
        return {"outcome": "abstained", "reply": reply}
    return _remembered(state, kept, broken)


def quote(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Let the likeliest statement answer in its own words, or hold the nearest ones up.

    What the model said, though no sentence of it held, still tells what to look for.
    """
    context, query = runtime.context, state["query"]
    candidates, sources = _statements(state, context)
    given = choose(query, candidates, QUOTE_CHARS)
    chances = _chances(state, given, candidates, context)
    kept: list[dict[str, Any]] = []
    if chances is not None:
        _show(quoting.quote(given, chances, sources), kept, runtime, verbatim=True)
        given = [given[place] for place in sorted(range(len(given)), key=lambda place: -chances[place])]
    if kept:
        return _remembered(state, kept, "")
    if answering.has_evidence(_scores(state)):
        near = choose(query, candidates, NEAREST_CHARS) if chances is None else given
        shown = [{"text": s.plain, "path": s.path, "start_line": s.start_line, "end_line": s.end_line} for s in near]
        runtime.stream_writer({"event": "nearest", "statements": shown[:NEAREST]})
    return {"outcome": "abstained"}


def _chances(
    state: AskState, given: list[Statement], candidates: list[tuple[Statement, float]], context: AskContext
) -> list[float] | None:
    """How likely each statement answers the question; None where nothing can tell."""
    cosines = context.similar(state["query"], quoting.compared(given)) if context.similar and given else None
    if context.similar is None or cosines is None:
        return None
    reply = state.get("reply", "")
    said = context.similar(reply, [each.plain for each in given]) if any(answering.parse(reply)) else None
    found = quoting.signals(state["query"], given, candidates, cosines, said, _scores(state))
    return [quoting.chance(each) for each in found]


def _scores(state: AskState) -> list[tuple[float, float | None]]:
    return [(place["lexical"], place["cosine"]) for place in state.get("places", [])]


def _near(given: list[Statement], query: str, context: AskContext) -> list[float] | None:
    """How near each statement is to the question; None where nothing can tell."""
    cosines = context.similar(query, answering.compared(given)) if context.similar and given else None
    return answering.relevances(query, given, cosines) if cosines is not None else None


def _show(
    found: Supported | None, kept: list[dict[str, Any]], runtime: Runtime[AskContext], *, verbatim: bool = False
) -> None:
    """Show a sentence once, and a statement once."""
    if found is None or len(kept) >= answering.MAX_SENTENCES:
        return
    item = {"text": found.text, **asdict(found.citation), "verbatim": verbatim}
    if all(item["text"] != old["text"] for old in kept):
        kept.append(item)
        runtime.stream_writer({"event": "sentence", **item})


def abstain(state: AskState) -> AskState:
    """Say that the notes do not say, with the nearest places."""
    nearest = ", ".join(f"{place['path']}:{place['start_line']}" for place in state.get("places", [])[:3])
    notice = f"Your notes don't say; nearest: {one_line(nearest)}." if nearest else "Your notes don't say."
    turns = [*state.get("turns", []), {"question": state["query"], "answer": ""}]
    return {"outcome": "abstained", "answer": [], "notice": notice, "turns": turns[-REMEMBERED_TURNS:]}


def _rewritten(context: AskContext, turns: list[dict[str, str]], question: str) -> str | None:
    if context.chat is None:
        return None
    earlier = "\n".join(f"- {turn['question']} {turn['answer']}".strip() for turn in turns)
    request = prompt("ask/condense", earlier=earlier, question=question)
    try:
        reply = context.chat.structured(request, Standalone, max_tokens=CONDENSE_TOKENS)
    except ModelError:
        return None
    if reply is None:
        return None
    # A rewrite may add words of the conversation, and must keep those of the question.
    said, new = content_stems(question), content_stems(reply.question)
    keeps = len(said & new) >= 0.6 * len(said)
    return reply.question if keeps and new <= said | content_stems(earlier) else None


def _filters(raw: dict[str, Any]) -> Filters:
    since = raw.get("since")
    return Filters(
        folders=tuple(raw.get("folders", ())),
        since=date.fromisoformat(since) if since else None,
        topics=tuple(raw.get("topics", ())),
    )


def _statements(state: AskState, context: AskContext) -> tuple[list[tuple[Statement, float]], dict[str, str]]:
    """The passages' statements as their files hold them now, each with its passage's score; what is gone drops out."""
    sources: dict[str, str] = {}
    found: list[tuple[Statement, float]] = []
    for place in state["places"]:
        path, first, last = place["path"], place["start_line"], place["end_line"]
        if path not in sources:
            text = context.sources.text(path)
            if text is None:
                continue
            sources[path] = text
        lines = "\n".join(sources[path].split("\n")[first - 1 : last])
        found += [(each, place["score"]) for each in statements(lines, path, first, place["heading"])]
    return found, sources


def _remembered(state: AskState, kept: list[dict[str, Any]], notice: str) -> AskState:
    said = " ".join(item["text"] for item in kept)
    turns = [*state.get("turns", []), {"question": state["query"], "answer": said}]
    return {"outcome": "answered", "answer": kept, "notice": notice, "turns": turns[-REMEMBERED_TURNS:]}
