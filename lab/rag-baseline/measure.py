"""Which passages BM25, vectors and their fusions find for the golden questions about the notes of this repository.

`--check` compares with thresholds.json and exits 1 where a metric has fallen below its threshold.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from agent.adapters.retrieval import HybridRetriever, NoteIndex
from agent.adapters.retrieval.retriever import Legs
from agent.app.container import App
from agent.domain.fusion import ranked, reciprocal_rank
from evals.golden import Case, block_line, load_cases

ROOT = Path(os.environ.get("STUDY_ROOT") or Path(__file__).parents[2])
THRESHOLDS = Path(__file__).with_name("thresholds.json")
DEPTH = 10
LEGS = ("bm25", "vector", "hybrid", "reciprocal-rank")


def scores(legs: Legs, leg: str) -> Mapping[int, float]:
    """Score of each chunk, by row of the index, higher is better."""
    if leg == "reciprocal-rank":
        return reciprocal_rank([ranked(legs.lexical), ranked(legs.cosine)])
    return {"bm25": legs.lexical, "vector": legs.cosine, "hybrid": legs.fused}[leg]


def first_hit(index: NoteIndex, legs: Legs, leg: str, case: Case) -> int | None:
    """Rank of the first chunk that holds an expected block, 1 is best; None where no candidate does."""
    best = ranked(scores(legs, leg))
    rows = index.read(lambda text: text.rows(best))
    wanted = [(path, block_line(ROOT, path, block)) for path, block in case.expected]
    for rank, number in enumerate(best, 1):
        row = rows[number]
        if any(row.path == path and row.start_line <= line <= row.end_line for path, line in wanted):
            return rank
    return None


def metrics(ranks: Mapping[str, int | None], cases: list[Case]) -> dict[str, float]:
    """Recall at three depths and the mean reciprocal rank, over all cases and by wording."""
    result = {}
    for name, group in (
        ("all", cases),
        ("near", [case for case in cases if case.wording == "near"]),
        ("away", [case for case in cases if case.wording == "away"]),
    ):
        found = [ranks[case.id] for case in group]
        for depth in (1, 5, 50):
            share = sum(rank is not None and rank <= depth for rank in found) / len(found)
            result[f"recall@{depth}, {name}"] = share
        result[f"MRR@{DEPTH}, {name}"] = sum(1 / rank for rank in found if rank and rank <= DEPTH) / len(found)
    return result


def rank_all(workspace: Path, cases: list[Case]) -> dict[str, dict[str, int | None]]:
    """Leg → case → rank. Indexes the notes of the workspace anew."""
    embedder = App.load_anywhere().embedder
    if embedder is None:
        sys.exit("The embedder is not here; fetch it with `study model pull`.")
    with (
        tempfile.TemporaryDirectory(prefix="rag-baseline-") as folder,
        NoteIndex(workspace, Path(folder), embedder) as index,
    ):
        start = time.perf_counter()
        chunks = index.sync(vectors=True).chunks
        if not chunks:
            sys.exit("Nothing was indexed, so nothing can be measured; look at tracks/.")
        print(f"{chunks} chunks indexed in {time.perf_counter() - start:.0f} s, {len(cases)} questions", flush=True)
        retriever = HybridRetriever(index)
        found = {case.id: retriever.legs(case.question) for case in cases}
        retriever.close()
        return {leg: {case.id: first_hit(index, found[case.id], leg, case) for case in cases} for leg in LEGS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 where a metric is below its threshold")
    options = parser.parse_args()
    cases = [case for case in load_cases() if case.expected]
    with tempfile.TemporaryDirectory(prefix="rag-baseline-") as folder:
        # The notes alone: sessions and labs come and go, and golden questions ask about notes.
        shutil.copytree(ROOT / "tracks", Path(folder, "tracks"))
        ranks = rank_all(Path(folder), cases)
    print("Ranks where hybrid has the block not among the first five: " + ", ".join(LEGS))
    for case in cases:
        if (ranks["hybrid"][case.id] or DEPTH) > 5:
            print(f"  {case.id}: " + ", ".join(str(ranks[leg][case.id] or "-") for leg in LEGS))
    found = {leg: metrics(ranks[leg], cases) for leg in LEGS}
    for leg, values in found.items():
        print(json.dumps({"variant": leg, "metrics": values}))
    if options.check:
        check(found)


def check(found: Mapping[str, Mapping[str, float]]) -> None:
    """Exit 1 where a metric of a leg is below its threshold."""
    thresholds: dict[str, dict[str, float]] = json.loads(THRESHOLDS.read_text("utf-8"))
    fallen = [
        f"{leg}: {name} is {found[leg][name]:.3f}, at least {least} wanted"
        for leg, wanted in thresholds.items()
        for name, least in wanted.items()
        if found[leg][name] < least
    ]
    print("\n".join(fallen) or f"All thresholds of {THRESHOLDS.name} hold.")
    sys.exit(1 if fallen else 0)


if __name__ == "__main__":
    main()
