"""The progress page and its pictures: put together from the files, and written where they changed."""

from agent.app.container import App
from agent.app.memory import remembered
from agent.domain.dashboard import Dashboard, NextGate, Recheck, steps_of
from agent.domain.errors import StudyError
from agent.domain.ledger import sound
from agent.domain.level import Level
from agent.domain.progress_page import FOLDER, progress_page
from agent.domain.roadmap import Roadmap, Topic
from agent.workspace.files import locked, read_text, write_text
from agent.workspace.milestones import milestone_states
from agent.workspace.notes import note_files
from agent.workspace.snapshot import Snapshot

PAGE = f"{FOLDER}/README.md"


def dashboard(app: App) -> Dashboard:
    """Read the state of the workspace.

    Raises:
        WorkspaceError: the roadmap cannot be read.
    """
    roadmap = app.workspace.roadmap()
    notes = {path.rsplit("/", 1)[-1].removesuffix(".md"): path for path in note_files(app.settings.root)}
    return Dashboard(
        roadmap=roadmap,
        steps=steps_of(sound(app.workspace.ledger.readable()[0])),
        rechecks=tuple(Recheck(item.topic, item.memory) for item in remembered(app, roadmap)),
        bullets=tuple(milestone_states(app.workspace, roadmap)),
        gates=tuple(next_gates(app, roadmap)),
        notes=notes,
    )


def next_gates(app: App, roadmap: Roadmap, most: int | None = None) -> list[NextGate]:
    """Check what verified topics still lack for their next level, on what a row links and a lab of its name.

    `most` limits the work to topics that are likely to be near: those with a lab first, then those at a high level.
    """
    from agent.workspace.promotions import PromotionStore

    promotions = PromotionStore(Snapshot(app.settings.root, roadmap), app.policy, app.clock.now)
    verified = [topic for topic in roadmap.topics if Level.L1 <= topic.level < Level.L5]
    verified.sort(key=lambda topic: (not _has_lab(app, topic), -topic.level, topic.line))
    found = []
    for topic in verified[:most]:
        level = Level(topic.level + 1)
        given = [f"lab/{topic.id}"] if (app.settings.root / "lab" / topic.id).is_dir() else []
        try:
            requirements = promotions.requirements(promotions.change_to(topic.id, level, given))
        except StudyError as error:
            found.append(NextGate(topic, level, (str(error),), 1))
            continue
        missing = tuple(f"{r.what}: {r.reason}" for r in requirements if not r.met)
        found.append(NextGate(topic, level, missing, len(requirements)))
    return sorted(found, key=lambda gate: gate.topic.line)


def _has_lab(app: App, topic: Topic) -> bool:
    linked = any(link.target.startswith("lab/") for link in topic.evidence)
    return linked or (app.settings.root / "lab" / topic.id).is_dir()


def rendered(app: App) -> dict[str, str]:
    """Give every generated file's text by its path."""
    from agent.adapters.charts import history, matrix, memory

    board = dashboard(app)
    pictures = {"matrix.svg": matrix(board), "history.svg": history(board), "memory.svg": memory(board)}
    return {PAGE: progress_page(board), **{f"{FOLDER}/{name}": picture for name, picture in pictures.items()}}


def stale(app: App) -> list[str]:
    """List the generated files that are not what they would be now."""
    return [path for path, text in rendered(app).items() if _now(app, path) != text]


def refresh(app: App) -> list[str]:
    """Write what changed and list it; a second time there is nothing to write.

    Raises:
        WorkspaceError: the roadmap cannot be read, or the folder cannot be written.
    """
    with locked(app.settings.root):
        changed = {path: text for path, text in rendered(app).items() if _now(app, path) != text}
        for path, text in changed.items():
            write_text(app.settings.root, path, text)
    return list(changed)


def _now(app: App, path: str) -> str | None:
    try:
        return read_text(app.settings.root, path)
    except StudyError:
        return None  # not there, or in the middle of a merge that somebody saved badly: it is written anew
