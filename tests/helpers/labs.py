"""Lab folders on disk that hold what every level asks for, and ways to take a piece away."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.domain.lab import RunRecord
from agent.workspace.labs import run_hashes
from tests.helpers.fakes import START

LAB = "lab/kv-bench"
README_TEXT = """\
# Cache bench

It predicts the bytes of the cache from a model's configuration, then measures them on a small model and compares the
two. Run `python bench.py`; a table is printed.
"""
RESULTS_TEXT = """\
# Results

| Variant | decode step (ms) | recall@5 |
|---|---:|---:|
| fp16 | 41.2 | 0.71 |
| int8 | 27.9 | 0.69 |

## Failure analysis

- **Symptom**: the step time doubled at a context of 8k.
- **Hypothesis**: the cache no longer fits beside the weights.
- **Test**: half the batch; the jump moves to 16k.
- **Fix**: an eight-bit cache and a limit on the context.
"""
DESIGN_TEXT = """\
# Design

## Limits

| what | limit |
|---|---|
| latency p95 | 200 ms |
| memory | 6 GiB |
| cost | 0.4 USD per 1,000 requests |

## Monitoring

The gauge `cache_usage_percent` is read every ten seconds; an alert is sent above 95 %.

## Eval hooks

Every change of the cache's type runs `eval.py` and is refused when the score falls.

## Robust I/O

A prompt above the limit is refused with a sentence; a client that goes away frees its slot at once.
"""
_LESSON = """\
# Teach the cache

## What a token costs

Each token leaves one key and one value vector behind in every layer and head group, so that memory grows with length
times batch. Draw it on a whiteboard: layers upward, tokens to the right, and a small box for every pair of them.
Ask the audience which of the four numbers a product manager can change without training anything new.

## Predict, then measure

1. Read the four numbers from the configuration file and multiply them by hand.
2. Start the bench with batch one and write down what the allocator really reports.
3. Double the context, guess first, then look; the surprise is where the lesson happens.

## Where people go wrong

Learners mix up query heads with stored heads, forget that weights are shared while caches are private, or expect
compute to be the bottleneck. Let them argue both sides, show the bandwidth figure, and close with the question what
happens when two users share a prefix. Afterwards hand out the exercise sheet and compare answers in pairs.
"""
FULL = {
    "README.md": README_TEXT,
    "requirements.txt": "numpy==2.4\n",
    "bench.py": "print('41.2 ms')\n",
    "RESULTS.md": RESULTS_TEXT,
    "DESIGN.md": DESIGN_TEXT,
    "TEACHING.md": _LESSON,
}
# How far the documents of a lab carry.
UP_TO = {2: 3, 3: 4, 4: 5, 5: 6}


def make_lab(root: Path, level: int = 5, *, folder: str = LAB, run: bool = True, **changed: Any) -> Path:
    """Write a lab that has all that a level asks for, a run included; `changed` replaces fields of its record."""
    write(root, {f"{folder}/{name}": text for name, text in list(FULL.items())[: UP_TO[level]]})
    if run:
        make_run(root, folder, **changed)
    return root / folder


def make_run(root: Path, folder: str = LAB, *, seal: bool = True, name: str = "", **changed: Any) -> str:
    """Write the record of a run of the lab as it is now, and give its path."""
    code, env = run_hashes(root, folder)
    values = {
        "id": "4c1a6f0e",
        "lab": folder.removeprefix("lab/"),
        "command": ("python", "bench.py"),
        "exit_code": 0,
        "started": START,
        "duration_s": 3.2,
        "code_sha256": code,
        "env_sha256": env,
        "output_tail": "41.2 ms\n",
        "variant": "fp16",
    }
    record = RunRecord.model_validate(values | changed)
    path = f"{folder}/runs/{name or f'20261123T110000Z-{record.id}'}.json"
    write(root, {path: (record.sealed() if seal else record).model_dump_json()})
    return path


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
