"""`study plan`: the situation read from the files, and the week made from it."""

from agent.app.container import App
from agent.app.memory import Remembered, attempts_by_topic, remembered
from agent.app.progress import next_gates
from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.level import Level
from agent.domain.note import Note, note_of
from agent.domain.plan import HalfDone, Plan, Situation, plan
from agent.domain.quiz import CARRY_OVER, history_of
from agent.domain.roadmap import Roadmap
from agent.domain.suggestion import quarter_focus
from agent.workspace.files import read_text
from agent.workspace.milestones import milestone_states
from agent.workspace.note_file import read_note
from agent.workspace.notes import note_files

MAX_HOURS = 100.0


def week(app: App, hours: float) -> tuple[Plan, str]:
    """Plan the week; gives the plan and the quarter's focus.

    Raises:
        UsageError: the hours are none.
    """
    if not 0 < hours <= MAX_HOURS:
        raise UsageError(f"A week has between 0 and {MAX_HOURS:.0f} hours to study, not {hours:g}.")
    roadmap, now = app.workspace.roadmap(), app.clock.now()
    focus = quarter_focus(roadmap, now.astimezone().date())
    notes = _notes(app, roadmap)
    situation = Situation(
        roadmap=roadmap,
        focus=focus,
        pending=[proposal.change.summary for proposal in app.promotions.pending()],
        due={item.topic.id: _why_due(item) for item in remembered(app, roadmap, now) if item.due},
        half_done=_half_done(app, roadmap, notes),
        gates=next_gates(app, roadmap),
        bullets=milestone_states(app.workspace, roadmap),
        requires={id: note.requires for id, note in notes.items()},
    )
    return plan(situation, hours), focus


def _notes(app: App, roadmap: Roadmap) -> dict[str, Note]:
    notes = []
    for path in note_files(app.settings.root):
        try:
            notes.append(read_note(read_text(app.settings.root, path), path)[0])
        except WorkspaceError:
            continue  # `study check` reports it
    own = {topic.id: note_of(topic, notes) for topic in roadmap.topics}
    return {id: note for id, note in own.items() if note is not None}


def _why_due(item: Remembered) -> str:
    days = -item.days_left
    since = f"{days} day{'s' * (days != 1)} ago" if days > 0 else "today"
    return f"It is recalled with {item.retrievability:.0%} now, and was due {since}. {item.topic.level} stays."


def _half_done(app: App, roadmap: Roadmap, notes: dict[str, Note]) -> dict[str, HalfDone]:
    """Find the topics below L1 with core claims that were explained and still count."""
    now, found = app.clock.now(), dict[str, HalfDone]()
    for id, attempts in attempts_by_topic(app).items():
        topic = roadmap.topic(id)
        if topic is None or topic.level >= Level.L1 or id not in notes:
            continue
        carried = history_of(notes[id], attempts, now, app.policy).carried
        core = {claim.id for claim in notes[id].core}
        times = [s.covered_at for s in carried.values() if s.claim in core and s.covered_at is not None]
        if times:
            until = (min(times) + CARRY_OVER).astimezone().date()
            found[id] = HalfDone(len(times), len(core), until.isoformat())
    return found
