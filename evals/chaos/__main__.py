"""`python -m evals.chaos`: the table of moments and outcomes. Exits with 1 where anything was lost."""

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from evals.chaos.full_disk import on_small_disk, small_disk, with_limited_files
from evals.chaos.invariants import as_json
from evals.chaos.process import warm
from evals.chaos.runs import Bench, Run
from evals.chaos.scenarios import SCENARIOS, day
from evals.chaos.world import make_workspace

PART = 50  # runs that share a prepared workspace
Part = tuple[str, Path, int, argparse.Namespace]
# How often a scenario is drawn: the longer ones have more moments to die at.
WEIGHTS = {"quiz": 5, "draft": 4, "approve": 5, "reject": 2, "edit": 2, "commit": 1, "day": 1, "index": 2, "lab": 1}


def main(args: Sequence[str] | None = None) -> int:
    """Run, print the table as markdown, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m evals.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="killed runs, spread over the scenarios")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", choices=sorted(WEIGHTS), help="only this one")
    parser.add_argument("--evenly", action="store_true", help="spread the moments evenly instead of drawing them")
    parser.add_argument("--jobs", type=int, default=2, help="processes that run them")
    parser.add_argument("--slow-fsync", type=float, default=0.0, metavar="S", help="seconds that an fsync takes longer")
    parser.add_argument("--full-disk", action="store_true", help="let the disk fill up instead of killing")
    parser.add_argument("--keep", action="store_true", help="keep the workspaces in which something was found")
    given = parser.parse_args(args)
    weights = {given.scenario: 1} if given.scenario else WEIGHTS
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="chaos-"))
    warm_up()
    numbers = {name: max(1, round(given.runs * weight / sum(weights.values()))) for name, weight in weights.items()}
    first = next(iter(numbers))
    numbers[first] = max(1, numbers[first] + given.runs - sum(numbers.values()))
    parts = [
        (name, folder / f"{name}-{start}", min(PART, number - start), given)
        for name, number in numbers.items()
        for start in range(0, number, PART)
    ]
    done: list[tuple[str, Run]] = []
    with contextlib.ExitStack() as stack:
        # Forks have all modules already.
        pool = stack.enter_context(ProcessPoolExecutor(given.jobs, mp_context=get_context("fork")))
        each = pool.map(_part, parts) if given.jobs > 1 else map(_part, parts)
        for (name, *_), runs in zip(parts, each, strict=True):
            done += [(name, run) for run in runs]
            print(f"{name}: {len(runs)} runs, {time.monotonic() - began:.0f} s in all", file=sys.stderr)
    print(table(done))
    broken = sum(bool(run.findings) for _, run in done)
    kills = sum(run.kills for _, run in done)
    print(f"\n{len(done)} runs, {kills} kills, seed {given.seed}: {broken} runs with a finding.")
    if broken and given.keep:
        print(f"Kept below {folder}.")
    else:
        shutil.rmtree(folder)
    return 1 if broken else 0


@cache
def warm_up() -> None:
    """Import what the scenarios need, once a process."""
    with tempfile.TemporaryDirectory() as folder:
        warm(day(make_workspace(Path(folder) / "warm")))


def _part(part: Part) -> list[Run]:
    """Do some runs of one scenario; the dice depend on the seed and on which runs these are, not on the job."""
    name, folder, number, given = part
    folder.mkdir()
    dice = random.Random(f"{given.seed} {folder.name}")  # noqa: S311  # moments, not secrets
    done = []
    for run in _runs(name, folder, number, dice, given):
        done.append(run)
        if run.findings:
            print(f"{folder.name}, {run.moment}: {as_json(run.findings)}", file=sys.stderr)
    return done


def _runs(name: str, folder: Path, number: int, dice: random.Random, given: argparse.Namespace) -> Iterator[Run]:
    if name == "index":
        from evals.chaos.index import index_runs

        return (
            index_runs(folder, number, dice, evenly=given.evenly, keep=given.keep) if not given.full_disk else iter(())
        )
    if name == "lab":
        from evals.chaos.lab import lab_runs

        return lab_runs(folder, number, dice, evenly=given.evenly, keep=given.keep) if not given.full_disk else iter(())
    bench = Bench(SCENARIOS[name], folder, slow_fsync=given.slow_fsync)
    if given.full_disk:
        shares = [(n + 0.5) / number if given.evenly else dice.random() for n in range(number)]
        return _without_room(bench, folder, shares)
    return bench.runs(number, dice, evenly=given.evenly, keep=given.keep)


def _without_room(bench: Bench, folder: Path, shares: Sequence[float]) -> Iterator[Run]:
    with small_disk(folder / "disk") as disk:
        if disk is None:
            print("no small file system can be mounted here: file sizes are limited instead", file=sys.stderr)
            yield from with_limited_files(bench, shares)
        else:
            yield from on_small_disk(bench, disk, shares)


def table(done: list[tuple[str, Run]]) -> str:
    """Give moments × outcomes as a markdown table."""
    rows: dict[tuple[str, str], list[Run]] = {}
    for name, run in done:
        rows.setdefault((name, run.moment), []).append(run)
    lines = ["| scenario | killed | runs | went on with | findings |", "|---|---|---:|---|---:|"]
    for (name, moment), runs in sorted(rows.items()):
        outcomes = Counter(run.outcome for run in runs).most_common()
        shown = ", ".join(f"{outcome} {count}" for outcome, count in outcomes)
        lines.append(f"| {name} | {moment} | {len(runs)} | {shown} | {sum(len(run.findings) for run in runs)} |")
    left = sum(run.temporary for _, run in done)
    lines.append(f"\nUnfinished temporary files left beside the user's files by a kill: {left}.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
