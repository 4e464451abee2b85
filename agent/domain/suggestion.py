"""Which topic to study next when the learner names none."""

import re
from collections.abc import Callable
from datetime import date

from agent.domain.level import Level
from agent.domain.roadmap import FocusLine, Roadmap, Topic
from agent.domain.text import content_stems

_TERM = re.compile(r"[^\s,;:+&()/]+")


def quarter_line(roadmap: Roadmap, today: date) -> FocusLine | None:
    """Find the focus line of today's quarter."""
    label = f"q{(today.month - 1) // 3 + 1}"
    return next((line for line in roadmap.focus if line.label.casefold().startswith(label)), None)


def quarter_focus(roadmap: Roadmap, today: date) -> str:
    """Give the focus text of today's quarter, "" where the roadmap has none."""
    line = quarter_line(roadmap, today)
    return line.text if line is not None else ""


def focus_score(focus: str, topic: Topic) -> int:
    """Count the terms of a focus that a row or its module names; of a compound (`fine-tuning`) all parts have to be."""
    named = content_stems(f"{topic.text} {topic.module}")
    terms = (content_stems(term) for term in _TERM.findall(focus))
    return sum(bool(term) and term <= named for term in terms)


def next_topic(roadmap: Roadmap, today: date, is_ready: Callable[[Topic], bool]) -> tuple[Topic, str] | None:
    """Choose a topic below L1 that is ready to be quizzed (it has a note), and say why.

    Topics whose text, module or track shares words with the quarter's focus come first, then roadmap order.
    """
    focus = quarter_focus(roadmap, today)
    below = [topic for topic in roadmap.topics if topic.level < Level.L1 and is_ready(topic)]
    if not below:
        return None
    shared = {topic.id: focus_score(focus, topic) for topic in below}
    best = max(below, key=lambda topic: shared[topic.id])
    if shared[best.id]:
        return best, "it belongs to this quarter's focus"
    return best, "it is the first topic below L1 that has a note"
