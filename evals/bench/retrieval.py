"""What a search costs: the shipped retriever beside plain alternatives, on the same texts in the same run.

    python -m evals.bench.retrieval --chunks 10000
    python -m evals.bench.retrieval --chunks 100000 --systems study,fts5,chroma

Texts are synthetic (words drawn by Zipf's law) and so are the vectors of chunks (clustered, unit length): they
cost what real ones cost to store and search, and say nothing about quality. Queries run through the real
embedder, so that its time is in every latency. Each system runs in a process of its own; what fails is reported
as unmeasured. Embedding itself is measured on 64 chunks and reported as chunks a second.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SYSTEMS = ("study", "fts5", "chroma", "ensemble")
WORDS_A_CHUNK = 150
CHUNKS_A_FILE = 10
VOCABULARY = 40_000
CLUSTERS = 200
QUERIES = 200
K = 8


# -- the corpus


def make_corpus(folder: Path, chunks: int, seed: int = 0) -> None:
    """A workspace of notes under `folder/workspace`, and `queries.json`: words of a random chunk each."""
    import numpy as np

    rng = random.Random(seed)  # noqa: S311  (a corpus, no secret)
    weights = 1 / np.arange(1, VOCABULARY + 1) ** 1.0
    picks = np.random.default_rng(seed).choice(VOCABULARY, (chunks, WORDS_A_CHUNK), p=weights / weights.sum())
    words = [_word(number) for number in range(VOCABULARY)]
    place = folder / "workspace" / "tracks" / "01-bench"
    place.mkdir(parents=True)
    for start in range(0, chunks, CHUNKS_A_FILE):
        sections = []
        for row in picks[start : start + CHUNKS_A_FILE]:
            text = " ".join(words[i] for i in row)
            sections.append(f"## {words[row[0]]} {words[row[1]]}\n\n{text}\n")
        note = place / f"note-{start // CHUNKS_A_FILE:06d}.md"
        note.write_text(f"# Note {start // CHUNKS_A_FILE}\n\n" + "\n".join(sections), "utf-8")
        os.utime(note, (1_700_000_000, 1_700_000_000))
    queries = [
        "what is " + " ".join(words[i] for i in rng.sample(list(picks[rng.randrange(chunks)]), rng.randrange(3, 9)))
        for _ in range(QUERIES)
    ]
    (folder / "queries.json").write_text(json.dumps(queries), "utf-8")


def _word(number: int) -> str:
    """A pronounceable word, its own for each number."""
    syllables = ["ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu", "ny"]
    result = ""
    number += 16
    while number:
        result += syllables[number % 16]
        number //= 16
    return result


class BenchEmbedder:
    """Synthetic vectors for chunks, the real model's time (and a synthetic vector) for queries."""

    dims = 384

    def __init__(self, models: Path | None) -> None:
        from evals.bench.embedder import shipped_embedder

        self._real = shipped_embedder(models)
        self.name = "synthetic"

    def embed(self, texts: Sequence[str]) -> Any:
        """See `agent.adapters.retrieval.embedders.Embedder.embed`."""
        import numpy as np

        if len(texts) == 1:
            self._real.embed(texts)
        rows = []
        for text in texts:
            seed = int.from_bytes(text.encode()[-24:], "big") % 2**32
            centre = np.random.default_rng(seed % CLUSTERS).standard_normal(self.dims)
            rows.append(centre + np.random.default_rng(seed).standard_normal(self.dims))
        vectors = np.array(rows, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# -- the systems: each gives a function from a query to what it finds


def _chunks_of(folder: Path) -> list[tuple[str, str]]:
    from agent.adapters.retrieval.files import WorkspaceFiles
    from agent.domain.chunking import chunk

    source = WorkspaceFiles(folder / "workspace")
    return [
        (piece.id, piece.embedded)
        for found in sorted(source.scan(), key=lambda found: found.path)
        for piece in chunk(source.read(found).decode(), found.path)
    ]


def run_study(folder: Path, embedder: BenchEmbedder) -> dict[str, Any]:
    """The shipped index and retriever, with sync and one edit."""
    from agent.adapters.retrieval import HybridRetriever, NoteIndex

    start = time.perf_counter()
    with NoteIndex(folder / "workspace", folder / "study", embedder) as index:
        index.sync(embed=0)
        lexical_s = time.perf_counter() - start
        chunks = index.sync(vectors=True).chunks
        index_s = time.perf_counter() - start
        retriever = HybridRetriever(index)
        report = _latency(folder, lambda query: retriever.search(query, K))
        start = time.perf_counter()
        index.sync()
        report["sync_unchanged_ms"] = 1000 * (time.perf_counter() - start)
        report["edit_searchable_ms"] = _edit(folder, index, retriever)
        retriever.close()
    return {"chunks": chunks, "lexical_ready_s": lexical_s, "index_s": index_s, **report}


def _edit(folder: Path, index: Any, retriever: Any) -> float:
    """Median milliseconds from a saved edit to a search that finds it."""
    times = []
    for number in range(5):
        note = folder / "workspace" / "tracks" / "01-bench" / f"note-{number:06d}.md"
        note.write_text(note.read_text("utf-8") + f"\n## Late\n\nqqedit{number}x arrives.\n", "utf-8")
        start = time.perf_counter()
        index.sync()
        found = retriever.search(f"qqedit{number}x", 1)
        times.append(1000 * (time.perf_counter() - start))
        if f"qqedit{number}x" not in found[0].text:
            raise AssertionError("the edit was not found")
    return statistics.median(times)


def run_fts5(folder: Path, embedder: BenchEmbedder) -> dict[str, Any]:
    """SQLite FTS5 as its documentation shows it: every word of the query, ordered by rank."""
    import re
    import sqlite3

    del embedder
    (folder / "fts5").mkdir()
    chunks = _chunks_of(folder)
    start = time.perf_counter()
    db = sqlite3.connect(folder / "fts5" / "index.sqlite")
    db.execute("CREATE VIRTUAL TABLE notes USING fts5 (id UNINDEXED, text, tokenize='porter unicode61')")
    db.executemany("INSERT INTO notes VALUES (?, ?)", chunks)
    db.commit()
    index_s = time.perf_counter() - start

    def search(query: str) -> object:
        match = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query))
        return db.execute("SELECT id, text FROM notes WHERE notes MATCH ? ORDER BY rank LIMIT ?", (match, K)).fetchall()

    return {"chunks": len(chunks), "index_s": index_s, **_latency(folder, search)}


