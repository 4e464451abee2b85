"""Predicts the bytes of the embedded model's KV cache, and measures them as memory that its server takes.

Prediction: 2 (key and value) x layers x KV heads x head dimension x bytes an element, for each token of each slot,
from the metadata of the model's own file. Measurement: the server's private memory with a cache, less the same
server's with a smaller cache of one slot, so that weights and fixed buffers cancel out.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

from gguf import metadata

from agent.app.container import CHAT_MODEL, App

# Bytes an element. q8_0 holds 32 numbers in 32 bytes and a 16-bit scale.
BYTES = {"f16": 2.0, "q8_0": 34 / 32}
GRID = ((1, 4096), (1, 8192), (1, 16384), (2, 4096), (4, 4096), (8, 4096))  # slots, tokens in each


def per_token(model: Path, element: float) -> float:
    """Bytes of cache for one token."""
    facts = metadata(model)
    kind = facts["general.architecture"]
    heads, kv_heads = facts[f"{kind}.attention.head_count"], facts[f"{kind}.attention.head_count_kv"]
    dimension = facts.get(f"{kind}.attention.key_length", facts[f"{kind}.embedding_length"] // heads)
    layers = facts[f"{kind}.block_count"]
    print(f"{layers} layers, {kv_heads} KV heads (of {heads} heads), head dimension {dimension}")
    return 2 * layers * kv_heads * dimension * element


def private_bytes(model: Path, kind: str, slots: int, tokens: int) -> int:
    """Anonymous resident memory of a freshly loaded server, in bytes."""
    request = {"model": str(model), "type": kind, "slots": slots, "tokens": tokens}
    request["key"] = secrets.token_urlsafe(16)
    with subprocess.Popen(
        [sys.executable, "server.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Threads that spin while they wait for each other hardly get on beside other work on the same cores.
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        if "url" not in json.loads(process.stdout.readline() or "{}"):
            sys.exit("The server did not load.")
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        process.stdin.close()
        process.wait()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--type", choices=BYTES, required=True)
    parser.add_argument("--base", type=int, default=2048, help="tokens of the cache that is subtracted")
    options = parser.parse_args()
    model = App.load_anywhere().models.path(CHAT_MODEL)
    token = per_token(model, BYTES[options.type])
    print(f"{options.type}: {token:,.0f} bytes a token")
    base = private_bytes(model, options.type, 1, options.base)
    for slots, tokens in GRID:
        count = slots * tokens - options.base
        taken = private_bytes(model, options.type, slots, tokens) - base
        name = ", ".join([os.environ.get("LAB_VARIANT") or options.type, f"{slots} x {tokens:,}"])
        metrics = {
            "predicted (MiB)": token * count / 2**20,
            "measured (MiB)": taken / 2**20,
            "off (%)": 100 * (taken / (token * count) - 1),
        }
        print(json.dumps({"variant": name, "metrics": metrics}), flush=True)


if __name__ == "__main__":
    main()
