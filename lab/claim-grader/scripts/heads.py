"""Fit the shipped head on rows that the encoder never saw, and choose its bands by harm.

The rows are public fold 0 and the held-out notes and domains of joint.py. Every row goes through the product's rules,
windows and 8-bit weights; probabilities are cross-fitted by whole public questions and whole domains. `--write` fits
on all of them and writes the head.
"""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
import onnxruntime as ort
from data import COVERED, Row, folds, held_out, load, load_domains, load_notes
from metrics import auc, ece, macro_f1, table
from sklearn.linear_model import LogisticRegression

from agent.adapters.grading import text as plain
from agent.adapters.grading.alignment import NAMES as ALIGNMENT
from agent.adapters.grading.encoder import CrossEncoderScorer
from agent.adapters.grading.features import NAMES as LEXICAL
from agent.adapters.grading.features import Bag
from agent.adapters.grading.lexical import lexical_rows
from agent.adapters.grading.local import _NOTHING, _candidates, _combine
from agent.adapters.grading.prepare import asked_part, prepare

LOGITS = ("missing", "covered", "contradicted")
EVERY = [*LEXICAL, *ALIGNMENT, *LOGITS]
CHOSEN = [*ALIGNMENT, "negation_mismatch", "opposite", "number_missing", "number_other", "length_ratio",
          "claim_words", "soft_recall", "precision", *LOGITS]  # fmt: skip


class Fitted:
    """Multinomial regression over standardised, clipped columns: what `head.py` computes."""

    def __init__(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, c: float) -> None:
        self.mean = np.average(x, 0, w)
        self.scale = np.sqrt(np.average((x - self.mean) ** 2, 0, w)) + 1e-6
        model = LogisticRegression(C=c, max_iter=3000).fit(self._z(x), y, sample_weight=w)
        self.coef, self.intercept = model.coef_, model.intercept_

    def _z(self, x: np.ndarray) -> np.ndarray:
        return np.clip((x - self.mean) / self.scale, -4, 4)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        z = self._z(x) @ self.coef.T + self.intercept
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)


def scorer_of(folder: Path | None) -> CrossEncoderScorer:
    """The product's scorer, with another upper half where one is given."""
    scorer = CrossEncoderScorer(threads=1)
    if folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        path = str(folder / "upper.onnx")
        scorer._sessions["upper.onnx"] = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return scorer


def columns(scorer: CrossEncoderScorer, row: Row, question: bool = True):
    """(windows, matrix) as `CrossEncoderScorer.score` builds them, None where nothing in the answer counts."""
    claim = plain.clean(row.claims[0])
    prepared = prepare(row.answer, row.question)
    if prepared is None:
        return None
    pairs = [(0, w) for w in _candidates(Bag.of(claim), prepared)]
    context = asked_part(row.question) if question else ""
    logits = scorer.logits([(claim, context, w.text) for _, w in pairs])
    logits = logits - logits.mean(axis=1, keepdims=True)
    lexical = np.asarray(lexical_rows(row.question, [claim], prepared, pairs), dtype=np.float64)
    aligned = np.asarray(scorer.alignments(row.question, [(claim, w.text) for _, w in pairs]))
    return [w for _, w in pairs], np.concatenate([lexical, aligned, logits], axis=1)


def product(head: Fitted, found, take: list[int], row: Row) -> np.ndarray:
    """(missing, covered, contradicted) after windows and rules."""
    if found is None:
        return np.array(_NOTHING)
    windows, x = found
    scored = [(w, p.tolist()) for w, p in zip(windows, head(x[:, take]), strict=True)]
    return np.array(_combine(Bag.of(row.claims[0]), Bag.of(row.question), scored)[0])


def clusters(rows: list[Row]) -> np.ndarray:
    """What is held out together: a public question, a note, a domain."""
    return np.array([r.qid if r.dataset in ("scientsbank", "beetle", "saf_en") else r.domain for r in rows])


