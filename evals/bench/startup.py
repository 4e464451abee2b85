"""How long commands take that a person waits for: medians over repeated runs, warm.

python -m evals.bench.startup
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

COMMANDS = (("--help",), ("status",), ("check",), ("resume", "--list"))


def measure(command: Sequence[str], runs: int) -> list[float]:
    """Run a study command `runs` times after one warm-up and give the wall-clock seconds of each."""
    program = [sys.executable, "-m", "agent", *command]
    seconds = []
    for run in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
        if run:
            seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    print(f"cores {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, {runs} runs each")
    for command in COMMANDS:
        seconds = measure(command, runs)
        print(f"study {' '.join(command):<15} median {statistics.median(seconds):.3f} s  min {min(seconds):.3f} s")


if __name__ == "__main__":
    main()
