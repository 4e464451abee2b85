"""The docs say what the code does: what is generated is current, and what is named exists."""

import re
import subprocess
from pathlib import Path

import pytest
import typer

from agent.cli.docs import cli_reference, with_graphs
from agent.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_command_reference_is_current() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_reference(), "run `make docs`"


def test_the_graphs_are_drawn_from_the_compiled_graphs() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert with_graphs(text) == text, "run `make docs`"
    assert "judge" in text
    assert "gate" in text


def commands() -> set[tuple[str, ...]]:
    """Every command path, `("model", "pull")`."""
    root = typer.main.get_command(app)
    found: set[tuple[str, ...]] = set()
    for name, command in getattr(root, "commands", {}).items():
        found.add((name,))
        found |= {(name, child) for child in getattr(command, "commands", {})}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_the_docs_exists(page: Path) -> None:
    known = commands()
    named = re.findall(r"(?:^|[`\s])study ([a-z]+)(?: ([a-z]+))?", _code(page.read_text(encoding="utf-8")))
    for command, child in named:
        assert (command,) in known, f"`study {command}`"
        if any(path[0] == command and len(path) == 2 for path in known) and child:
            assert (command, child) in known, f"`study {command} {child}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_in_the_docs_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in re.findall(r"(?:^|`)make ([a-z]+)", _code(page.read_text(encoding="utf-8")), re.MULTILINE):
        assert target in targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_in_the_docs_opens(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
        assert (page.parent / target).exists(), target


def test_nothing_tracked_names_a_machine_or_a_registry() -> None:
    pattern = r"https?://[a-z0-9.-]+/(simple|packages)/|(^|[^A-Za-z0-9.])/(root|home/[a-z]+)/"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", ".", ":!lab", ":!tracks", ":!tests/test_docs.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def _code(text: str) -> str:
    """The parts of a page that are code: fences but for recorded output, and inline spans."""
    fences = re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return "\n".join([*fences, *(f"`{span}`" for span in spans)])
