"""Fit the shipped head on out-of-fold rows of the notes, with public rows beside them; bands chosen by harm.

Probabilities are cross-fitted by whole notes and go through the product's combination of windows and its reversal
rules before anything is measured on them. `--write` fits on all rows and writes the head.
"""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
from adapt import note_folds
from data import COVERED, Row, folds, load, load_notes
from metrics import auc, ece, table
from sklearn.linear_model import LogisticRegression
from stack import expand

from agent.adapters.grading.alignment import NAMES as ALIGNMENT
from agent.adapters.grading.features import NAMES as LEXICAL
from agent.adapters.grading.features import Bag
from agent.adapters.grading.local import _NOTHING, _combine

LOGITS = ("missing", "covered", "contradicted")
EVERY = [*LEXICAL, *ALIGNMENT, *LOGITS]
CHOSEN = [*ALIGNMENT, "negation_mismatch", "opposite", "number_missing", "number_other", "length_ratio",
          "claim_words", "soft_recall", "precision", *LOGITS]  # fmt: skip


class Fitted:
    """Multinomial regression over standardised, clipped columns: what `head.py` computes."""

    def __init__(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, c: float) -> None:
        self.mean, self.scale = np.average(x, 0, w), np.sqrt(np.average((x - np.average(x, 0, w)) ** 2, 0, w)) + 1e-6
        model = LogisticRegression(C=c, max_iter=3000).fit(self._z(x), y, sample_weight=w)
        self.coef, self.intercept = model.coef_, model.intercept_

    def _z(self, x: np.ndarray) -> np.ndarray:
        return np.clip((x - self.mean) / self.scale, -4, 4)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        z = self._z(x) @ self.coef.T + self.intercept
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)


def product(head: Fitted, row, take: list[int], question: str, claim: str) -> np.ndarray:
    """(missing, covered, contradicted) after windows and rules; `row` is an entry of columns.py."""
    if row is None:
        return np.array(_NOTHING)
    windows, x = row
    scored = [(w, p.tolist()) for w, p in zip(windows, head(x[:, take]), strict=True)]
    return np.array(_combine(Bag.of(claim), Bag.of(question), scored)[0])


def cross_fitted(rows: list[Row], found: list, take: list[int], public, share: float, c: float, k: int = 8):
    """Pipeline probabilities of each row from heads that saw other notes only."""
    part = note_folds(rows, k)
    out = np.zeros((len(rows), 3))
    for f in range(k):
        head = fit([i for i in range(len(rows)) if part[i] != f], rows, found, take, public, share, c)
        for i in np.flatnonzero(part == f):
            out[i] = product(head, found[i], take, rows[i].question, rows[i].claims[0])
    return out


def fit(use: list[int], rows: list[Row], found: list, take: list[int], public, share: float, c: float) -> Fitted:
    """The head on these rows of the notes and on the public rows, whose weights sum to `share` of the notes'."""
    use = [i for i in use if found[i] is not None]
    x = np.array([found[i][1][0][take] for i in use])
    y = np.array([rows[i].label for i in use])
    w = np.ones(len(use))
    if share:
        px, py, pw = public
        x, y = np.concatenate([x, px[:, take]]), np.concatenate([y, py])
        w = np.concatenate([w, pw * share * len(use) / pw.sum()])
    return Fitted(x, y, w, c)


def harm(rows: list[Row], p: np.ndarray, false: float, lost: float) -> dict[str, float]:
    """Accept so that at most `false` of wrong and of other false answers pass; reject and contradict so that at most
    `lost` of the truthful ones are turned down without a question each."""
    style = np.array([r.id.split("/")[1] for r in rows])
    y = style == "true"
    groups = [p[style == "wrong", 1], p[np.isin(style, ("vague", "partial", "other")), 1]]
    accept = max(0.5, *(_bound(g, false) for g in groups))
    reject = float(np.quantile(p[y, 1], lost))
    against = (p[:, 2] > p[:, 0]) & (p[:, 1] < 0.5)
    contradict = max(0.4, _bound(np.where(against, p[:, 2], 0)[y], lost))
    return {"accept": round(accept, 4), "reject": round(reject, 4), "contradict": round(contradict, 4)}


def _bound(values: np.ndarray, share: float) -> float:
    """The least threshold with (count above + 1) / (n + 1) <= share."""
    allowed = max(0, int(share * (len(values) + 1)) - 1)
    return float(np.sort(values)[::-1][allowed]) + 1e-4


