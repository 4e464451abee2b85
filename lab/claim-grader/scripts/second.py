"""Fit the constants of the second opinion: how much the embedded model's grade counts beside the small judge's.

Reads rows that the small judge leaves open (`heads.py --dump`, cross-fitted), asks the embedded model for its expected
grade as the product does, and regresses the label on both log odds. Grades are kept in a file as they come, so a run that was
stopped goes on. Runs in the product's own environment.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np

from agent.adapters.grading.second import expected_grade, render
from agent.app import App


def odds(p: float) -> float:
    p = min(0.98, max(0.02, p))
    return math.log(p / (1 - p))


def logistic(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Newton's method; the last column of `x` is the constant and is not shrunk."""
    w = np.zeros(x.shape[1])
    keep = np.diag([ridge] * (x.shape[1] - 1) + [0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ w))
        w -= np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + keep, x.T @ (p - y) + keep @ w)
    return w


def auc(y: np.ndarray, s: np.ndarray) -> float:
    return float(np.mean([(a > b) + 0.5 * (a == b) for a in s[y] for b in s[~y]]))


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--rows", type=Path, required=True, help="JSON lines of heads.py --dump")
    a.add_argument("--grades", type=Path, required=True)
    a.add_argument("--count", type=int, default=200, help="rows in all; those already graded are not asked again")
    a.add_argument("--low", type=float, default=0.15)
    a.add_argument("--high", type=float, default=0.75)
    args = a.parse_args()
    rows = [json.loads(line) for line in args.rows.read_text("utf-8").splitlines()]
    rows = [r for r in rows if args.low <= r["p"] <= args.high]
    rows.sort(key=lambda r: hash_of(r["id"]))
    known = dict(map(json.loads, args.grades.read_text("utf-8").splitlines())) if args.grades.exists() else {}
    todo = [r for r in rows[: args.count] if r["id"] not in known]
    if todo:
        with App.load() as app, args.grades.open("a", encoding="utf-8") as out:
            server = app.embedded_server
            for r in todo:
                grade = expected_grade(server.first_token_probs(render(r["question"], r["answer"], r["claim"]), 20))
                known[r["id"]] = grade
                out.write(json.dumps([r["id"], grade]) + "\n")
                out.flush()
    some = [r for r in rows if known.get(r["id"]) is not None]
    y = np.array([r["label"] == 1 for r in some])
    x = np.array([[odds(r["p"]), odds(known[r["id"]]), 1.0] for r in some])
    group = np.array([hash_of(r["cluster"]) % 5 for r in some])
    mixed = np.zeros(len(y))
    for f in range(5):
        mixed[group == f] = x[group == f] @ logistic(x[group != f], y[group != f])
    w = logistic(x, y)
    print(
        f"{len(some)} rows, {y.sum()} true; auc small {auc(y, x[:, 0]):.3f} grade {auc(y, x[:, 1]):.3f} both {auc(y, mixed):.3f}"
    )
    print(f"log odds = {w[0]:.3f} first + {w[1]:.3f} grade + {w[2]:.3f}")
    for name, p in (("small", np.array([r["p"] for r in some])), ("both", 1 / (1 + np.exp(-mixed)))):
        print(
            name,
            {
                t: (round(float((p[y] >= t).mean()), 3), round(float((p[~y] >= t).mean()), 3))
                for t in (0.4, 0.5, 0.6, 0.7)
            },
        )


def hash_of(text: str) -> int:
    import hashlib

    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


if __name__ == "__main__":
    main()
