"""Kills of an index update. The index is disposable, so the promise is: the next start finds exactly what is there."""

import hashlib
import random
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.adapters.retrieval import HybridRetriever, NoteIndex
from evals.chaos.invariants import Finding
from evals.chaos.process import Length, Say, Step, run_child, warm
from evals.chaos.runs import Run, crash_of, fine
from evals.chaos.world import make_workspace

if TYPE_CHECKING:
    from agent.adapters.retrieval.embedders import Vectors

NOTES, CHANGED, ADDED, REMOVED = 20, 6, 4, 3
FOLDER = "tracks/09-index"


class HashingEmbedder:
    """Implements `Embedder` without a model: words hashed into 16 buckets."""

    name = "hashing-16"
    dims = 16

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Give a unit vector a text."""
        import numpy as np

        rows = np.full((len(texts), self.dims), 0.01, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[hashlib.blake2b(word.encode(), digest_size=2).digest()[0] % self.dims] += 1
        unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def index_runs(
    folder: Path, number: int, dice: random.Random, *, evenly: bool = False, keep: bool = False
) -> Iterator[Run]:
    """Kill updates of an index: notes were changed, added and removed since it was built."""
    start = make_workspace(folder / "start")
    _write(start, range(NOTES), "first")
    warm(update(start))
    changed = [*range(CHANGED), *range(NOTES, NOTES + ADDED)]
    _write(start, changed, "second")
    for note in range(NOTES - REMOVED, NOTES):
        _path(start, note).unlink()
    wanted = {f"{word}{note}": [_path(start, note).name] for note in changed for word in ("marker", "second")}
    wanted |= {f"marker{note}": [_path(start, note).name] for note in range(CHANGED, NOTES - REMOVED)}
    wanted |= {f"marker{note}": [] for note in range(NOTES - REMOVED, NOTES)}
    wanted |= {f"first{note}": [] for note in range(CHANGED)}
    timed = fine(run_child(update(_copy(start, folder))))
    calls = fine(run_child(update(_copy(start, folder)), count=True)).calls
    length = Length(timed.seconds, calls)
    for moment in length.spread(number) if evenly else (length.drawn(dice) for _ in range(number)):
        root = _copy(start, folder)
        killed = run_child(update(root), moment)
        restart = run_child(look_up(root, list(wanted)))
        findings = [*crash_of(killed), *crash_of(restart)]
        found = restart.events[-1]["found"] if restart.events else {}
        wrong = [word for word in wanted if found.get(word) != wanted[word]]
        if wrong and not findings:
            findings.append(Finding("half done", f"{wrong[0]} is found in {found.get(wrong[0])}"))
        if not (keep and findings):
            shutil.rmtree(root.parent)
        rebuilt = restart.events[-1]["rebuilt"] if restart.events else ""
        yield Run(
            "during the update" if killed.killed else "not killed in time",
            "index rebuilt" if rebuilt else "index brought level",
            int(killed.killed),
            tuple(findings),
            0,
        )


def update(root: Path) -> Step:
    """Bring text and embeddings level. Chroma, derived from both, has its own kills in the index's tests."""

    def step(say: Say) -> None:
        with NoteIndex(root, root / ".study" / "index", HashingEmbedder()) as index:
            index.sync()
            say({"event": "level"})

    return step


def look_up(root: Path, words: list[str]) -> Step:
    """Start again: bring the index level, and search for words that stand in one note each, or in none now."""

    def step(say: Say) -> None:
        with NoteIndex(root, root / ".study" / "index", HashingEmbedder()) as index:
            report = index.sync()
            retriever = HybridRetriever(index)
            found = {}
            for word in words:
                passages = [p for p in retriever.search(word, 30) if re.search(rf"\b{word}\b", p.text)]
                found[word] = sorted({Path(p.path).name for p in passages})
            retriever.close()
        say({"event": "found", "found": found, "rebuilt": report.rebuilt})

    return step


def _path(root: Path, note: int) -> Path:
    return root / FOLDER / f"note-{note:03d}.md"


def _write(root: Path, notes: Sequence[int], version: str) -> None:
    (root / FOLDER).mkdir(exist_ok=True)
    for note in notes:
        text = f"# Note {note}\n\nThe word marker{note} stands here, in the {version} version: {version}{note}.\n"
        _path(root, note).write_text(text, encoding="utf-8")


def _copy(start: Path, folder: Path) -> Path:
    root = Path(tempfile.mkdtemp(dir=folder)) / "workspace"
    shutil.copytree(start, root)
    return root
