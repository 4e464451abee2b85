"""What is due for a re-check, worked out anew from the attempts on file."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.app.container import App
from agent.domain.attempt import Attempt
from agent.domain.errors import StudyError, UsageError
from agent.domain.level import Level
from agent.domain.memory import Memory, replay, topic_reviews, weakest
from agent.domain.roadmap import Roadmap, Topic


@dataclass(frozen=True, slots=True)
class Remembered:
    """A verified topic: the level it earned, and what is left of it now."""

    topic: Topic
    memory: Memory
    now: datetime

    @property
    def retrievability(self) -> float:
        """Give the chance to recall it now."""
        return self.memory.retrievability(self.now)

    @property
    def due(self) -> bool:
        """Whether a re-check is due."""
        return self.memory.is_due(self.now)

    @property
    def days_left(self) -> int:
        """Give the days until the re-check is due by the user's calendar, negative once it is overdue."""
        return (self.memory.due.astimezone().date() - self.now.astimezone().date()).days


def remembered(app: App, roadmap: Roadmap | None = None, now: datetime | None = None) -> list[Remembered]:
    """List the topics at L1 or above with what is left of them, the most forgotten first."""
    roadmap, now = roadmap or app.workspace.roadmap(), now or app.clock.now()
    attempts = attempts_by_topic(app)
    found = []
    for topic in roadmap.topics:
        memory = replay(topic_reviews(attempts[topic.id])) if topic.level >= Level.L1 and topic.id in attempts else None
        if memory is not None:
            found.append(Remembered(topic, memory, now))
    return sorted(found, key=lambda r: (r.memory.due, r.topic.line))


def recheck_due(app: App, topic: Topic) -> bool:
    """Whether a re-check of a topic is due now."""
    if topic.level < Level.L1:
        return False
    memory = replay(topic_reviews(app.workspace.topic_attempts(topic.id)))
    return memory is not None and memory.is_due(app.clock.now())


def attempts_by_topic(app: App) -> Mapping[str, Sequence[Attempt]]:
    """Read every readable attempt once, by topic."""
    found: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in app.workspace.attempts.readable()[0]:
        found[attempt.topic].append(attempt)
    return found


def weak_claims(app: App, topic: str) -> list[str]:
    """Name the claims that a re-check of a topic asks; none where its note cannot be read."""
    try:
        note = app.workspace.note(topic)
    except StudyError:
        return []
    return [claim.id for claim in weakest(note, app.workspace.topic_attempts(topic), app.clock.now())]


def choose_recheck(app: App, query: str | None) -> Remembered:
    """Choose the topic to check again: the one named, due or not, else the one that is overdue the longest.

    Raises:
        UsageError: nothing is due, or the topic named was never verified by a quiz.
    """
    found = remembered(app)
    if query is None:
        if not found or not found[0].due:
            raise UsageError("Nothing is due for a re-check; name a topic to check it all the same.")
        return found[0]
    topic = app.workspace.topic(query)
    named = next((item for item in found if item.topic.id == topic.id), None)
    if named is None:
        raise UsageError(
            f"{topic.text!r} was never passed in a quiz, so there is nothing to check again; `study quiz {topic.id}`."
        )
    return named
