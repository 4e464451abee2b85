"""Children that are killed. The parent imports everything once; each run is a fork of it."""

import contextlib
import importlib
import itertools
import json
import os
import random
import selectors
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Event = dict[str, Any]
Say = Callable[[Event], None]
Step = Callable[[Say], None]

TOO_LONG = 300.0  # seconds; a child that takes longer hangs, which is a finding
# Where a process touches the disk. The names are those of CPython's built-in functions and methods.
_CALLS = frozenset(
    "fsync replace rename unlink remove rmdir mkdir write execute executemany executescript commit rollback flock "
    "posix_spawn fork_exec close".split()
)
_MODULES = frozenset({"posix", "_io", "io", "fcntl", "sqlite3", "_sqlite3", "_posixsubprocess"})


@dataclass(frozen=True, slots=True)
class Moment:
    """When a child dies: after `at` seconds, before or after its `at`-th call to the system, or never."""

    kind: Literal["time", "call", "never"] = "never"
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Length:
    """How long a child takes that nobody kills, in seconds and in calls to the system."""

    seconds: float
    calls: int

    def drawn(self, dice: random.Random) -> Moment:
        """Give a random moment on the way."""
        if dice.random() < 0.5:
            return Moment("time", dice.uniform(0, self.seconds))
        return Moment("call", dice.randint(1, self.calls))

    def spread(self, number: int) -> Iterator[Moment]:
        """Give so many moments, evenly spread over the way: calls and, between them, times."""
        for n in range(number):
            share = (n + 0.5) / number
            yield Moment("time", share * self.seconds) if n % 2 else Moment("call", 1 + int(share * self.calls))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a child said before it ended, in order, and how it ended. `calls` is 0 where it was killed."""

    events: list[Event] = field(default_factory=list)
    killed: bool = False
    seconds: float = 0.0
    calls: int = 0
    crash: str = ""


def run_child(step: Step, moment: Moment = Moment(), *, slow_fsync: float = 0.0, count: bool = False) -> Ran:
    """Fork, run the step, and kill it at the moment with SIGKILL.

    What the step says counts as acknowledged: it has left the process, as a line on a terminal would have.

    Args:
        step: what to do; gets a function that says an event.
        moment: when to die.
        slow_fsync: seconds that every fsync of Python code takes longer.
        count: count the calls at which a child can be told to die.
    """
    read, write = os.pipe()
    began = time.monotonic()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _child(step, write, moment, slow_fsync=slow_fsync, count=count)
    os.close(write)
    killed, data = _watch(pid, read, began + (moment.at if moment.kind == "time" else TOO_LONG))
    _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - began
    # A line without its end was being written as the process died: nobody has read it.
    events: list[Event] = [json.loads(line) for line in data.split(b"\n")[:-1]]
    last = events[-1] if events else {}
    died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    crash = str(last.get("traceback", "")) if last.get("event") == "crash" else ""
    if killed and moment.kind != "time":
        crash = f"hangs: nothing came for {TOO_LONG} s"
    calls = int(last.get("calls", 0)) if last.get("event") == "end" else 0
    said = [event for event in events if event["event"] not in ("end", "crash")]
    return Ran(said, died, seconds, calls, crash)


def warm(step: Step) -> None:
    """Import here whatever a child imports while it does the step, so that no run spends its time on that."""

    def tell(say: Say) -> None:
        step(lambda event: None)
        say({"event": "modules", "names": sorted(sys.modules)})

    ran = run_child(tell)
    if ran.crash:
        raise RuntimeError(ran.crash)
    for name in ran.events[-1]["names"]:
        with contextlib.suppress(ImportError):  # a module that another one put there under a name of its own
            importlib.import_module(name)


def _watch(pid: int, read: int, deadline: float) -> tuple[bool, bytes]:
    """Collect what the child says until it ends or the deadline comes, which kills it and all that it started."""
    killed, pieces = False, []
    with selectors.DefaultSelector() as selector:
        selector.register(read, selectors.EVENT_READ)
        while True:
            left = None if killed else max(0.0, deadline - time.monotonic())
            if not selector.select(left):
                _kill(pid)
                killed = True
                continue
            piece = os.read(read, 65536)
            if not piece:
                break
            pieces.append(piece)
    os.close(read)
    return killed, b"".join(pieces)


def _kill(pid: int) -> None:
    """Kill the child and what it started; it may not have its own group yet, or may just have ended."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _child(step: Step, pipe: int, moment: Moment, *, slow_fsync: float, count: bool) -> None:
    """Run the step; never returns."""
    try:
        os.setsid()
        if slow_fsync:
            _slow_down(slow_fsync)
        calls = itertools.count(1)
        if moment.kind == "call" or count:
            _die_at(int(moment.at) if moment.kind == "call" else 0, calls)
        step(lambda event: _say(pipe, event))
        sys.setprofile(None)
        threading.setprofile(None)
        _say(pipe, {"event": "end", "calls": next(calls) - 1})
    except BaseException:  # noqa: BLE001  # whatever it was: the parent has to hear of it
        sys.setprofile(None)
        _say(pipe, {"event": "crash", "traceback": traceback.format_exc()})
    finally:
        os._exit(0)


def _say(pipe: int, event: Event) -> None:
    os.write(pipe, json.dumps(event).encode() + b"\n")


def _slow_down(seconds: float) -> None:
    quick = os.fsync

    def slow(descriptor: Any) -> None:
        time.sleep(seconds)
        quick(descriptor)

    os.fsync = slow  # type: ignore[assignment]  # in this child only


def _die_at(number: int, calls: "itertools.count[int]") -> None:
    """Count every call to the system twice, before and after, in all threads; die at the given count."""

    def look(_frame: Any, event: str, called: Any) -> None:
        if event not in ("c_call", "c_return") or called.__name__ not in _CALLS:
            return
        owner = called.__self__
        module = owner.__name__ if isinstance(owner, type(os)) else type(owner).__module__
        if module in _MODULES and next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(look)
    sys.setprofile(look)
