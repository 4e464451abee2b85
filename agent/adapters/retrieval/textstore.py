"""The lexical leg and the text itself: SQLite with FTS5."""

import contextlib
import json
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.domain.chunking import Chunk
from agent.ports.retriever import Filters

TOKENIZER = "porter unicode61 remove_diacritics 2"
# A query reads at most this many postings, rarest terms first, so that its time does not grow with the notes.
POSTINGS = 15_000
MAX_TERMS = 64
K1 = 1.2  # of FTS5's bm25(), which has it built in
_SCHEMA = f"""
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, checked_ns INTEGER,
    hash BLOB, day TEXT, topics TEXT, skip TEXT
) WITHOUT ROWID;
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY, id TEXT, path TEXT, hash TEXT, heading TEXT, body TEXT,
    start_line INTEGER, end_line INTEGER, section_first INTEGER, section_last INTEGER
);
CREATE INDEX chunks_path ON chunks (path);
CREATE INDEX chunks_hash ON chunks (hash);
CREATE TABLE vectors (hash TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE churn (dead INTEGER);
INSERT INTO churn VALUES (0);
CREATE VIRTUAL TABLE fts USING fts5 (
    heading, body, path, content='chunks', content_rowid='row', tokenize='{TOKENIZER}'
);
CREATE VIRTUAL TABLE terms USING fts5vocab (fts, 'row');
CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO fts (rowid, heading, body, path) VALUES (new.row, new.heading, new.body, new.path);
END;
CREATE TRIGGER chunk_gone AFTER DELETE ON chunks BEGIN
    INSERT INTO fts (fts, rowid, heading, body, path) VALUES ('delete', old.row, old.heading, old.body, old.path);
END;
"""  # noqa: S608  (only constants)
_WORD = re.compile(r"\w+")
# Words that carry no topic; they only cost postings. Kept when a query has nothing else.
STOP_WORDS = frozenset(
    "a about an and are as at be but by can could did do does for from had has have how i if in into is it its me "
    "my no not of on or our should so such than that the their them then there these they this to us was we were "
    "what when where which who why will with would you your".split()
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """What the index knows of a file; `skip` is "" for one that is indexed."""

    path: str
    size: int
    mtime_ns: int
    checked_ns: int
    hash: bytes
    day: str = ""
    topics: tuple[str, ...] = ()
    skip: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A stored chunk."""

    row: int
    id: str
    path: str
    hash: str
    heading: str
    body: str
    start_line: int
    end_line: int
    section: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Lexical:
    """Scores of the lexical leg by chunk row, and the most a chunk could score for this query."""

    scores: dict[int, float]
    bound: float


class TextStore:
    """One SQLite file. Not thread-safe: callers hold a lock."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open or create the store.

        Raises:
            sqlite3.DatabaseError: the file is no such store (callers rebuild).
        """
        mode = "ro" if read_only else "rwc"
        self._db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False, isolation_level=None
        )
        self._read_only = read_only
        self._total: int | None = None
        self._frequencies: dict[str, int] = {}
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise
        # Stems come from the same tokenizer that built the index, run over the query's words.
        self._stems = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._stems.executescript(
            f"CREATE VIRTUAL TABLE q USING fts5 (x, tokenize='{TOKENIZER}');"
            "CREATE VIRTUAL TABLE qv USING fts5vocab (q, 'instance');"
        )

    def _prepare(self) -> None:
        self._db.execute("PRAGMA busy_timeout = 5000")
        self._db.execute("PRAGMA cache_size = -16000")
        if self._read_only:
            self._db.execute("SELECT 1 FROM chunks LIMIT 1").fetchone()
            return
        self._db.execute("PRAGMA page_size = 8192")  # chunks of about 1 kB fill it better than 4096
        self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA journal_size_limit = 1000000")
        # The index is disposable: a power cut may cost the last commits, never consistency.
        self._db.execute("PRAGMA synchronous = NORMAL")
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'chunks'").fetchone():
            with self.transaction():
                for statement in _statements(_SCHEMA):
                    self._db.execute(statement)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes within, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def check(self) -> None:
        """Read everything once.

        Raises:
            sqlite3.DatabaseError: a page or the lexical index is damaged.
        """
        answer = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if answer != ("ok",):
            raise sqlite3.DatabaseError(str(answer))
        if not self._read_only:
            self._db.execute("INSERT INTO fts (fts, rank) VALUES ('integrity-check', 1)")

    def close(self) -> None:
        """Merge the log into the file and close it."""
        with contextlib.suppress(sqlite3.Error):
            if not self._read_only:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()
        self._stems.close()

    # -- files and chunks

    def files(self) -> dict[str, FileRow]:
        """Every file seen at the last sync, by path."""
        rows = self._db.execute(
            "SELECT path, size, mtime_ns, checked_ns, hash, day, topics, skip FROM files"
        ).fetchall()
        return {
            path: FileRow(path, size, mtime, checked, digest, day, tuple(json.loads(topics)), skip)
            for path, size, mtime, checked, digest, day, topics, skip in rows
        }

    def touch(self, rows: Iterable[FileRow]) -> None:
        """Store what is known of files whose chunks stay as they are."""
        self._db.executemany(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(r.path, r.size, r.mtime_ns, r.checked_ns, r.hash, r.day, json.dumps(r.topics), r.skip) for r in rows],
        )

    def replace(self, file: FileRow, chunks: Sequence[Chunk]) -> None:
        """Make the file's chunks these; chunks that only moved keep their row."""
        old = dict(self._db.execute("SELECT id, row FROM chunks WHERE path = ?", (file.path,)).fetchall())
        kept = {c.id for c in chunks}
        gone = [(row,) for i, row in old.items() if i not in kept]
        self._db.executemany("DELETE FROM chunks WHERE row = ?", gone)
        if gone:
            self._db.execute("UPDATE churn SET dead = dead + ?", (len(gone),))
        new = [c for c in chunks if c.id not in old]
        self._total = None
        self._frequencies.clear()
        self._db.executemany(
            "INSERT INTO chunks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(c.id, c.path, c.hash, c.heading, c.text, c.start_line, c.end_line, *c.section) for c in new],
        )
        self._db.executemany(
            "UPDATE chunks SET start_line = ?, end_line = ?, section_first = ?, section_last = ? WHERE row = ?",
            [(c.start_line, c.end_line, *c.section, old[c.id]) for c in chunks if c.id in old],
        )
        self.touch([file])

    def remove(self, path: str) -> None:
        """Forget a file."""
        self._total = None
        self._frequencies.clear()
        gone = self._db.execute("DELETE FROM chunks WHERE path = ?", (path,)).rowcount
        self._db.execute("UPDATE churn SET dead = dead + ?", (gone,))
        self._db.execute("DELETE FROM files WHERE path = ?", (path,))

    def rows(self, numbers: Iterable[int]) -> dict[int, Row]:
        """Stored chunks by row."""
        marks = json.dumps(list(numbers))
        found = self._db.execute(
            "SELECT row, id, path, hash, heading, body, start_line, end_line, section_first, section_last "
            "FROM chunks WHERE row IN (SELECT value FROM json_each(?))",
            (marks,),
        )
        return {
            row: Row(row, key, path, digest, heading, body, first, last, (section_first, section_last))
            for row, key, path, digest, heading, body, first, last, section_first, section_last in found
        }

    def rows_all(self) -> list[int]:
        """Every row."""
        return [row[0] for row in self._db.execute("SELECT row FROM chunks")]

    def rows_of(self, hashes: Iterable[str]) -> dict[str, list[int]]:
        """Rows that hold each content hash."""
        result: dict[str, list[int]] = {}
        for value, row in self._db.execute(
            "SELECT hash, row FROM chunks WHERE hash IN (SELECT value FROM json_each(?)) ORDER BY path, row",
            (json.dumps(list(hashes)),),
        ):
            result.setdefault(value, []).append(row)
        return result

    def hashes_of(self, rows: Iterable[int]) -> dict[int, str]:
        """Content hash of each row."""
        return dict(
            self._db.execute(
                "SELECT row, hash FROM chunks WHERE row IN (SELECT value FROM json_each(?))",
                (json.dumps(list(rows)),),
            ).fetchall()
        )

    def newest_first(self) -> list[str]:
        """The content hash of every distinct chunk, those of the newest files first."""
        found = self._db.execute(
            "SELECT c.hash, max(f.mtime_ns) AS newest FROM chunks c JOIN files f USING (path) "
            "GROUP BY c.hash ORDER BY newest DESC, min(c.row)"
        )
        return [row[0] for row in found]

    def embedded_text(self, hashes: Sequence[str]) -> dict[str, str]:
        """What the embedder sees, by content hash."""
        found = self._db.execute(
            "SELECT hash, heading, body FROM chunks WHERE hash IN (SELECT value FROM json_each(?)) GROUP BY hash",
            (json.dumps(list(hashes)),),
        )
        return {h: f"{heading}\n\n{body}" if heading else body for h, heading, body in found}

    def counts(self) -> tuple[int, int]:
        """(chunks, distinct content hashes)."""
        row = self._db.execute("SELECT count(*), count(DISTINCT hash) FROM chunks").fetchone()
        return int(row[0]), int(row[1])

    def churn(self) -> int:
        """Chunks deleted since the store was made: dead weight in FTS5, and in the vector store beside it."""
        return int(self._db.execute("SELECT dead FROM churn").fetchone()[0])

    def allowed(self, filters: Filters) -> frozenset[int] | None:
        """Rows that pass the filters; None where nothing is filtered. Days are UTC where a name has none."""
        if not filters:
            return None
        paths = [
            file.path
            for file in self.files().values()
            if not file.skip
            and (not filters.folders or any(_below(file.path, folder) for folder in filters.folders))
            and (not filters.topics or set(filters.topics) & set(file.topics))
            and (not filters.since or file.day >= filters.since.isoformat())
        ]
        found = self._db.execute(
            "SELECT row FROM chunks WHERE path IN (SELECT value FROM json_each(?))", (json.dumps(paths),)
        )
        return frozenset(row[0] for row in found)

    # -- the lexical leg

    def search(self, query: str, limit: int, allowed: frozenset[int] | None = None) -> Lexical:
        """BM25 of the chunks that hold any of the query's words, best `limit`."""
        words = [word.lower() for word in _WORD.findall(query)][: 4 * MAX_TERMS]
        words = [w for w in words if w not in STOP_WORDS] or words
        stems = self._stem(list(dict.fromkeys(words))[:MAX_TERMS])
        total = self._count()
        if not stems or not total:
            return Lexical({}, 0.0)
        frequency = {stem: self._chunks_with(stem) for stem in stems}
        bound = 0.0
        used: list[str] = []
        postings = 0
        for stem in sorted(stems, key=lambda s: frequency[s]):
            count = frequency[stem]
            bound += (K1 + 1) * max(math.log((total - count + 0.5) / (count + 0.5)), 1e-6)
            # FTS5 floors the weight of a word in more than half of the chunks at nearly nothing.
            if count and (not used or (2 * count <= total and postings + count <= POSTINGS)):
                used.append(stems[stem])
                postings += count
        if not used:
            return Lexical({}, bound)
        match = " OR ".join(f'"{word}"' for word in used)
        if allowed is None:
            found = self._db.execute(
                "SELECT rowid, -bm25(fts, 1.0, 1.0, 0.5) AS score FROM fts WHERE fts MATCH ? "
                "ORDER BY score DESC, rowid LIMIT ?",
                (match, limit),
            )
        else:
            found = self._db.execute(
                "SELECT rowid, -bm25(fts, 1.0, 1.0, 0.5) AS score FROM fts WHERE fts MATCH ? "
                "AND rowid IN (SELECT value FROM json_each(?)) ORDER BY score DESC, rowid LIMIT ?",
                (match, json.dumps(sorted(allowed)), limit),
            )
        return Lexical(dict(found), bound)

    def _chunks_with(self, term: str) -> int:
        """How many chunks hold the term; FTS5 counts them one by one, so the answer is kept until a write."""
        if term not in self._frequencies or self._read_only:
            found = self._db.execute("SELECT doc FROM terms WHERE term = ?", (term,)).fetchone()
            self._frequencies[term] = found[0] if found else 0
        return self._frequencies[term]

    def _count(self) -> int:
        if self._total is None or self._read_only:
            self._total = int(self._db.execute("SELECT count(*) FROM chunks").fetchone()[0])
        return self._total

    def _stem(self, words: Sequence[str]) -> dict[str, str]:
        """Index term → a word of the query that yields it."""
        self._stems.execute("BEGIN")
        self._stems.executemany("INSERT INTO q (rowid, x) VALUES (?, ?)", enumerate(words, 1))
        found = self._stems.execute("SELECT term, doc FROM qv ORDER BY doc, offset").fetchall()
        self._stems.execute("ROLLBACK")
        result: dict[str, str] = {}
        for term, number in found:
            result.setdefault(term, words[number - 1])
        return result

    # -- which vectors the vector store holds

    def stored_vectors(self) -> set[str]:
        """Hashes recorded as present in the vector store."""
        return {row[0] for row in self._db.execute("SELECT hash FROM vectors")}

    def hashes(self) -> set[str]:
        """Distinct content hashes of all chunks."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT hash FROM chunks")}

    def record_vectors(self, added: Iterable[str], removed: Iterable[str] = ()) -> None:
        """Note what the vector store gained and lost."""
        with self.transaction():
            self._db.executemany("DELETE FROM vectors WHERE hash = ?", [(h,) for h in removed])
            self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?)", [(h,) for h in added])

    def compact(self) -> None:
        """Merge the lexical index's segments and give free pages back."""
        self._db.execute("INSERT INTO fts (fts) VALUES ('optimize')")
        # A script, since `execute` steps this statement once, and each step frees a single page.
        self._db.executescript("PRAGMA incremental_vacuum")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _below(path: str, folder: str) -> bool:
    folder = folder.strip("/").removeprefix("./")
    return path == folder or path.startswith(folder + "/")


def _statements(script: str) -> Iterator[str]:
    """Single statements of a script: `executescript` would commit the open transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
