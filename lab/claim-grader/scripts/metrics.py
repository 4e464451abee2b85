"""Figures with cluster-bootstrap intervals: whole questions are resampled."""

import numpy as np
from data import Row


def macro_f1(y: np.ndarray, p: np.ndarray, k: int) -> float:
    f = []
    for c in range(k):
        tp = ((y == c) & (p == c)).sum()
        f.append(2 * tp / max(1, (y == c).sum() + (p == c).sum()))
    return float(np.mean(f))


def auc(y: np.ndarray, s: np.ndarray) -> float:
    order = np.argsort(s, kind="stable")
    rank = np.empty(len(s))
    rank[order] = np.arange(1, len(s) + 1)
    pos = y.sum()
    return float((rank[y].sum() - pos * (pos + 1) / 2) / max(1, pos * (len(y) - pos)))


def ece(conf: np.ndarray, hit: np.ndarray, bins: int = 10) -> float:
    slot = np.minimum(bins - 1, (conf * bins).astype(int))
    return float(sum(abs(conf[slot == b].sum() - hit[slot == b].sum()) for b in range(bins)) / len(conf))


def interval(clusters: np.ndarray, measure, n: int = 400) -> tuple[float, float]:
    """95 % percentile interval of `measure(index)`, clusters resampled with replacement."""
    rng = np.random.default_rng(0)
    names = np.unique(clusters)
    members = {c: np.flatnonzero(clusters == c) for c in names}
    draws = [measure(np.concatenate([members[c] for c in rng.choice(names, len(names))])) for _ in range(n)]
    return float(np.percentile(draws, 2.5)), float(np.percentile(draws, 97.5))


def table(name: str, rows: list[Row], p: np.ndarray) -> None:
    """One line a set: 2-way and 3-way macro-F1, AUC, ECE of p(covered), accuracy of the most confident half."""
    sets = np.array([r.dataset for r in rows])
    qid = np.array([r.qid for r in rows])
    label = np.array([r.label for r in rows])
    score = np.array([r.score for r in rows])
    for d in ("scientsbank", "beetle", "saf_en", "all"):
        t = np.flatnonzero(sets == d) if d != "all" else np.flatnonzero(sets != "saf_en")
        if not len(t):
            continue
        y, q, c = label[t], p[t], qid[t]
        cov = q[:, 1]
        if d == "saf_en":
            lo, hi = interval(c, lambda i: np.corrcoef(cov[i], score[t][i])[0, 1])
            print(
                f"{name:28s} {d:12s} n={len(t):5d} r={np.corrcoef(cov, score[t])[0, 1]:.3f} [{lo:.2f},{hi:.2f}]"
                f" MAE={np.abs(cov - score[t]).mean():.3f}"
            )
            continue
        two = lambda i: macro_f1((y[i] == 1).astype(int), (cov[i] >= 0.5).astype(int), 2)  # noqa: E731
        every = np.arange(len(t))
        lo, hi = interval(c, two)
        guess = q.argmax(1)
        lo3, hi3 = interval(c, lambda i: macro_f1(y[i], guess[i], 3))
        conf = np.maximum(cov, 1 - cov)
        hit = (cov >= 0.5) == (y == 1)
        half = np.argsort(-conf)[: len(conf) // 2]
        print(
            f"{name:28s} {d:12s} n={len(t):5d} 2way={two(every):.3f} [{lo:.2f},{hi:.2f}]"
            f" 3way={macro_f1(y, guess, 3):.3f} [{lo3:.2f},{hi3:.2f}] auc={auc(y == 1, cov):.3f}"
            f" ece={ece(cov, y == 1):.3f} half={hit[half].mean():.3f}"
        )