def fit(use, rows: list[Row], found: list, take: list[int], weight: dict[str, float], c: float) -> Fitted:
    """The head on these rows; each set's rows weigh `weight` together, SAF's partial credit is split."""
    xs, ys, ws, sets = [], [], [], []
    for i in use:
        if found[i] is None:
            continue
        for label, part in enumerate(rows[i].target):
            if part > 0.01:
                xs.append(found[i][1][0][take])
                ys.append(label)
                ws.append(part)
                sets.append(rows[i].dataset)
    w, sets = np.array(ws), np.array(sets)
    for name in set(sets):
        w[sets == name] *= weight[name] * len(w) / w[sets == name].sum()
    return Fitted(np.array(xs), np.array(ys), w, c)


def cross_fitted(rows, found, take, weight, c, k: int = 8) -> np.ndarray:
    """Pipeline probabilities of each row from heads that saw other questions and domains only."""
    group = clusters(rows)
    part = np.array([sum(map(ord, g)) % k for g in group])
    out = np.zeros((len(rows), 3))
    for f in range(k):
        head = fit(np.flatnonzero(part != f), rows, found, take, weight, c)
        for i in np.flatnonzero(part == f):
            out[i] = product(head, found[i], take, rows[i])
    return out


def lean_of(rows, p) -> float:
    """The share of what is not covered from which a row is called contradicted, by 3-way macro-F1 on both public sets."""
    best = (0.0, 0.5)
    sets = np.array([r.dataset for r in rows])
    y = np.array([r.label for r in rows])
    for lean in np.arange(0.2, 0.7, 0.02):
        guess = named(p, lean)
        score = np.mean([macro_f1(y[sets == d], guess[sets == d], 3) for d in ("scientsbank", "beetle")])
        best = max(best, (float(score), float(lean)))
    return round(best[1], 2)


def named(p: np.ndarray, lean: float) -> np.ndarray:
    return np.where(p[:, 1] >= 0.5, 1, np.where(p[:, 2] >= lean * (p[:, 0] + p[:, 2]), 2, 0))


def _bound(values: np.ndarray, share: float) -> float:
    """The least threshold with (count above + 1) / (n + 1) <= share."""
    allowed = max(0, int(share * (len(values) + 1)) - 1)
    return float(np.sort(values)[::-1][allowed]) + 1e-4


def harm(rows: list[Row], p: np.ndarray, false: float, lost: float) -> dict[str, float]:
    """Accept so that at most `false` of the contradicting and of other false answers pass; reject and contradict so
    that at most `lost` of the truthful ones are turned down without a question each."""
    label = np.array([r.label for r in rows])
    y = label == COVERED
    accept = max(0.5, *(_bound(p[label == k, 1], false) for k in (0, 2)))
    against = (p[:, 2] > p[:, 0]) & (p[:, 1] < 0.5)
    contradict = max(0.4, _bound(np.where(against, p[:, 2], 0)[y], lost))
    return {"accept": round(accept, 4), "reject": round(float(np.quantile(p[y, 1], lost)), 4), "contradict": round(contradict, 4)}


