"""The ledger as a whole: which entries are the newest, whether the chain holds, which levels it vouches for."""

from collections.abc import Sequence

from agent.domain.change import Change, LineChange
from agent.domain.level import Level
from agent.domain.proposal import LedgerEntry


def heads(entries: Sequence[LedgerEntry]) -> tuple[str, ...]:
    """List the hashes that no entry follows yet, sorted; a new entry follows all of them."""
    followed = {parent for entry in entries for parent in entry.follows}
    return tuple(sorted({entry.sha256 for entry in entries} - followed))


def faults(entries: Sequence[LedgerEntry]) -> list[tuple[LedgerEntry, str]]:
    """List every entry that does not hold, with a sentence why."""
    known = {entry.sha256 for entry in entries}
    found: list[tuple[LedgerEntry, str]] = []
    for entry in entries:
        if entry.sha256 != entry.computed_hash():
            found.append((entry, "it was changed after the decision: its hash does not match"))
        missing = [parent[:12] for parent in entry.follows if parent not in known]
        if missing:
            found.append((entry, f"an entry that it follows is gone or was changed ({', '.join(missing)})"))
    return found


def sound(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """List the entries that hold, in the order given."""
    broken = {entry.id for entry, _ in faults(entries)}
    return [entry for entry in entries if entry.id not in broken]


def in_order(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Sort entries so that each comes after all that it follows; ties by time, then id.

    A clock that went backwards therefore changes nothing within one machine's history.
    """
    remaining = sorted(entries, key=lambda e: (e.at, e.id))
    known = {entry.sha256 for entry in entries}
    done: set[str] = set()
    ordered: list[LedgerEntry] = []
    while remaining:
        ready = next((e for e in remaining if all(p in done or p not in known for p in e.follows)), remaining[0])
        remaining.remove(ready)
        done.add(ready.sha256)
        ordered.append(ready)
    return ordered


def last_approved(entries: Sequence[LedgerEntry]) -> dict[str, LedgerEntry]:
    """Map every topic to the decision that its level rests on."""
    approved = (e for e in in_order(entries) if e.decision == "approved")
    return {e.change.topic: e for e in approved if isinstance(e.change, Change)}


def levels(entries: Sequence[LedgerEntry]) -> dict[str, Level]:
    """Rebuild the level of every topic that a decision was made on."""
    last = last_approved(entries)
    return {topic: e.change.to_level for topic, e in last.items() if isinstance(e.change, Change)}


def boxes(entries: Sequence[LedgerEntry]) -> dict[tuple[str, str], LedgerEntry]:
    """Map every milestone's bullet (title, text) to the last approved decision on its box."""
    approved = (e for e in in_order(entries) if e.decision == "approved")
    lines = ((e, e.change) for e in approved if isinstance(e.change, LineChange))
    return {(change.heading, change.text): e for e, change in lines if change.part == "milestone"}