def run_chroma(folder: Path, embedder: BenchEmbedder) -> dict[str, Any]:
    """Chroma with its defaults, documents stored."""
    import chromadb
    from chromadb.config import Settings

    chunks = _chunks_of(folder)
    start = time.perf_counter()
    client: Any = chromadb.PersistentClient(str(folder / "chroma"), settings=Settings(anonymized_telemetry=False))
    notes = client.create_collection("notes", embedding_function=None)
    for at in range(0, len(chunks), 2000):
        part = chunks[at : at + 2000]
        texts = [text for _, text in part]
        notes.add(ids=[key for key, _ in part], documents=texts, embeddings=embedder.embed(texts))
    index_s = time.perf_counter() - start

    def search(query: str) -> object:
        return notes.query(query_embeddings=embedder.embed([query]), n_results=K)

    return {"chunks": len(chunks), "index_s": index_s, **_latency(folder, search)}


def run_ensemble(folder: Path, embedder: BenchEmbedder) -> dict[str, Any]:
    """LangChain's EnsembleRetriever over BM25Retriever (in memory) and Chroma."""
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import Chroma
    from langchain_core.embeddings import Embeddings

    class Adapter(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = embedder.embed(texts).tolist()
            return vectors

        def embed_query(self, text: str) -> list[float]:
            vector: list[float] = embedder.embed([text])[0].tolist()
            return vector

    texts = [text for _, text in _chunks_of(folder)]
    start = time.perf_counter()
    words = BM25Retriever.from_texts(texts, k=K)
    store = Chroma("notes", Adapter(), persist_directory=str(folder / "ensemble"))
    for at in range(0, len(texts), 2000):
        store.add_texts(texts[at : at + 2000])
    both = EnsembleRetriever(retrievers=[words, store.as_retriever(search_kwargs={"k": K})], weights=[0.5, 0.5])
    index_s = time.perf_counter() - start
    return {"chunks": len(texts), "index_s": index_s, **_latency(folder, both.invoke)}


def run_cold(folder: Path, embedder: BenchEmbedder) -> dict[str, Any]:
    """First answer of a fresh process over the index that `run_study` left; the parent takes the time."""
    from agent.adapters.retrieval import HybridRetriever, NoteIndex

    with NoteIndex(folder / "workspace", folder / "study", embedder) as index:
        index.sync(embed=0)
        retriever = HybridRetriever(index)
        found = retriever.search(json.loads((folder / "queries.json").read_text("utf-8"))[0], K)
        print("answer", flush=True)
        retriever.close()
    return {"found": len(found)}


def _latency(folder: Path, search: Callable[[str], object]) -> dict[str, Any]:
    queries = json.loads((folder / "queries.json").read_text("utf-8"))
    for query in queries[:20]:
        search(query)
    walls, cpus = [], []
    for query in queries:
        start, cpu = time.perf_counter(), time.process_time()
        search(query)
        walls.append(1000 * (time.perf_counter() - start))
        cpus.append(1000 * (time.process_time() - cpu))
    walls.sort()
    cpus.sort()
    half, tail = len(walls) // 2, int(len(walls) * 0.95)
    # On a machine that is busy with other things only the time on the cores says what the search costs.
    return {"p50_ms": walls[half], "p95_ms": walls[tail], "cpu_p50_ms": cpus[half], "cpu_p95_ms": cpus[tail]}


# -- the run


def measure(folder: Path, system: str, models: Path | None) -> dict[str, Any]:
    """Run one system in a process of its own; None for what could not be measured."""
    command = [sys.executable, "-m", "evals.bench.retrieval", "--child", system, "--folder", str(folder)]
    if models:
        command += ["--models", str(models)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    answer_s = None
    last = ""
    for line in process.stdout or ():
        if line.strip() == "answer":
            answer_s = time.perf_counter() - start
        last = line
    if process.wait() != 0:
        return {"system": system, "failed": True}
    report: dict[str, Any] = {"system": system, **json.loads(last)}
    if answer_s is not None:
        report["first_answer_s"] = answer_s
    place = folder / system
    if place.is_dir():
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        report["disk_bytes_a_chunk"] = size / report["chunks"]
    return report


def _child(folder: Path, system: str, models: Path | None) -> None:
    systems = {
        "study": run_study,
        "fts5": run_fts5,
        "chroma": run_chroma,
        "ensemble": run_ensemble,
        "cold": run_cold,
    }
    embedder = BenchEmbedder(models)
    report = systems[system](folder, embedder)
    report["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(report))


def main() -> None:
    """Print one line a system, then the raw JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--models", type=Path, help="mirror folder for the embedder's files")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.folder, options.child, options.models)
        return
    folder = Path(tempfile.mkdtemp(prefix="study-bench-"))
    try:
        make_corpus(folder, options.chunks)
        print(f"cores {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, {options.chunks} synthetic chunks")
        reports = []
        for system in options.systems.split(","):
            names = [system, "cold", "cold", "cold"] if system == "study" else [system]
            reports += [measure(folder, name, options.models) for name in names]
        for report in reports:
            values = {k: round(v, 1) if isinstance(v, float) else v for k, v in report.items() if k != "system"}
            print(f"{report['system']:<9} " + "  ".join(f"{name} {value}" for name, value in values.items()))
        print(json.dumps(reports))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
