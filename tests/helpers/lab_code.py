"""Code that labs run in tests, a wheel that they install, and looking for processes that should be gone."""

import time
import zipfile
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


def make_wheel(folder: Path, name: str = "tinylab", version: str = "1.0", code: str = "VALUE = 42\n") -> Path:
    """Write a wheel that pip installs without a network (`--no-index --find-links`)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", code)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path
