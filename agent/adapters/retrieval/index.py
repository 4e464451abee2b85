"""The index of the workspace's notes: lexical and dense stores kept level with the files.

Layout of the folder (all of it disposable):

    lock              held by the one process that writes
    current           JSON: which generation is in use, and for which format
    embeddings.sqlite vectors by content hash; survives rebuilds
    g-000001/         a generation: text.sqlite, chroma/, and stamps written at a clean close

A generation is filled in a new folder and swapped in by replacing `current`. After a crash the stamps are
missing: the text is checked in this process, Chroma in a child, and what fails is rebuilt beside.
"""

import contextlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agent.adapters.retrieval import files
from agent.adapters.retrieval.cache import EmbeddingCache
from agent.adapters.retrieval.embedders import Embedder
from agent.adapters.retrieval.stamps import file_stamp, folder_stamp, read_stamp, write_json
from agent.adapters.retrieval.sync import SyncReport, level_text
from agent.adapters.retrieval.textstore import TOKENIZER, TextStore
from agent.adapters.retrieval.vectors import ChromaVectors, VectorsDamagedError, probe
from agent.domain.chunking import CHUNKER_VERSION
from agent.domain.errors import BusyError, ModelError, StudyError

if TYPE_CHECKING:
    from agent.adapters.retrieval.embedders import Vectors

FORMAT = f"1 {CHUNKER_VERSION} {TOKENIZER}"
CHUNKS_A_BATCH = 16
VECTORS_A_BATCH = 500
# Dead entries pile up in HNSW and FTS5; past this share of the live ones a new generation is cheaper.
CHURN_SHARE = 0.2
CHURN_FREE = 300

T = TypeVar("T")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Status:
    """Coverage: `skipped` pairs each left-out file with the reason; `pending` chunks wait for a vector."""

    files: int
    skipped: tuple[tuple[str, str], ...]
    chunks: int
    pending: int
    model: str
    disk_bytes: int
    writable: bool
    rebuilt: str


