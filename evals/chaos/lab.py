"""Kills of a lab: while its environment is made, while it runs, while the run is recorded and the table written."""

import os
import random
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from agent.app.lab import Reported, record_lab
from agent.app.lab_run import Listener, Ran, run_lab
from agent.domain.errors import StudyError
from agent.domain.lab import RunFile
from agent.domain.lab_table import BEGIN, END, marker_gap, rows, table, with_table
from agent.workspace.check import check_workspace
from agent.workspace.labs import read_lab
from agent.workspace.workspace import Workspace
from evals.chaos.invariants import Finding, temporary_files
from evals.chaos.process import Event, Length, Moment, Say, Step, run_child, warm
from evals.chaos.runs import KILL_RESTART, MAX_RESTARTS, Run, crash_of, fine
from evals.chaos.world import make_workspace, scripted_app

LAB = "lab/bench"
VARIANTS = ("one", "two")
GONE = 15.0  # seconds after which nothing of a lab may be left
OWN_CACHE = 0.5  # share of the runs that have to make the environment
_MAIN = """\
import json, os, subprocess, sys, time
import tinylab
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("started", flush=True)
time.sleep(0.3)
print(json.dumps({"metrics": {"step (ms)": tinylab.VALUE + len(os.environ["LAB_VARIANT"])}}))
"""
_RESULTS = f"# Results \N{BRAIN}\r\n\r\nMine, above.\r\n\r\n{BEGIN}\r\n{END}\r\n\r\nMine, below, with no end of line"
_FILES = {
    "README.md": "---\ntopics: [kv-cache-scaling]\n---\n# Bench\n",
    "requirements.txt": "--no-index\n--find-links wheels\ntinylab==1.0\n",
    "main.py": _MAIN,
    "lab.toml": 'command = ["python", "main.py"]\n[variants]\none = []\ntwo = []\n',
}


