"""Embeddings by content hash: what makes renames, undo and rebuilds cost nothing."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.adapters.retrieval.embedders import Vectors


class EmbeddingCache:
    """One SQLite file of float16 vectors of one model. Not thread-safe: callers hold a lock.

    float16 keeps a cosine to about three decimals at half the disk. Every use of a vector goes through this
    precision, so that a rebuilt index scores exactly as the one it replaces.
    """

    def __init__(self, path: Path, model: str, dims: int, *, read_only: bool = False) -> None:
        """Open or create the cache; vectors of another model are dropped.

        Raises:
            sqlite3.DatabaseError: the file is no such cache (callers start a new one).
        """
        self._dims = dims
        mode = "ro" if read_only else "rwc"
        self._db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False, isolation_level=None
        )
        try:
            self._prepare(model, read_only=read_only)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, model: str, *, read_only: bool) -> None:
        self._db.execute("PRAGMA busy_timeout = 5000")
        identity = json.dumps([model, self._dims])
        if not read_only:
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA journal_size_limit = 1000000")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS model (identity TEXT)")
            # With a rowid: without one, rows of this size leave half of each page empty.
            self._db.execute("CREATE TABLE IF NOT EXISTS vectors (hash TEXT PRIMARY KEY, vector BLOB)")
        stored = self._db.execute("SELECT identity FROM model").fetchone()
        self.changed = stored is not None and stored[0] != identity
        if read_only:
            self.usable = stored is not None and not self.changed
            return
        self.usable = True
        if stored is None or self.changed:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM vectors")
            self._db.execute("DELETE FROM model")
            self._db.execute("INSERT INTO model VALUES (?)", (identity,))
            self._db.execute("COMMIT")

    def check(self) -> None:
        """Read everything once.

        Raises:
            sqlite3.DatabaseError: a page is damaged.
        """
        answer = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != ("ok",):
            raise sqlite3.DatabaseError(str(answer))

    def get(self, hashes: Sequence[str]) -> tuple[list[str], "Vectors"]:
        """The hashes that are cached, and their vectors as float32, shape (found, dims)."""
        found = self._db.execute(
            "SELECT hash, vector FROM vectors WHERE hash IN (SELECT value FROM json_each(?))",
            (json.dumps(list(hashes)),),
        ).fetchall()
        return self._unpack(found)

    def all(self) -> tuple[list[str], "Vectors"]:
        """Everything."""
        return self._unpack(self._db.execute("SELECT hash, vector FROM vectors").fetchall())

    def _unpack(self, found: list[tuple[str, bytes]]) -> tuple[list[str], "Vectors"]:
        import numpy as np

        size = 2 * self._dims
        good = [(value, blob) for value, blob in found if len(blob) == size]
        data = np.frombuffer(b"".join(blob for _, blob in good), np.float16)
        return [value for value, _ in good], data.reshape(-1, self._dims).astype(np.float32)

    def known(self) -> set[str]:
        """Hashes that are cached."""
        return {row[0] for row in self._db.execute("SELECT hash FROM vectors")}

    def put(self, hashes: Sequence[str], vectors: "Vectors") -> None:
        """Store vectors, shape (len(hashes), dims), in one transaction."""
        import numpy as np

        rows = [(h, v.tobytes()) for h, v in zip(hashes, vectors.astype(np.float16), strict=True)]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        self._db.execute("COMMIT")

    def drop(self, hashes: Iterable[str]) -> None:
        """Forget vectors and give their pages back."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("DELETE FROM vectors WHERE hash = ?", [(h,) for h in hashes])
        self._db.execute("COMMIT")
        # A script, since `execute` steps this statement once, and each step frees a single page.
        self._db.executescript("PRAGMA incremental_vacuum")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Merge the log into the file and close it."""
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
