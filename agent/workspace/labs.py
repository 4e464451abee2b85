"""Lab folders: their documents, code, environment specs and recorded runs, as they lie on disk."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from agent.domain.errors import WorkspaceError
from agent.domain.evidence import spec_gap
from agent.domain.lab import DESIGN, README, RESULTS, TEACHING, LabEvidence, RunFile, RunRecord, files_hash
from agent.workspace.files import inside, read_text, sha256_of
from agent.workspace.front_matter import split_front_matter

DOCUMENTS = (README, RESULTS, DESIGN, TEACHING)
ENV_SPECS = (
    "requirements*.txt pyproject.toml setup.cfg environment.yml environment.yaml uv.lock poetry.lock Pipfile "
    "Pipfile.lock pdm.lock conda-lock.yml pixi.toml package.json package-lock.json pnpm-lock.yaml yarn.lock Cargo.toml "
    "Cargo.lock go.mod go.sum Gemfile Gemfile.lock renv.lock Project.toml Manifest.toml Dockerfile flake.nix flake.lock"
).split()
CODE = frozenset(
    ".py .ipynb .sh .bash .js .mjs .ts .rs .go .c .cc .cpp .cxx .h .hpp .cu .cuh .java .kt .scala .rb .jl .r .sql .lua "
    ".pl .swift .cs .hs .ml .zig .toml .yaml .yml .cfg .ini".split()
)
# What says how a program runs is data where it lies in a folder of that name: hand-labelled answers, say.
DATA, DATA_SUFFIXES = "data", frozenset({".toml", ".yaml", ".yml", ".cfg", ".ini", ".sql"})
CODE_NAMES = frozenset({"Makefile", "justfile", "Taskfile"})
SKIPPED = frozenset({"runs", "__pycache__", "node_modules", "venv", "target", "build", "dist"})
MAX_FILES = 5_000


def lab_of(path: str) -> str | None:
    """Give the lab folder (`lab/x`) that a path lies in or is."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[:2]) if len(parts) > 1 and parts[0] == "lab" else None


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
                place = inside(root, f"{folder}/{name}").relative_to(root.resolve())
                if place.as_posix() in everywhere:
                    own.add(f"{folder}/{name}")
            except WorkspaceError as error:
                unreadable[name] = str(error)
    topics, fault = lab_topics(texts.get(README, ""), f"{folder}/{README}")
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


def lab_topics(readme: str, path: str) -> tuple[tuple[str, ...], str]:
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
    return [f"{folder}/{file.name}" for file in sorted(found) if stays_inside(root, f"{folder}/{file.name}")]


def lab_code(root: Path, folder: str) -> tuple[list[str], list[str]]:
    """List a lab's code, and what looks like code but leads outside the workspace.

    Code is what has a suffix of a programming or configuration language; documents, data, results, `runs/` and
    environment specs are not, so that a run does not change what it ran. Configuration below a folder `data` is data.
    """
    specs = set(lab_specs(root, folder))
    code: list[str] = []
    outside: list[str] = []
    for path in _walk(root, folder):
        place = PurePosixPath(path)
        suffix = place.suffix.lower()
        if path in specs or (suffix not in CODE and place.name not in CODE_NAMES):
            continue
        if suffix in DATA_SUFFIXES and DATA in place.relative_to(folder).parts[:-1]:
            continue
        (code if stays_inside(root, path) else outside).append(path)
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


def stays_inside(root: Path, path: str) -> bool:
    """Whether a path is a file of the workspace, symlinks resolved."""
    try:
        return inside(root, path).is_file()
    except WorkspaceError:
        return False


def _says_something(root: Path, path: str) -> bool:
    try:
        return not spec_gap(read_text(root, path))
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
