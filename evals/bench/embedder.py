"""The shipped embedder for benches and evals, and how fast it is here.

python -m evals.bench.embedder
"""

import argparse
import time
from pathlib import Path

from agent.adapters.models import ModelStore
from agent.adapters.retrieval import MiniLmEmbedder
from agent.settings import default_cache


def shipped_embedder(mirror: Path | None = None) -> MiniLmEmbedder:
    """The embedder from the user's model cache, fetched where it is missing."""
    store = ModelStore(default_cache(), [str(mirror)] if mirror else [])
    return MiniLmEmbedder(store.pull("all-minilm-l6-v2-int8"), store.pull("all-minilm-l6-v2-tokenizer"))


def main() -> None:
    """Print chunks a second for chunks of 1,000 characters, and milliseconds for a query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="mirror folder for the embedder's files")
    embedder = shipped_embedder(parser.parse_args().models)
    chunk = ("The cache keeps the keys and values of every earlier token of the sequence. " * 20)[:1000]
    embedder.embed([chunk])
    start = time.perf_counter()
    embedder.embed([chunk] * 64)
    seconds = time.perf_counter() - start
    times = []
    for number in range(100):
        begin = time.perf_counter()
        embedder.embed([f"why is decoding with a batch of {number} bound by memory bandwidth?"])
        times.append(time.perf_counter() - begin)
    times.sort()
    print(f"{64 / seconds:.1f} chunks/s, query p50 {1000 * times[50]:.1f} ms p95 {1000 * times[95]:.1f} ms")


if __name__ == "__main__":
    main()
