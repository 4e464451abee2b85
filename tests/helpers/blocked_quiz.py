"""Run as a program: a quiz whose judge hangs at an answer that says BLOCK. For tests that kill a process in the middle.

    python -m tests.helpers.blocked_quiz ROOT ANSWER…

Prints `judging` when it hangs, and `done` if it never does.
"""

import sys
import time
from pathlib import Path

from agent.app.quiz import quiz_run
from tests.helpers.fakes import MarkGrader
from tests.helpers.workspaces import TOPIC, make_app


def hang(answer: str) -> None:
    """Hang for a minute at the answer that says so."""
    if "BLOCK" in answer:
        sys.stdout.write("judging\n")
        sys.stdout.flush()
        time.sleep(60)


def main(root: str, *answers: str) -> None:
    """Begin a quiz and give the answers."""
    app = make_app(Path(root), grader=MarkGrader(hang))
    with app, quiz_run(app, topic=TOPIC) as run:
        list(run.begin(TOPIC))
        for answer in answers:
            list(run.send(answer))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
