"""`study progress`."""

from agent.app import App
from agent.app.progress import PAGE, refresh, stale
from agent.cli.output import console, print_json


def run_progress(*, check: bool, json: bool) -> int:
    """Write the page and its pictures where they changed; with `check` only say so, 1 if they are out of date."""
    with App.load() as app:
        paths = stale(app) if check else refresh(app)
    if json:
        print_json({"stale" if check else "written": paths})
    else:
        out = console()
        for path in paths:
            out.print(f"{'out of date: ' if check else 'wrote '}{path}")
        if not paths:
            out.print(f"{PAGE} and its pictures are up to date.")
        elif check:
            out.print("`study progress` writes them anew.")
    return 1 if check and paths else 0
