"""Embedders: text in, unit vectors out. The shipped one runs in this process; any endpoint can replace it."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent.domain.errors import ModelError, SetupError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

# A chunk of 1,200 characters and its heading take about 300 word pieces; the model's positions end at 512.
MAX_TOKENS = 512


class Embedder(Protocol):
    """Turns texts into vectors of length one, the same vector for the same text whatever stands beside it."""

    @property
    def name(self) -> str:
        """Identity of the model with its content hash: vectors of different names are never compared."""
        ...

    @property
    def dims(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """Vectors as float32, shape (len(texts), dims), each of Euclidean length one.

        Raises:
            ModelError: the model or its endpoint failed.
        """
        ...


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 as int8 ONNX: mean of the last hidden states, normalised.

    Texts run one at a time: the model quantises activations over the whole batch, so that a neighbour in the
    batch would change a text's vector, and a batch is no faster (padding costs what it saves). Many texts run on
    `threads` cores side by side; one core a text needs no spinning threads, which starve beside other work.
    """

    dims = 384

    def __init__(self, model: Path, tokenizer: Path, *, threads: int = 2, max_tokens: int = MAX_TOKENS) -> None:
        """Load the model.

        Raises:
            SetupError: a file is missing or is no such model.
        """
        for path in (model, tokenizer):
            if not path.is_file():
                raise SetupError(f"the embedder's file {str(path)!r} is missing; run `study model pull`")
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
        except Exception as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise SetupError(
                f"the embedder in {str(model.parent)!r} does not load ({reason}); run `study model pull`"
            ) from error
        self._threads = threads
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        with model.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.name = f"all-minilm-l6-v2-int8@{digest[:12]}-{max_tokens}"

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See `Embedder.embed`."""
        import numpy as np

        encodings = self._tokenizer.encode_batch([_clean(text) for text in texts])
        result = np.zeros((len(texts), self.dims), np.float32)

        def run(row: int) -> None:
            ids = np.array([encodings[row].ids], np.int64)
            feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
            result[row] = self._session.run(None, feed)[0][0].mean(axis=0)

        if len(texts) == 1:
            run(0)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(run, range(len(texts))))
        return unit(result)


class EndpointEmbedder:
    """Any endpoint that speaks OpenAI's `POST {base_url}/embeddings`."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "",
        timeout_s: float = 60.0,
        batch: int = 64,
        client: Any = None,
    ) -> None:
        """`client` is an `httpx.Client` of the caller's; without one it is made at the first call."""
        self.name = f"{model}@endpoint"
        self._url = base_url.rstrip("/") + "/embeddings"
        self._model = model
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_s = timeout_s
        self._batch = batch
        self._client = client
        self._dims = 0

    @property
    def dims(self) -> int:
        """Length of the endpoint's vectors; asks it once."""
        if not self._dims:
            self.embed(["dimensions"])
        return self._dims

    def embed(self, texts: Sequence[str]) -> "Vectors":
        """See `Embedder.embed`."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.dims), np.float32)
        parts = [self._request(texts[at : at + self._batch]) for at in range(0, len(texts), self._batch)]
        result = np.concatenate(parts)
        if self._dims and result.shape[1] != self._dims:
            raise ModelError(
                f"the embedder {self._model!r} answered with {result.shape[1]} dimensions instead of {self._dims}; "
                "check which model the endpoint serves"
            )
        self._dims = int(result.shape[1])
        return unit(result)

    def _request(self, texts: Sequence[str]) -> "Vectors":
        import httpx
        import numpy as np

        if self._client is None:
            self._client = httpx.Client(timeout=self._timeout_s)
        body = {"model": self._model, "input": [_clean(text) for text in texts], "encoding_format": "float"}
        try:
            response = self._client.post(self._url, json=body, headers=self._headers)
            response.raise_for_status()
            rows = sorted(response.json()["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise ModelError(
                f"the embeddings endpoint {self._url!r} answered {status}; check STUDY_EMBEDDER and the key"
            ) from error
        except httpx.HTTPError as error:
            raise ModelError(
                f"the embeddings endpoint {self._url!r} cannot be reached ({type(error).__name__}); "
                "check that it runs and STUDY_BASE_URL"
            ) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"the embeddings endpoint {self._url!r} sent no embeddings; check that {self._model!r} is an embedder"
            ) from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise ModelError(
                f"the embeddings endpoint {self._url!r} sent {vectors.shape} values for {len(texts)} texts; "
                f"check that {self._model!r} is an embedder"
            )
        return vectors


def unit(vectors: "Vectors") -> "Vectors":
    """Rows scaled to length one; a zero row stays zero."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def _clean(text: str) -> str:
    """Lone surrogates replaced: neither the tokenizer nor JSON takes them; never empty."""
    return text.encode("utf-8", "replace").decode("utf-8") or " "
