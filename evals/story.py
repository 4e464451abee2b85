"""Records how a topic goes from L0 to L3 on a scratch copy of the workspace, each step refused before it is approved.

    python -m evals.story            # writes docs/story.md and the pictures beside it
    python -m evals.story --chat     # and summarizes the day with the embedded model

Needs tmux and jq, and the small models (`study model pull`). What is typed is in
`evals/cases/story/story.yaml`; everything else is what the program printed.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from evals.record import PROMPT, ROOT, SCRIPT, Terminal, asked_claim, scratch_copy

CASES = ROOT / "evals" / "cases" / "story"
LAB = "cache-bytes"
READY = r"^\$\s*$"
PICTURES = ("matrix", "history")
PAGE = """# From L0 to L3

One topic on a scratch copy of this repository: a quiz, a lab that was run, variants side by side with a failure
understood. Each level is refused first for what is missing, then approved by a person; the roadmap's row and the
ledger's entry follow. Recorded by `python -m evals.story --chat`; what is typed is in `evals/cases/story/`, all else is
what the program printed, long screens cut in the middle.
"""


def steps(terminal: Terminal, folder: Path, *, chat: bool) -> Iterator[str]:
    """Type the script and give the page's pieces as they come about."""
    for step in yaml.safe_load((CASES / "story.yaml").read_text(encoding="utf-8")):
        if step.get("model") and not chat:
            continue
        if "part" in step:
            yield f"\n## {step['part']}\n"
        if "say" in step:
            yield f"\n{step['say']}\n"
        for name in step.get("put", ()):
            shutil.copy(CASES / "lab" / name, folder / "lab" / LAB / name)
        if "put" in step:
            yield f"\nThe learner writes in lab/{LAB}: {', '.join(step['put'])}.\n"
        if "type" in step:
            yield shown(terminal, folder, step)


def shown(terminal: Terminal, folder: Path, step: Mapping[str, Any]) -> str:
    """Type one command, answer what it asks, and give what came on the screen as a block."""
    before = len(terminal.text().rstrip().splitlines()) - 1
    terminal.type(step["type"])
    if step.get("quiz"):
        answer(terminal, folder)
    terminal.wait_for(step.get("until", READY))
    if "answer" in step:
        terminal.type(step["answer"])
        terminal.wait_for(READY)
    lines = [line.rstrip() for line in terminal.text().rstrip().splitlines()[max(before, 0) : -1]]
    first, last = step.get("cut", (len(lines), 0))
    if first + last < len(lines):
        lines = [*lines[:first], "…", *lines[-last:]]
    return "\n```text\n" + "\n".join(lines).rstrip() + "\n```\n"


def answer(terminal: Terminal, folder: Path) -> None:
    """Answer the quiz's questions by the claim that each asks about, until it ends."""
    script = yaml.safe_load(SCRIPT.read_text(encoding="utf-8"))
    answers = {claim: list(given) for claim, given in script["answers"].items()}
    terminal.wait_for(PROMPT)
    while (claim := asked_claim(folder)) is not None:
        given = answers.get(claim, [])
        terminal.type(given.pop(0) if given else "/skip")
        terminal.wait_for(f"{PROMPT}|{READY}")


def main() -> None:
    """Record and write the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chat", action="store_true", help="also the steps that need the embedded model")
    arguments = parser.parse_args()
    os.environ["STUDY_CHAT"] = "none"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        folder.mkdir()
        scratch_copy(folder)
        terminal = Terminal(folder)
        try:
            terminal.wait_for(READY)
            told = (
                "".join(steps(terminal, folder, chat=arguments.chat)).replace(name, "…").replace(str(Path.home()), "~")
            )
        finally:
            terminal.close()
        for picture in PICTURES:
            shutil.copy(folder / "progress" / f"{picture}.svg", ROOT / "docs" / f"story-{picture}.svg")
    pictures = "".join(f"\n![{picture}](story-{picture}.svg)\n" for picture in PICTURES)
    (ROOT / "docs" / "story.md").write_text(PAGE + told + pictures, encoding="utf-8")


if __name__ == "__main__":
    main()
