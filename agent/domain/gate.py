"""Gates: what must exist and be linked before a level may be proposed, approved or kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.domain.attempt import Attempt
from agent.domain.level import Level
from agent.domain.note import Note
from agent.domain.quiz import Policy, recheck


@dataclass(frozen=True, slots=True)
class SessionEvidence:
    """A linked session file as it was read: the attempts its front matter names."""

    path: str
    topics: tuple[str, ...]
    attempts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a gate asks for; `reason` says what is missing and is "" when it is met."""

    level: Level
    what: str
    reason: str = ""

    @property
    def met(self) -> bool:
        """Whether nothing is missing."""
        return not self.reason


def l1_requirement(
    note: Note, sessions: Sequence[SessionEvidence], attempts: Mapping[str, Attempt], policy: Policy
) -> Requirement:
    """L1 asks for a linked session whose attempt on this topic passed.

    The attempt's own turns are judged anew; what the session's front matter says of itself counts for nothing.
    """
    what = "a session whose quiz attempt passed"
    reasons: list[str] = []
    for session in sessions:
        for attempt_id in session.attempts:
            attempt = attempts.get(attempt_id)
            if attempt is None:
                reasons.append(f"{session.path} names the attempt {attempt_id}, which is not in progress/attempts/")
                continue
            faults = recheck(attempt, note, attempts, policy)
            if not faults:
                return Requirement(Level.L1, what)
            reasons.append(f"{session.path}: {faults[0]}")
        if not session.attempts:
            reasons.append(f"{session.path} names no quiz attempt")
    return Requirement(Level.L1, what, "; ".join(reasons) or "no session is linked")
