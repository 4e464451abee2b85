"""What the learner typed: an answer, or one of the commands."""

from typing import Literal

MessageKind = Literal["answer", "hint", "skip", "explain", "appeal", "note", "quit", "nothing", "unknown"]
COMMANDS: tuple[MessageKind, ...] = ("hint", "skip", "explain", "appeal", "note", "quit")
MAX_ANSWER = 8_000  # characters; more is cut, so that a pasted book costs no more time than a long answer


def kind_of(message: str) -> MessageKind:
    """Tell a command from an answer; `//` at the start stands for a slash that belongs to the answer."""
    text = message.strip()
    if not text:
        return "nothing"
    if not text.startswith("/") or text.startswith("//"):
        return "answer"
    word = text[1:].split(maxsplit=1)[0].casefold() if len(text) > 1 else ""
    return next((command for command in COMMANDS if command == word), "unknown")


def text_of(message: str) -> str:
    """Give the answer, or what stands behind a command."""
    text = message.strip()
    if kind_of(message) == "answer":
        return text.removeprefix("/")[:MAX_ANSWER] if text.startswith("//") else text[:MAX_ANSWER]
    return [*text.split(maxsplit=1), "", ""][1][:MAX_ANSWER]
