"""`study index`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from agent.app import App
from agent.cli.output import console, counter, print_json
from agent.domain.text import one_line

LISTED = 3  # files of a folder that are named one by one


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
        for place, reason in _grouped(state.skipped):
            out.print(f"skipped {one_line(place)}: {one_line(reason)}")
    return 0


def _grouped(skipped: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Files left out for the same reason side by side as one line, once there are many in a folder."""
    folders: dict[tuple[str, str], list[str]] = {}
    for path, reason in skipped:
        folders.setdefault((path.rpartition("/")[0], reason), []).append(path)
    for (folder, reason), paths in folders.items():
        if len(paths) > LISTED:
            yield f"{folder}/ ({len(paths)} files)", reason
        else:
            yield from ((path, reason) for path in paths)
