"""Fit the shipped heads on rows that the encoder never saw, and choose the bands by harm.

A head has two layers that are multiplied out into one when it is written. The first reads the columns that nothing was
trained for (alignment in the untuned lower half, words) and is fitted on all public and hand-written rows; the second
weighs it against the encoder's logits, on the rows that joint.py held out. These go through the product's rules,
windows and 8-bit weights. Both layers are cross-fitted by whole public questions, notes and domains. `--write` fits on
all rows and writes the head.
"""

import argparse
import hashlib
import json
import pickle
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
from data import CONTRADICTED, COVERED, MISSING, Row, folds, held_out, load, load_domains, load_notes
from metrics import auc, ece, macro_f1, table
from negatives import contradict, heap
from sklearn.linear_model import LogisticRegression

from agent.adapters.grading import text as plain
from agent.adapters.grading.alignment import NAMES as ALIGNMENT
from agent.adapters.grading.encoder import COLUMNS, CrossEncoderScorer
from agent.adapters.grading.features import Bag
from agent.adapters.grading.lexical import lexical_rows
from agent.adapters.grading.local import _NOTHING, _candidates, _combine, _turned
from agent.adapters.grading.prepare import asked_part, prepare
from agent.domain.calibration import Scaling, accept_threshold

EVERY = list(COLUMNS)
LEARNED = EVERY[-6:]
"""The matcher's and the encoder's logits: known out of sample for the held-out rows only."""
PLAIN = [*ALIGNMENT, "negation_mismatch", "opposite", "number_missing", "number_other", "length_ratio"]
SETS = ("scientsbank", "beetle", "saf_en", "notes", "domains", "made")


class Fitted:
    """Multinomial regression over standardised, clipped columns: what `head.py` computes."""

    def __init__(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, c: float) -> None:
        self.mean = np.average(x, 0, w)
        self.scale = np.sqrt(np.average((x - self.mean) ** 2, 0, w)) + 1e-6
        model = LogisticRegression(C=c, max_iter=3000).fit(self._z(x), y, sample_weight=w)
        self.coef, self.intercept = model.coef_, model.intercept_

    def _z(self, x: np.ndarray) -> np.ndarray:
        return np.clip((x - self.mean) / self.scale, -4, 4)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Centred logits."""
        z = self._z(x) @ self.coef.T + self.intercept
        return z - z.mean(1, keepdims=True)


class Stacked:
    """Two layers: the plain columns to three scores, those and the learned logits to probabilities."""

    def __init__(self, plain_rows, plain_weights, held_rows, held_weights, args) -> None:
        """Rows are (columns, target); see `split`."""
        self.first = Fitted(*split(plain_rows, plain_weights, self.take(args.plain)), args.c)
        self.names = args.plain
        x, y, w = split(held_rows, held_weights, slice(None))
        self.second = LogisticRegression(C=args.c2, max_iter=3000).fit(self._both(x), y, sample_weight=w)

    @staticmethod
    def take(names) -> list[int]:
        return [EVERY.index(n) for n in names]

    def _both(self, x: np.ndarray) -> np.ndarray:
        return np.concatenate([self.first.scores(x[:, self.take(self.names)]), x[:, -6:]], axis=1)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        z = self._both(x) @ self.second.coef_.T + self.second.intercept_
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def content(self) -> dict:
        """The product's head: one layer over the plain columns and the centred logits."""
        mix, own = self.second.coef_[:, :3], self.second.coef_[:, 3:]
        centre = np.eye(3) - 1 / 3
        coef = np.concatenate([mix @ centre @ self.first.coef, own], axis=1)
        intercept = mix @ centre @ self.first.intercept + self.second.intercept_
        return {
            "features": [*self.names, *LEARNED],
            "mean": [*self.first.mean.round(6).tolist(), *[0.0] * 6],
            "scale": [*self.first.scale.round(6).tolist(), *[1.0] * 6],
            "coef": coef.round(6).tolist(),
            "intercept": intercept.round(6).tolist(),
        }


