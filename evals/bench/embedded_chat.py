"""Cold load, speed and memory of the embedded chat model: `python -m evals.bench.embedded_chat`.

Prints one JSON object: medians of `--repeat` runs in seconds, tokens per second and MiB, and the machine's load,
without which the speeds mean little.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

from agent.adapters.models import EmbeddedServer, ModelStore
from agent.settings import default_cache

MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"
DIGITS = range(15, 25)  # the tokens of 0 to 9
PROMPT_WORDS = 300
GENERATED_TOKENS = 64
PREFIX = "Score how well the answer covers the claim, 0 to 3.\n" + (
    "Claim: each token adds one key and one value per layer. Answer: it grows with the text. Score: 2\n" * 20
)


def resident_mib(pid: int) -> float | None:
    """Resident memory of a process in MiB; None where the system does not tell (no /proc)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), None)


def measure(model: Path, threads: int) -> dict[str, float | None]:
    """One run on a server of its own."""
    import httpx

    started = time.perf_counter()
    with EmbeddedServer(model, name=MODEL, threads=threads) as server:
        start_returned = time.perf_counter() - started
        server.wait_ready()
        load = time.perf_counter() - started
        idle = resident_mib(server.pid) if server.pid else None
        base = server.base_url.removesuffix("/v1")
        headers = {"Authorization": f"Bearer {server.api_key}"}
        with httpx.Client(base_url=base, headers=headers, timeout=600, trust_env=False) as client:
            prompt = " ".join(f"word{n}" for n in range(PROMPT_WORDS))
            body = {"prompt": prompt, "n_predict": GENERATED_TOKENS, "ignore_eos": True, "temperature": 0}
            timings: dict[str, float] = client.post("/completion", json=body).json()["timings"]
        grading, scores = [], []
        for answer in ("it grows", "it shrinks", "it grows"):
            begun = time.perf_counter()
            scores.append(server.next_token_scores(f"{PREFIX}Claim: memory grows. Answer: {answer}. Score: ", DIGITS))
            grading.append(time.perf_counter() - begun)
        return {
            "start_returns_s": start_returned,
            "load_s": load,
            "prompt_tok_per_s": timings["prompt_per_second"],
            "generation_tok_per_s": timings["predicted_per_second"],
            "grade_cold_prefix_s": grading[0],
            "grade_cached_prefix_s": grading[1],
            "grade_repeat_max_difference": max(abs(a - b) for a, b in zip(scores[0], scores[2], strict=True)),
            "rss_loaded_mib": idle,
            "rss_after_mib": resident_mib(server.pid) if server.pid else None,
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cache = Path(os.environ.get("STUDY_CACHE") or default_cache())
    model = ModelStore(cache).path(MODEL)
    runs = [measure(model, options.threads) for _ in range(options.repeat)]
    report: dict[str, Any] = {"machine": platform.machine(), "cores": os.cpu_count(), "load_1m": os.getloadavg()[0]}
    for key in runs[0]:
        values = [value for run in runs if (value := run[key]) is not None]
        report[key] = round(median(values), 4) if values else None
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
