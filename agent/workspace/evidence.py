"""Reading what a topic's links lead to, always inside the workspace, symlinks resolved."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from agent.domain import ledger
from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.gate import GateEvidence, SessionEvidence, Writeup, run_fault
from agent.domain.lab import DESIGN, README, RESULTS, TEACHING, LabEvidence, RunFile, RunRecord, files_hash
from agent.domain.level import Level
from agent.domain.proposal import Evidence
from agent.domain.roadmap import Topic
from agent.workspace.files import inside, read_text, sha256_of
from agent.workspace.front_matter import split_front_matter
from agent.workspace.link_check import dead_links
from agent.workspace.session_file import read_session
from agent.workspace.workspace import ROADMAP, Workspace

DOCUMENTS = (README, RESULTS, DESIGN, TEACHING)
# The documents that a level adds to a lab's evidence.
ADDED = {Level.L2: README, Level.L3: RESULTS, Level.L4: DESIGN, Level.L5: TEACHING}
LABELS = {README: "lab {slug}", RESULTS: "{slug} results", DESIGN: "{slug} design", TEACHING: "{slug} teaching"}
ENV_SPECS = (
    "requirements*.txt pyproject.toml setup.cfg environment.yml environment.yaml uv.lock poetry.lock Pipfile "
    "Pipfile.lock pdm.lock conda-lock.yml pixi.toml package.json package-lock.json pnpm-lock.yaml yarn.lock Cargo.toml "
    "Cargo.lock go.mod go.sum Gemfile Gemfile.lock renv.lock Project.toml Manifest.toml Dockerfile flake.nix flake.lock"
).split()
CODE = frozenset(
    ".py .ipynb .sh .bash .js .mjs .ts .rs .go .c .cc .cpp .cxx .h .hpp .cu .cuh .java .kt .scala .rb .jl .r .sql .lua "
    ".pl .swift .cs .hs .ml .zig .toml .yaml .yml .cfg .ini".split()
)
CODE_NAMES = frozenset({"Makefile", "justfile", "Taskfile"})
SKIPPED = frozenset({"runs", "__pycache__", "node_modules", "venv", "target", "build", "dist"})
MAX_FILES = 5_000
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


def lab_of(path: str) -> str | None:
    """Give the lab folder (`lab/x`) that a path lies in or is."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[:2]) if len(parts) > 1 and parts[0] == "lab" else None


def row_paths(topic: Topic) -> list[str]:
    """List the files and folders that a row links to; URLs and `#` anchors are left out."""
    targets = (link.target.split("#", 1)[0] for link in topic.evidence if not is_external(link.target))
    return [target for target in targets if target]


def read_evidence(workspace: Workspace, topic: Topic, paths: Sequence[str]) -> GateEvidence:
    """Read everything that a topic's row and a change link to."""
    root = workspace.root
    linked: dict[str, None] = {}
    unreadable: list[str] = []
    for path in dict.fromkeys([*row_paths(topic), *paths]):
        try:
            if not inside(root, path).exists():
                raise WorkspaceError(f"{path} does not exist.")
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
    entries = workspace.ledger.readable()[0]
    broken = {entry.id for entry, _ in ledger.faults(entries)}
    sound: set[str] = set()
    for entry in entries:
        approved = entry.decision == "approved" and entry.change.topic == topic and entry.id not in broken
        if approved and entry.attempt is not None:
            path = next((p for p in workspace.attempts.files() if p.endswith(f"-{entry.attempt}.json")), None)
            if path is not None and sha256_of(workspace.root, path) == entry.attempt_sha256:
                sound.add(entry.attempt)
    return frozenset(sound)


def read_lab(root: Path, folder: str, linked: Iterable[str]) -> LabEvidence:
    """Read a lab folder (`lab/x`); `linked` are the canonical evidence paths, of any folder.

    Raises:
        WorkspaceError: the folder holds more files than are read.
    """
    everywhere = set(linked)
    own = {path for path in everywhere if lab_of(path) == folder}
    texts: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for name in DOCUMENTS:
        if os.path.lexists(root / folder / name):
            try:
                texts[name] = read_text(root, f"{folder}/{name}")
                if canonical(root, f"{folder}/{name}") in everywhere:
                    own.add(f"{folder}/{name}")
            except WorkspaceError as error:
                unreadable[name] = str(error)
    topics, fault = _lab_topics(texts.get(README, ""), f"{folder}/{README}")
    if fault:
        unreadable[README] = fault
    hashes = run_hashes(root, folder)
    return LabEvidence(
        path=folder,
        texts=texts,
        unreadable=unreadable,
        linked=frozenset(own),
        topics=topics,
        env_specs=tuple(path for path in lab_specs(root, folder) if _says_something(root, path)),
        outside=tuple(lab_code(root, folder)[1]),
        code_sha256=hashes[0],
        env_sha256=hashes[1],
        runs=tuple(_runs(root, folder)),
    )


def _lab_topics(readme: str, path: str) -> tuple[tuple[str, ...], str]:
    """Read the topics that a README's front matter names; a README without one is about anything."""
    if not readme.lstrip("\ufeff").startswith("---"):
        return (), ""
    try:
        data, _ = split_front_matter(readme, path)
    except WorkspaceError as error:
        return (), str(error)
    value = data.get("topics") or []
    return tuple(str(item) for item in (value if isinstance(value, list) else [value])), ""


