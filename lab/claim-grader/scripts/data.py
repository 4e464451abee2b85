"""Rows, folds and token layout that every script of this lab shares."""

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from tokenizers import Tokenizer

from agent.workspace.note_file import read_note

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
CAP = 160
"""Tokens of one text, specials included."""


def halves() -> bool:
    """Whether bfloat16 is faster than float32 here: without AVX-512 it is several times slower."""
    import torch

    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")


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


STYLES = {
    "true": COVERED,
    "partial": MISSING,
    "vague": MISSING,
    "other": MISSING,
    "wrong": CONTRADICTED,
    "negated": CONTRADICTED,
}
"""Styles of the answers to the notes' claims (data/answers/README.md)."""


def load_notes(answers: Path, tracks: Path) -> list[Row]:
    """The hand-written answers to claims of the notes; `id` is `note^claim/style/number`, `domain` the note."""
    texts = {}
    for path in sorted(tracks.rglob("*.md")):
        if path.name != "README.md":
            note, _ = read_note(path.read_text("utf-8"), path.as_posix())
            texts[note.id] = note
    rows = []
    for path in sorted(answers.glob("*.yaml")):
        data = yaml.safe_load(path.read_text("utf-8"))
        for block, given in data["claims"].items():
            claim = texts[data["note"]].claim(block)
            if claim is None:
                raise KeyError(f"{path.name}: no claim {block!r}")
            question = claim.questions[given.pop("question", 0)]
            for key, said in given.items():
                style = "true" if key is True else str(key)
                label = STYLES[style]
                for i, answer in enumerate(said if isinstance(said, list) else [said]):
                    key = f"{data['note']}^{block}"
                    target = tuple(1.0 if k == label else 0.0 for k in range(3))
                    rows.append(
                        Row(
                            f"{key}/{style}/{i}",
                            key,
                            "notes",
                            question,
                            [claim.text],
                            str(answer),
                            label,
                            float(label == COVERED),
                            target,
                            data["note"],
                        )
                    )
    return rows


def load_domains(folder: Path) -> list[Row]:
    """The hand-written answers to claims of other fields; `id` is `domain^claim/style/number`, `domain` the file."""
    rows = []
    for path in sorted(folder.glob("*.yaml")):
        data = yaml.safe_load(path.read_text("utf-8"))
        field = f"domain:{path.stem}"
        for block, given in data["claims"].items():
            qid = f"{field}^{block}"
            for key, said in given.items():
                style = "true" if key is True else str(key)
                if style in ("claim", "question"):
                    continue
                label = STYLES[style]
                target = tuple(1.0 if k == label else 0.0 for k in range(3))
                for i, answer in enumerate(said if isinstance(said, list) else [said]):
                    rows.append(
                        Row(
                            f"{qid}/{style}/{i}",
                            qid,
                            "domains",
                            given["question"],
                            [given["claim"]],
                            str(answer),
                            label,
                            float(label == COVERED),
                            target,
                            field,
                        )
                    )
    return rows


def held_out(rows: list[Row], every: int) -> np.ndarray:
    """Which rows are of the notes and domains that are left out: each `every`-th by the hash of its name; 0: none."""
    names = {r.domain for r in rows}
    gone = {n for n in names if every and int(hashlib.sha256(n.encode()).hexdigest()[:8], 16) % every == 0}
    return np.array([r.domain in gone for r in rows])


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


class Texts:
    """Trunk states of texts, each encoded once as `[CLS] text [SEP]`; the product does the same."""

    def __init__(self, base: Path, cache: Path | None = None) -> None:
        import torch
        from model import Trunk

        self._torch = torch
        self._tok = Tokenizer.from_file(str(base / "tokenizer.json"))
        self._tok.no_truncation()
        self._tok.no_padding()
        self._trunk = Trunk(base).eval()
        self._states: dict[str, np.ndarray] = {}
        if cache and cache.exists():
            data = dict(np.load(cache))
            for text, end, n in zip(data["texts"], np.cumsum(data["lengths"]), data["lengths"], strict=True):
                self._states[str(text)] = data["states"][end - n : end]

    def save(self, cache: Path) -> None:
        """Keep the states for the next run."""
        values = list(self._states.values())
        np.savez(
            cache, texts=np.array(list(self._states)), lengths=[len(v) for v in values], states=np.concatenate(values)
        )

    def encode(self, texts: list[str]) -> None:
        """Encode what is not yet known."""
        torch = self._torch
        new = sorted({t for t in texts if t not in self._states}, key=len)
        for i in range(0, len(new), 64):
            batch = new[i : i + 64]
            ids = [[101, *self._tok.encode(t, add_special_tokens=False).ids[: CAP - 2], 102] for t in batch]
            width = max(map(len, ids))
            x = torch.tensor([a + [0] * (width - len(a)) for a in ids])
            with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=halves()):
                h = self._trunk(x).to(torch.float16).numpy()
            for t, a, states in zip(batch, ids, h, strict=True):
                self._states[t] = states[: len(a)].copy()

    def length(self, *texts: str) -> int:
        return sum(len(self._states[t]) for t in texts if t)

    def pad(self, triples: list[tuple[str, str, str]]) -> tuple[np.ndarray, np.ndarray]:
        """States (n, width, 384) and part numbers (n, width) of (claim, question, answer); "" leaves a part out."""
        width = max(self.length(*t) for t in triples)
        x = np.zeros((len(triples), width, 384), np.float32)
        parts = np.zeros((len(triples), width), np.int64)
        for i, triple in enumerate(triples):
            at = 0
            for number, text in zip((CLAIM, QUESTION, ANSWER), triple, strict=True):
                if text:
                    states = self._states[text]
                    x[i, at : at + len(states)] = states
                    parts[i, at : at + len(states)] = number
                    at += len(states)
        return x, parts


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