def make_wheel(folder: Path, name: str = "tinylab", version: str = "1.0", code: str = "VALUE = 42\n") -> Path:
    """Write a wheel that pip installs without a network (`--no-index --find-links`)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD")))
    return path


def lab_runs(
    folder: Path, number: int, dice: random.Random, *, evenly: bool = False, keep: bool = False
) -> Iterator[Run]:
    """Kill runs of a lab, half of them with no environment made yet."""
    start, cache = make_workspace(folder / "start"), folder / "cache"
    _make_lab(start)
    warm(act(_copy(start, folder), cache))  # makes the environment that half of the runs find
    bench = _Bench(start, folder, cache)
    for n in range(number):
        if evenly:
            own = n % 2 == 0
            moment = list(bench.length(own=own).spread(number))[n]
        else:
            own = dice.random() < OWN_CACHE
            moment = bench.length(own=own).drawn(dice)
        yield bench.run(moment, dice, own=own, keep=keep)


def act(root: Path, cache: Path) -> Step:
    """Run both variants, then enter a run that was made elsewhere."""

    def step(say: Say) -> None:
        with scripted_app(root) as app:
            app.settings = app.settings.model_copy(update={"cache": cache})
            heard = Listener(
                lambda text: say({"event": "said", "text": text}), lambda line: say({"event": "line", "text": line})
            )
            for ran in run_lab(app, "bench", heard):
                say(_ran(ran))
            say(_ran(record_lab(app, "bench", Reported("two", 0, 12.5, metrics=["peak (MiB)=9"], machine="elsewhere"))))

    return step


def _ran(ran: Ran) -> Event:
    return {"event": "ran", "path": ran.path, "exit": ran.record.exit_code, "fault": ran.table.fault}


class _Bench:
    """The scenario, ready to be killed with and without an environment."""

    def __init__(self, start: Path, folder: Path, cache: Path) -> None:
        self._start, self._folder, self._cache = start, folder, cache
        self._made, self._unmade = self._measure(own=False), self._measure(own=True)

    def _measure(self, *, own: bool) -> Length:
        root = _copy(self._start, self._folder)
        unharmed = fine(run_child(act(root, self._cache_of(root, own=own)), count=True))
        return Length(unharmed.seconds, unharmed.calls)

    def length(self, *, own: bool) -> Length:
        """How long the scenario takes, with the environment to be made or not."""
        return self._unmade if own else self._made

    def _cache_of(self, root: Path, *, own: bool) -> Path:
        return root.parent / "cache" if own else self._cache

    def run(self, moment: Moment, dice: random.Random, *, own: bool, keep: bool) -> Run:
        """Kill once, and the restart now and then; then let it come to its end."""
        root = _copy(self._start, self._folder)
        step = act(root, self._cache_of(root, own=own))
        said: list[Event] = []
        findings: list[Finding] = []
        kills, died = 0, ""
        while True:
            killed = run_child(step, moment)
            said += killed.events
            kills += killed.killed
            died = died or (_where(root, killed.events) if killed.killed else "not killed in time")
            findings += [*crash_of(killed), *after_kill(root, said)]
            if not killed.killed or kills >= MAX_RESTARTS or dice.random() >= KILL_RESTART:
                break
            moment = self.length(own=own).drawn(dice)
        temporary = len(temporary_files(root))
        records = len(_records(root))
        restart = run_child(step)
        findings += [*crash_of(restart), *after_kill(root, [*said, *restart.events])]
        findings = findings or list(at_the_end(root, restart.events, records))
        if not (keep and findings):
            shutil.rmtree(root.parent)
        made = any(event.get("text", "").startswith("Making") for event in restart.events)
        outcome = "environment made again, all run" if made else "all run"
        return Run(died, outcome, kills, tuple(findings), temporary)


def after_kill(root: Path, said: list[Event]) -> Iterator[Finding]:
    """Check what a dead process left, before anything is repaired."""
    left = _processes(root)
    until = time.monotonic() + GONE
    while left and time.monotonic() < until:
        time.sleep(0.02)
        left = _processes(root)
    if left:
        yield Finding("left over", f"{len(left)} processes of the lab still run after {GONE} s")
    runs = _records(root)
    for run in runs:
        if run.record is None:
            yield Finding("half done", f"{run.path} {run.fault}")
        elif run.record.sha256 != run.record.computed_hash():
            yield Finding("half done", f"{run.path}: its hash does not match")
    paths = {run.path for run in runs}
    for event in said:
        if event["event"] == "ran" and event["path"] not in paths:
            yield Finding("lost", f"{event['path']} was acknowledged and is not there")
    with (root / LAB / "RESULTS.md").open(encoding="utf-8", newline="") as file:
        text = file.read()
    if marker_gap(text) or with_table(text, "") != with_table(_RESULTS, ""):
        yield Finding("damaged", "RESULTS.md has other words than the user's")
    elif text != _RESULTS and not any(text == drawn for drawn in _drawn(root)):
        yield Finding("half done", "the table is neither that of all records nor of all but the newest")


def _drawn(root: Path) -> Iterator[str]:
    """Give RESULTS.md as it is with all records, and without the newest."""
    lab = read_lab(root, LAB, ())
    known = [run for _, run in sorted(((r.record.started, r) for r in lab.runs if r.record), key=lambda pair: pair[0])]
    for count in (len(known), len(known) - 1):
        some = type(lab)(lab.path, code_sha256=lab.code_sha256, env_sha256=lab.env_sha256, runs=tuple(known[:count]))
        yield with_table(_RESULTS, table(rows(some, VARIANTS)))


def at_the_end(root: Path, events: list[Event], before: int) -> Iterator[Finding]:
    """Check that the restart came to the end: every run good, nothing doubled, the table level with the records."""
    ran = [event for event in events if event["event"] == "ran"]
    if [event["exit"] for event in ran] != [0, 0, 0]:
        yield Finding("lost", f"the restart's runs exited {[event['exit'] for event in ran]}")
    for event in ran:
        if event["fault"]:
            yield Finding("lost", f"no table: {event['fault']}")
    records = _records(root)
    reported = [run for run in records if run.record is not None and run.record.reported]
    if len(reported) != 1:
        yield Finding("doubled", f"the reported run is on file {len(reported)} times")
    if len(records) not in (before + 2, before + 3):  # the reported one may have been there
        yield Finding("doubled", f"{before} records before the restart, {len(records)} after it")
    text = (root / LAB / "RESULTS.md").read_bytes().decode()
    if text != next(_drawn(root)):
        yield Finding("half done", "the table is behind the records")
    for problem in check_workspace(Workspace(root)):
        if problem.severity == "error":
            yield Finding("half done", str(problem))


def _where(root: Path, events: list[Event]) -> str:
    """Name the moment of a kill by what was said before it and by what is on disk."""
    if not events:
        return "before anything was shown"
    last = events[-1]
    acknowledged = sum(event["event"] == "ran" for event in events)
    if acknowledged > len(VARIANTS):
        return "after everything was shown"
    try:
        records = len(_records(root))
    except StudyError:
        return "unreadable"
    if records > acknowledged:
        text = (root / LAB / "RESULTS.md").read_bytes().decode()
        return "table written, not shown yet" if text == next(_drawn(root)) else "record written, table not yet"
    if last["event"] == "ran":
        return "between runs"
    if any(event["event"] == "said" and event["text"].startswith("bench (") for event in events):
        return "while it runs" if last["event"] == "line" else "while it starts"
    return "while the environment is made"


def _records(root: Path) -> list[RunFile]:
    return list(read_lab(root, LAB, ()).runs)


def _processes(root: Path) -> list[int]:
    """List the processes that work in this run's folder, or were started with a path in it."""
    mark, found = os.fsencode(root.parent), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, folder = (process / "cmdline").read_bytes(), os.fsencode((process / "cwd").readlink())
        except OSError:
            continue
        if mark in words or folder.startswith(mark):
            found.append(int(process.name))
    return found


def _make_lab(root: Path) -> None:
    make_wheel(root / LAB / "wheels")
    for name, text in _FILES.items():
        (root / LAB / name).write_text(text, encoding="utf-8")
    (root / LAB / "RESULTS.md").write_bytes(_RESULTS.encode())


def _copy(start: Path, folder: Path) -> Path:
    root = Path(tempfile.mkdtemp(dir=folder)) / "workspace"
    shutil.copytree(start, root)
    return root
