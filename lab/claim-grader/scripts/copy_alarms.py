"""False alarms of the copy detector: honest answers against references, and notes against each other."""

import argparse
from pathlib import Path

from data import load

from agent.domain.copying import detect_copying


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--data", type=Path, required=True)
    a.add_argument("--notes", type=Path)
    args = a.parse_args()
    rows = load(args.data)
    for name in ("scientsbank", "beetle", "saf_en"):
        good = [r for r in rows if r.dataset == name and r.label == 1]
        flagged = [r for r in good if detect_copying(r.answer, r.claims).is_copied]
        same = [r for r in flagged if detect_copying(r.answer, r.claims).share > 0.95 and len(r.answer.split()) >= 6]
        print(
            f"{name}: {len(flagged)}/{len(good)} correct answers flagged ({len(flagged) / len(good):.2%}); "
            f"{len(same)} of them are the reference nearly word for word"
        )
        for r in flagged[:6]:
            print("   ", repr(r.answer[:110]), "<-", repr(r.claims[0][:110]))


if __name__ == "__main__":
    main()
