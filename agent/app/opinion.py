"""A chat model's opinion of the evidence behind a change: what it is shown, and what it says if that holds."""

from agent.app.container import App
from agent.domain.errors import StudyError
from agent.domain.happened import quiz_finished
from agent.domain.proposal import Change
from agent.domain.rationale import Exhibit, GateReport
from agent.domain.text import one_line
from agent.workspace.evidence import canonical
from agent.workspace.files import read_text
from agent.workspace.labs import read_run
from agent.workspace.session_file import read_session
from graphs.promotion.rationale import Opinion, comment

MAX_EXHIBITS = 6
MAX_READ = 1200


def opinion(app: App, change: Change) -> Opinion:
    """Ask the chat model what it thinks of the evidence. It changes nothing and counts for nothing.

    Raises:
        ModelError: the model cannot be reached.
    """
    if app.chat is None:
        return Opinion(None, "there is no chat model (`study doctor` says why)")
    return comment(app.chat, gate_report(app, change))


def gate_report(app: App, change: Change) -> GateReport:
    """Gather what the gates say of a change, and what code reads in its evidence."""
    paths = list(dict.fromkeys(item.path for item in change.evidence))[:MAX_EXHIBITS]
    exhibits = tuple(Exhibit(f"E{n}", path, _summary(app, path)) for n, path in enumerate(paths, 1))
    return GateReport(
        topic=change.topic,
        topic_text=change.topic_text,
        from_level=change.from_level,
        to_level=change.to_level,
        requirements=tuple(app.promotions.requirements(change)),
        exhibits=exhibits,
    )


def _summary(app: App, path: str) -> str:
    """Say in a line what a piece of evidence shows; a file that cannot be read shows nothing."""
    root = app.settings.root
    try:
        place = canonical(root, path)
        if place.startswith("sessions/"):
            return _quizzes(app, place)
        if "/runs/" in place:
            record = read_run(root, place).record
            if record is None:
                return "no record of a run"
            variant = f", variant {record.variant}" if record.variant else ""
            return f"run of {record.lab}{variant}: exit code {record.exit_code} after {record.duration_s} s"
        text = read_text(root, place)[:MAX_READ]
    except StudyError as error:
        return str(error)
    return one_line(" ".join(line for line in text.splitlines() if not line.startswith(("---", "#"))), 400)


def _quizzes(app: App, path: str) -> str:
    named = read_session(app.settings.root, path).attempts
    found = [app.workspace.attempts.find(id) for id in named]
    told = [quiz_finished(item[1], item[0], path).text for item in found if item is not None]
    return " ".join(told) or "a session without a recorded quiz"
