"""`study index`."""

from dataclasses import asdict

from agent.app import App
from agent.cli.output import console, counter, print_json
from agent.domain.text import one_line


def run_index(*, status: bool, json: bool) -> int:
    """Sync the index, or say what it covers."""
    with App.load() as app, app.index() as index:
        out = console()
        if not status:
            report = index.sync(counter("embedding"), vectors=True)
            if json:
                print_json(asdict(report))
                return 0
            out.print(
                f"{report.files} files, {report.chunks} chunks; {report.changed} files changed, "
                f"{report.removed} removed, {report.embedded} chunks embedded."
            )
            if report.pending:
                out.print(f"{report.pending} chunks have no vector yet; words are searched meanwhile.")
            return 0
        state = index.status()
        if json:
            print_json(asdict(state))
            return 0
        megabytes, model = state.disk_bytes / 1e6, state.model or "no embedder"
        out.print(f"{state.files} files in {state.chunks} chunks, {megabytes:.1f} MB, {model}.")
        if state.pending:
            out.print(f"{state.pending} chunks have no vector yet; `study index` goes on.")
        for path, reason in state.skipped:
            out.print(f"skipped {one_line(path)}: {one_line(reason)}")
    return 0
