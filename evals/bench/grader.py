"""Time and memory of the local grader: `python -m evals.bench.grader [lexical|local|second] [threads]`.

`second`: eight claims where the embedded model gives a second opinion on the asked one.
"""

import json
import resource
import statistics
import sys
import time

from agent.adapters.grading import load_grader
from agent.domain.verdict import ClaimText

_CLAIMS = [
    "One token occupies two times layers times KV heads times head dimension times bytes per element of KV cache.",
    "KV-cache memory grows linearly with the sequence length, prompt and generated tokens alike.",
    "KV-cache memory grows linearly with the batch size, since each concurrent sequence has its own cache.",
    "The number of key/value heads, not the number of query heads, sets the KV-cache size.",
    "Decoding is usually limited by memory bandwidth, not by arithmetic.",
    "GPU memory left after weights, divided by the cache of one sequence, caps the number of sequences served.",
    "Batching spreads the cost of reading the weights over all sequences, but not the cost of reading the cache.",
    "Storing keys and values in FP8 instead of FP16 halves the cache; the price is a quantisation error.",
]
_ANSWER = (
    "When the model writes one more word it needs the keys and values of everything before, so the server keeps "
    "them. Each new position adds the same number of bytes per layer, so a chat that is twice as long needs twice "
    "the room. Two users need two of these stores because nothing is shared between them. Only the heads that "
    "make keys and values count, and grouped attention has few of them. The GPU has to pull all weights and the "
    "stored vectors out of its memory for every step, while the multiplications are over quickly, so the speed "
    "comes from bandwidth. With eight bits instead of sixteen you save half of it and you lose some precision."
)


def measure(kind: str, threads: int) -> dict[str, float | int | str]:
    """Seconds for 8 claims on a 120-word answer (first call with loading, median of later ones), rows/s, MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    claims = [ClaimText(str(i), text, "core") for i, text in enumerate(_CLAIMS)]
    question = "What decides how much memory serving takes?"
    started = time.perf_counter()
    grader = load_grader(kind, threads=threads)
    grader.judge(question, claims, _ANSWER)
    first = time.perf_counter() - started
    later = []
    cpu = time.process_time()
    for i in range(9):
        at = time.perf_counter()
        grader.judge(question, claims, f"{_ANSWER} Take {i}.")
        later.append(time.perf_counter() - at)
    cpu = (time.process_time() - cpu) / 9
    at, row_cpu = time.perf_counter(), time.process_time()
    rows = 200
    for i in range(rows):
        answer = " ".join(_ANSWER.split()[i % 60 : i % 60 + 15])
        grader.judge(question, [ClaimText("c", f"{_CLAIMS[i % 8]} ({i})", "core")], answer)
    return {
        "grader": grader.version,
        "threads": threads,
        "answer_words": len(_ANSWER.split()),
        "first_s": round(first, 3),
        "eight_claims_s": round(statistics.median(later), 3),
        "eight_claims_max_s": round(max(later), 3),
        "eight_claims_cpu_s": round(cpu, 3),
        "row_cpu_ms": round(1000 * (time.process_time() - row_cpu) / rows, 1),
        "rows_per_s": round(rows / (time.perf_counter() - at), 1),
        "added_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before, 1),
    }


def measure_second(threads: int) -> dict[str, float | int | str]:
    """Seconds for 8 claims on a 120-word answer where the embedded model reads the asked one, the model loaded.

    Another claim is asked about each time, so that nothing of it or of the answer is in the prefix cache. `warm`: where
    the question had been read before the answer came, as in a quiz, whose learner types meanwhile; `short` answers have
    20 words.
    """
    from agent.adapters.grading.second import opening
    from evals.graders import second_opinion

    claims = [ClaimText(str(i), text, "core") for i, text in enumerate(_CLAIMS)]
    question = "What decides how much memory serving takes?"
    with second_opinion(wanted=True) as model:
        alone, asked = load_grader(threads=threads), load_grader(threads=threads, model=model)
        asked.judge(question, claims, _ANSWER)
        assert model is not None
        took: dict[str, list[float]] = {}
        read = 0
        for name, words in (("cold", 120), ("warm", 120), ("cold_short", 20), ("warm_short", 20)):
            for i in range(len(claims)):
                turned, put = claims[i:] + claims[:i], f"{name} {i}: {question}"
                answer = " ".join(_ANSWER.split()[:words])
                first = alone.judge(put, turned, answer)[0]
                if name.startswith("warm"):
                    model.next_token_scores(opening(put, turned[0].text), [0])
                at = time.perf_counter()
                read += asked.judge(put, turned, answer)[0].p_covered != first.p_covered
                took.setdefault(name, []).append(time.perf_counter() - at)
    reads = f"{read} of {4 * len(claims)}"
    found: dict[str, float | int | str] = {"grader": asked.version, "threads": threads, "read": reads}
    for name, times in took.items():
        found |= {f"{name}_s": round(statistics.median(times), 2), f"{name}_max_s": round(max(times), 2)}
    return found


if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else "local"
    cores = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    found = measure_second(cores) if kind == "second" else measure(kind, cores)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
