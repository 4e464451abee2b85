"""A quiz whose judge hangs at an answer that says BLOCK: for tests that kill a process in the middle."""

import sys
import time
from pathlib import Path

from agent.app.quiz import quiz_run
from tests.helpers.fakes import MarkGrader
from tests.helpers.workspaces import TOPIC, make_app


def hang(answer: str) -> None:
    """Say so, and hang for a minute, at the answer that asks for it."""
    if "BLOCK" in answer:
        sys.stdout.write("judging\n")
        sys.stdout.flush()
        time.sleep(60)


def blocked_quiz(root: Path, *answers: str) -> None:
    """Begin a quiz and give the answers."""
    app = make_app(root, grader=MarkGrader(hang))
    with app, quiz_run(app, topic=TOPIC) as run:
        list(run.begin(TOPIC))
        for answer in answers:
            list(run.send(answer))
