"""Reading what a topic's links lead to, always inside the workspace, symlinks resolved."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from agent.domain import ledger
from agent.domain.change import AnyChange, Change, Evidence, LineChange, NoteChange, StatusChange
from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.gate import GateEvidence, SessionEvidence, Writeup, run_fault
from agent.domain.lab import DESIGN, README, RESULTS, TEACHING, LabEvidence
from agent.domain.level import Level
from agent.domain.proposal import LedgerEntry
from agent.domain.roadmap import Topic
from agent.workspace.files import inside, read_text, sha256_of
from agent.workspace.labs import DOCUMENTS, lab_of, read_lab, read_run, run_hashes, stays_inside
from agent.workspace.link_check import dead_links
from agent.workspace.session_file import read_session
from agent.workspace.workspace import ROADMAP, Workspace

# The documents that a level adds to a lab's evidence.
ADDED = {Level.L2: README, Level.L3: RESULTS, Level.L4: DESIGN, Level.L5: TEACHING}
LABELS = {README: "lab {slug}", RESULTS: "{slug} results", DESIGN: "{slug} design", TEACHING: "{slug} teaching"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXTERNAL = re.compile(r"^(?:[a-z][a-z0-9+.-]+:|//)", re.IGNORECASE)
# Not the user's words or work: nothing there proves anything.
NO_EVIDENCE = (".git", ".study")


def canonical(root: Path, path: str) -> str:
    """Give where an evidence path really leads, relative to the workspace: `.`, `..` and symlinks resolved.

    Raises:
        WorkspaceError: it leads outside the workspace, or to a file that proves nothing by itself.
    """
    relative = inside(root, path).relative_to(root.resolve()).as_posix()
    if relative == ROADMAP or relative.split("/", 1)[0] in NO_EVIDENCE or relative == ".":
        raise WorkspaceError(f"{path} cannot be evidence; link a session, a lab's file or a writeup.")
    return relative


def is_external(target: str) -> bool:
    """Whether a link's target is a URL, not a path."""
    return bool(_EXTERNAL.match(target))


def row_paths(topic: Topic) -> list[str]:
    """List the files and folders that a row links to; URLs and `#` anchors are left out."""
    targets = (link.target.split("#", 1)[0] for link in topic.evidence if not is_external(link.target))
    return [target for target in targets if target]


def read_evidence(workspace: Workspace, topic: Topic, paths: Sequence[str]) -> GateEvidence:
    """Read everything that a topic's row and a change (`paths`) link to; a row may link a lab folder as a whole."""
    root = workspace.root
    linked: dict[str, None] = {}
    unreadable: list[str] = []
    for path in dict.fromkeys([*row_paths(topic), *paths]):
        try:
            if not inside(root, path).exists():
                raise WorkspaceError(f"{path} does not exist.")
            if path in paths and inside(root, path).is_dir():
                raise WorkspaceError(f"{path} is a folder; name the files in it.")
            linked.setdefault(canonical(root, path))
        except WorkspaceError as error:
            unreadable.append(str(error))
    sessions: list[SessionEvidence] = []
    writeups: list[Writeup] = []
    for path in linked:
        try:
            if path.startswith("sessions/"):
                sessions.append(read_session(root, path))
            elif path.endswith(".md") and not path.startswith(("tracks/", "progress/")) and not _is_document(path):
                writeups.append(Writeup(path, read_text(root, path)))
            elif inside(root, path).is_file():
                sha256_of(root, path)
        except WorkspaceError as error:
            unreadable.append(str(error))
    folders = sorted({lab for lab in map(lab_of, linked) if lab is not None and inside(root, lab).is_dir()})
    labs: list[LabEvidence] = []
    for folder in folders:
        try:
            labs.append(read_lab(root, folder, linked))
        except WorkspaceError as error:
            unreadable.append(str(error))
    teaching = [(f"{lab.path}/{TEACHING}", lab.texts[TEACHING]) for lab in labs if TEACHING in lab.texts]
    written = [(writeup.path, writeup.text) for writeup in writeups]
    note, note_gap = None, ""
    try:
        note = workspace.note(topic.id)
    except WorkspaceError as error:
        note_gap = str(error)
    return GateEvidence(
        topic=topic.id,
        note=note,
        note_gap=note_gap,
        sessions=sessions,
        attempts=workspace.attempts_by_id(),
        approved=_approved_attempts(workspace, topic.id),
        labs=labs,
        writeups=writeups,
        dead_links={p: [f.message for f in dead_links(root, p, text)] for p, text in [*teaching, *written]},
        unreadable=unreadable,
    )


def _is_document(path: str) -> bool:
    lab = lab_of(path)
    return lab is not None and path in {f"{lab}/{name}" for name in DOCUMENTS}


def _approved_attempts(workspace: Workspace, topic: str) -> frozenset[str]:
    """List the attempts, unchanged since, on which an intact decision on the topic rests."""
    sound: set[str] = set()
    for entry in ledger.sound(workspace.ledger.readable()[0]):
        own = isinstance(entry.change, Change) and entry.change.topic == topic
        if own and entry.decision == "approved" and entry.attempt is not None:
            path = next((p for p in workspace.attempts.files() if p.endswith(f"-{entry.attempt}.json")), None)
            if path is not None and sha256_of(workspace.root, path) == entry.attempt_sha256:
                sound.add(entry.attempt)
    return frozenset(sound)


