"""Regenerates what the docs take from the code: `python -m agent.cli.docs`. A test keeps them current."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[2]


def cli_reference() -> str:
    """Render docs/cli.md from the commands' own help."""
    from agent.cli.main import app

    lines = [
        "# Commands",
        "",
        "Made from `--help` by `make docs`; exit codes are in [architecture.md](architecture.md).",
        "",
    ]
    for name, text in _helps(typer.main.get_command(app), "study"):
        lines += [f"## {name}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(lines)


def _helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    # typer brings a click of its own, whose types are private: hence the context by the command's own class.
    context = command.make_context(name, [], resilient_parsing=True, terminal_width=100, max_content_width=100)
    yield name, command.get_help(context)
    for child in getattr(command, "commands", {}).values():
        yield from _helps(child, f"{name} {child.name}")


def graph(name: str) -> str:
    """Draw a graph from its compiled form, as mermaid."""
    from graphs.ask import build_ask
    from graphs.promotion import build_promotion
    from graphs.quiz import build_quiz
    from graphs.session import build_session

    builders: dict[str, Callable[[], object]] = {
        "quiz": build_quiz,
        "ask": build_ask,
        "session": build_session,
        "promotion": build_promotion,
    }
    builder = builders[name]
    drawing = builder().compile().get_graph().draw_mermaid(with_styles=False)  # type: ignore[attr-defined]
    return f"```mermaid\n{drawing.strip()}\n```"


def with_graphs(text: str) -> str:
    """Replace the drawings between `<!-- graph: NAME -->` and `<!-- /graph -->`."""
    return re.sub(
        r"(<!-- graph: (\w+) -->\n).*?(<!-- /graph -->)",
        lambda match: f"{match[1]}{graph(match[2])}\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


def main() -> None:
    """Write docs/cli.md, the graphs in docs/architecture.md and the topic map in tracks/README.md."""
    from agent.workspace.topic_map import write_map

    (ROOT / "docs" / "cli.md").write_text(cli_reference(), encoding="utf-8")
    architecture = ROOT / "docs" / "architecture.md"
    architecture.write_text(with_graphs(architecture.read_text(encoding="utf-8")), encoding="utf-8")
    write_map(ROOT)


if __name__ == "__main__":
    main()
