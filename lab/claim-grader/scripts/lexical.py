"""Lexical features of every row (against its first reference), cached as .npy."""

import argparse
from pathlib import Path

import numpy as np
from data import load

from agent.adapters.grading import text as plain
from agent.adapters.grading.features import Bag, features


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    args = a.parse_args()
    out = []
    for r in load(args.data):
        parts = [Bag.of(s.text) for s in plain.sentences(r.answer)]
        out.append(features(Bag.of(r.question), Bag.of(r.claims[0]), Bag.of(r.answer), parts))
    np.save(args.out, np.array(out, np.float32))


if __name__ == "__main__":
    main()