class NoteIndex:
    """Open with `with NoteIndex(...) as index`. Thread-safe; one process writes, others read."""

    def __init__(self, source: Path | files.Source, folder: Path, embedder: Embedder | None) -> None:
        """Index a workspace's root (or another source) in `folder`; without an embedder only words are searched.

        Raises:
            BusyError: another process is building the first index.
            StudyError: the folder cannot be written.
        """
        self._source = files.WorkspaceFiles(source) if isinstance(source, Path) else source
        self.folder = folder
        self.embedder = embedder
        self.rebuilt = ""
        self.lock = threading.RLock()
        self._sync_lock = threading.Lock()
        self._chroma: ChromaVectors | None = None
        self._chroma_trusted = False
        self._chroma_level = False
        self._clean = True
        self._cache: EmbeddingCache | None = None
        self._generation = ""
        self._exact: tuple[list[str], Any] | None = None
        # Whether text or vectors may have changed since the stores were last compared.
        self._dirty = True
        self._pending = 0
        with _as_study_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self.writable = self._acquire()
            try:
                self.text = self._open_text()
                if embedder:
                    # An endpoint that is down costs the dense leg, not the index; `sync` tries again.
                    with contextlib.suppress(ModelError):
                        self._open_cache(embedder)
            except BaseException:
                self._file_lock.release()
                raise

    def __enter__(self) -> "NoteIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- opening and closing

    def _acquire(self) -> bool:
        from filelock import FileLock, Timeout

        self._file_lock = FileLock(str(self.folder / "lock"), timeout=0, thread_local=False)
        try:
            self._file_lock.acquire()
        except Timeout:
            return False
        return True

    def _current(self) -> str:
        """Name of the generation in use, "" where there is none of this format."""
        try:
            value = json.loads((self.folder / "current").read_text("utf-8"))
            name = value["generation"] if value["format"] == FORMAT else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return name if isinstance(name, str) and (self.folder / name / "text.sqlite").is_file() else ""

    def _open_text(self) -> TextStore:
        name = self._current()
        if not self.writable:
            if not name:
                raise BusyError(f"another process is building the index in {str(self.folder)!r}; try again in a moment")
            self._generation = name
            return TextStore(self.folder / name / "text.sqlite", read_only=True)
        self._remove_generations(but=name)
        if name:
            try:
                return self._reopen_text(name)
            except sqlite3.DatabaseError as error:
                self.rebuilt = f"the text index was damaged ({error})"
        return self._new_generation()

    def _reopen_text(self, name: str) -> TextStore:
        generation = self.folder / name
        mark = read_stamp(generation / "text.clean")
        (generation / "text.clean").unlink(missing_ok=True)
        self._clean = mark is not None and mark == file_stamp(generation / "text.sqlite")
        text = TextStore(generation / "text.sqlite")
        if not self._clean:
            try:
                text.check()
            except sqlite3.DatabaseError:
                text.close()
                raise
        self._generation = name
        return text

    def _new_generation(self) -> TextStore:
        """An empty generation, filled from the files and then swapped in; the old one goes."""
        numbers = [int(p.name[2:]) for p in self.folder.glob("g-*") if p.name[2:].isdigit()]
        name = f"g-{max(numbers, default=0) + 1:06d}"
        (self.folder / name).mkdir()
        text = TextStore(self.folder / name / "text.sqlite")
        level_text(self._source, text)
        self._exact = None
        self._dirty = True
        write_json(self.folder / "current", {"generation": name, "format": FORMAT})
        old, self._generation = self._generation, name
        self._close_chroma()
        if old:
            self.text.close()
        self._remove_generations(but=name)
        return text

    def _remove_generations(self, *, but: str) -> None:
        for path in self.folder.glob("g-*"):
            if path.name != but:
                shutil.rmtree(path, ignore_errors=True)

    def _open_cache(self, embedder: Embedder) -> None:
        path = self.folder / "embeddings.sqlite"
        mark = self.folder / "embeddings.clean"
        arguments = (path, embedder.name, embedder.dims)
        if not self.writable:
            with contextlib.suppress(sqlite3.DatabaseError):
                cache = EmbeddingCache(*arguments, read_only=True)
                self._cache = cache if cache.usable else None
            return
        clean = read_stamp(mark) == file_stamp(path)
        mark.unlink(missing_ok=True)
        try:
            self._cache = EmbeddingCache(*arguments)
            if not clean:
                self._cache.check()
        except sqlite3.DatabaseError as error:
            self._reset_cache(embedder, error)
        if self._cache and self._cache.changed:
            self.rebuilt = self.rebuilt or f"the embedder is now {embedder.name!r}"

    def _reset_cache(self, embedder: Embedder, error: sqlite3.DatabaseError) -> None:
        self.rebuilt = self.rebuilt or f"the embedding cache was damaged ({error})"
        path = self.folder / "embeddings.sqlite"
        if self._cache:
            self._cache.close()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        self._cache = EmbeddingCache(path, embedder.name, embedder.dims)
        self._exact = None
        self._dirty = True

    def close(self) -> None:
        """Leave everything on disk so that the next process need not check it."""
        with self.lock:
            self._close_chroma()
            if self._cache:
                self._cache.close()
                if self.writable:
                    write_json(self.folder / "embeddings.clean", file_stamp(self.folder / "embeddings.sqlite"))
            self._cache = None
            self.text.close()
            if self.writable:
                generation = self.folder / self._generation
                write_json(generation / "text.clean", file_stamp(generation / "text.sqlite"))
            self._file_lock.release()

    def _close_chroma(self) -> None:
        if self._chroma:
            folder = self._chroma.folder
            self._chroma.close()
            self._chroma = None
            self._chroma_level = False
            if self._chroma_trusted and folder.is_dir():
                write_json(folder.parent / "chroma.clean", folder_stamp(folder))

    # -- sync

    def sync(self, progress: Progress | None = None, *, embed: int | None = None, vectors: bool = False) -> SyncReport:
        """Bring the index level with the files; a report of what changed.

        Text is committed first, so that the lexical leg finds it at once. Then at most `embed` chunks (None:
        all) get their vector, newest files first, with `progress(done, of)`; what is left goes on at the next
        sync. `vectors` also brings Chroma level, which costs its import; it is done anyway where Chroma is open.

        Raises:
            BusyError: another process holds the index.
            ModelError: the embedder failed; the text is committed nevertheless.
        """
        if not self.writable:
            raise BusyError(f"another process holds the index in {str(self.folder)!r}; it will see your changes")
        with self._sync_lock, _as_study_error(self.folder):
            vectors = vectors or self._chroma is not None
            with self.lock:
                report = self._repairing(lambda: level_text(self._source, self.text))
                if report.changed or report.removed:
                    self._exact = None
                    self._dirty = True
                if self._churned():
                    self.text = self._new_generation()
            embedded = self._embed(progress, embed) if self._dirty or self._pending else 0
            if vectors and (self._dirty or embedded or not self._chroma):
                self._level_chroma()
            with self.lock:
                self._pending = len(self._repairing(self._missing)) if self._dirty or embedded else self._pending
                self._dirty = False
                rebuilt, self.rebuilt = self.rebuilt, ""
                return replace(report, embedded=embedded, pending=self._pending, rebuilt=rebuilt)

    def _repairing(self, action: Callable[[], T]) -> T:
        """Run the action; where a store turns out to be damaged, rebuild that one and run again."""
        try:
            return action()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            if not self.writable:
                raise
            try:
                self.text.check()
            except sqlite3.DatabaseError:
                self.rebuilt = f"the text index was damaged ({error})"
                self.text = self._new_generation()
            else:
                if not self.embedder:
                    raise
                self._reset_cache(self.embedder, error)
            return action()

    def _churned(self) -> bool:
        chunks, _ = self.text.counts()
        return self.text.churn() > max(CHURN_FREE, CHURN_SHARE * chunks)

    # -- vectors

    def _missing(self) -> list[str]:
        """Content hashes without a vector, newest files first."""
        if not self._cache:
            return []
        known = self._cache.known()
        if self.text.hashes() <= known:
            return []
        return [value for value in self.text.newest_first() if value not in known]

    def _embed(self, progress: Progress | None, limit: int | None) -> int:
        if not self.embedder:
            return 0
        if not self._cache:
            with self.lock:
                self._open_cache(self.embedder)
        if not self._cache:
            return 0
        with self.lock:
            missing = self._repairing(self._missing)[:limit]
        for at in range(0, len(missing), CHUNKS_A_BATCH):
            batch = missing[at : at + CHUNKS_A_BATCH]
            with self.lock:
                texts = self.text.embedded_text(batch)
            hashes = [value for value in batch if value in texts]
            if not hashes:
                continue
            # Outside the lock: searches go on while the model works.
            vectors = self.embedder.embed([texts[value] for value in hashes])
            with self.lock:
                self._cache.put(hashes, vectors)
                self._exact = None
            if progress:
                progress(min(at + CHUNKS_A_BATCH, len(missing)), len(missing))
        with self.lock:
            self._prune_cache()
        return len(missing)

    def _prune_cache(self) -> None:
        """Vectors of vanished text are kept for a while (an undo, another branch), within a bound."""
        if not self._cache:
            return
        live = self.text.hashes()
        dead = self._cache.known() - live
        if len(dead) > max(CHURN_FREE, CHURN_SHARE * len(live)):
            self._cache.drop(dead)
            self._exact = None

    def open_vectors(self) -> None:
        """Open Chroma and bring it level with the cache; from then on the dense leg searches there.

        Costs the import (about a second) and, after a crash, a probe in a child process. Until it is done, and
        in processes that only read, the dense leg scans the cache, which is exact and fast for a few thousand chunks.
        """
        if self.writable and self.embedder and self._cache:
            with self._sync_lock, _as_study_error(self.folder):
                self._level_chroma()

    def _level_chroma(self) -> None:
        for attempt in (1, 2):
            try:
                self._open_chroma()
                self._exchange()
                return
            except VectorsDamagedError as error:
                with self.lock:
                    self._drop_chroma(str(error))
                if attempt == 2:
                    self.rebuilt = f"the vector store does not work here ({error}); searching without it"

    def _open_chroma(self) -> None:
        if self._chroma or not (self.embedder and self._cache):
            return
        folder = self.folder / self._generation / "chroma"
        mark = folder.parent / "chroma.clean"
        existed = folder.is_dir()
        trusted = existed and self._clean and read_stamp(mark) == folder_stamp(folder)
        mark.unlink(missing_ok=True)
        if existed and not trusted and not probe(folder):
            raise VectorsDamagedError("a probe failed")
        chroma = ChromaVectors(folder, self.embedder.name, self.embedder.dims)
        with self.lock:
            self._chroma = chroma
            self._chroma_trusted = True
            if not trusted:
                stored = chroma.hashes()
                recorded = self.text.stored_vectors()
                self.text.record_vectors(stored - recorded, recorded - stored)

    def _exchange(self) -> None:
        """Chroma gains the vectors that the text needs and loses the others; searches go on in between."""
        if not (self._chroma and self._cache):
            return
        with self.lock:
            wanted = self.text.hashes()
            stored = self.text.stored_vectors()
            gone = sorted(stored - wanted)
            new = sorted((wanted - stored) & self._cache.known())
            if gone:
                self._chroma.drop(gone)
                self.text.record_vectors((), gone)
        for at in range(0, len(new), VECTORS_A_BATCH):
            with self.lock:
                hashes, vectors = self._cache.get(new[at : at + VECTORS_A_BATCH])
                self._chroma.put(hashes, vectors)
                self.text.record_vectors(hashes)
        self._chroma_level = True

    def _drop_chroma(self, why: str) -> None:
        self.rebuilt = f"the vector store was rebuilt ({why.splitlines()[0][:120] if why else 'damaged'})"
        self._chroma_trusted = self._chroma_level = False
        if self._chroma:
            self._chroma.close()
            self._chroma = None
        if self.writable:
            # A new name: Chroma keeps what it once opened in this process by its path.
            self.text = self._new_generation()

    # -- reading

    def read(self, action: Callable[[TextStore], T]) -> T:
        """Run a read under the lock; a process that only reads follows the writer's swaps.

        Raises:
            StudyError: the index cannot be read and not be rebuilt either.
        """
        with self.lock, _as_study_error(self.folder):
            if not self.writable:
                name = self._current()
                if name and name != self._generation:
                    self.text.close()
                    self._generation = name
                    self.text = TextStore(self.folder / name / "text.sqlite", read_only=True)
            return self._repairing(lambda: action(self.text))

    def nearest(self, vector: "Vectors", limit: int) -> list[str]:
        """Content hashes of the nearest chunks. Call within `read`."""
        if self._chroma and self._chroma_level:
            try:
                return self._chroma.nearest(vector, limit)
            except VectorsDamagedError as error:
                self._drop_chroma(str(error))
        return self._scan(vector, limit)

    def _scan(self, vector: "Vectors", limit: int) -> list[str]:
        import numpy as np

        if not self._cache:
            return []
        if self._exact is None or not self.writable:
            self._exact = self._cache.all()
        hashes, vectors = self._exact
        scores = vectors @ vector
        best = np.argsort(-scores, kind="stable")[: limit + CHURN_FREE]
        live = self.text.rows_of([hashes[i] for i in best])
        return [hashes[i] for i in best if hashes[i] in live][:limit]

    def cosines(self, vector: "Vectors", hashes: list[str]) -> dict[str, float]:
        """Exact cosines of chunks that have a vector. Call within `read`."""
        if not self._cache:
            return {}
        found, vectors = self._cache.get(hashes)
        return dict(zip(found, (vectors @ vector).tolist(), strict=True))

    def status(self) -> Status:
        """Coverage and size, without touching the files."""
        return self.read(self._status)

    def _status(self, text: TextStore) -> Status:
        rows = text.files().values()
        return Status(
            files=len(rows),
            skipped=tuple(sorted((row.path, row.skip) for row in rows if row.skip)),
            chunks=text.counts()[0],
            pending=len(self._missing()),
            model=self.embedder.name if self.embedder else "",
            disk_bytes=sum(size for size, _ in folder_stamp(self.folder).values()),
            writable=self.writable,
            rebuilt=self.rebuilt,
        )


@contextlib.contextmanager
def _as_study_error(folder: Path) -> Iterator[None]:
    """Failures of the disk in one sentence."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StudyError(
            f"the index in {str(folder)!r} cannot be used ({error}); free disk space or delete that folder"
        ) from error
