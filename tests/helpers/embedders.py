"""A deterministic embedder without a model: words hashed into buckets."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class HashingEmbedder:
    """Each word adds ±1 to a few of `dims` buckets; counts calls and can be told to fail."""

    def __init__(self, name: str = "hashing-1", dims: int = 64) -> None:
        self.name = name
        self.dims = dims
        self.embedded: list[str] = []
        self.failure: Exception | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.failure:
            raise self.failure
        self.embedded.extend(texts)
        result = np.zeros((len(texts), self.dims), np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()) or ["empty"]:
                digest = hashlib.blake2b(f"{self.name} {word}".encode(), digest_size=8).digest()
                for at in (0, 2, 4):
                    bucket = int.from_bytes(digest[at : at + 2], "big")
                    result[row, bucket % self.dims] += 1 if bucket & 0x8000 else -1
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        scaled: NDArray[np.float32] = (result / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return scaled
