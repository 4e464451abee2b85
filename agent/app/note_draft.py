"""A first draft of a note by the chat model. Every line of it is marked TODO: an answer key is signed by a person."""

import re

from pydantic import BaseModel, Field

from agent.domain.errors import ModelError
from agent.domain.roadmap import Topic
from agent.domain.text import one_line
from agent.ports import Chat
from agent.workspace.inline import escape_text
from graphs.prompts import prompt

MAX_TOKENS = 700
_SLOT = re.compile(
    r"^(?P<lead>- (?:\(core\) )?)(?P<text>.*) \^(?P<name>claim|boundary|term)-(?P<number>\d+)$", re.MULTILINE
)


class NoteDraft(BaseModel):
    """What the model is asked for; each statement is one sentence."""

    introduction: str = Field(max_length=800)
    claims: list[str] = Field(min_length=1, max_length=6)
    boundaries: list[str] = Field(min_length=1, max_length=2)
    terms: list[str] = Field(min_length=1, max_length=2)


def draft_note(chat: Chat, topic: Topic, skeleton: str) -> str | None:
    """Fill the skeleton's slots with the model's statements, each behind `TODO check:`; None where the model fails."""
    try:
        reply = chat.structured(
            prompt("quiz/note", topic=topic.text, module=topic.module or "none"), NoteDraft, max_tokens=MAX_TOKENS
        )
    except ModelError:
        return None
    if reply is None:
        return None
    statements = {"claim": reply.claims, "boundary": reply.boundaries, "term": reply.terms}

    def fill(match: re.Match[str]) -> str:
        given, index = statements[match["name"]], int(match["number"]) - 1
        if index >= len(given) or not given[index].strip():
            return match[0]
        # A caret would end the statement as a block id of the model's choosing.
        text = escape_text(one_line(given[index], 400).replace("^", ""))
        if match["name"] == "term":
            term, _, meaning = text.partition(":")
            text = f"**TODO check {term.strip()}**: {meaning.strip() or 'what it means'}"
            return f"{match['lead']}{text} ^term-{match['number']}"
        return f"{match['lead']}TODO check: {text} ^{match['name']}-{match['number']}"

    filled = _SLOT.sub(fill, skeleton)
    intro = escape_text(one_line(reply.introduction, 800))
    return re.sub(r"^TODO: one paragraph:.*$", lambda _: f"TODO check: {intro}", filled, count=1, flags=re.MULTILINE)
