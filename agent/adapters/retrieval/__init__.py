"""Retrieval over the user's notes: FTS5 and Chroma, kept level with the files and fused.

- `embedders`: text to unit vectors (MiniLM in this process, or an OpenAI-compatible endpoint)
- `files`: which files are read, and why others are not
- `textstore`: SQLite FTS5, the lexical leg; also holds the text
- `cache`, `vectors`: vectors by content hash; Chroma's folder of them
- `sync`: the text store made level with the files
- `stamps`: whether a store is as its last process left it
- `index`: one process's view of all of it: damage, swaps, embedding, status
- `retriever`: the search itself
"""

from agent.adapters.retrieval.embedders import Embedder, EndpointEmbedder, MiniLmEmbedder
from agent.adapters.retrieval.index import NoteIndex, Status
from agent.adapters.retrieval.retriever import HybridRetriever, similar_by
from agent.adapters.retrieval.sync import SyncReport

__all__ = [
    "Embedder",
    "EndpointEmbedder",
    "HybridRetriever",
    "MiniLmEmbedder",
    "NoteIndex",
    "Status",
    "SyncReport",
    "similar_by",
]