def show(rows: list[Row], p: np.ndarray, bands: dict[str, float]) -> None:
    style = np.array([r.id.split("/")[1] for r in rows])
    y = style == "true"
    print(f"auc {auc(y, p[:, 1]):.3f} ece {ece(p[:, 1], y):.3f} bands {bands}")
    for s in dict.fromkeys(style):
        q = p[style == s]
        ok = (q[:, 1] >= max(0.5, bands["accept"])).mean()
        no = ((q[:, 1] < 0.5) & (q[:, 2] > q[:, 0]) & (q[:, 2] >= bands["contradict"]) & (q[:, 1] <= bands["reject"])).mean()
        gone = ((q[:, 1] <= bands["reject"]) & (q[:, 2] <= q[:, 0])).mean()
        against = auc(np.r_[np.ones(y.sum(), bool), np.zeros(len(q), bool)], np.r_[p[y, 1], q[:, 1]])
        print(f"  {s:8s} n={len(q):4d} accepted {ok:.3f} contradicted {no:.3f} missing {gone:.3f} auc of true against it {against:.3f}")


def public_rows(data: Path, features: Path, logits: list[Path]):
    """Rows of public fold 0, their columns, and (x, y, weight) with partial credit as weights."""
    rows = load(data)
    parts = [np.load(path) for path in logits]
    index = parts[0]["index"]
    z = np.mean([part["logits"] for part in parts], 0)
    x = np.concatenate([np.load(features)[index], z - z.mean(1, keepdims=True)], 1)
    some = [rows[i] for i in index]
    return some, x


def public_table(name: str, some, x, note_part, take, share: float, c: float) -> None:
    """Public figures with the public part cross-fitted by question; `note_part` is (x, y) of the notes."""
    inner = folds(some, 5)
    p = np.zeros((len(some), 3))
    nx, ny = note_part
    for f in range(5):
        px, py, pw = expand(some, x, np.flatnonzero(inner != f))
        w = np.concatenate([np.ones(len(ny)), pw * share * len(ny) / pw.sum()])
        head = Fitted(np.concatenate([nx, px])[:, take], np.concatenate([ny, py]), w, c)
        p[inner == f] = head(x[inner == f][:, take])
    table(name, some, p)


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--answers", type=Path, default=Path(__file__).parents[1] / "data/answers")
    a.add_argument("--tracks", type=Path, default=Path(__file__).parents[3] / "tracks")
    a.add_argument("--columns", type=Path, required=True, help="of columns.py")
    a.add_argument("--features", type=Path, required=True, help="of product.py")
    a.add_argument("--logits", type=Path, nargs="+", required=True, help="public*.npz of adapt.py, averaged")
    a.add_argument("--use", nargs="*", default=CHOSEN)
    a.add_argument("--share", type=float, default=0.5, help="weight of the public rows, of that of the notes")
    a.add_argument("--c", type=float, default=0.1)
    a.add_argument("--false", type=float, default=0.03)
    a.add_argument("--lost", type=float, default=0.03)
    a.add_argument("--accept", type=float, help="instead of the bound from --false")
    a.add_argument("--contradict", type=float, help="instead of the bound from --lost")
    a.add_argument("--write", type=Path)
    args = a.parse_args()
    rows = load_notes(args.answers, args.tracks)
    known = pickle.loads(args.columns.read_bytes())  # written by columns.py
    rows, found = [rows[i] for i in sorted(known)], [known[i] for i in sorted(known)]
    some, px = public_rows(args.data, args.features, args.logits)
    public = expand(some, px, range(len(some)))
    take = [EVERY.index(n) for n in args.use]
    p = cross_fitted(rows, found, take, public, args.share, args.c)
    bands = harm(rows, p, args.false, args.lost)
    bands |= {k: v for k, v in (("accept", args.accept), ("contradict", args.contradict)) if v}
    show(rows, p, bands)
    have = [i for i in range(len(rows)) if found[i] is not None]
    note_part = np.array([found[i][1][0] for i in have]), np.array([rows[i].label for i in have])
    public_table("notes + public", some, px, note_part, take, args.share, args.c)
    if args.write:
        head = fit(list(range(len(rows))), rows, found, take, public, args.share, args.c)
        content = {"features": args.use, "mean": head.mean.round(6).tolist(), "scale": head.scale.round(6).tolist()}
        content |= {"coef": head.coef.round(6).tolist(), "intercept": head.intercept.round(6).tolist(), "bands": bands}
        (args.write / "grader.json").write_text(json.dumps(content, indent=0) + "\n")


if __name__ == "__main__":
    main()
