"""Port of the retriever: passages of the user's files for a question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Filters:
    """Restricts a search; empty fields do not.

    `folders` are workspace-relative prefixes (`tracks`, `tracks/02-…`, `roadmap.md`), `since` is the first day
    that counts (the date in the file's name, else its modification day), `topics` are topic ids.
    """

    folders: tuple[str, ...] = ()
    since: date | None = None
    topics: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.folders or self.since or self.topics)


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of one file and why it was found.

    `text` is exactly what the index read at `path`, lines `start_line` to `end_line` (1-based, inclusive);
    `section` is the line range of its heading's section. `score` is the fused rank score, comparable within one
    search only. `lexical` (0..1) is its BM25 as a share of the most any passage could reach for the query;
    `cosine` is -1..1, None where the passage has no vector. Both mean the same across searches.
    """

    id: str
    path: str
    start_line: int
    end_line: int
    heading: str
    text: str
    section: tuple[int, int]
    score: float
    lexical: float
    cosine: float | None


class Retriever(Protocol):
    """Searches the notes. Never raises for what stands in a note or a query."""

    def search(self, query: str, k: int = 8, filters: Filters = Filters()) -> Sequence[Passage]:
        """The best passages, best first; empty where nothing fits. At most `k`.

        Raises:
            StudyError: the index cannot be opened or built, in one sentence.
        """
        ...


class Similar(Protocol):
    """Compares texts by meaning."""

    def __call__(self, query: str, texts: Sequence[str]) -> Sequence[float] | None:
        """Cosine of each text with the query; None where no embedder is here or it failed."""
        ...


class Sources(Protocol):
    """The files that passages come from, as they are now."""

    def text(self, path: str) -> str | None:
        """Text of a workspace-relative path, with lines as the index counts them.

        None where the file is gone, outside the indexed folders, or not indexable.
        """
        ...