def split(rows, weights: dict[str, float], take):
    """(x, y, weight) of (columns, row) pairs: partial credit is split, each set weighs `weights` together."""
    xs, ys, ws, sets = [], [], [], []
    for x, row in rows:
        for label, part in enumerate(row.target):
            if part > 0.01:
                xs.append(x[take])
                ys.append(label)
                ws.append(part)
                sets.append(row.dataset)
    w, sets = np.array(ws), np.array(sets)
    for name in set(sets):
        w[sets == name] *= weights[name] * len(w) / w[sets == name].sum()
    return np.array(xs), np.array(ys), w / w.mean()


def scorer_of(folder: Path | None) -> CrossEncoderScorer:
    """The product's scorer, with another upper half where one is given."""
    scorer = CrossEncoderScorer(threads=1)
    if folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        # As the product has it: without VNNI the fast 8-bit products overflow.
        options.add_session_config_entry("session.x64quantprecision", "1")
        path = str(folder / "upper.onnx")
        scorer._sessions["upper.onnx"] = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return scorer


def columns(scorer: CrossEncoderScorer, row: Row, whole: bool = True):
    """(windows, matrix) as `CrossEncoderScorer.score` builds them, None where nothing in the answer counts.

    Not `whole`: the passage only, its logits left at zero.
    """
    claim = plain.clean(row.claims[0])
    prepared = prepare(row.answer, row.question)
    if prepared is None:
        return None
    pairs = [(0, w) for w in _candidates(Bag.of(claim), prepared)][: None if whole else 1]
    logits = np.zeros((len(pairs), 3))
    if whole:
        logits = scorer.logits([(claim, asked_part(row.question), w.text) for _, w in pairs])
        logits = logits - logits.mean(axis=1, keepdims=True)
    lexical = np.asarray(lexical_rows(row.question, [claim], prepared, pairs), dtype=np.float64)
    matched = np.asarray(scorer.matches(row.question, [(claim, w.text) for _, w in pairs]))
    return [w for _, w in pairs], np.concatenate([lexical, matched, logits], axis=1)


def made(hand: list[Row]) -> list[Row]:
    """What nobody wrote: one word of a truthful answer turned, a heap of the claim's words, another field's answer."""
    rng = random.Random(0)
    true = [r for r in hand if r.label == COVERED]
    out = []
    for n, r in enumerate(true):
        other = rng.choice(true)
        found = [("turned", contradict(r.answer, rng), CONTRADICTED)]
        if n % 2:
            found.append(("heap", heap(r.claims[0], rng), MISSING))
        elif other.domain != r.domain:
            found.append(("elsewhere", other.answer, MISSING))
        for style, answer, label in found:
            if answer:
                target = tuple(1.0 if k == label else 0.0 for k in range(3))
                out.append(
                    replace(
                        r,
                        id=f"{r.qid}/{style}/{n}",
                        dataset="made",
                        answer=answer,
                        label=label,
                        score=0.0,
                        target=target,
                    )
                )
    return out


def kept(path: Path, make):
    """What `make` gives, from the file where it is there."""
    if not path.exists():
        path.write_bytes(pickle.dumps(make()))
    return pickle.loads(path.read_bytes())  # written above


def product(head: Stacked, found, row: Row, reversal: float) -> np.ndarray:
    """(missing, covered, contradicted) after windows and rules."""
    if found is None:
        return np.array(_NOTHING)
    windows, x = found
    scored = [(w, p.tolist()) for w, p in zip(windows, head(x), strict=True)]
    p, window = _combine(scored)
    return np.array(_turned(Bag.of(row.claims[0]), Bag.of(row.question), window.bag, p, reversal))


def cluster(r: Row) -> str:
    """What is held out together: a public question, a note, a domain."""
    return r.qid if r.dataset in SETS[:3] else r.domain


