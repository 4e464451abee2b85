"""Running a command under the supervisor: what it gets, what limits it, and that nothing of it is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.adapters.lab.process import SUPERVISE, run_supervised
from agent.domain.errors import SetupError
from agent.ports.lab import Job, Outcome
from tests.helpers.lab_code import FAMILY, gone, marked
from tests.helpers.study import REPO

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def run(
    code: str, folder: Path, *args: str, seconds: float = 0, memory_mib: int = 0, variables: dict[str, str] | None = None
) -> tuple[Outcome, str]:
    pieces: list[bytes] = []
    command = (sys.executable, "-c", code, *args)
    outcome = run_supervised(Job(command, folder, variables or {}, seconds, memory_mib), pieces.append)
    return outcome, b"".join(pieces).decode()


def test_output_exit_code_and_duration(tmp_path: Path) -> None:
    outcome, said = run(
        "import sys, os, time; print('out', flush=True); print('err', file=sys.stderr); time.sleep(.2); sys.exit(3)",
        tmp_path,
    )
    assert (outcome.exit_code, outcome.ended, said) == (3, "", "out\nerr\n")
    assert 0.2 <= outcome.duration_s < 5
    assert outcome.peak_mib is not None
    assert 3 < outcome.peak_mib < 200


def test_it_gets_these_variables_and_no_others_and_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDY_API_KEY", "hidden")
    code = "import os, sys; print(sorted(os.environ), sys.stdin.read() == '', os.getcwd())"
    _, said = run(code, tmp_path, variables={"LAB_VARIANT": "fp16", "LC_CTYPE": "C.UTF-8"})
    assert said == f"['LAB_VARIANT', 'LC_CTYPE'] True {tmp_path.resolve()}\n"


def test_a_command_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as raised:
        run_supervised(Job(("no-such-program",), tmp_path, {"PATH": os.defpath}), print)
    assert str(raised.value) == "The command cannot be started (No such file or directory: no-such-program)."


def test_killed_by_a_signal(tmp_path: Path) -> None:
    outcome, _ = run("import os; os.kill(os.getpid(), 11)", tmp_path)
    assert (outcome.exit_code, outcome.ended) == (-11, "")


@linux
@pytest.mark.parametrize(("last", "ended"), [("", ""), ("time.sleep(60)", "time")], ids=["at its end", "at its limit"])
def test_whatever_it_started_is_ended(tmp_path: Path, last: str, ended: str) -> None:
    outcome, said = run(f"{FAMILY}\n{last}", tmp_path, str(tmp_path), seconds=1.5)
    assert said == "started\n"
    assert outcome.ended == ended
    assert not marked(str(tmp_path))
    assert outcome.duration_s < 3


def test_a_run_at_its_limit_has_failed_however_politely_it_ends(tmp_path: Path) -> None:
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); print('up', flush=True); time.sleep(60)"
    outcome, said = run(code, tmp_path, seconds=1)
    assert (outcome.exit_code, outcome.ended, said) == (124, "time", "up\n")


def test_one_that_ignores_being_asked_is_killed(tmp_path: Path) -> None:
    began = time.monotonic()
    outcome, _ = run("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)", tmp_path, seconds=0.5)
    assert outcome.ended == "time"
    assert time.monotonic() - began < 6


@linux
@pytest.mark.parametrize(
    "code",
    [
        "x = bytearray(120 << 20); x[::4096] = b'1' * len(x[::4096]); time.sleep(60)",
        "for _ in range(3):\n    subprocess.Popen([sys.executable, '-c', 'import time; x = b\"1\" * (40 << 20); time.sleep(60)'])\n"
        "time.sleep(60)",
    ],
    ids=["one process", "three together"],
)
def test_memory_is_counted_over_all_processes(tmp_path: Path, code: str) -> None:
    outcome, _ = run(f"import subprocess, sys, time\n{code}", tmp_path, seconds=30, memory_mib=100)
    assert (outcome.exit_code, outcome.ended) == (137, "memory")


@linux
def test_what_grows_faster_than_we_look_is_stopped_by_the_system(tmp_path: Path) -> None:
    outcome, said = run("x = bytearray(8 << 30)", tmp_path, memory_mib=64)
    assert outcome.exit_code != 0
    assert outcome.ended == "memory" or "MemoryError" in said


def test_a_flood_of_output_does_not_stop_the_clock(tmp_path: Path) -> None:
    heard = 0

    def count(piece: bytes) -> None:
        nonlocal heard
        heard += len(piece)

    code = "import os\nwhile True: os.write(1, b'x' * 65536)"
    outcome = run_supervised(Job((sys.executable, "-c", code), tmp_path, {}, 1.0), count)
    assert outcome.ended == "time"
    assert heard > 1 << 20


@linux
def test_a_listener_that_fails_ends_it(tmp_path: Path) -> None:
    def fail(piece: bytes) -> None:
        raise BrokenPipeError

    with pytest.raises(SetupError):
        run_supervised(Job((sys.executable, "-c", f"{FAMILY}\ntime.sleep(60)", str(tmp_path)), tmp_path), fail)
    assert gone(str(tmp_path), 0)


_RUN = """
import sys
from pathlib import Path
from agent.adapters.lab.process import SUPERVISE, run_supervised
from agent.ports.lab import Job
run_supervised(Job((sys.executable, "-c", sys.argv[1], sys.argv[2]), Path(sys.argv[3])), lambda p: print(p, flush=True))
"""


@linux
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name)
def test_when_study_dies_everything_is_ended(tmp_path: Path, sign: signal.Signals) -> None:
    code = f"{FAMILY}\ntime.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, code, str(tmp_path), str(tmp_path)],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as study:
        assert study.stdout is not None
        assert study.stdout.readline() == b"b'started\\n'\n"
        assert marked(str(tmp_path))
        study.send_signal(sign)
        study.wait(20)
    assert gone(str(tmp_path))


@linux
def test_when_the_supervisor_is_killed_the_command_ends_too(tmp_path: Path) -> None:
    """Only the command itself: what it started in turn is then nobody's."""
    pids: list[int] = []

    def kill(piece: bytes) -> None:
        pids.append(int(piece))
        parent = int(Path(f"/proc/{pids[0]}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[1])
        os.kill(parent, signal.SIGKILL)

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(SetupError, match="ended unexpectedly; nothing was recorded"):
        run_supervised(Job((sys.executable, "-c", code), tmp_path), kill)
    until = time.monotonic() + 5
    while Path(f"/proc/{pids[0]}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pids[0]}").exists()


@pytest.mark.parametrize("said", [b"", b'{"command": ["touch"'], ids=["nothing", "half a request"])
def test_a_supervisor_that_is_asked_nothing_does_nothing(said: bytes) -> None:
    done = subprocess.run([sys.executable, "-I", "-S", str(SUPERVISE)], input=said, capture_output=True, check=True)
    assert done.stdout == done.stderr == b""
