"""Note gaps: a true statement that the notes lack, told apart from one that they have in other words."""

import re
from collections.abc import Sequence

from agent.domain.slug import slugify
from agent.domain.statement import Statement
from agent.domain.text import content_stems, one_line

# Share of a statement's content words that a line of the notes must hold to say it already.
SAID_SHARE = 0.8
MIN_STEMS = 3
MAX_CHARS = 600
_MARKUP = re.compile(r"^(?:[-*+>#]+\s+|\d+[.)]\s+)+|\s+\^[\w-]+\s*$")


def as_statement(said: str) -> str:
    """One line of plain text out of what somebody typed: no bullet, no block id, no control characters."""
    text = one_line(said, MAX_CHARS + 80)
    while (plain := _MARKUP.sub("", text).strip()) != text:
        text = plain
    return one_line(text, MAX_CHARS)


def too_short(statement: str) -> bool:
    """Whether it says too little to stand in a note."""
    return len(content_stems(statement)) < MIN_STEMS


def said_by(statement: str, lines: Sequence[Statement]) -> Statement | None:
    """The line of the notes that says it already, None where none does."""
    wanted = content_stems(statement)
    held = [(len(wanted & content_stems(line.text)) / max(1, len(wanted)), line) for line in lines]
    share, best = max(held, key=lambda item: item[0], default=(0.0, None))
    return best if share >= SAID_SHARE else None


def block_of(statement: str, taken: Sequence[str]) -> str:
    """A block id of the statement's first words that the note does not have yet."""
    words = [word for word in slugify(statement).split("-") if word.isascii()][:5]
    name = "-".join(words) or "addition"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
