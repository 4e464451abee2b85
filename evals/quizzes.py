"""Takes whole quizzes through the real command, `study quiz --json` on a pipe, with hand-written answers.

    python -m evals.quizzes rope persistence hashing-heaps-graphs > docs/notes-quizzes.md

The answers are those of `evals/cases/quiz/answer_sheets`: a learner who knows the topic answers each question with the
first wording of the claim that it asks about, a follow-up with the second. Works on a scratch copy of the workspace.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from evals.simulation.sheets import Sheet, load_sheets

ROOT = Path(__file__).resolve().parents[1]
CONTENT = ("roadmap.md", "tracks", "lab")


def answer_to(sheet: Sheet, question: dict[str, Any]) -> str:
    """Give the learner's answer to a question event."""
    block, again = question["claim"], question["kind"] == "follow_up"
    wordings = sheet.claims[block].knows if block in sheet.claims else sheet.misconceptions[block].denies
    return wordings[1 if again else 0]


def take(sheet: Sheet, root: Path) -> list[tuple[dict[str, Any], str]]:
    """Take one quiz to its end; gives every event with the answer that followed it, "" where none did."""
    events: list[tuple[dict[str, Any], str]] = []
    command = [sys.executable, "-m", "agent", "quiz", sheet.note.id, "--json"]
    environment = {**os.environ, "STUDY_ROOT": str(root), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            answer = answer_to(sheet, event) if event["event"] == "question" else ""
            events.append((event, answer))
            if answer:
                process.stdin.write(f"{answer}\n---\n")
                process.stdin.flush()
    return events


def show(sheet: Sheet, events: list[tuple[dict[str, Any], str]]) -> None:
    """Print one quiz as markdown."""
    print(f"## {sheet.note.topic}\n")
    for event, answer in events:
        if event["event"] == "question":
            kind = event["kind"].replace("_", "-")
            print(f"**{event['n']}. {event['text']}** (^{event['claim']}, {kind})\n\n> {answer}\n")
        elif event["event"] == "judged":
            verdicts = [v for v in event["verdicts"] if v["claim"] == event["claim"] or v["verdict"] == "covered"]
            for verdict in verdicts:
                unsure = ", unsure" if verdict["abstain"] else ""
                print(f"- ^{verdict['claim']} ({verdict['kind']}): {verdict['verdict']}{unsure}, p {verdict['p']:.2f}")
            for item in event["misconceptions"]:
                print(f"- ^{item['claim']}: **{'set right' if item['set_right'] else 'left standing'}**")
            print()
    result = events[-1][0]
    covered = sum(verdict["verdict"] == "covered" for verdict in result["verdicts"])
    right = sum(verdict["verdict"] == "corrected" for verdict in result["verdicts"])
    misconceptions = len(sheet.note.misconceptions)
    questions = sum(bool(answer) for _, answer in events)
    outcome = "passed" if result["passed"] else "not passed"
    print(
        f"**Result: {outcome}**, {questions} answers, {covered} of {len(sheet.note.claims)} points covered, "
        f"{right} of {misconceptions} misconceptions set right.\n"
    )


def main() -> None:
    """Take the quizzes that are named and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", nargs="+")
    topics = parser.parse_args().topics
    sheets = {sheet.note.id: sheet for sheet in load_sheets()}
    unknown = [topic for topic in topics if topic not in sheets]
    if unknown:
        sys.exit(f"No answer sheet for {', '.join(unknown)}; there are {', '.join(sorted(sheets))}.")
    print("# Whole quizzes\n")
    print(f"Made by `STUDY_CHAT=none python -m evals.quizzes {' '.join(topics)}`: the real command, answers by hand.\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in CONTENT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name)
            else:
                shutil.copy(source, folder)
        for topic in topics:
            show(sheets[topic], take(sheets[topic], Path(folder)))


if __name__ == "__main__":
    main()
