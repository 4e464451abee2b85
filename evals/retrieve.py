"""`study eval retrieve --beir DIR --run OUT.trec`: the shipped retriever over a corpus in BEIR's layout.

Thakur et al. 2021, "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models".
The folder holds `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and, where it is to be
scored, `qrels/test.tsv` (or any other one `qrels/*.tsv`).
"""

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.adapters.retrieval import Embedder, HybridRetriever, NoteIndex
from agent.adapters.retrieval.files import Found
from agent.domain.errors import UsageError
from agent.domain.fusion import ranked, reciprocal_rank

DEPTH = 100
LEGS = ("fused", "lexical", "dense", "rrf")
RESAMPLES = 2000
Progress = Callable[[int, int], None]
Qrels = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean over queries with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was indexed and asked; `measures` is leg → metric → value, None (unmeasured) without judgements."""

    documents: int
    queries: int
    judged: int
    embedder: str
    run: str
    measures: dict[str, dict[str, Measure]] | None

    def as_json(self) -> str:
        """One JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def as_text(self) -> str:
        """A small table."""
        head = f"{self.documents} documents, {self.queries} queries ({self.judged} judged), embedder {self.embedder}"
        if self.measures is None:
            return f"{head}\nrun written to {self.run}; no qrels, so nothing was scored"
        lines = [head, f"{'leg':<8} {'nDCG@10':>22} {'recall@10':>22} {'MRR@10':>22}"]
        for leg, metrics in self.measures.items():
            cells = [f"{m.mean:.4f} [{m.low:.3f}, {m.high:.3f}]" for m in metrics.values()]
            lines.append(f"{leg:<8} " + " ".join(f"{cell:>22}" for cell in cells))
        return "\n".join(lines)


class BeirCorpus:
    """`corpus.jsonl` as a source of the index; read once, kept in memory."""

    def __init__(self, path: Path) -> None:
        """Read the corpus.

        Raises:
            UsageError: the file is missing or a line is no document.
        """
        self.ids: list[str] = []
        self._titles: list[str] = []
        self._texts: list[str] = []
        for number, row in _json_lines(path):
            text, title = row.get("text"), row.get("title") or ""
            if "_id" not in row or not isinstance(text, str) or not isinstance(title, str):
                raise UsageError(f"{str(path)!r} line {number} has no `_id` and `text`; each line is one document")
            self.ids.append(str(row["_id"]))
            self._titles.append(" ".join(title.split()))
            self._texts.append(text)

    def scan(self) -> Iterator[Found]:
        """See `agent.adapters.retrieval.files.Source`."""
        for number, (title, text) in enumerate(zip(self._titles, self._texts, strict=True)):
            yield Found(_place(number), len(text), 0, title=title)

    def read(self, found: Found) -> bytes:
        """See `agent.adapters.retrieval.files.Source`. A document of a title alone is that title."""
        number = _number(found.path)
        # NUL would make the workspace's reader take the document for a binary file.
        text = self._texts[number].replace("\0", " ").strip() or self._titles[number]
        return text.encode("utf-8", "replace")

    def id_of(self, path: str) -> str:
        """The document's `_id`."""
        return self.ids[_number(path)]


