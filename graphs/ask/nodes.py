"""Nodes of `ask`. Only code decides what is shown: a model proposes sentences, their quotes are checked."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field

from agent.domain import answering
from agent.domain.answering import Numbered
from agent.domain.errors import ModelError
from agent.domain.text import content_stems, one_line
from agent.ports.retriever import Filters
from graphs.ask.state import FLOW_VERSION, AskContext, AskState
from graphs.prompts import prompt

ANSWER_TOKENS = 300
CONDENSE_TOKENS = 60
REMEMBERED_TURNS = 3
MAX_QUESTION = 500


class Standalone(BaseModel):
    """A follow-up made to stand alone."""

    question: str = Field(min_length=5, max_length=300)


def condense(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Make a follow-up stand alone; without a model, or where it drifts, the last question is put in front."""
    question = state["question"][:MAX_QUESTION]
    turns = state.get("turns", [])[-REMEMBERED_TURNS:]
    fresh: AskState = {"flow_version": FLOW_VERSION, "query": question, "places": [], "answer": [], "notice": ""}
    if not turns:
        return fresh
    rewritten = _rewritten(runtime.context, turns, question)
    fresh["query"] = rewritten or f"{turns[-1]['question']} {question}"
    return fresh


def retrieve(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Find passages and show them at once."""
    context = runtime.context
    passages = context.retriever.search(state["query"], context.passages, _filters(state.get("filters", {})))
    runtime.stream_writer({"event": "passages", "passages": [asdict(passage) for passage in passages]})
    return {"places": [{k: v for k, v in asdict(p).items() if k != "text"} for p in passages]}


def answer(state: AskState, runtime: Runtime[AskContext]) -> AskState:
    """Let the model answer line by line; a line whose quote holds is shown as it comes, any other is dropped."""
    context, query = runtime.context, state["query"]
    if context.chat is None:
        return {"outcome": "passages", "notice": ""}
    passages, sources = _numbered(state, context)
    request = prompt("ask/answer", question=query, passages=answering.for_model(passages, context.context_chars))
    kept: list[dict[str, Any]] = []
    try:
        for line in _lines(context.chat.stream(request, max_tokens=ANSWER_TOKENS)):
            for number, quote, sentence in answering.parse(line):
                found = answering.supported(number, quote, sentence, passages, sources, query)
                if found and len(kept) < answering.MAX_SENTENCES and found.text not in [item["text"] for item in kept]:
                    kept.append({"text": found.text, **asdict(found.citation)})
                    runtime.stream_writer({"event": "sentence", **kept[-1]})
    except ModelError as error:
        if not kept:
            return {"outcome": "passages", "notice": str(error)}
        return _remembered(state, kept, f"The answer broke off: {error}")
    if not kept:
        return {"outcome": "abstained"}
    return _remembered(state, kept, "")


def abstain(state: AskState, runtime: Runtime[AskContext]) -> AskState:
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


def _numbered(state: AskState, context: AskContext) -> tuple[list[Numbered], dict[str, str]]:
    """The passages as their files hold them now; a file that is gone drops out."""
    sources: dict[str, str] = {}
    passages: list[Numbered] = []
    for place in state["places"]:
        path, first, last = place["path"], place["start_line"], place["end_line"]
        if path not in sources:
            text = context.sources.text(path)
            if text is None:
                continue
            sources[path] = text
        lines = sources[path].split("\n")[first - 1 : last]
        passages.append(Numbered(len(passages) + 1, path, first, last, "\n".join(lines)))
    return passages, sources


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    """Whole lines of a stream, the last one at its end."""
    rest = ""
    for piece in pieces:
        rest += piece
        *whole, rest = rest.split("\n")
        yield from whole
    yield rest


def _remembered(state: AskState, kept: list[dict[str, Any]], notice: str) -> AskState:
    said = " ".join(item["text"] for item in kept)
    turns = [*state.get("turns", []), {"question": state["query"], "answer": said}]
    return {"outcome": "answered", "answer": kept, "notice": notice, "turns": turns[-REMEMBERED_TURNS:]}
