"""Writes the fixture of this version's database: `python -m tests.durability.old_database`.

One database for each `flow_version` that was ever released: a quiz with two turns, paused, and an approval that waits
at its gate. Written once, when the version is released, and never again: the tests open what the version wrote.
"""

import sqlite3
import sys
import tempfile
from pathlib import Path

from agent.app.quiz import quiz_run
from agent.app.review import review
from graphs.quiz import FLOW_VERSION
from tests.helpers.sittings import say
from tests.helpers.workspaces import TOPIC, make_app, make_store, make_workspace, record_pass

FOLDER = Path(__file__).parents[1] / "fixtures" / "databases"


def main() -> None:
    """Write the database of this version."""
    target = FOLDER / f"flow-{FLOW_VERSION}.sqlite"
    if target.exists():
        sys.exit(f"{target.name} is there: a released version's database is not written again")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder))
        app = make_app(workspace.root)
        with quiz_run(app, topic=TOPIC) as run:
            list(run.begin(TOPIC))
            list(run.send(say("c0")))
            list(run.send("/hint"))
        proposal = make_store(workspace).propose_from_attempt(record_pass(workspace).id)
        assert proposal is not None
        with review(app, proposal.id) as thread:
            thread.ask()
        with sqlite3.connect(workspace.root / ".study" / "checkpoints.sqlite") as database:
            database.execute("VACUUM INTO ?", (str(target),))
    print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
