"""The product's columns (lexical, alignment, int8 logits) of every candidate window of the answers to the notes.

The logits are out of fold: each half of the notes is read by the model that was trained on the other half.
"""

import argparse
import pickle
from pathlib import Path

import numpy as np
import onnxruntime as ort
from adapt import note_folds
from data import Row, load_notes

from agent.adapters.grading import text as plain
from agent.adapters.grading.encoder import CrossEncoderScorer
from agent.adapters.grading.features import Bag
from agent.adapters.grading.lexical import lexical_rows
from agent.adapters.grading.local import _candidates
from agent.adapters.grading.prepare import prepare


def scorer_of(upper: Path | None) -> CrossEncoderScorer:
    """The product's scorer, with another upper half where one is given."""
    scorer = CrossEncoderScorer(threads=1)
    if upper:
        scorer._sessions["upper.onnx"] = ort.InferenceSession(str(upper), providers=["CPUExecutionProvider"])
    return scorer


def columns(scorer: CrossEncoderScorer, question: str, claim: str, answer: str):
    """(windows, matrix) as `CrossEncoderScorer.score` builds them, None where nothing in the answer counts."""
    prepared = prepare(answer, question)
    if prepared is None:
        return None
    pairs = [(0, w) for w in _candidates(Bag.of(claim), prepared)]
    texts = [(plain.clean(claim), w.text) for _, w in pairs]
    logits = scorer.logits(texts)
    logits = logits - logits.mean(axis=1, keepdims=True)
    lexical = np.asarray(lexical_rows(question, [plain.clean(claim)], prepared, pairs), dtype=np.float64)
    x = np.concatenate([lexical, np.asarray(scorer.alignments(question, texts)), logits], axis=1)
    return [w for _, w in pairs], x


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--answers", type=Path, default=Path(__file__).parents[1] / "data/answers")
    a.add_argument("--tracks", type=Path, default=Path(__file__).parents[3] / "tracks")
    a.add_argument("--upper", type=Path, nargs="+", required=True, help="upper.onnx of each fold, in order")
    a.add_argument("--k", type=int, default=2, help="folds; rows of folds without a model are left out")
    a.add_argument("--out", type=Path, required=True)
    args = a.parse_args()
    rows: list[Row] = load_notes(args.answers, args.tracks)
    part = note_folds(rows, args.k)
    found = {}
    for f, upper in enumerate(args.upper):
        scorer = scorer_of(upper)
        for i in np.flatnonzero(part == f):
            found[i] = columns(scorer, rows[i].question, rows[i].claims[0], rows[i].answer)
    args.out.write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
