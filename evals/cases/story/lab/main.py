"""The entry of this lab: grows one cache and prints its metrics as a line of JSON."""

import argparse
import json
import time
from array import array

LAYERS, HEAD_DIM, TOKENS = 4, 32, 300
KV_HEADS = {"mha": 8, "gqa": 2, "mqa": 1, "gqa, allocated at once": 2}


def measure(variant: str) -> dict[str, float]:
    """Grow a cache of 32-bit floats token by token, as decoding does, and hold its bytes against the formula."""
    width = KV_HEADS[variant] * HEAD_DIM
    at_once = variant.endswith("at once")
    caches = [array("f", [0.0]) * (width * TOKENS if at_once else 0) for _ in range(2 * LAYERS)]
    for token in range(TOKENS):
        vector = array("f", [0.5] * width)
        for cache in caches:
            if at_once:
                cache[token * width : (token + 1) * width] = vector
            else:
                cache.extend(vector)
    began = time.perf_counter()
    for cache in caches:
        sum(cache)
    step = time.perf_counter() - began
    predicted = 2 * LAYERS * width * 4 * TOKENS
    held = sum(cache.__sizeof__() - array("f").__sizeof__() for cache in caches)
    return {
        "predicted (kB)": predicted / 1000,
        "held (kB)": held / 1000,
        "above the formula (%)": 100 * (held - predicted) / predicted,
        "read the whole cache (ms)": 1000 * step,
    }


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", default="gqa")
    given = parser.parse_args()
    print(json.dumps({"metrics": measure(given.variant)}))


if __name__ == "__main__":
    main()
