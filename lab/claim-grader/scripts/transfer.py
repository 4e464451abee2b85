"""Leave one set out: the alignment head fitted on one set's questions and read on the other's."""

import argparse
from pathlib import Path

import numpy as np
from data import load
from metrics import table
from stack import ALIGNMENT, CHOSEN, LEXICAL, expand, fit, scores, softmax


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--features", type=Path, required=True)
    args = a.parse_args()
    rows = load(args.data)
    everything = [*LEXICAL, *ALIGNMENT]
    sets = np.array([r.dataset for r in rows])
    for label, names in (("align", CHOSEN), ("lexical", list(LEXICAL))):
        x = np.load(args.features)[:, [everything.index(n) for n in names]]
        for one, other in (("scientsbank", "beetle"), ("beetle", "scientsbank")):
            train, test = np.flatnonzero(sets == one), np.flatnonzero(sets == other)
            p = softmax(scores(fit(*expand(rows, x, train), 0.05), x[test]))
            table(f"{label}: {one} to", [rows[i] for i in test], p)


if __name__ == "__main__":
    main()