def stacked(every, held, args, skip: int | None, k: int) -> Stacked:
    """Heads from all rows but those of fold `skip`; `every` and `held` are (columns or None, row) lists."""
    use = [[(f[1][0], r) for f, r in rows if f and fold_of(r, k) != skip] for rows in (every, held)]
    return Stacked(use[0], args.plain_weights, use[1], args.weights, args)


def fold_of(row: Row, k: int) -> int:
    return int(hashlib.sha256(cluster(row).encode()).hexdigest()[:8], 16) % k


def cross_fitted(every, held, args, k: int = 8) -> np.ndarray:
    """Pipeline probabilities of each held row from heads that saw other questions and domains only."""
    out = np.zeros((len(held), 3))
    for f in range(k):
        head = stacked(every, held, args, f, k)
        for i, (found, row) in enumerate(held):
            if fold_of(row, k) == f:
                out[i] = product(head, found, row, args.reversal)
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
    return {
        "accept": round(accept, 4),
        "reject": round(float(np.quantile(p[y, 1], lost)), 4),
        "contradict": round(contradict, 4),
    }


def error_bound(rows: list[Row], p: np.ndarray, error: float = 0.1) -> dict[str, float]:
    """Accept and reject so that a verdict given without abstaining is wrong in `error` of the held-out cases."""
    hard = [i for i, r in enumerate(rows) if r.dataset != "saf_en"]
    covered, right = p[hard, 1].tolist(), [rows[i].label == COVERED for i in hard]
    accept = accept_threshold(covered, right, error)
    reject = 1 - accept_threshold([1 - v for v in covered], [not r for r in right], error)
    contradict = accept_threshold(p[hard, 2].tolist(), [rows[i].label == CONTRADICTED for i in hard], 0.3)
    kept = [r for v, r in zip(covered, right, strict=True) if v >= accept]
    gone = [r for v, r in zip(covered, right, strict=True) if v <= reject]
    print(
        f"accepted {len(kept)} of {len(hard)}, wrong {kept.count(False)}; rejected {len(gone)}, wrong {gone.count(True)}"
    )
    return {
        "accept": round(min(accept, 0.95), 4),
        "reject": round(max(reject, 0.05), 4),
        "contradict": round(min(contradict, 0.9), 4),
    }


