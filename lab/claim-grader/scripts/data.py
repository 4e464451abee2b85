"""Rows, folds and token layout that every script of this lab shares."""

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

MISSING, COVERED, CONTRADICTED = 0, 1, 2
LABELS = {
    "correct": COVERED,
    "incorrect": MISSING,
    "contradictory": CONTRADICTED,
    "Correct": COVERED,
    "Partially correct": MISSING,
    "Incorrect": MISSING,
}
CLAIM, QUESTION, ANSWER = 1, 2, 3
CAPS = {CLAIM: 112, QUESTION: 40, ANSWER: 160}


@dataclass
class Row:
    """One graded answer; `target` is (missing, covered, contradicted) probabilities of the human label."""

    id: str
    qid: str
    dataset: str
    question: str
    claims: list[str]
    answer: str
    label: int
    score: float
    target: tuple[float, float, float]
    domain: str


def load(folder: Path) -> list[Row]:
    """Every row of the three sets; SAF's partial scores become soft targets."""
    rows = []
    for name in ("scientsbank", "beetle", "saf_en"):
        for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            label = LABELS[raw["label"]]
            score = float(raw["score"]) / float(raw.get("max_score") or 1.0)
            soft = (1 - score, score, 0.0)
            hard = tuple(1.0 if i == label else 0.0 for i in range(3))
            rows.append(
                Row(
                    id=raw["id"],
                    qid=f"{name}:{raw['qid']}",
                    dataset=name,
                    question=raw["question"],
                    claims=list(dict.fromkeys([raw["reference"], *(raw.get("references") or [])])),
                    answer=raw["answer"],
                    label=label,
                    score=score,
                    target=soft if name == "saf_en" else hard,
                    domain=f"{name}:{raw['qid'].split('-')[0]}" if name != "saf_en" else name,
                )
            )
    return rows


def folds(rows: list[Row], k: int, by: str = "qid") -> np.ndarray:
    """Fold number of each row: whole questions (or domains), balanced by rows, stable for the same data."""
    keys: dict[str, int] = {}
    for r in rows:
        keys[getattr(r, by)] = keys.get(getattr(r, by), 0) + 1
    order = sorted(keys, key=lambda q: (q.split(":")[0], -keys[q], hashlib.sha256(q.encode()).hexdigest()))
    load_of: dict[str, list[int]] = {}
    fold_of = {}
    for key in order:
        loads = load_of.setdefault(key.split(":")[0], [0] * k)
        best = min(range(k), key=lambda i: loads[i])
        loads[best] += keys[key]
        fold_of[key] = best
    return np.array([fold_of[getattr(r, by)] for r in rows])


class Layout:
    """`[CLS] claim [SEP] question [SEP] answer [SEP]` with part numbers; the product builds the same."""

    def __init__(self, tokenizer: Path) -> None:
        self._tok = Tokenizer.from_file(str(tokenizer))
        self._tok.no_truncation()
        self._tok.no_padding()
        self._cache: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        if text not in self._cache:
            self._cache[text] = self._tok.encode(text, add_special_tokens=False).ids
        return self._cache[text]

    def pair(self, claim: str, question: str, answer: str) -> tuple[list[int], list[int]]:
        c = self.ids(claim)[: CAPS[CLAIM]]
        q = self.ids(question)[-CAPS[QUESTION] :]
        a = self.ids(answer)[: CAPS[ANSWER]]
        ids = [101, *c, 102, *q, 102, *a, 102]
        parts = [0, *[CLAIM] * len(c), 0, *[QUESTION] * len(q), 0, *[ANSWER] * len(a), 0]
        return ids, parts


def pad(pairs: list[tuple[list[int], list[int]]]) -> tuple[np.ndarray, np.ndarray]:
    width = max(len(p[0]) for p in pairs)
    ids = np.zeros((len(pairs), width), np.int64)
    parts = np.zeros((len(pairs), width), np.int64)
    for i, (a, b) in enumerate(pairs):
        ids[i, : len(a)] = a
        parts[i, : len(b)] = b
    return ids, parts


def batches(lengths: list[int], size: int, rng: random.Random) -> list[list[int]]:
    """Shuffled batches of similar length (dynamic padding): sort within windows of 40 batches."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    out = []
    for i in range(0, len(order), size * 40):
        window = sorted(order[i : i + size * 40], key=lambda j: lengths[j])
        out += [window[j : j + size] for j in range(0, len(window), size)]
    rng.shuffle(out)
    return out
