"""Fit the calibrated heads on out-of-fold features and report every figure of RESULTS.md.

Heads are scored by cross-fitting: a fold's probabilities come from a head fitted on the other folds' rows,
whose encoder logits are themselves out of fold.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from data import folds, load
from metrics import table
from sklearn.linear_model import LogisticRegression

from agent.adapters.grading.features import NAMES as LEXICAL
from agent.domain.calibration import accept_threshold


def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray, c: float) -> tuple[np.ndarray, ...]:
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z = np.clip((x - mean) / scale, -4, 4)
    m = LogisticRegression(C=c, max_iter=2000).fit(z, y, sample_weight=w)
    return mean, scale, m.coef_, m.intercept_


def apply(model: tuple[np.ndarray, ...], x: np.ndarray) -> np.ndarray:
    mean, scale, coef, intercept = model
    z = np.clip((x - mean) / scale, -4, 4) @ coef.T + intercept
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def expand(rows, x, take):
    """SAF's partial credit becomes a covered and a missing copy with the score as weight."""
    xs, ys, ws = [], [], []
    for i in take:
        for label, weight in enumerate(rows[i].target):
            if weight > 0.01:
                xs.append(x[i])
                ys.append(label)
                ws.append(weight)
    return np.array(xs), np.array(ys), np.array(ws)


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--lexical", type=Path)
    a.add_argument("--frozen", type=Path)
    a.add_argument("--logits", type=Path, nargs="*", default=[], help="folders of fold*.npz")
    a.add_argument("--k", type=int, default=3)
    a.add_argument("--by", default="qid")
    a.add_argument("--c", type=float, default=0.05)
    a.add_argument("--name", required=True)
    a.add_argument("--error", type=float, default=0.1)
    a.add_argument("--write", type=Path, help="folder for the head's JSON")
    args = a.parse_args()
    rows = load(args.data)
    fold = folds(rows, args.k, args.by)
    columns, names = [], []
    have = np.ones(len(rows), bool)
    if args.lexical:
        columns.append(np.load(args.lexical))
        names += LEXICAL
    if args.frozen:
        columns.append(np.load(args.frozen))
        names += [f"frozen{i}" for i in range(columns[-1].shape[1])]
    for folder in args.logits:
        z = np.full((len(rows), 3), np.nan, np.float32)
        for part in folder.glob("fold[0-9].npz"):
            data = np.load(part)
            z[data["index"]] = data["logits"]
        z = z - z.mean(1, keepdims=True)
        have &= ~np.isnan(z[:, 0])
        columns.append(z)
        names += ["missing", "covered", "contradicted"]
    x = np.concatenate(columns, 1)
    use = np.flatnonzero(have)
    # Where only some folds were trained, heads are cross-fitted inside them by question.
    inner = fold if len(set(fold[use])) > 1 else folds(rows, 5, "qid")
    if len(set(fold[use])) == 1:
        sub = folds([rows[i] for i in use], 5, "qid")
        inner = np.full(len(rows), -1)
        inner[use] = sub
    p = np.zeros((len(rows), 3))
    for f in sorted(set(inner[use])):
        train = [i for i in use if inner[i] != f]
        test = [i for i in use if inner[i] == f]
        p[test] = apply(fit(*expand(rows, x, train), args.c), x[test])
    table(args.name, [rows[i] for i in use], p[use])
    np.savez(f"/tmp/cg/{args.name}.p.npz", use=use, p=p[use])
    if args.write:
        final = fit(*expand(rows, x, use), args.c)
        hard = [i for i in use if rows[i].dataset != "saf_en"]
        right = [rows[i].label == 1 for i in hard]
        accept = max(0.5, accept_threshold([float(p[i, 1]) for i in hard], right, args.error))
        reject = 1 - accept_threshold([float(1 - p[i, 1]) for i in hard], [not r for r in right], args.error)
        contra = accept_threshold([float(p[i, 2]) for i in hard], [rows[i].label == 2 for i in hard], 0.35)
        bands = {"accept": min(accept, 0.9), "reject": max(0.03, reject), "contradict": max(0.5, min(contra, 0.8))}
        print("bands", bands)
        head = {"features": names, "mean": final[0].round(6).tolist(), "scale": final[1].round(6).tolist()}
        head |= {"coef": final[2].round(6).tolist(), "intercept": final[3].round(6).tolist(), "bands": bands}
        (args.write / f"{args.name}.json").write_text(json.dumps(head, indent=0) + "\n")


if __name__ == "__main__":
    main()