def gathered(root: Path, topic: Topic, given: Sequence[str], to_level: Level) -> list[Evidence]:
    """List the files that a change rests on: what the row links already, and what is given.

    A lab folder stands for its documents up to the level and its newest run that counts. Files are pinned later, when
    the change is decided.

    Raises:
        UsageError: a given path is a URL or a folder that is no lab.
        WorkspaceError: a given path does not exist or leads outside the workspace.
    """
    labels = {link.target.split("#", 1)[0]: link.label for link in topic.evidence}
    found: dict[str, Evidence] = {}
    linked_runs: dict[str, Evidence] = {}
    for path in row_paths(topic):
        try:
            if inside(root, path).is_file():
                place = canonical(root, path)
                # As the row writes it, so that the link is not added a second time.
                (linked_runs if _is_run(place) else found).setdefault(place, Evidence(path=path, label=labels[path]))
        except WorkspaceError:
            continue  # the gate names it
    for path in given:
        for item in _expanded(root, path, to_level):
            found.setdefault(canonical(root, item.path), item)
    # The level may add documents of labs that are linked already; of the runs, one that still counts is enough.
    for lab in sorted({lab for lab in map(lab_of, (*found, *linked_runs)) if lab is not None}):
        for item in _documents(root, lab, to_level):
            found.setdefault(item.path, item)
        sound = _sound_runs(root, lab) if to_level >= Level.L2 else []
        if not set(sound) & set(found):
            known = [path for path in sound if path in linked_runs]
            for path in (known or sound)[-1:]:
                found[path] = linked_runs.get(path) or Evidence(path=path, label=evidence_label(path))
            if not sound:
                found |= {path: item for path, item in linked_runs.items() if lab_of(path) == lab}
    return list(found.values())


def _is_run(path: str) -> bool:
    lab = lab_of(path)
    return lab is not None and path.startswith(f"{lab}/runs/")


def _expanded(root: Path, path: str, to_level: Level) -> Iterator[Evidence]:
    if is_external(path):
        raise UsageError(f"{path!r} is no file of the workspace; evidence has to lie inside it.")
    place = canonical(root, path)
    if not (root / place).exists():
        raise WorkspaceError(f"{path} does not exist.")
    if (root / place).is_dir():
        if lab_of(place) != place:
            raise UsageError(f"{path!r} is a folder and no lab (lab/SLUG); name the files in it.")
        yield from _documents(root, place, to_level)
        for run in _sound_runs(root, place)[-1:] if to_level >= Level.L2 else ():
            yield Evidence(path=run, label=evidence_label(run))
    else:
        yield Evidence(path=place, label=evidence_label(place))


def _documents(root: Path, lab: str, to_level: Level) -> Iterator[Evidence]:
    for level, name in ADDED.items():
        path = f"{lab}/{name}"
        if to_level >= level and (root / path).is_file() and stays_inside(root, path):
            yield Evidence(path=canonical(root, path), label=evidence_label(path))


def _sound_runs(root: Path, lab: str) -> list[str]:
    """List the records, oldest first, that prove that the lab works as it is now."""
    if not inside(root, lab).is_dir():
        return []
    evidence = read_lab(root, lab, ())
    return [run.path for run in evidence.runs if not run_fault(run, evidence)]


def evidence_label(path: str) -> str:
    """Name a link: `lab x`, `x results`, `run 2026-11-23`, `2026-11-23 quiz`, else the file's name without suffix."""
    lab, name = lab_of(path), PurePosixPath(path).name
    slug = lab.removeprefix("lab/") if lab else ""
    if lab and path == f"{lab}/{name}" and name in LABELS:
        return LABELS[name].format(slug=slug)
    if lab and path.startswith(f"{lab}/runs/") and name[:8].isdigit():
        return f"run {name[:4]}-{name[4:6]}-{name[6:8]}"
    day = _DAY.match(name)
    if path.startswith("sessions/") and day:
        return f"{day[0]} {'quiz' if '-quiz-' in name else 'session'}"
    return PurePosixPath(path).stem


def file_hash(root: Path, path: str) -> str:
    """Hash a file as evidence; "" where it cannot be read."""
    try:
        return hashlib.sha256(inside(root, path).read_bytes()).hexdigest()
    except (OSError, WorkspaceError):
        return ""


def _looked_at_again(change: AnyChange) -> tuple[str, str]:
    """Name what a decision was on, and say how to decide on it anew."""
    if isinstance(change, LineChange):
        return change.text, f"look at “{change.text}” again (`study milestone tick` pins it anew)"
    if isinstance(change, StatusChange):
        return change.topic, f"look at the status of {change.topic!r} again"
    if isinstance(change, NoteChange):
        return change.path, f"look at ^{change.block} again"
    name, level = change.topic, change.to_level
    return (
        name,
        f"look at {level} of {name!r} again (`study promote {name} --to {level}` checks the gates and pins it anew)",
    )


def stale_evidence(root: Path, entry: LedgerEntry) -> list[tuple[str, str]]:
    """List (path, sentence) of what changed since a decision: pinned files, and the code that a pinned run ran."""
    name, again = _looked_at_again(entry.change)
    found: list[tuple[str, str]] = []
    for item in entry.change.evidence:
        now = file_hash(root, item.path)
        if now and now != item.sha256:
            found.append((item.path, f"{item.path} was edited after {name!r} was decided on; {again}."))
        lab = lab_of(item.path)
        if lab is None or not item.path.startswith(f"{lab}/runs/") or not now:
            continue
        record = read_run(root, item.path).record
        try:
            code, env = run_hashes(root, lab)
        except WorkspaceError as error:
            found.append((lab, f"{error} Then {again}."))
            continue
        if record is not None and (record.code_sha256, record.env_sha256) != (code, env):
            what = "code" if record.code_sha256 != code else "environment spec"
            found.append(
                (lab, f"the {what} of {lab} was edited after the run {item.path}; run it again, then {again}.")
            )
    return found