def retrieve_beir(
    folder: Path,
    run_out: Path,
    embedder: Embedder | None,
    *,
    index_folder: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Index the corpus as the workspace is indexed, write the fused TREC run, score every leg.

    `index_folder` keeps the index (and its embeddings) for the next call; by default it is temporary.

    Raises:
        UsageError: a file of the layout is missing or malformed, or the run cannot be written.
    """
    corpus = BeirCorpus(folder / "corpus.jsonl")
    queries = _queries(folder / "queries.jsonl")
    qrels = read_qrels(folder)
    with tempfile.TemporaryDirectory(prefix="study-retrieve-") as temporary:
        place = index_folder or Path(temporary)
        with NoteIndex(corpus, place, embedder) as index:
            index.sync(progress, vectors=True)
            retriever = HybridRetriever(index)
            rankings = {query: rank_documents(index, retriever, corpus, text) for query, text in queries.items()}
            retriever.close()
    _write_run(run_out, {query: legs["fused"] for query, legs in rankings.items()})
    judged = [query for query in queries if any(grade > 0 for grade in qrels.get(query, {}).values())]
    measures = None
    if judged:
        legs = [leg for leg in LEGS if leg not in ("dense", "rrf") or embedder]
        measures = {leg: score({q: list(rankings[q][leg]) for q in judged}, qrels) for leg in legs}
    name = embedder.name if embedder else "none"
    return Report(len(corpus.ids), len(queries), len(judged), name, str(run_out), measures)


def rank_documents(
    index: NoteIndex, retriever: HybridRetriever, corpus: BeirCorpus, query: str
) -> dict[str, dict[str, float]]:
    """Leg → document → score, best first: a document is as good as its best chunk."""
    legs = retriever.legs(query)
    rows = index.read(lambda text: text.rows(legs.fused))
    result = {}
    reciprocal = reciprocal_rank([ranked(legs.lexical), ranked(legs.cosine)])
    for name, scores in zip(LEGS, (legs.fused, legs.lexical, legs.cosine, reciprocal), strict=True):
        best: dict[str, float] = {}
        for row, value in scores.items():
            document = corpus.id_of(rows[row].path)
            best[document] = max(value, best.get(document, -math.inf))
        result[name] = {document: best[document] for document in ranked(best)[:DEPTH]}
    return result


def score(rankings: Mapping[str, Sequence[str]], qrels: Qrels, *, seed: int = 0) -> dict[str, Measure]:
    """nDCG@10 (linear gain), recall@10 and MRR@10 over the queries ranked, with bootstrap intervals over queries."""
    values: dict[str, list[float]] = {"ndcg@10": [], "recall@10": [], "mrr@10": []}
    for query, ranking in rankings.items():
        grades = {document: grade for document, grade in qrels[query].items() if grade > 0}
        gains = [grades.get(document, 0) for document in ranking[:10]]
        ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:10]))
        values["ndcg@10"].append(sum(g / math.log2(i + 2) for i, g in enumerate(gains)) / ideal)
        values["recall@10"].append(sum(g > 0 for g in gains) / len(grades))
        values["mrr@10"].append(next((1 / (i + 1) for i, g in enumerate(gains) if g > 0), 0.0))
    return {name: bootstrap(each, seed) for name, each in values.items()}


def read_qrels(folder: Path) -> dict[str, dict[str, int]]:
    """Query → document → grade; empty where the folder has no judgements.

    Raises:
        UsageError: a line does not hold query, document and a whole number, or several files could be meant.
    """
    path = folder / "qrels" / "test.tsv"
    if not path.is_file():
        others = sorted((folder / "qrels").glob("*.tsv"))
        if len(others) > 1:
            raise UsageError(
                f"{str(folder / 'qrels')!r} holds {len(others)} files and no test.tsv; keep the one to use"
            )
        if not others:
            return {}
        path = others[0]
    result: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_read(path).split("\n"), 1):
        fields = line.split()
        if not fields or (number == 1 and fields[0] == "query-id"):
            continue
        try:
            query, document, grade = fields[0], fields[-2], int(float(fields[-1]))
        except (IndexError, ValueError):
            raise UsageError(f"{str(path)!r} line {number} is not `query-id corpus-id score`") from None
        result.setdefault(query, {})[document] = grade
    return result


def _queries(path: Path) -> dict[str, str]:
    result = {}
    for number, row in _json_lines(path):
        if "_id" not in row or not isinstance(row.get("text"), str):
            raise UsageError(f"{str(path)!r} line {number} has no `_id` and `text`; each line is one query")
        result[str(row["_id"])] = row["text"]
    return result


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise UsageError(f"{str(path)!r} line {number} is no JSON object")
        yield number, row


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error}); give a folder in BEIR's layout") from None


def _write_run(path: Path, rankings: Mapping[str, Mapping[str, float]]) -> None:
    """`query Q0 document rank score tag`, replaced whole or not at all."""
    lines = [
        f"{query} Q0 {document} {rank} {value:.6f} study\n"
        for query, ranking in rankings.items()
        for rank, (document, value) in enumerate(ranking.items(), 1)
    ]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text("".join(lines), "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be written ({error.strerror}); choose another place") from None
    finally:
        temporary.unlink(missing_ok=True)


def bootstrap(values: Sequence[float], seed: int = 0) -> Measure:
    """The mean with its 95 % bootstrap interval over the values, of which there must be one."""
    import numpy as np

    data = np.array(values)
    picks = np.random.default_rng(seed).integers(0, len(data), (RESAMPLES, len(data)))
    low, high = np.percentile(data[picks].mean(axis=1), [2.5, 97.5])
    return Measure(float(data.mean()), float(low), float(high))


def _place(number: int) -> str:
    """A path without a word that a query could hold: the lexical leg also reads paths."""
    return "q" + str(number).translate(str.maketrans("0123456789", "bcdfghjklm")) + "q"


def _number(path: str) -> int:
    return int(path[1:-1].translate(str.maketrans("bcdfghjklm", "0123456789")))
