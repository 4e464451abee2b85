"""Drafting: what a chat model says of a day's facts, line by line. Whether it holds is for `agent.domain.support`."""

from collections.abc import Iterator
from typing import Final

from agent.domain.condense import MAX_STORIES, condense, for_model, stories
from agent.domain.day import Day
from agent.domain.session_draft import SessionDraft, compose
from agent.domain.support import Said, parse
from agent.ports import Chat
from graphs.prompts import prompt, template

PROMPT: Final = "session/draft"
DRAFT_TOKENS = 320
MAX_SENTENCES = MAX_STORIES
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "”", '"', ")", "`", "]")
CONTEXT_CHARS = 3200  # about 800 tokens: ten seconds of reading for the embedded model


def draft_lines(chat: Chat, day: Day, context_chars: int = CONTEXT_CHARS) -> Iterator[Said]:
    """Let the model write about the day, and give each sentence as soon as its line is whole.

    Raises:
        ModelError: the endpoint cannot be reached, times out or refuses.
    """
    facts = for_model(stories(condense(day.events)), context_chars)
    request = prompt(PROMPT, day=day.date.isoformat(), facts=facts)
    count = 0
    for line in _lines(chat.stream(request, max_tokens=DRAFT_TOKENS)):
        for said in parse(line):
            yield said
            count += 1
            if count >= MAX_SENTENCES:
                return


def draft_session(chat: Chat | None, day: Day) -> SessionDraft:
    """Draft a day's session in one go, as an evaluation does: the model's sentences checked, the rest by code.

    Raises:
        ModelError: the endpoint cannot be reached, times out or refuses.
    """
    said = list(draft_lines(chat, day)) if chat is not None else []
    return compose(day, said, versions(chat))


def versions(chat: Chat | None) -> dict[str, str]:
    """Name what took part in a draft."""
    return {"chat": chat.name, "draft": template(PROMPT).id} if chat is not None else {"chat": "none"}


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    """Whole lines of a stream; the last one only if it ends like a sentence: a reply may stop at its token limit."""
    rest = ""
    for piece in pieces:
        rest += piece
        *whole, rest = rest.split("\n")
        yield from whole
    if rest.rstrip().endswith(_SENTENCE_ENDS):
        yield rest
