"""The dense leg's store: Chroma, embedded, one process a folder.

Vectors are keyed by content hash and nothing else is stored with them: text and places live in the text store,
so that a chunk that moves or a file that is renamed changes nothing here.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.adapters.retrieval.embedders import Vectors

COLLECTION = "chunks"
# Chroma 1.5 refuses more in one call (SQLite's variable limit).
MAX_BATCH = 5461
PROBE_SECONDS = 120
# Wider than Chroma's default of 100: the fused list takes its first 200 from here.
EF_SEARCH = 250


class VectorsDamagedError(Exception):
    """The folder cannot be used and has to be rebuilt; never shown to the user."""


class ChromaVectors:
    """Unit vectors by content hash. Not thread-safe: callers hold a lock and the folder's file lock."""

    def __init__(self, folder: Path, model: str, dims: int) -> None:
        """Open or create the store.

        Raises:
            VectorsDamagedError: the folder does not open, or holds vectors of another model.
        """
        self.folder = folder
        # Set before the import: Chroma reads it while its modules load.
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False, is_persistent=True)
        identity = {"model": model, "dims": dims}
        try:
            self._client: Any = chromadb.PersistentClient(str(folder), settings=settings)
            self._collection: Any = self._client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                metadata=identity,
                configuration={"hnsw": {"space": "ip", "ef_search": EF_SEARCH, "max_neighbors": 16}},
            )
            stored = self._collection.metadata or {}
        except Exception as error:
            raise VectorsDamagedError(str(error)) from error
        if any(stored.get(key) != value for key, value in identity.items()):
            self.close()
            raise VectorsDamagedError(f"vectors of {stored.get('model')!r} instead of {model!r}")

    def hashes(self) -> set[str]:
        """Everything stored."""
        with _damage():
            return set(self._collection.get(include=[])["ids"])

    def put(self, hashes: Sequence[str], vectors: "Vectors") -> None:
        """Store vectors, shape (len(hashes), dims)."""
        with _damage():
            for at in range(0, len(hashes), MAX_BATCH):
                part = slice(at, at + MAX_BATCH)
                # `upsert` keeps an old item's metadata: harmless here, there is none and the key is the content.
                self._collection.upsert(ids=list(hashes[part]), embeddings=vectors[part])

    def drop(self, hashes: Sequence[str]) -> None:
        """Forget vectors."""
        with _damage():
            for at in range(0, len(hashes), MAX_BATCH):
                self._collection.delete(ids=list(hashes[at : at + MAX_BATCH]))

    def nearest(self, vector: "Vectors", limit: int) -> list[str]:
        """Hashes of about the `limit` nearest vectors (approximate), nearest first."""
        with _damage():
            found = self._collection.query(query_embeddings=vector.reshape(1, -1), n_results=limit, include=[])
            return list(found["ids"][0])

    def close(self) -> None:
        """Release the folder."""
        with contextlib.suppress(Exception):
            self._client.close()


@contextlib.contextmanager
def _damage() -> Any:
    """Chroma's errors as one type; its panics (not even `Exception`s) too."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise VectorsDamagedError(f"{type(error).__name__}: {error}") from error


def probe(folder: Path) -> bool:
    """Whether a fresh process can open and read the folder: damaged segments can crash the one that tries."""
    command = [sys.executable, "-m", "agent.adapters.retrieval.vectors", str(folder)]
    source = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=PROBE_SECONDS, check=False, env=environment, cwd=folder
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == 0


def _probe_here(folder: str) -> int:
    """Read every vector and query once; exit code 0 when all of it worked."""
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    import chromadb
    import numpy as np
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(folder, settings=Settings(anonymized_telemetry=False, is_persistent=True))
    collection = client.get_collection(COLLECTION, embedding_function=None)
    ids = collection.get(include=[])["ids"]
    for at in range(0, len(ids), MAX_BATCH):
        part = ids[at : at + MAX_BATCH]
        vectors: Any = collection.get(ids=part, include=["embeddings"])["embeddings"]
        lengths = np.linalg.norm(np.asarray(vectors, np.float32), axis=1)
        if len(vectors) != len(part) or not np.all(np.abs(lengths - 1) < 0.01):
            return 1
    dims = int((collection.metadata or {})["dims"])
    if ids:
        query = np.full((1, dims), dims**-0.5, np.float32)
        found = collection.query(query_embeddings=query, n_results=min(10, len(ids)), include=[])
        if not found["ids"][0]:
            return 1
    client.close()
    return 0


if __name__ == "__main__":
    sys.exit(_probe_here(sys.argv[1]))
