"""Running a command under the supervisor, and hearing what it prints."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.domain.errors import SetupError
from agent.ports.lab import Job, Outcome

SUPERVISE = Path(__file__).with_name("supervise.py")
ENDING = 10.0  # seconds that the supervisor may take to end everything
PIECE = 64 * 1024


def run_supervised(job: Job, heard: Callable[[bytes], None]) -> Outcome:
    """Run a command; see `LabRunner.run`.

    Should this process be killed, the end of a pipe tells the supervisor, which ends the command.
    """
    reading, writing = os.pipe()
    request = {
        "command": job.command,
        "folder": str(job.folder),
        "variables": dict(job.variables),
        "seconds": job.seconds,
        "memory": job.memory_mib << 20,
        "report": writing,
    }
    try:
        supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            env={},
            start_new_session=True,  # Ctrl-C in the terminal is for us
            bufsize=0,
        )
    except OSError as error:
        os.close(reading)
        raise SetupError(f"No process can be started ({error.strerror}).") from None
    finally:
        os.close(writing)
    try:
        assert supervisor.stdin is not None  # noqa: S101  # it is a pipe
        supervisor.stdin.write(json.dumps(request).encode() + b"\n")
        report = _listen(supervisor, reading, heard)
    except BrokenPipeError:
        report = b""
    finally:
        _stop(supervisor)
        os.close(reading)
    return _outcome(report)


def _listen(supervisor: "subprocess.Popen[bytes]", reading: int, heard: Callable[[bytes], None]) -> bytes:
    """Pass output on until the report is there and what was printed before it is read."""
    assert supervisor.stdout is not None  # noqa: S101  # it is a pipe
    output = supervisor.stdout.fileno()
    os.set_blocking(output, False)
    report = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        selector.register(reading, selectors.EVENT_READ)
        while selector.get_map():
            # After the report only what escaped us could still hold the output open.
            ready = selector.select(1.0 if report.endswith(b"\n") else None)
            if not ready:
                break
            for key, _ in ready:
                piece = os.read(key.fd, PIECE)
                if not piece:
                    selector.unregister(key.fd)
                elif key.fd == output:
                    heard(piece)
                else:
                    report += piece
    return report


def _stop(supervisor: "subprocess.Popen[bytes]") -> None:
    """Let the supervisor end, and with it everything that the command started."""
    assert supervisor.stdin is not None  # noqa: S101  # it is a pipe
    assert supervisor.stdout is not None  # noqa: S101
    supervisor.stdin.close()
    until = time.monotonic() + ENDING
    while time.monotonic() < until:
        try:
            supervisor.wait(max(0.0, until - time.monotonic()))
            break
        except subprocess.TimeoutExpired:
            supervisor.kill()
        except KeyboardInterrupt:
            continue  # a second Ctrl-C: it is being ended
    supervisor.stdout.close()


def _outcome(report: bytes) -> Outcome:
    if not report.endswith(b"\n"):
        raise SetupError("The process that watches the command ended unexpectedly; nothing was recorded. Try again.")
    said: dict[str, Any] = json.loads(report)
    if "error" in said:
        raise SetupError(f"The command cannot be started ({said['error']}).")
    return Outcome(said["exit_code"], said["ended"], said["duration_s"], said["peak_mib"])