def show(name: str, rows: list[Row], p: np.ndarray, bands: dict[str, float]) -> None:
    style = np.array([r.id.rsplit("/", 2)[1] for r in rows])
    y = style == "true"
    print(f"{name} n={len(rows)} auc {auc(y, p[:, 1]) if y.any() else np.nan:.3f} ece {ece(p[:, 1], y):.3f}")
    for s in dict.fromkeys(style):
        q = p[style == s]
        kept = " ".join(f"{t:.2f}:{(q[:, 1] >= t).mean():.3f}" for t in (0.4, 0.5, 0.6, 0.7, 0.8))
        no = ((q[:, 1] < 0.5) & (q[:, 2] >= bands["contradict"])).mean()
        against = (
            np.nan
            if not y.any()
            else auc(np.r_[np.ones(y.sum(), bool), np.zeros(len(q), bool)], np.r_[p[y, 1], q[:, 1]])
        )
        print(f"  {s:8s} n={len(q):4d} accepted from {kept} contradicted {no:.3f} auc of true against it {against:.3f}")
    for share in (0.02, 0.05, 0.1) if y.any() else ():
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
    a.add_argument("--kept", type=Path, required=True, help="columns of all rows, made where absent")
    a.add_argument("--columns", type=Path, required=True, help="columns of the held-out rows, made where absent")
    a.add_argument("--plain", nargs="*", default=PLAIN)
    a.add_argument("--weights", type=float, nargs=6, default=[0.3, 0.3, 0.1, 0.6, 1, 0.5], help=f"in all, of {SETS}")
    a.add_argument("--plain-weights", type=float, nargs=6, help="the same for the first layer")
    a.add_argument("--reversal", type=float, default=0.5, help="strength of the product's rules")
    a.add_argument("--marks", action="store_true", help="bands from the public rows")
    a.add_argument("--c", type=float, default=0.05)
    a.add_argument("--c2", type=float, default=0.1)
    a.add_argument("--false", type=float, default=0.03)
    a.add_argument("--lost", type=float, default=0.03)
    a.add_argument("--dump", type=Path, help="write the cross-fitted rows there")
    a.add_argument("--alone", type=float, nargs=2, default=[1.0, 0.0], help="scaling of p(covered): slope and shift")
    a.add_argument("--read", type=float, nargs=2, default=[1.0, 0.0], help="the same with the second opinion")
    a.add_argument("--write", type=Path, help="the head's file")
    args = a.parse_args()
    args.plain_weights = dict(zip(SETS, args.plain_weights or args.weights, strict=True))
    args.weights = dict(zip(SETS, args.weights, strict=True))
    public = load(args.data)
    hand = load_notes(args.answers, args.tracks) + load_domains(args.domains)
    rows = [r for r, f in zip(public, folds(public, 3), strict=True) if f == 0]
    mine = [r for r, h in zip(hand, held_out(hand, args.every), strict=True) if h]
    rows += mine + made(mine)
    scorer = scorer_of(args.onnx)
    found = kept(args.columns, lambda: [columns(scorer, r) for r in rows])
    every = kept(args.kept, lambda: [columns(scorer, r, whole=False) for r in (*public, *hand)])
    held, every = list(zip(found, rows, strict=True)), list(zip(every, (*public, *hand), strict=True))
    p = cross_fitted(every, held, args)
    bands = figures(rows, p, args)
    if args.dump:
        with args.dump.open("w", encoding="utf-8") as out:
            for r, q in zip(rows, p, strict=True):
                if r.dataset not in ("saf_en", "made"):
                    line = {
                        "id": r.id,
                        "cluster": cluster(r),
                        "set": r.dataset,
                        "question": r.question,
                        "claim": r.claims[0],
                    }
                    out.write(json.dumps(line | {"answer": r.answer, "label": r.label, "p": float(q[1])}) + "\n")
    if args.write:
        scaled = Scaling(*args.alone)
        bands |= {name: round(scaled.apply(bands[name]), 4) for name in ("accept", "reject")}
        content = stacked(every, held, args, None, 8).content() | {"reversal": args.reversal, "bands": bands}
        content |= {"alone": args.alone, "read": args.read}
        args.write.write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


def figures(rows: list[Row], p: np.ndarray, args) -> dict[str, float]:
    """Print the tables; the bands."""
    sets = np.array([r.dataset for r in rows])
    of_hand = np.isin(sets, ("notes", "domains"))
    of_public = np.isin(sets, SETS[:3])
    some = [r for r, h in zip(rows, of_public, strict=True) if h]
    mine = [r for r, h in zip(rows, of_hand, strict=True) if h]
    table("cross-fitted", some, p[of_public])
    lean = lean_of(some, p[of_public])
    for d in ("scientsbank", "beetle"):
        k = np.flatnonzero(sets == d)
        y = np.array([rows[i].label for i in k])
        print(
            f"  {d} 3way with lean {lean}: {macro_f1(y, named(p[k], lean), 3):.3f}; "
            f"2way from .4 .45 .55: {[round(macro_f1((y == 1) * 1, (p[k, 1] >= t) * 1, 2), 3) for t in (0.4, 0.45, 0.55)]}"
        )
    bands = (error_bound(some, p[of_public]) if args.marks else harm(mine, p[of_hand], args.false, args.lost)) | {
        "lean": lean
    }
    for d in ("notes", "domains", "made"):
        k = sets == d
        if k.any():
            show(d, [r for r, x in zip(rows, k, strict=True) if x], p[k], bands)
    print("bands", bands)
    return bands


if __name__ == "__main__":
    main()
