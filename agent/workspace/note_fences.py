"""Running the worked examples of notes. Only tests and explicit commands do this: the code is the note's author's."""

import os
import subprocess
import sys
from itertools import pairwise
from tempfile import TemporaryDirectory

from agent.domain.finding import Finding
from agent.domain.note import Note
from agent.domain.note_checks import OUTPUT, RUNNABLE

# A block should take under a second; the rest is slack for a busy machine.
SECONDS = 20.0
_KEPT = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")


def run_fences(note: Note, *, seconds: float = SECONDS) -> list[Finding]:
    """Run every runnable block in its own process and compare what it prints with the block behind it.

    The process has the standard library only (`python -I -S`), starts in an empty folder, sees none of the user's
    environment, and is stopped after `seconds`. White space at line ends does not count.
    """
    return [
        Finding(note.path, fence.line, "worked-example", problem)
        for fence, following in pairwise(note.fences)
        if fence.info == RUNNABLE and following.info == OUTPUT
        for problem in _problems(fence.code, following.code, seconds)
    ]


def _problems(code: str, expected: str, seconds: float) -> list[str]:
    with TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", code],
                cwd=folder,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [f"the block runs for more than {seconds:g} s."]
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit status {done.returncode}"]
        return [f"the block fails: {lines[-1]}"]
    printed, wanted = _stripped(done.stdout.decode("utf-8", "replace")), _stripped(expected)
    if printed == wanted:
        return []
    longest = max(len(printed), len(wanted))
    printed, wanted = ([*lines, *["nothing"] * (longest - len(lines))] for lines in (printed, wanted))
    place = next(i for i in range(longest) if printed[i] != wanted[i])
    return [f"line {place + 1} of the output is {printed[place]!r}, the note says {wanted[place]!r}."]


def _stripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
