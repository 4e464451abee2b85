"""The product's own features (lexical, alignment) of every row, with the int8 trunk that ships."""

import argparse
from pathlib import Path

import numpy as np
from data import load

from agent.adapters.grading import text as plain
from agent.adapters.grading.encoder import CrossEncoderScorer
from agent.adapters.grading.features import Bag, features


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--lexical", type=Path, help="reuse these lexical features")
    args = a.parse_args()
    scorer = CrossEncoderScorer(threads=1)
    rows = load(args.data)
    lexical = np.load(args.lexical) if args.lexical else None
    out: list[list[float]] = [[] for _ in rows]
    order = sorted(range(len(rows)), key=lambda i: (rows[i].qid, len(rows[i].answer)))
    for at in range(0, len(order), 32):
        for question in {rows[i].question for i in order[at : at + 32]}:
            take = [i for i in order[at : at + 32] if rows[i].question == question]
            texts = [(plain.clean(rows[i].claims[0]), plain.clean(rows[i].answer)) for i in take]
            for i, aligned in zip(take, scorer.alignments(plain.clean(question), texts), strict=True):
                r = rows[i]
                if lexical is None:
                    parts = [Bag.of(s.text) for s in plain.sentences(r.answer)]
                    words = features(Bag.of(r.question), Bag.of(r.claims[0]), Bag.of(r.answer), parts)
                else:
                    words = lexical[i].tolist()
                out[i] = [*words, *aligned]
    np.save(args.out, np.array(out, np.float32))


if __name__ == "__main__":
    main()
