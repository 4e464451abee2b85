"""The layers hold, and what a command does not need is not loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
HEAVY = {
    "chromadb", "google", "grpc", "httpx", "langchain", "langchain_community", "langchain_core", "langchain_openai",
    "langgraph", "numpy", "onnxruntime", "openai", "opentelemetry", "pandas", "prompt_toolkit", "ragas", "tokenizers",
    "xllamacpp",
}  # fmt: skip
MODULES = "\nimport sys\nprint('MODULES', *sorted({name.partition('.')[0] for name in sys.modules}))"
COMMAND = """
import sys
from agent.cli import main
sys.argv[0] = "study"
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""


def loaded(code: str, *args: str) -> set[str]:
    """Name the top-level packages that some code loads."""
    done = subprocess.run(
        [sys.executable, "-c", code + MODULES, *args],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=REPO, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("args", "also"),
    [(["--help"], {"rich", "yaml", "markdown_it"}), (["quiz", "--help"], {"rich", "yaml"}), (["status"], set())],
    ids=["help", "help of a command", "status"],
)
def test_quick_commands_load_nothing_heavy(args: list[str], also: set[str]) -> None:
    modules = loaded(COMMAND, *args)
    assert "typer" in modules
    assert modules & (HEAVY | also) == set()


IMPORT_ALL = """
import importlib, pkgutil
import agent, graphs
for package in (agent, graphs):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


def test_importing_every_module_has_no_effect_and_loads_no_model_library() -> None:
    assert loaded(IMPORT_ALL) & {"chromadb", "onnxruntime", "ragas", "tokenizers", "xllamacpp"} == set()
