"""Nothing that we load phones home, neither at import nor in a quiz."""

import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.helpers.network import Guard, Offline
from tests.helpers.study import PASSING, TOPIC, command, environment, make_workspace

REPO = Path(__file__).parents[1]
DEPENDENCIES = (
    "chromadb", "chromadb.api.client", "filelock", "httpx", "langchain_core", "langchain_openai", "langgraph.graph",
    "langgraph.checkpoint.sqlite", "markdown_it", "numpy", "onnxruntime", "openai", "prompt_toolkit", "pydantic",
    "pydantic_settings", "yaml", "rich", "tokenizers", "typer", "ragas", "langchain_community", "rank_bm25",
    "xllamacpp",
)  # fmt: skip
IMPORTS = """
import importlib, importlib.util, sys, time
from tests.helpers.network import Guard
guard = Guard()
from agent.privacy import no_telemetry
no_telemetry()
for name in sys.argv[1:]:
    if importlib.util.find_spec(name.partition(".")[0]) is not None:
        importlib.import_module(name)
        print(name)
time.sleep(4)  # onnxruntime spoke a second after its import, from a thread of its own
print("ATTEMPTS", guard.take())
"""


def traced(line: list[str], log: Path) -> list[str]:
    """Watch the connections of native code too, where the system has strace."""
    strace = shutil.which("strace")
    return (
        [strace, "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log), *line]
        if strace
        else line
    )


def beyond(log: Path) -> list[str]:
    """Connections in a trace that leave this machine."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [line for line in lines if "AF_INET" in line and 'inet_addr("127.' not in line and '"::1"' not in line]


def test_importing_the_dependencies_makes_no_connection(tmp_path: Path) -> None:
    log = tmp_path / "trace"
    done = subprocess.run(
        traced([sys.executable, "-c", IMPORTS, *DEPENDENCIES], log),
        cwd=REPO,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert "langgraph.graph\n" in done.stdout
    assert done.stdout.endswith("ATTEMPTS []\n")
    assert beyond(log) == []


def test_a_whole_quiz_makes_no_connection(tmp_path: Path) -> None:
    log = tmp_path / "trace"
    root = make_workspace(tmp_path / "work")
    done = subprocess.run(
        traced(command("quiz", TOPIC, "--json"), log),
        cwd=REPO,
        env=environment(root),
        input=PASSING,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"passed": true' in done.stdout
    assert beyond(log) == []


def test_a_trace_that_leaves_the_machine_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "trace"
    log.write_text(
        '1 connect(3, {sa_family=AF_UNIX, sun_path="/x"}, 4) = 0\n'
        '1 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0\n'
        '1 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = -1\n'
    )
    assert len(beyond(log)) == 1


ADDRESSES = [("192.0.2.1", 80), ("2001:db8::1", 80), ("example.org", 80), ("10.0.0.1", 80), ("0.0.0.0", 80)]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda a: a[0])
def test_the_guard_refuses_and_names_who_tried(network_guard: Guard, address: tuple[str, int]) -> None:
    def phone_home() -> None:
        with pytest.raises(Offline):
            socket.create_connection(address, timeout=1)

    phone_home()
    assert [attempt.split(" by ")[1].split(" ")[:2][1] for attempt in network_guard.take()] == ["phone_home"]


def test_the_guard_watches_threads_and_datagrams(network_guard: Guard) -> None:
    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, pytest.raises(Offline):
            datagrams.sendto(b"x", ("192.0.2.1", 53))

    thread = threading.Thread(target=send)
    thread.start()
    thread.join()
    assert len(network_guard.take()) == 1


def test_the_guard_lets_this_machine_talk_to_itself(network_guard: Guard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, port), timeout=5):
                pass
    assert network_guard.take() == []
