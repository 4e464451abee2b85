"""The events that the tool leaves of what happened: each a sentence, its numbers and ids, and where to look."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.domain.attempt import Attempt
from agent.domain.change import AnyChange, Change, LineChange, topic_of
from agent.domain.event import Event, counted, event_id
from agent.domain.lab import RunRecord
from agent.domain.proposal import LedgerEntry, Proposal
from agent.domain.text import one_line

_STATE = {"passed": "passed", "not_passed": "not passed yet", "stopped": "stopped before the end"}
_ANSWERED = {"answered": "answered from the notes", "abstained": "the notes do not say", "passages": "passages shown"}
MAX_NUMBERS = 12  # of a lab's metrics in its event
MAX_QUOTED = 300  # characters of a question in an event's sentence


def logged(id: str, at: datetime, text: str, topic: str = "") -> Event:
    """Give the event of a jotted line."""
    return Event(id=id, at=at, kind="note", topic=topic, text=text)


def quiz_finished(attempt: Attempt, path: str, session: str) -> Event:
    """Give the event of a recorded quiz; the attempt itself says what was explained."""
    answers = sum(turn.action == "answer" for turn in attempt.turns)
    core = [s for s in attempt.standings if s.kind == "core"]
    explained = sum(s.status in ("covered", "appealed") for s in core)
    return Event(
        id=event_id("quiz", attempt.id),
        at=attempt.finished,
        kind="quiz",
        topic=attempt.topic,
        text=(
            f"Quiz on {attempt.topic}: {_STATE[attempt.state]}, {counted(answers, 'answer')}, "
            f"{explained} of {counted(len(core), 'core claim')} explained."
        ),
        data={
            "state": attempt.state,
            "attempt": attempt.id,
            "answers": answers,
            "core_explained": explained,
            "core": len(core),
        },
        refs=(path, session, attempt.note),
    )


def quiz_paused(thread: str, topic: str, answers: int, at: datetime) -> Event:
    """Give the event of a quiz that was left in the middle; leaving it again at the same question adds nothing."""
    return Event(
        id=event_id("quiz", f"{thread}:paused:{answers}"),
        at=at,
        kind="quiz",
        topic=topic,
        text=f"Quiz on {topic}: paused after {counted(answers, 'answer')}.",
        data={"state": "paused", "attempt": thread, "answers": answers},
    )


def asked(id: str, at: datetime, question: str, outcome: str, topics: Sequence[str], cited: Sequence[str]) -> Event:
    """Give the event of a question to the notes; `cited` are the paths that the answer rests on."""
    said = _ANSWERED.get(outcome, outcome)
    notes = {path.rsplit("/", 1)[-1].removesuffix(".md") for path in cited if path.startswith("tracks/")}
    about = list(topics) or sorted(notes)
    return Event(
        id=id,
        at=at,
        kind="ask",
        topic=about[0] if len(about) == 1 else "",
        text=f"Asked “{one_line(question, MAX_QUOTED)}”: {said}.",
        data={"outcome": outcome, "citations": len(cited)},
        refs=tuple(dict.fromkeys(cited)),
    )


def lab_ran(record: RunRecord, path: str, topics: Sequence[str]) -> Event:
    """Give the event of a lab's run; `topics` are those of the lab."""
    variant = f" ({record.variant})" if record.variant else ""
    ended = {"time": ", at its time limit", "memory": ", at its memory limit"}.get(record.ended, "")
    numbers = [(row, name, value) for row, metrics in record.results.items() for name, value in metrics.items()]
    shown = "; ".join(f"{row}: {name} {value:.4g}" for row, name, value in numbers[:MAX_NUMBERS])
    return Event(
        id=event_id("lab-run", f"{record.lab}:{record.id}"),
        at=record.started + timedelta(seconds=record.duration_s),
        kind="lab-run",
        topic=topics[0] if len(topics) == 1 else "",
        text=(
            f"{'Entered a run of' if record.reported else 'Ran'} lab/{record.lab}{variant}: "
            f"exit {record.exit_code} after {record.duration_s:.1f} s{ended}{f'; {shown}' if shown else ''}."
        ),
        data={
            "lab": record.lab,
            "run": record.id,
            "variant": record.variant,
            "exit_code": record.exit_code,
            "duration_s": record.duration_s,
            "reported": record.reported,
            **{f"{row}: {name}": value for row, name, value in numbers[:MAX_NUMBERS]},
        },
        refs=(path,),
    )


def decided(entry: LedgerEntry, path: str) -> Event:
    """Give the event of a decision; `path` is its ledger entry's."""
    change = entry.change
    verb = {"approved": "Approved", "rejected": "Rejected"}[entry.decision]
    reason = f" Reason: {one_line(entry.reason, MAX_QUOTED).rstrip('.')}." if entry.reason.strip() else ""
    return Event(
        id=event_id("decision", f"{entry.id}:{entry.decision}"),
        at=entry.at,
        kind="decision",
        topic=topic_of(change),
        text=f"{verb}: {_said(change)}.{reason}",
        data=_change(change, entry.decision, entry.id),
        refs=(path, *(e.path for e in change.evidence)),
    )


def edited(proposal: Proposal, before: AnyChange, at: datetime) -> Event:
    """Give the event of a proposal that the user edited before deciding on it."""
    change = proposal.change
    return Event(
        id=event_id("decision", f"{proposal.id}:edited:{at.isoformat()}"),
        at=at,
        kind="decision",
        topic=topic_of(change),
        text=f"Edited the proposal on {_subject(change)}: {_ends(change)} (it was {one_line(before.becomes)}).",
        data=_change(change, "edited", proposal.id),
        refs=tuple(e.path for e in change.evidence),
    )


def _change(change: AnyChange, decision: str, proposal: str) -> dict[str, str | int | float | bool | None]:
    return {"decision": decision, "proposal": proposal, "from": change.was, "to": change.becomes}


def _subject(change: AnyChange) -> str:
    return one_line(change.heading if isinstance(change, LineChange) else change.topic_text)


def _ends(change: AnyChange) -> str:
    return one_line(f"{change.was} to {change.becomes}", 400)


def _said(change: AnyChange) -> str:
    if isinstance(change, Change):
        return f"{_subject(change)} from {_ends(change)}"
    return one_line(change.summary, 400)


def session_written(session: str, at: datetime, day: str, events: int) -> Event:
    """Give the event of an approved session; `data.session` keeps it out of the next session."""
    return Event(
        id=event_id("decision", f"session:{session}"),
        at=at,
        kind="decision",
        text=f"Approved the session of {day}, {counted(events, 'event')}.",
        data={"decision": "approved", "session": session, "events": events},
        refs=(session,),
    )
