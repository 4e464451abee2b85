"""`study model`: list, pull, rm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.app import App
from agent.cli.output import console, print_json

if TYPE_CHECKING:
    from agent.adapters.models import ModelStore


def run_list(*, json: bool) -> int:
    """Print the known models."""
    store = App.load_anywhere().models
    for item in store.list():
        if json:
            row = {"name": item.name, "role": item.role, "bytes": item.size, "licence": item.licence}
            print_json({**row, "installed": item.installed, "path": str(item.path)})
            continue
        state = "here" if item.installed else f"{item.partial / item.size:.0%} fetched" if item.partial else "not here"
        console().print(f"{item.name}  {item.role}  {item.size / 1e6:,.0f} MB  {item.licence}  {state}")
    return 0


def run_pull(names: Sequence[str]) -> int:
    """Fetch models with a progress bar."""
    app = App.load_anywhere()
    store = app.models
    wanted = list(names) or [item.name for item in store.list() if item.role != "chat" or app.settings.chat == "local"]
    for name in wanted:
        if store.installed(name):
            console().print(f"{name}: here and verified.")
            continue
        _pull(store, name)
        console().print(f"{name}: fetched and verified.")
    return 0


def _pull(store: "ModelStore", name: str) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)

        def report(done: int, total: int, label: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{name} ({label})")

        store.pull(name, report)


def run_rm(names: Sequence[str]) -> int:
    """Delete models."""
    store = App.load_anywhere().models
    for name in names:
        console().print(f"{name}: {store.remove(name) / 1e6:,.0f} MB freed.")
    return 0
