"""How large the database of threads gets: `python -m evals.chaos.growth --quizzes 500`."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from evals.chaos.process import run_child, warm
from evals.chaos.runs import fine
from evals.chaos.scenarios import quiz
from evals.chaos.world import make_workspace


def measure(folder: Path, *, quizzes: int) -> dict[int, int]:
    """Take so many quizzes, a process each; give the bytes of the database (with its log) after each of them.

    Every tenth one is left half-way and taken up by the next process. The attempts are removed, as they would make each
    quiz slower than the one before.
    """
    root = make_workspace(folder / "workspace")
    study = root / ".study"
    sizes = {}
    for number in range(1, quizzes + 1):
        if number % 10 == 0:
            fine(run_child(quiz(root, messages=4)))
        fine(run_child(quiz(root)))
        sizes[number] = sum(path.stat().st_size for path in study.glob("checkpoints.sqlite*"))
        for kept in ("attempts", "proposals", "appeals"):
            shutil.rmtree(root / "progress" / kept, ignore_errors=True)
        shutil.rmtree(root / "sessions")
        (root / "sessions").mkdir()
    return sizes


def main() -> int:
    """Print the sizes as a markdown table."""
    parser = argparse.ArgumentParser(prog="python -m evals.chaos.growth", description=__doc__)
    parser.add_argument("--quizzes", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        warm(quiz(make_workspace(Path(folder) / "warm")))
        sizes = measure(Path(folder), quizzes=given.quizzes)
    print("| quizzes | database, bytes |\n|---:|---:|")
    for number in sorted({1, 10, 50, 100, 200, 300, 400, given.quizzes} & set(sizes)):
        print(f"| {number} | {sizes[number]:,} |")
    print(f"\nLargest at any time: {max(sizes.values()):,} bytes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
