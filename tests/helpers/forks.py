"""A program in a fork of this process: a pid, pipes, a terminal and signals of its own, without a second of imports.

What a test wants of a real process is the same as with a new interpreter, but for the interpreter's own start. Where
that matters (encodings, what is imported, connections), a test starts one.
"""

import ctypes
import gc
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

# What the commands import when they run.
_USED = (
    "agent.adapters.checkpoints.saver",
    "agent.app.review",
    "agent.cli.prompt",
    "agent.cli.quiz",
    "agent.cli.review",
    "agent.cli.summarize",
    "graphs.promotion",
    "graphs.quiz",
    "graphs.session",
)


def start(work: Callable[[], object], env: Mapping[str, str], cwd: Path) -> "subprocess.Popen[str]":
    """Start the work in a fork of this process, on pipes."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable],
        cwd=cwd,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=in_a_fork(work, env),
    )


def in_a_fork(work: Callable[[], object], env: Mapping[str, str]) -> Callable[[], None]:
    """Give a `preexec_fn` that does the work in the new process and ends it: no program is executed.

    Args:
        work: what to do; its `SystemExit` is the exit code.
        env: the whole environment.
    """
    _import()
    variables = dict(env)

    def instead() -> None:
        code = 1
        try:
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            gc.freeze()  # the parent's objects are not finalised here: their descriptors are others' by now
            os.environ.clear()
            os.environ.update(variables)
            _be_fresh()
            _open_streams()
            code = _exit_code(work)
            sys.stdout.flush()
        finally:
            os._exit(code)

    return instead


@cache
def _import() -> None:
    """Import here, once, what every fork would import by itself."""
    for name in _USED:
        import_module(name)


def _be_fresh() -> None:
    """Undo what this suite, or what started it, did to the process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    logging.getLogger().handlers.clear()
    # With readline, which some library of the suite loads, `input()` draws its prompt again at every key.
    ctypes.c_void_p.in_dll(ctypes.pythonapi, "PyOS_ReadlineFunctionPointer").value = None


def _open_streams() -> None:
    """Open the standard streams as an interpreter does in a UTF-8 locale."""
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115  # open until the process ends
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def _exit_code(work: Callable[[], object]) -> int:
    try:
        work()
    except SystemExit as stop:
        if isinstance(stop.code, str):
            sys.stderr.write(f"{stop.code}\n")
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # noqa: BLE001  # what an interpreter does with whatever is left
        traceback.print_exc()
        return 1
    return 0
