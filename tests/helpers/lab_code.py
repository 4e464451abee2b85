"""Code that labs run in tests, and looking for processes that should be gone."""

import time
from pathlib import Path

MARK = "lab-process-mark"
# Starts a child, a grandchild in a session of its own, and an orphan; each carries the mark on its command line.
FAMILY = f"""
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(60)", "{MARK}", sys.argv[1]]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    subprocess.Popen(sleep, start_new_session=True)
    os._exit(0)
os.wait()
print("started", flush=True)
"""


def marked(mark: str) -> list[int]:
    """List the processes that carry a mark on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if MARK.encode() in words and mark.encode() in words:
            found.append(int(path.parent.name))
    return found


def gone(mark: str, seconds: float = 10.0) -> bool:
    """Wait until no process carries the mark."""
    until = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.05)
    return not marked(mark)
