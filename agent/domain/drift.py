"""Note drift: what a level rests on was judged against a claim of the note, and the claim says something else now."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent.domain.attempt import Attempt
from agent.domain.note import Note
from agent.domain.quiz import claim_hash

_RESTS = ("covered", "corrected")


@dataclass(frozen=True, slots=True)
class Drift:
    """One block that a level rests on and that changed or went since it was judged; `line` is 0 once it is gone."""

    topic: str
    claim: str
    kind: Literal["changed", "gone"]
    path: str
    line: int
    judged: str

    @property
    def sentence(self) -> str:
        """Say what happened and what to do about it."""
        what = "says something else" if self.kind == "changed" else "is gone"
        return (
            f"^{self.claim} {what} since it was judged on {self.judged}, and the level of {self.topic!r} rests on it; "
            f"`study due {self.topic} --start` checks it again."
        )


def drifts(note: Note, basis: Attempt, attempts: Iterable[Attempt]) -> list[Drift]:
    """List the blocks that `basis`, on which the topic's level was decided, covered in another wording.

    A block that any attempt covered as it reads now is settled: the learner explained the new one too.
    """
    now = {claim.id: (claim_hash(claim.text), claim.line) for claim in note.claims}
    now |= {item.id: (claim_hash(item.statement), item.line) for item in note.misconceptions}
    explained = {(s.claim, s.claim_hash) for attempt in attempts for s in attempt.standings if s.status in _RESTS}
    found = []
    for standing in basis.standings:
        if standing.status not in (*_RESTS, "appealed") or not standing.claim_hash:
            continue
        current, line = now.get(standing.claim, ("", 0))
        if current == standing.claim_hash or (standing.claim, current) in explained:
            continue
        day = f"{standing.covered_at or basis.finished:%Y-%m-%d}"
        kind: Literal["changed", "gone"] = "changed" if current else "gone"
        found.append(Drift(note.id, standing.claim, kind, note.path, line, day))
    return found