def show(name: str, rows: list[Row], p: np.ndarray, bands: dict[str, float]) -> None:
    style = np.array([r.id.rsplit("/", 2)[1] for r in rows])
    y = style == "true"
    print(f"{name} n={len(rows)} auc {auc(y, p[:, 1]):.3f} ece {ece(p[:, 1], y):.3f}")
    for s in dict.fromkeys(style):
        q = p[style == s]
        kept = " ".join(f"{t:.2f}:{(q[:, 1] >= t).mean():.3f}" for t in (0.4, 0.5, 0.6, 0.7, 0.8))
        no = ((q[:, 1] < 0.5) & (q[:, 2] >= bands["contradict"])).mean()
        against = auc(np.r_[np.ones(y.sum(), bool), np.zeros(len(q), bool)], np.r_[p[y, 1], q[:, 1]])
        print(f"  {s:8s} n={len(q):4d} accepted from {kept} contradicted {no:.3f} auc of true against it {against:.3f}")
    for share in (0.02, 0.05, 0.1):
        at = _bound(p[~y, 1], share)
        print(f"  {share:.0%} of the false pass at {at:.3f}: {(p[y, 1] >= at).mean():.3f} of the true")


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--answers", type=Path, default=Path(__file__).parents[1] / "data/answers")
    a.add_argument("--domains", type=Path, default=Path(__file__).parents[1] / "data/domains")
    a.add_argument("--tracks", type=Path, default=Path(__file__).parents[3] / "tracks")
    a.add_argument("--onnx", type=Path, help="folder with another upper.onnx than the shipped one")
    a.add_argument("--every", type=int, default=6)
    a.add_argument("--columns", type=Path, required=True, help="kept here, made where absent")
    a.add_argument("--no-question", action="store_true")
    a.add_argument("--use", nargs="*", default=CHOSEN)
    a.add_argument("--weights", type=float, nargs=5, default=[1, 1, 0.3, 0.6, 1.2],
                   help="of scientsbank, beetle, saf_en, notes, domains")  # fmt: skip
    a.add_argument("--c", type=float, default=0.05)
    a.add_argument("--false", type=float, default=0.03)
    a.add_argument("--lost", type=float, default=0.03)
    a.add_argument("--write", type=Path)
    args = a.parse_args()
    public = load(args.data)
    rows = [r for r, f in zip(public, folds(public, 3), strict=True) if f == 0]
    hand = load_notes(args.answers, args.tracks) + load_domains(args.domains)
    rows += [r for r, h in zip(hand, held_out(hand, args.every), strict=True) if h]
    if args.columns.exists():
        found = pickle.loads(args.columns.read_bytes())  # written by this script
    else:
        scorer = scorer_of(args.onnx)
        found = [columns(scorer, r, not args.no_question) for r in rows]
        args.columns.write_bytes(pickle.dumps(found))
    take = [EVERY.index(n) for n in args.use]
    weight = dict(zip(("scientsbank", "beetle", "saf_en", "notes", "domains"), args.weights, strict=True))
    p = cross_fitted(rows, found, take, weight, args.c)
    sets = np.array([r.dataset for r in rows])
    of_hand = np.isin(sets, ("notes", "domains"))
    some = [r for r, h in zip(rows, of_hand, strict=True) if not h]
    mine = [r for r, h in zip(rows, of_hand, strict=True) if h]
    table("cross-fitted", some, p[~of_hand])
    lean = lean_of(some, p[~of_hand])
    for d in ("scientsbank", "beetle"):
        k = np.flatnonzero(sets == d)
        y = np.array([rows[i].label for i in k])
        print(f"  {d} 3way with lean {lean}: {macro_f1(y, named(p[k], lean), 3):.3f}; "
              f"2way from .4 .45 .55: {[round(macro_f1((y == 1) * 1, (p[k, 1] >= t) * 1, 2), 3) for t in (.4, .45, .55)]}")
    bands = harm(mine, p[of_hand], args.false, args.lost)
    for d in ("notes", "domains"):
        k = sets == d
        if k.any():
            show(d, [r for r, x in zip(rows, k, strict=True) if x], p[k], bands)
    print("bands", bands, "lean", lean)
    if args.write:
        head = fit(range(len(rows)), rows, found, take, weight, args.c)
        content = {"features": args.use, "mean": head.mean.round(6).tolist(), "scale": head.scale.round(6).tolist()}
        content |= {"coef": head.coef.round(6).tolist(), "intercept": head.intercept.round(6).tolist()}
        content |= {"bands": bands | {"lean": lean}}
        (args.write / "grader.json").write_text(json.dumps(content, indent=0) + "\n")


if __name__ == "__main__":
    main()
