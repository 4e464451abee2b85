"""Throughput and latency of an OpenAI-compatible endpoint by the number of requests in flight (closed loop).

Without `--base-url`, the embedded model is started with `--slots` slots. With it, any endpoint is measured; its key,
where it needs one, stands in the variable BENCH_API_KEY (`lab_env` in study.toml lets it pass to a lab).
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from agent.adapters.models import EmbeddedServer
from agent.app.container import CHAT_MODEL, App

WARM_UP = 1
SUBJECTS = ("a heap", "a queue", "a cache", "a lock", "a hash table", "a page table", "a socket", "a tree", "a log", "a ring")


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: seconds to its first token and to its last, and tokens of its reply."""

    first: float
    total: float
    tokens: int


def ask(client: httpx.Client, model: str, number: int, tokens: int) -> Sample:
    """One streamed reply. The number comes first, so that no two prompts share a prefix worth caching."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    body = {
        "model": model,
        "messages": [{"role": "user", "content": f"{number}. Explain to a beginner, at length, what {subject} is for."}],
        "max_tokens": tokens,
        "temperature": 0,
        "stream": True,
    }
    start, first, count = time.perf_counter(), 0.0, 0
    with client.stream("POST", "chat/completions", json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            choices = json.loads(line.removeprefix("data: ")).get("choices")
            if choices and choices[0]["delta"].get("content"):
                first = first or time.perf_counter() - start
                count += 1
    return Sample(first, time.perf_counter() - start, count)


def percentile(values: list[float], share: float) -> float:
    """Nearest rank: the value that `share` of all do not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def level(client: httpx.Client, model: str, concurrency: int, requests: int, tokens: int) -> dict[str, float]:
    """Keep `concurrency` requests in flight until `requests` are done."""
    start = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        offset = 1000 * concurrency
        samples = list(pool.map(lambda number: ask(client, model, offset + number, tokens), range(requests)))
    wall = time.perf_counter() - start
    totals, firsts = [sample.total for sample in samples], [sample.first for sample in samples]
    return {
        "throughput (tokens/s)": sum(sample.tokens for sample in samples) / wall,
        "p50 (s)": percentile(totals, 0.5),
        "p95 (s)": percentile(totals, 0.95),
        "first token p50 (s)": percentile(firsts, 0.5),
        "first token p95 (s)": percentile(firsts, 0.95),
        "in flight, mean (requests)": sum(totals) / wall,
        "load (processes)": os.getloadavg()[0],
    }


@contextmanager
def endpoint(options: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Address, key and model name of what is measured."""
    if options.base_url:
        yield options.base_url, os.environ.get("BENCH_API_KEY", "none"), options.model
        return
    models = App.load_anywhere().models
    if not models.installed(CHAT_MODEL):
        sys.exit("The embedded model is not here; fetch it with `study model pull`, or name a --base-url.")
    os.environ["SERVING_SLOTS"] = str(options.slots)
    program = Path(__file__).with_name("server.py")
    with EmbeddedServer(models.path(CHAT_MODEL), name=CHAT_MODEL, context=1024, program=program) as server:
        yield server.base_url, server.api_key, CHAT_MODEL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=4, help="requests that the embedded server computes together")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--requests", type=int, default=12, help="requests a level, after the warm-up")
    parser.add_argument("--tokens", type=int, default=16, help="most tokens a reply")
    parser.add_argument("--base-url", help="an OpenAI-compatible endpoint instead, such as http://host:8000/v1")
    parser.add_argument("--model", default="default", help="the endpoint's name of the model")
    options = parser.parse_args()
    name = os.environ.get("LAB_VARIANT") or options.base_url or f"{options.slots} slots"
    with (
        endpoint(options) as (url, key, model),
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=300, trust_env=False) as client,
    ):
        try:
            for number in range(WARM_UP):
                ask(client, model, number, options.tokens)
            for concurrency in options.concurrency:
                found = level(client, model, concurrency, options.requests, options.tokens)
                print(json.dumps({"variant": f"{name}, {concurrency} in flight", "metrics": found}), flush=True)
        except httpx.HTTPError as error:
            sys.exit(f"{url} did not answer ({error!r}).")  # no figure of a level that lost a request


if __name__ == "__main__":
    main()