def lab_specs(root: Path, folder: str) -> list[str]:
    """List a lab's environment specs, relative to the workspace."""
    base = root / folder
    found = {file for pattern in ENV_SPECS for file in base.glob(pattern) if file.is_file()}
    return [f"{folder}/{file.name}" for file in sorted(found) if _stays_inside(root, f"{folder}/{file.name}")]


def lab_code(root: Path, folder: str) -> tuple[list[str], list[str]]:
    """List a lab's code, and what looks like code but leads outside the workspace.

    Code is what has a suffix of a programming or configuration language; documents, data, results, `runs/` and
    environment specs are not, so that a run does not change what it ran.
    """
    specs = set(lab_specs(root, folder))
    code: list[str] = []
    outside: list[str] = []
    for path in _walk(root, folder):
        name = PurePosixPath(path).name
        if path in specs or (PurePosixPath(path).suffix.lower() not in CODE and name not in CODE_NAMES):
            continue
        (code if _stays_inside(root, path) else outside).append(path)
    return code, outside


def _walk(root: Path, folder: str) -> Iterator[str]:
    count = 0
    for base, folders, files in os.walk(root / folder):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(files):
            count += 1
            if count > MAX_FILES:
                raise WorkspaceError(f"{folder} has more than {MAX_FILES:,} files; move data and outputs out of it.")
            if not name.startswith("."):
                yield (Path(base) / name).relative_to(root).as_posix()


def _stays_inside(root: Path, path: str) -> bool:
    try:
        return inside(root, path).is_file()
    except WorkspaceError:
        return False


def _says_something(root: Path, path: str) -> bool:
    try:
        return bool(read_text(root, path).strip())
    except WorkspaceError:
        return False


def _relative_hashes(root: Path, folder: str, paths: Iterable[str]) -> dict[str, str]:
    return {path.removeprefix(f"{folder}/"): sha256_of(root, path) for path in paths}


def run_hashes(root: Path, folder: str) -> tuple[str, str]:
    """Hash a lab's code and environment specs as a `RunRecord` keeps them."""
    code, specs = lab_code(root, folder)[0], lab_specs(root, folder)
    return files_hash(_relative_hashes(root, folder, code)), files_hash(_relative_hashes(root, folder, specs))


def run_files(root: Path, folder: str) -> list[str]:
    """List the files in a lab's `runs/`, oldest first by name."""
    return [f"{folder}/runs/{file.name}" for file in sorted((root / folder / "runs").glob("*.json"))]


def _runs(root: Path, folder: str) -> Iterator[RunFile]:
    for path in run_files(root, folder):
        yield read_run(root, path)


def read_run(root: Path, path: str) -> RunFile:
    """Read one file of a lab's `runs/`; what is no record says why, as a clause."""
    try:
        return RunFile(path, RunRecord.model_validate_json(read_text(root, path)))
    except WorkspaceError as error:
        return RunFile(path, None, f"cannot be read: {error}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return RunFile(path, None, f"is no record of a run ({f'{where}: ' if where else ''}{first['msg']})")


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
    for path in row_paths(topic):
        try:
            if inside(root, path).is_file():
                # As the row writes it, so that the link is not added a second time.
                found.setdefault(canonical(root, path), Evidence(path=path, label=labels.get(path, "")))
        except WorkspaceError:
            continue  # the gate names it
    for path in given:
        for item in _expanded(root, path, to_level):
            found.setdefault(canonical(root, item.path), item)
    # The level may add documents of labs that are linked already.
    for lab in sorted({lab for lab in map(lab_of, found) if lab is not None}):
        for item in _lab_items(root, lab, to_level, found):
            found.setdefault(item.path, item)
    return list(found.values())


def _expanded(root: Path, path: str, to_level: Level) -> Iterator[Evidence]:
    if is_external(path):
        raise UsageError(f"{path!r} is no file of the workspace; evidence has to lie inside it.")
    place = canonical(root, path)
    if not (root / place).exists():
        raise WorkspaceError(f"{path} does not exist.")
    if (root / place).is_dir():
        if lab_of(place) != place:
            raise UsageError(f"{path!r} is a folder and no lab (lab/SLUG); name the files in it.")
        yield from _lab_items(root, place, to_level, {})
    else:
        yield Evidence(path=place, label=_label(place))


def _lab_items(root: Path, lab: str, to_level: Level, have: Iterable[str]) -> Iterator[Evidence]:
    for level, name in ADDED.items():
        path = f"{lab}/{name}"
        if to_level >= level and (root / path).is_file() and _stays_inside(root, path):
            yield Evidence(path=canonical(root, path), label=_label(path))
    if to_level >= Level.L2:
        evidence = read_lab(root, lab, ())
        sound = [run.path for run in evidence.runs if not run_fault(run, evidence)]
        if sound and not set(sound) & set(have):
            yield Evidence(path=sound[-1], label=_label(sound[-1]))


def _label(path: str) -> str:
    """Name a link: `lab x`, `x results`, `run 2026-11-23`, else the file's name without its suffix."""
    lab, name = lab_of(path), PurePosixPath(path).name
    slug = lab.removeprefix("lab/") if lab else ""
    if lab and path == f"{lab}/{name}" and name in LABELS:
        return LABELS[name].format(slug=slug)
    if lab and path.startswith(f"{lab}/runs/") and name[:8].isdigit():
        return f"run {name[:4]}-{name[4:6]}-{name[6:8]}"
    return PurePosixPath(path).stem


def file_hash(root: Path, path: str) -> str:
    """Hash a file as evidence; "" where it cannot be read."""
    try:
        return hashlib.sha256(inside(root, path).read_bytes()).hexdigest()
    except (OSError, WorkspaceError):
        return ""
