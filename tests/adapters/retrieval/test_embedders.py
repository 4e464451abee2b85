import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.adapters.models import ModelStore
from agent.adapters.retrieval import EndpointEmbedder, MiniLmEmbedder
from agent.domain.errors import ModelError, SetupError
from agent.settings import default_cache


class Endpoint(BaseHTTPRequestHandler):
    """Answers each text with [length, 1], last text first; `reply` overrides it."""

    requests: list[tuple[str, dict[str, Any]]]
    reply: tuple[int, bytes] | None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).requests.append((self.headers.get("Authorization", ""), body))
        rows = [{"index": i, "embedding": [len(text), 1]} for i, text in enumerate(body["input"])]
        status, data = self.reply or (200, json.dumps({"data": rows[::-1]}).encode())
        self.send_response(status)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[Endpoint]]]:
    handler = type("Handler", (Endpoint,), {"requests": [], "reply": None})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_endpoint_vectors_are_unit_and_in_order(endpoint: tuple[str, type[Endpoint]]) -> None:
    url, handler = endpoint
    embedder = EndpointEmbedder(url + "/", "tiny", api_key="k", batch=2)
    vectors = embedder.embed(["a", "bbb", "\ud800\0"])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1])
    assert vectors[1] == pytest.approx([3 / 10**0.5, 1 / 10**0.5])
    assert embedder.dims == 2
    assert [len(body["input"]) for _, body in handler.requests] == [2, 1]
    assert handler.requests[0][0] == "Bearer k"
    assert embedder.embed([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((401, b"{}"), "answered 401"),
        ((500, b"oops"), "answered 500"),
        ((200, b"<html>"), "sent no embeddings"),
        ((200, b"[]"), "sent no embeddings"),
        ((200, b'{"data": [{"index": 0, "embedding": "x"}]}'), "sent no embeddings"),
        ((200, b'{"data": [{"index": 0, "embedding": [1, NaN]}]}'), "values for 1 texts"),
        ((200, b'{"data": []}'), "values for 1 texts"),
    ],
)
def test_endpoint_that_fails(endpoint: tuple[str, type[Endpoint]], reply: tuple[int, bytes], message: str) -> None:
    url, handler = endpoint
    handler.reply = reply
    with pytest.raises(ModelError, match=message) as caught:
        EndpointEmbedder(url, "tiny").embed(["a"])
    assert "\n" not in str(caught.value)


def test_endpoint_that_changes_its_dimensions(endpoint: tuple[str, type[Endpoint]]) -> None:
    url, handler = endpoint
    embedder = EndpointEmbedder(url, "tiny")
    embedder.embed(["a"])
    handler.reply = (200, b'{"data": [{"index": 0, "embedding": [1, 2, 3]}]}')
    with pytest.raises(ModelError, match="3 dimensions instead of 2"):
        embedder.embed(["a"])


def test_endpoint_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="cannot be reached"):
        EndpointEmbedder("http://127.0.0.1:9", "tiny").embed(["a"])


def test_missing_or_broken_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="is missing; run `study model pull`"):
        MiniLmEmbedder(tmp_path / "model.onnx", tmp_path / "tokenizer.json")
    (tmp_path / "model.onnx").write_bytes(b"no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(SetupError, match="does not load"):
        MiniLmEmbedder(tmp_path / "model.onnx", tmp_path / "tokenizer.json")


@pytest.mark.live
def test_shipped_model() -> None:
    mirrors = [os.environ["STUDY_MODELS"]] if "STUDY_MODELS" in os.environ else []
    store = ModelStore(Path(os.environ.get("STUDY_CACHE") or default_cache()), mirrors)
    embedder = MiniLmEmbedder(store.pull("all-minilm-l6-v2-int8"), store.pull("all-minilm-l6-v2-tokenizer"))
    texts = ["The cache is bound by memory bandwidth.", "A cat sleeps.", "Decoding waits for memory."] * 3
    vectors = embedder.embed(texts)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(9), abs=1e-5)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1] + 0.2
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert np.array_equal(vectors, alone), "a vector does not depend on what stands beside it"
    assert embedder.embed(["", "\ud800", "x " * 5000]).shape == (3, embedder.dims)
