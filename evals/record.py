"""Records a real terminal session of the whole main job on a scratch copy of the workspace.

    python -m evals.record            # writes docs/quiz-session.md and docs/quiz.svg

Needs tmux and the embedded model (`study model pull`). What is typed is in `evals/cases/quiz/recording.yaml`;
everything else is what the program printed.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from agent.adapters.checkpoints.sqlite import config, open_threads
from graphs.quiz import build_quiz

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "evals" / "cases" / "quiz" / "recording.yaml"
COLUMNS, ROWS = 110, 50
PATIENCE = 240.0
PROMPT = r"^>\s*$"
SESSION = "study-recording"
PAGE = """# A recorded session

From the first question to the approved level and its commit, with good, vague, wrong and copied answers, on a scratch
copy of this repository with the embedded model. Made by `python -m evals.record`; what is typed is in
`evals/cases/quiz/recording.yaml`, everything else is what the program printed.

```text
{shown}
```
"""


class Terminal:
    """A tmux window of a fixed size."""

    def __init__(self, folder: Path) -> None:
        self._tmux("kill-session", "-t", SESSION, check=False)
        shell = "bash --norc --noprofile"
        self._tmux("new-session", "-d", "-s", SESSION, "-x", str(COLUMNS), "-y", str(ROWS), "-c", str(folder), shell)
        self._tmux("set-option", "-t", SESSION, "history-limit", "20000")
        self.type(f"export PATH={Path(sys.executable).parent}:$PATH PS1='$ ' && clear")
        self._tmux("clear-history", "-t", SESSION)

    def type(self, text: str) -> None:
        """Type a line and press Enter."""
        self._tmux("send-keys", "-t", SESSION, "-l", text)
        time.sleep(0.3)
        self._tmux("send-keys", "-t", SESSION, "Enter")

    def press(self, key: str) -> None:
        """Press a key by tmux's name for it."""
        self._tmux("send-keys", "-t", SESSION, key)

    def wait_for(self, pattern: str) -> None:
        """Wait until the last line that is not empty matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            time.sleep(0.4)
            lines = [line for line in self.text().splitlines() if line.strip()]
            if lines and re.search(pattern, lines[-1]):
                return
        raise TimeoutError(f"{pattern!r} did not appear; the screen says:\n{self.text()}")

    def text(self, *, colours: bool = False) -> str:
        """Give all that was printed, with escape sequences for colours if asked for."""
        flags = ["-e"] if colours else []
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", *flags, "-t", SESSION)

    def close(self) -> None:
        """End the window."""
        self._tmux("kill-session", "-t", SESSION, check=False)

    def _tmux(self, *args: str, check: bool = True) -> str:
        return subprocess.run(["tmux", *args], check=check, capture_output=True, text=True).stdout


def scratch_copy(folder: Path) -> None:
    """Make a workspace with the shipped roadmap and notes, under git."""
    for name in ("roadmap.md", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tracks", folder / "tracks")
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "My roadmap and notes"]):
        identity = ["-c", "user.name=Learner", "-c", "user.email=learner@example.org"]
        subprocess.run(["git", "-C", str(folder), *identity, *args], check=True)
    for key, value in (("user.name", "Learner"), ("user.email", "learner@example.org")):
        subprocess.run(["git", "-C", str(folder), "config", key, value], check=True)


def record(folder: Path) -> tuple[str, str]:
    """Run the script and give what the terminal showed, plain and with colours.

    Which answer comes next follows from what the quiz asks: the claim of the open question is read from the state
    on disk, as `study resume` reads it.
    """
    script = yaml.safe_load(SCRIPT.read_text(encoding="utf-8"))
    answers = {claim: list(given) for claim, given in script["answers"].items()}
    terminal = Terminal(folder)
    try:
        terminal.wait_for(r"^\$\s*$")
        terminal.type(script["start"]["type"])
        terminal.wait_for(PROMPT)
        while (claim := asked_claim(folder)) is not None:
            given = answers.get(claim, [])
            terminal.type(given.pop(0) if given else "/skip")
            terminal.wait_for(f"{PROMPT}|^\\$\\s*$")
        for step in script["finish"]:
            terminal.type(step["type"])
            terminal.wait_for(step["until"])
        return terminal.text(), terminal.text(colours=True)
    finally:
        terminal.close()


def asked_claim(folder: Path) -> str | None:
    """Give the claim that the paused quiz of the workspace asks about; None where none is open."""
    with open_threads(folder) as threads:
        graph = threads.compile(build_quiz())
        for thread in threads.ids():
            question = graph.get_state(config(thread)).values.get("question")
            if question:
                return str(question["claim"])
    return None


def picture(coloured: str, lines: int) -> str:
    """Render the first lines as SVG without any reference to the network."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi("\n".join(coloured.splitlines()[:lines])))
    svg = console.export_svg(title="study quiz kv-cache-scaling")
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace(
        "Fira Code", "DejaVu Sans Mono, Menlo, Consolas"
    )


def main() -> None:
    """Record and write the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture-lines", type=int, default=34)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        folder.mkdir()
        scratch_copy(folder)
        plain, coloured = record(folder)
    shown = plain.replace(name, "…").rstrip()
    (ROOT / "docs" / "quiz-session.md").write_text(PAGE.format(shown=shown), encoding="utf-8")
    (ROOT / "docs" / "quiz.svg").write_text(picture(coloured, arguments.picture_lines), encoding="utf-8")


if __name__ == "__main__":
    main()
