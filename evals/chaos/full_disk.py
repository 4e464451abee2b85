"""No room left: the same scenarios on a small file system that is nearly full, or with a limit on file sizes."""

import contextlib
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.domain.errors import StudyError
from evals.chaos.invariants import Finding, acknowledged, after_kill, at_the_end, on_restart, temporary_files
from evals.chaos.process import Moment, Ran, Say, Step, run_child
from evals.chaos.runs import Bench, Run, crash_of, outcome_of
from evals.chaos.scenarios import go_on

SIZE = 2 * 1024 * 1024
ROOM = 640 * 1024  # bytes; about what a whole day takes, so that most runs fail somewhere on the way
BLOCK = 4096


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a tmpfs of 2 MiB; None where this user may not mount."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "chaos", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def on_small_disk(bench: Bench, disk: Path, shares: Sequence[float]) -> Iterator[Run]:
    """Let the disk fill up once for each share of the room (0 to 1) that is left; then make room, and go on."""
    for share in shares:
        root = Path(tempfile.mkdtemp(dir=disk)) / "workspace"
        shutil.copytree(bench.start, root)
        ballast = disk / "ballast"
        room = int(share * ROOM) // BLOCK * BLOCK
        ballast.write_bytes(b"\0" * max(0, shutil.disk_usage(disk).free - room))
        yield _pressed(bench, root, run_child(refusing(bench.scenario.act(root))), ballast)
        shutil.rmtree(root.parent)


def with_limited_files(bench: Bench, shares: Sequence[float]) -> Iterator[Run]:
    """Let no file grow beyond a size (`RLIMIT_FSIZE`), for users who may not mount; then lift the limit."""
    for share in shares:
        root = bench.copy()
        limit = 512 + int(share * (ROOM - 512))

        def limited(say: Say, root: Path = root, limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            refusing(bench.scenario.act(root))(say)

        yield _pressed(bench, root, run_child(limited), None)
        shutil.rmtree(root.parent)


def refusing(step: Step) -> Step:
    """Say an expected error as the command line would, in one sentence; anything else crashes."""

    def told(say: Say) -> None:
        try:
            step(say)
        except StudyError as error:
            say({"event": "refused", "sentence": str(error)})

    return told


def _pressed(bench: Bench, root: Path, ran: Ran, ballast: Path | None) -> Run:
    said = [*bench.said, *ran.events]
    refused = [event["sentence"] for event in ran.events if event["event"] == "refused"]
    findings = [*crash_of(ran), *after_kill(root, bench.reference, said)]
    findings += [Finding("unclear", sentence) for sentence in refused if "\n" in sentence or len(sentence) > 400]
    if ballast is not None:
        ballast.unlink()
    before = acknowledged(said)
    restart = run_child(go_on(root, bench.scenario), Moment())
    findings += [*crash_of(restart), *on_restart(restart.events, before, bench.reference)]
    findings = findings or list(at_the_end(root, bench.reference, restart.events))
    moment = f"refused: {_general(refused[0])}" if refused else "there was room enough"
    return Run(moment, outcome_of(restart, before), 0, tuple(findings), len(temporary_files(root)))


def _general(sentence: str) -> str:
    """Give a sentence without the paths of this run."""
    return re.sub(r"'[^']*/([^'/]+)'|\S*/\S+", lambda match: match[1] or "…", sentence)[:110]
