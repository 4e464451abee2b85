"""Probe the embedded chat model's hidden state: does it know more than the grade that it says?

The last token's state after a judging prompt (question and answer first, the claim last), standardised, under a
logistic regression; cross-fitted by whole questions, notes and fields, on rows of `heads.py --dump` that the small judge's
encoder never saw, so the two can be held against each other and stacked. `--states` is filled row by row: a run that was stopped
goes on. With `--model` it extracts, in the product's own environment; without, it fits, in the lab's.
"""

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np

SYSTEM = "You judge whether a learner's answer states a given point. Numbers, directions and negations must agree."
SETS = {"scientsbank": 0.32, "beetle": 0.2, "notes": 0.15, "domains": 0.33}
"""Share of the rows drawn from each set."""
FOLDS = 5
STRENGTHS = (0.0003, 0.001, 0.003, 0.01)
"""Inverse ridge of the probe, chosen within the folds that it is fitted on."""


def render(row: dict[str, str]) -> str:
    """The prompt in the model's chat form; what the learner wrote is one JSON string, so it cannot end its field."""
    said = json.dumps(row["answer"], ensure_ascii=False)
    user = f"Question: {row['question']}\nAnswer: {said}\nPoint: {row['claim']}\nDoes the answer state the point?"
    return f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"


def chosen(path: Path, count: int) -> list[dict[str, str]]:
    """`count` rows in a fixed random order, by the shares of `SETS`; interleaved, so that any prefix is a fair sample."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows.sort(key=lambda r: hash_of(r["id"]))
    kept = [[r for r in rows if r["set"] == name][: round(share * count)] for name, share in SETS.items()]
    places = sorted((i / len(some), j, i) for j, some in enumerate(kept) for i in range(len(some)))
    return [kept[j][i] for _, j, i in places]


def extract(rows: list[dict[str, str]], model: Path, out: Path) -> None:
    """Append id and state of every row that `out` lacks."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.verbosity = -1
    params.model.path = str(model)
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
    params.n_ctx = params.n_batch = params.n_ubatch = 2048
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    server = xllamacpp.Server(params)
    known = set(states(out))
    begun, made = time.monotonic(), 0
    with out.open("a", encoding="utf-8") as file:
        for row in rows:
            if row["id"] in known:
                continue
            reply = server.handle_embeddings({"input": render(row), "encoding_format": "float"})
            state = reply["data"][0]["embedding"]
            file.write(json.dumps([row["id"], [round(v, 6) for v in state]]) + "\n")
            file.flush()
            made += 1
            if made % 50 == 0:
                print(f"{made} rows, {(time.monotonic() - begun) / made:.2f} s a row", flush=True)


def states(path: Path) -> dict[str, list[float]]:
    """What has been extracted."""
    return dict(map(json.loads, path.read_text("utf-8").splitlines())) if path.exists() else {}


def hash_of(text: str) -> int:
    """A number that stays the same between runs."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def crossed(x: np.ndarray, y: np.ndarray, group: np.ndarray, strengths: tuple[float, ...] = STRENGTHS) -> np.ndarray:
    """Out-of-fold log odds of a logistic regression; its strength is chosen by folds within the fitted part."""
    out = np.zeros(len(y))
    for fold in np.unique(group):
        fit, held = group != fold, group == fold
        best = (
            max(strengths, key=lambda c: _inner(x[fit], y[fit], group[fit], c)) if len(strengths) > 1 else strengths[0]
        )
        out[held] = _fitted(x[fit], y[fit], x[held], best)
    return out


def _inner(x: np.ndarray, y: np.ndarray, group: np.ndarray, c: float) -> float:
    from metrics import auc

    out = np.zeros(len(y))
    for fold in np.unique(group):
        fit, held = group != fold, group == fold
        out[held] = _fitted(x[fit], y[fit], x[held], c)
    return auc(y, out)


def _fitted(x: np.ndarray, y: np.ndarray, new: np.ndarray, c: float) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    mean, scale = x.mean(0), x.std(0) + 1e-6
    return LogisticRegression(C=c, max_iter=2000).fit((x - mean) / scale, y).decision_function((new - mean) / scale)


def report(rows: list[dict[str, str]], kept: dict[str, list[float]]) -> None:
    """AUC, 2-way macro-F1 and what 4 % of accepted falsehoods buy: the probe, the small judge, both."""
    from metrics import auc, interval, macro_f1

    rows = [row for row in rows if row["id"] in kept]
    x = np.array([kept[row["id"]] for row in rows])
    y = np.array([row["label"] == 1 for row in rows])
    cluster = np.array([row["cluster"] for row in rows])
    group = np.array([hash_of("fold" + name) % FOLDS for name in cluster])
    small = np.log(
        np.clip([float(r["p"]) for r in rows], 0.02, 0.98) / (1 - np.clip([float(r["p"]) for r in rows], 0.02, 0.98))
    )
    probe = crossed(x, y, group)
    both = crossed(np.stack([small, probe], 1), y, group, (1.0,))
    sets = np.array([row["set"] for row in rows])
    unsure = (small > np.log(0.13 / 0.87)) & (small < np.log(0.4 / 0.6))
    for name, t in [
        *((s, sets == s) for s in SETS),
        ("hand-written", (sets == "notes") | (sets == "domains")),
        ("all", sets != ""),
        ("unsure", unsure),
    ]:
        t = np.flatnonzero(t)
        if len(t) < 20 or y[t].all() or not y[t].any():
            continue
        print(f"{name:13} n={len(t):4d}, {y[t].mean():.0%} covered, {len(set(cluster[t]))} clusters")
        for what, score in (("small judge", small), ("probe", probe), ("both", both)):
            low, high = interval(cluster[t], lambda i, s=score[t], t=t: auc(y[t][i], s[i]))
            bar = np.quantile(score[t][~y[t]], 0.96)
            print(
                f"  {what:12} AUC {auc(y[t], score[t]):.3f} [{low:.2f}, {high:.2f}]  2-way"
                f" {macro_f1(y[t].astype(int), (score[t] >= 0).astype(int), 2):.3f}  true accepted at 4 % false {(score[t][y[t]] > bar).mean():.1%}"
            )


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--rows", type=Path, required=True, help="JSON lines of heads.py --dump")
    a.add_argument("--states", type=Path, required=True)
    a.add_argument("--model", type=Path, help="the embedded model's GGUF file; without it, fit what is there")
    a.add_argument("--count", type=int, default=1100)
    args = a.parse_args()
    drawn = chosen(args.rows, args.count)
    if args.model:
        extract(drawn, args.model, args.states)
    else:
        report(drawn, states(args.states))
