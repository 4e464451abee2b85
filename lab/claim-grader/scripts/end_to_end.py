"""The product's whole pipeline (rules, windows, 8-bit weights) on a sample of the encoder's unseen questions."""

import argparse
import random
import time
from pathlib import Path

import numpy as np
from data import folds, load
from metrics import table

from agent.adapters.grading import load_grader
from agent.domain.verdict import ClaimText


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--count", type=int, default=400)
    a.add_argument("--kind", default="local")
    args = a.parse_args()
    rows = load(args.data)
    some = [r for r, f in zip(rows, folds(rows, 3), strict=True) if f == 0 and r.dataset != "saf_en"]
    some = random.Random(0).sample(some, min(args.count, len(some)))
    grader = load_grader(args.kind, threads=1)
    started = time.process_time()
    verdicts = [grader.judge(r.question, [ClaimText("c", r.claims[0], "claim")], r.answer)[0] for r in some]
    spent = time.process_time() - started
    p = np.array([[1 - v.p_covered - v.p_contradicted, v.p_covered, v.p_contradicted] for v in verdicts])
    table(f"product {args.kind}", some, p)
    sure = [(v, r) for v, r in zip(verdicts, some, strict=True) if not v.abstain]
    wrong = sum((v.name == "covered") != (r.label == 1) for v, r in sure)
    print(f"decided {len(sure)} of {len(some)}, wrong {wrong}; {len(some) / spent:.0f} rows a second of processor time")


if __name__ == "__main__":
    main()
