"""`study doctor`: what this machine and these settings have, and what to do about what they lack."""

import platform
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from agent.app.container import CHAT_MODEL, App
from agent.domain.errors import StudyError
from agent.settings import Settings
from agent.workspace.files import write_text

MIN_PYTHON = (3, 11)
CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the examination; `advice` is "" where nothing has to be done."""

    subject: str
    ok: bool
    detail: str
    advice: str = ""


def examine(app: App) -> Iterator[Diagnosis]:
    """Look at everything that a command may need, in the order in which it matters."""
    version = platform.python_version()
    enough = sys.version_info[:2] >= MIN_PYTHON
    yield Diagnosis("Python", enough, version, "" if enough else "Python 3.11 or later is needed.")
    yield _workspace(app)
    yield _folder(app)
    yield from _models(app)
    yield _chat(app)
    yield _grader(app)
    yield _personal(app)
    yield from _locks(app)


def _workspace(app: App) -> Diagnosis:
    try:
        roadmap = app.workspace.roadmap()
    except StudyError as error:
        return Diagnosis("Workspace", False, str(app.settings.root), str(error))
    notes = sum((app.settings.root / app.workspace.note_path(topic)).is_file() for topic in roadmap.topics)
    problems = app.workspace.problems()
    detail = f"{app.settings.root}: {len(roadmap.topics)} topics, {notes} notes"
    return Diagnosis("Workspace", not problems, detail, problems[0] if problems else "")


def _folder(app: App) -> Diagnosis:
    probe = ".study/doctor.tmp"
    try:
        write_text(app.settings.root, probe, "probe")
        (app.settings.root / probe).unlink()
    except (StudyError, OSError) as error:
        return Diagnosis("Writing", False, "the workspace cannot be written", str(error))
    return Diagnosis("Writing", True, "the workspace can be written")


def _models(app: App) -> Iterator[Diagnosis]:
    for item in app.models.list():
        needed = item.role != "chat" or app.settings.chat == "local"
        detail = f"{item.size / 1e6:,.0f} MB, {item.licence}, " + ("here" if item.installed else "not here")
        advice = "" if item.installed or not needed else f"Fetch it with `study model pull {item.name}`."
        yield Diagnosis(f"Model {item.name}", item.installed or not needed, detail, advice)


def _chat(app: App) -> Diagnosis:
    settings = app.settings
    if settings.chat == "none":
        return Diagnosis("Chat", True, "none: authored questions only")
    if settings.chat == "local":
        if find_spec("xllamacpp") is None:
            return Diagnosis("Chat", False, "embedded", "Install the extra: pip install 'study-agent[local]'.")
        ready = app.models.installed(CHAT_MODEL)
        return Diagnosis("Chat", ready, f"embedded, {CHAT_MODEL}", "" if ready else "Run `study model pull`.")
    try:
        address = app.endpoint_for(settings.chat)
    except StudyError as error:
        return Diagnosis("Chat", False, settings.chat, str(error))
    return _endpoint(address, settings)


def _endpoint(address: str, settings: Settings) -> Diagnosis:
    import httpx

    url, model = address.rstrip("/"), settings.chat
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"} if settings.api_key else {}
    try:
        status = httpx.get(f"{url}/models", headers=headers, timeout=CONNECT_SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        advice = f"{url} does not answer ({type(error).__name__}); start it or correct STUDY_BASE_URL."
        return Diagnosis("Chat", False, f"{model} at {url}", advice)
    advice = ""
    if status in (401, 403):
        advice = f"{url} refuses the key (status {status}); set STUDY_API_KEY (or OPENAI_API_KEY) to a valid one."
    elif status >= 500:
        advice = f"{url} is up but fails (status {status}); look at its log."
    return Diagnosis("Chat", not advice, f"{model} at {url} answers (status {status})", advice)


def _grader(app: App) -> Diagnosis:
    try:
        return Diagnosis("Grader", True, app.grader.version)
    except StudyError as error:
        return Diagnosis("Grader", False, app.settings.grader, str(error))


def _personal(app: App) -> Diagnosis:
    if not app.settings.personal:
        return Diagnosis("Personal grader", True, "off: the grader is the same for everybody")
    found = app.corrections
    fitted = found.fitted()
    if fitted is None:
        return Diagnosis(
            "Personal grader", True, "on, but no approved level rests on an appeal against this grader: nothing changes"
        )
    detail = f"on: {len(found.appeals)} accepted appeals, {len(found.conceded)} refusals let stand; "
    return Diagnosis("Personal grader", True, f"{detail}log odds × {fitted.slope:.2f} {fitted.shift:+.2f}")


def _locks(app: App) -> Iterator[Diagnosis]:
    """Name the locks that a live process holds; those of dead ones are free by themselves."""
    from filelock import FileLock, Timeout

    held = []
    for path in sorted((app.settings.root / ".study" / "locks").glob("*.lock")):
        lock = FileLock(path, timeout=0)
        try:
            with lock:
                pass
        except Timeout:
            held.append(path.stem)
        except OSError:
            continue
    detail = f"held by a running study command: {', '.join(held)}" if held else "none held"
    yield Diagnosis("Locks", True, detail)
    path = app.settings.root / ".study" / "checkpoints.sqlite"
    if path.exists():
        yield _database(path, path.stat().st_size)


def _database(path: Path, size: int) -> Diagnosis:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)
        try:
            result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        result = str(error)
    advice = "" if result == "ok" else "It only holds paused quizzes; the next command sets it aside."
    return Diagnosis("Paused quizzes", result == "ok", f"database of {size / 1e6:.1f} MB, {result}", advice)
