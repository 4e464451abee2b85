"""Fit the calibrated heads on held-out features and report their figures.

The shipped head is a blend: a logistic regression over alignment features (which need no training and are fitted
on all questions) and the encoder's logits, with one weight, then vector scaling on questions that the encoder
never saw. All reported probabilities are cross-fitted: the questions they are for took part in none of the steps,
except the choice of the one weight from a short list.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from data import folds, load
from metrics import table
from sklearn.linear_model import LogisticRegression

from agent.adapters.grading.alignment import NAMES as ALIGNMENT
from agent.adapters.grading.features import NAMES as LEXICAL
from agent.domain.calibration import accept_threshold

CHOSEN = [*ALIGNMENT, "negation_mismatch", "opposite", "length_ratio"]
LOGITS = ["missing", "covered", "contradicted"]


def fit(x: np.ndarray, y: np.ndarray, w: np.ndarray, c: float) -> tuple[np.ndarray, ...]:
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z = np.clip((x - mean) / scale, -4, 4)
    m = LogisticRegression(C=c, max_iter=2000).fit(z, y, sample_weight=w)
    return mean, scale, m.coef_, m.intercept_


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


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def scores(model, x):
    """Head logits, centred."""
    mean, scale, coef, intercept = model
    z = np.clip((x - mean) / scale, -4, 4) @ coef.T + intercept
    return z - z.mean(1, keepdims=True)


def scaling(z, rows, take):
    """Vector scaling: one slope, three offsets, by minimising the log loss of the soft labels."""
    from scipy.optimize import minimize

    y = np.array([rows[i].target for i in take])
    w = np.array([0.5 if rows[i].dataset == "saf_en" else 1.0 for i in take])

    def loss(v):
        p = softmax(v[0] * z + np.array([v[1], v[2], v[3]]))
        return -(w * (y * np.log(p + 1e-9)).sum(1)).sum() / w.sum() + 1e-3 * (v[1:] ** 2).sum()

    return minimize(loss, np.array([1.0, 0, 0, 0]), method="L-BFGS-B").x


def bands(rows, p, error):
    """Accept and reject bounds with a bounded error among held-out rows of the claim-sized sets."""
    hard = [i for i, r in enumerate(rows) if r.dataset != "saf_en"]
    right = [rows[i].label == 1 for i in hard]
    accept = accept_threshold([float(p[i, 1]) for i in hard], right, error)
    reject = 1 - accept_threshold([float(1 - p[i, 1]) for i in hard], [not r for r in right], error)
    contra = accept_threshold([float(p[i, 2]) for i in hard], [rows[i].label == 2 for i in hard], 0.3)
    print(f"bands for error {error}: accept {accept:.3f} reject {reject:.3f} contradict {contra:.3f}")
    acc = [i for i in hard if p[i, 1] >= accept]
    print(f"  accepted {len(acc)} of {len(hard)}, wrong {sum(rows[i].label != 1 for i in acc)}")
    return {
        "accept": round(min(max(accept, 0.6), 0.9), 4),
        "reject": round(max(0.1, min(reject, 0.35)), 4),
        "contradict": round(min(max(0.5, contra), 0.7), 4),
    }


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--features", type=Path, required=True, help="of product.py")
    a.add_argument("--use", nargs="*", default=CHOSEN, help="feature names, or the word lexical")
    a.add_argument("--logits", type=Path, help="folder of fold*.npz")
    a.add_argument("--weight", type=float, nargs="*", default=[0.35])
    a.add_argument("--k", type=int, default=3)
    a.add_argument("--by", default="qid")
    a.add_argument("--c", type=float, default=0.05)
    a.add_argument("--name", required=True)
    a.add_argument("--error", type=float, default=0.1)
    a.add_argument("--write", type=Path, help="folder for the head's JSON")
    args = a.parse_args()
    rows = load(args.data)
    fold = folds(rows, args.k, args.by)
    names = list(LEXICAL) if args.use == ["lexical"] else args.use
    everything = [*LEXICAL, *ALIGNMENT]
    x = np.load(args.features)[:, [everything.index(n) for n in names]]
    z = np.zeros((len(rows), 3))
    for f in range(args.k):
        train, test = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
        z[test] = scores(fit(*expand(rows, x, train), args.c), x[test])
    final = fit(*expand(rows, x, range(len(rows))), args.c)
    use = np.arange(len(rows))
    for weight in args.weight if args.logits else [0.0]:
        mixed = z
        if args.logits:
            logits = np.full((len(rows), 3), np.nan)
            for part in args.logits.glob("fold[0-9].npz"):
                data = np.load(part)
                logits[data["index"]] = data["logits"]
            logits = logits - logits.mean(1, keepdims=True)
            use = np.flatnonzero(~np.isnan(logits[:, 0]))
            mixed = (1 - weight) * z + weight * logits
        some = [rows[i] for i in use]
        inner = folds(some, 5, "qid")
        p = np.zeros((len(some), 3))
        for f in range(5):
            train, test = np.flatnonzero(inner != f), np.flatnonzero(inner == f)
            v = scaling(mixed[use][train], some, train)
            p[test] = softmax(v[0] * mixed[use][test] + v[1:])
        table(f"{args.name} w={weight}", some, p)
    if not args.write:
        return
    v = scaling(mixed[use], some, range(len(some)))
    mean, scale, coef, intercept = final
    coef, intercept = coef - coef.mean(0), intercept - intercept.mean()
    coef, intercept = v[0] * (1 - weight) * coef, v[0] * (1 - weight) * intercept + v[1:]
    if args.logits:
        names = [*names, *LOGITS]
        mean, scale = np.r_[mean, 0, 0, 0], np.r_[scale, 1, 1, 1]
        coef = np.c_[coef, v[0] * weight * (np.eye(3) - 1 / 3)]
    head = {"features": names, "mean": mean.round(6).tolist(), "scale": scale.round(6).tolist()}
    head |= {"coef": coef.round(6).tolist(), "intercept": intercept.round(6).tolist()}
    head |= {"bands": bands(some, p, args.error)}
    (args.write / f"{args.name}.json").write_text(json.dumps(head, indent=0) + "\n")


if __name__ == "__main__":
    main()
