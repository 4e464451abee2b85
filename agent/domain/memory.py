"""What is left of what was explained: FSRS on the attempts, so that there is no second store that could diverge.

A level is earned and kept; retrievability is the chance to recall it now. Each verified topic is one card whose reviews
are its attempts since the first passed one; each claim is a card of its own, which says what a re-check asks first.
The memory model is FSRS-6 with the parameters that its authors publish (package `fsrs`); times are UTC, nothing is
random.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

from agent.domain.attempt import Attempt, Standing, content_hash
from agent.domain.note import Claim, Note

if TYPE_CHECKING:
    from fsrs import Card, Scheduler

RETENTION = 0.9  # due when the chance to recall falls to this
LONGEST_DAYS = 365
RECHECK_CLAIMS = 3


class Rating(IntEnum):
    """How a review went, with the numbers of FSRS; `Easy` is never given, an answer in free text is work."""

    AGAIN = 1
    HARD = 2
    GOOD = 3


@dataclass(frozen=True, slots=True)
class Recall:
    """One time that something was recalled, or not."""

    at: datetime
    rating: Rating


@dataclass(frozen=True, slots=True)
class Memory:
    """A card after its reviews; `stability` is the number of days after which the chance to recall is 90 %."""

    reviews: int
    last: datetime
    stability: float
    difficulty: float
    due: datetime

    def retrievability(self, now: datetime) -> float:
        """Give the chance to recall it at a time, 0 to 1, in whole days as FSRS counts."""
        return float(_scheduler().get_card_retrievability(_card(self), now.astimezone(UTC)))

    def is_due(self, now: datetime) -> bool:
        """Whether a re-check is due."""
        return now >= self.due


@cache
def _scheduler() -> "Scheduler":
    from fsrs import Scheduler

    return Scheduler(
        desired_retention=RETENTION,
        learning_steps=(),
        relearning_steps=(),
        maximum_interval=LONGEST_DAYS,
        enable_fuzzing=False,
    )


def _card(memory: Memory | None) -> "Card":
    from fsrs import Card, State

    if memory is None:
        return Card(card_id=1)
    return Card(
        card_id=1,
        state=State.Review,
        stability=memory.stability,
        difficulty=memory.difficulty,
        due=memory.due,
        last_review=memory.last,
    )


def replay(reviews: Iterable[Recall]) -> Memory | None:
    """Fold reviews, oldest first, into what they left; None where there are none.

    Raises:
        ValueError: a time has no zone.
    """
    from fsrs import Rating as Grade

    memory: Memory | None = None
    for review in sorted(reviews, key=lambda r: r.at):
        if review.at.utcoffset() is None:
            raise ValueError("a time needs its zone")
        card, _ = _scheduler().review_card(_card(memory), Grade(int(review.rating)), review.at.astimezone(UTC))
        if card.stability is None or card.difficulty is None or card.last_review is None:  # pragma: no cover
            raise ValueError("a reviewed card has a stability")
        memory = Memory(
            reviews=memory.reviews + 1 if memory is not None else 1,
            last=card.last_review,
            stability=card.stability,
            difficulty=card.difficulty,
            due=card.due,
        )
    return memory


def _intact(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Keep attempts that are as they were recorded, oldest first; an edited one counts for nothing."""
    return sorted((a for a in attempts if a.sha256 == a.computed_hash()), key=lambda a: (a.finished, a.id))


def topic_reviews(attempts: Iterable[Attempt]) -> list[Recall]:
    """Give the reviews of a topic: its first passed attempt, and every one after it that came to a verdict.

    Passed at the first asking is good, with a follow-up or help hard; not passed is forgotten. What was stopped says
    nothing.
    """
    reviews: list[Recall] = []
    for attempt in _intact(attempts):
        if attempt.state == "stopped" or not (reviews or attempt.passed):
            continue
        rating = Rating.AGAIN if not attempt.passed else Rating.GOOD if _at_once(attempt) else Rating.HARD
        reviews.append(Recall(attempt.finished, rating))
    return reviews


def _at_once(attempt: Attempt) -> bool:
    return all(turn.action == "answer" and turn.question.kind in ("ask", "probe") for turn in attempt.turns)


def claim_reviews(note: Note, attempts: Iterable[Attempt]) -> dict[str, list[Recall]]:
    """Give the reviews of every claim that was ever explained, as long as the note still says the same of it."""
    hashes = {claim.id: content_hash(claim.text)[:16] for claim in note.claims}
    found: dict[str, list[Recall]] = {}
    for attempt in _intact(attempts):
        for standing in attempt.standings:
            if standing.claim_hash != hashes.get(standing.claim):
                continue
            rating = _claim_rating(attempt, standing)
            if rating is not None and (rating > Rating.AGAIN or standing.claim in found):
                found.setdefault(standing.claim, []).append(Recall(standing.covered_at or attempt.finished, rating))
    return found


def _claim_rating(attempt: Attempt, standing: Standing) -> Rating | None:
    """Rate what an attempt says of a claim; None where it was carried over, appealed or never asked."""
    own = [turn for turn in attempt.turns if turn.question.claim == standing.claim]
    if standing.status == "covered" and standing.origin == "quiz":
        again = any(turn.question.kind in ("follow_up", "own_words") for turn in own)
        return Rating.HARD if again else Rating.GOOD
    return Rating.AGAIN if own and standing.status in ("missing", "contradicted", "helped") else None


def weakest(note: Note, attempts: Sequence[Attempt], now: datetime, count: int = RECHECK_CLAIMS) -> list[Claim]:
    """Choose what a re-check asks: of the core claims and all that was ever explained, what is recalled least.

    A core claim that was never explained as the note words it now comes first.
    """
    memories: Mapping[str, Memory | None] = {c: replay(r) for c, r in claim_reviews(note, attempts).items()}

    def chance(claim: Claim) -> float:
        memory = memories.get(claim.id)
        return memory.retrievability(now) if memory is not None else 0.0

    asked = [claim for claim in note.claims if claim.kind == "core" or claim.id in memories]
    return sorted(asked, key=chance)[:count]
