"""Watches one command: limits its time and memory, and ends everything it started, also when our parent is killed.

Run as a file, by `process.py`. The first line of standard input is the request; the end of standard input, however it
comes, ends the command. Standard output is the command's. The outcome is one JSON line on the descriptor that the
request names.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from typing import Any

GRACE = 2.0  # seconds between SIGTERM and SIGKILL
LOOK = 0.25  # seconds between two looks at the memory
GONE = 5.0  # seconds to wait for what was killed
# A process that grows faster than we look is stopped by the system, somewhat later.
HARD_FACTOR, HARD_MORE = 1.25, 256 << 20
_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36
_STOPPED_CODES = {"time": 124, "memory": 137}
_SEES_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110  # pathlib is slow to load


def main() -> None:
    """Run the request."""
    with open(0, "rb", buffering=0, closefd=False) as given:  # noqa: PTH123  # a descriptor; nothing is read ahead
        line = given.readline()
    if not line.endswith(b"\n"):
        return  # our parent was killed before it could ask for anything
    request = json.loads(line)
    _prctl(_SET_SUBREAPER, 1)  # whose parent died becomes our child, so that nothing gets away
    began = time.monotonic()
    try:
        child = _start(request)
    except OSError as error:
        _report(request, {"error": f"{error.strerror}: {error.filename or request['command'][0]}"})
        return
    ended = _watch(child, request, began)
    outcome = {"ended": ended, "duration_s": time.monotonic() - began}
    if ended in ("time", "stopped"):
        _ask_to_end(child)
    _end(child)
    # What was stopped has not succeeded, however politely it ended.
    code = _STOPPED_CODES.get(ended, child.returncode)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    _report(request, {**outcome, "exit_code": code, "peak_mib": peak / (1024 if sys.platform != "darwin" else 1 << 20)})


def _start(request: dict[str, Any]) -> "subprocess.Popen[bytes]":
    def limit() -> None:
        _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # in case that we are killed ourselves
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if request["memory"] and sys.platform == "linux":
            hard = int(request["memory"] * HARD_FACTOR) + HARD_MORE
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))

    return subprocess.Popen(
        request["command"],
        cwd=request["folder"],
        env=request["variables"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=limit,  # noqa: PLW1509  # we have one thread
    )


def _watch(child: "subprocess.Popen[bytes]", request: dict[str, Any], began: float) -> str:
    """Wait for the command's end; give "" or what ended it: time, memory, or stopped."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while child.poll() is None:
        left = began + request["seconds"] - time.monotonic() if request["seconds"] else LOOK
        if left <= 0:
            return "time"
        ready, _, _ = select.select([0, wake], [], [], min(LOOK, left) if request["memory"] else left)
        if 0 in ready and not os.read(0, 4096):
            return "stopped"
        if wake in ready:
            os.read(wake, 4096)
        if request["memory"] and allocated() > request["memory"]:
            return "memory"
    return ""


def _ask_to_end(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill what is left, generation by generation, and wait until it is gone."""
    until, empty = time.monotonic() + GONE, 0
    while time.monotonic() < until and empty < 2:  # the system's list may miss one that is just being started
        if child.poll() is None or not _SEES_CHILDREN:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        left = descendants()
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            if pid != child.pid:  # an orphan that became ours; the command itself is `Popen`'s
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        empty = empty + 1 if not left and child.poll() is not None else 0
        time.sleep(0.005)


def descendants() -> list[int]:
    """List the processes below this one, zombies included; none where the system has no /proc."""
    found: list[int] = []
    ask = [os.getpid()]
    while ask:
        pid = ask.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  # called four times a second
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:  # noqa: PTH123
                    ask += (below := [int(child) for child in file.read().split()])
                    found += below
    return found


def allocated() -> int:
    """Sum what the processes below this one allocated and use, in bytes; mapped files are not counted."""
    total = 0
    for pid in descendants():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8") as file:  # noqa: PTH123
            total += sum(int(line.split()[1]) for line in file if line.startswith(("RssAnon:", "RssShmem:")))
    return total * 1024


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _report(request: dict[str, Any], outcome: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # nobody is left to hear it
        os.write(request["report"], json.dumps(outcome).encode() + b"\n")


if __name__ == "__main__":
    main()
