"""The hybrid retriever: both legs in parallel, fused, as passages."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.adapters.retrieval.embedders import Embedder
from agent.adapters.retrieval.index import NoteIndex
from agent.adapters.retrieval.textstore import Lexical, TextStore
from agent.domain.errors import ModelError
from agent.domain.fusion import alpha_for, convex
from agent.ports.retriever import Filters, Passage, Similar

if TYPE_CHECKING:
    from agent.adapters.retrieval.embedders import Vectors

CANDIDATES = 200
MAX_QUERY = 2000


@dataclass(frozen=True, slots=True)
class Legs:
    """Scores by chunk row: BM25 with the most it could be, exact cosines, and the fused score."""

    lexical: dict[int, float]
    bound: float
    cosine: dict[int, float]
    fused: dict[int, float]


def similar_by(embedder: Embedder | None) -> Similar:
    """Compare texts by this embedder's vectors."""

    def similar(query: str, texts: Sequence[str]) -> Sequence[float] | None:
        if not embedder or not texts:
            return None
        try:
            vectors = embedder.embed([query[:MAX_QUERY], *texts])
        except ModelError:
            return None
        scores: list[float] = (vectors[1:] @ vectors[0]).tolist()
        return scores

    return similar


class HybridRetriever:
    """Implements `agent.ports.retriever.Retriever` over a `NoteIndex`."""

    def __init__(self, index: NoteIndex, *, candidates: int = CANDIDATES) -> None:
        self._index = index
        self._candidates = candidates
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="embed-query")
        self.degraded = ""
        """Why the last search had no dense leg, "" where it had one."""

    def search(self, query: str, k: int = 8, filters: Filters = Filters()) -> Sequence[Passage]:  # noqa: B008
        """See `agent.ports.retriever.Retriever.search`; equal text in several places is returned once."""
        query = query[:MAX_QUERY].strip()
        if not query or k < 1:
            return []
        vector = self._pool.submit(self._embed, query)
        return self._index.read(lambda text: self._passages(text, self._legs(text, query, vector.result, filters), k))

    def legs(self, query: str, filters: Filters = Filters()) -> Legs:  # noqa: B008
        """All candidates of both legs with their scores, for measurements."""
        vector = self._pool.submit(self._embed, query[:MAX_QUERY])
        return self._index.read(lambda text: self._legs(text, query[:MAX_QUERY], vector.result, filters))

    def close(self) -> None:
        """Stop the thread that embeds queries; the index stays open."""
        self._pool.shutdown()

    def _embed(self, query: str) -> "Vectors | None":
        if not self._index.embedder:
            self.degraded = "no embedder"
            return None
        try:
            vector: Vectors = self._index.embedder.embed([query])[0]
        except ModelError as error:
            self.degraded = str(error)
            return None
        self.degraded = ""
        return vector

    def _legs(self, text: TextStore, query: str, vector: Callable[[], "Vectors | None"], filters: Filters) -> Legs:
        allowed = text.allowed(filters)
        lexical = text.search(query, self._candidates, allowed)
        meaning = vector()
        cosine: dict[int, float] = {}
        if meaning is not None:
            cosine = self._cosines(text, lexical, meaning, allowed)
        fused = convex(lexical.scores, lexical.bound, cosine, alpha_for(query))
        return Legs(lexical.scores, lexical.bound, cosine, fused)

    def _cosines(
        self, text: TextStore, lexical: Lexical, vector: "Vectors", allowed: frozenset[int] | None
    ) -> dict[int, float]:
        """Exact cosines of the dense leg's candidates and of the lexical leg's, by row."""
        if allowed is None:
            near = self._index.nearest(vector, self._candidates)
        else:
            # A filter can leave out every near neighbour: score all that it lets through.
            near = list(set(text.hashes_of(allowed).values()))
        places = text.rows_of(near)
        rows = {row: value for value, rows in places.items() for row in rows if allowed is None or row in allowed}
        rows.update(text.hashes_of(row for row in lexical.scores if row not in rows))
        scores = self._index.cosines(vector, sorted(set(rows.values())))
        return {row: scores[value] for row, value in rows.items() if value in scores}

    def _passages(self, text: TextStore, legs: Legs, k: int) -> list[Passage]:
        order = sorted(legs.fused, key=lambda row: -legs.fused[row])[: 4 * k + 20]
        rows = text.rows(order)
        # Ties by place, not by row number: a rebuilt index then answers in the same order.
        order.sort(key=lambda row: (-legs.fused[row], rows[row].path, rows[row].start_line))
        seen: set[str] = set()
        result = []
        for number in order:
            row = rows[number]
            if row.hash in seen:
                continue
            seen.add(row.hash)
            result.append(
                Passage(
                    id=row.id,
                    path=row.path,
                    start_line=row.start_line,
                    end_line=row.end_line,
                    heading=row.heading,
                    text=row.body,
                    section=row.section,
                    score=legs.fused[number],
                    lexical=legs.lexical.get(number, 0.0) / legs.bound if legs.bound > 0 else 0.0,
                    cosine=legs.cosine.get(number),
                )
            )
            if len(result) == k:
                break
        return result
