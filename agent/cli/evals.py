"""`study eval grade | retrieve`: measuring the grader and the retriever on data of the user's own."""

from pathlib import Path

from agent.app import App
from agent.cli.output import console, counter


def run_grade(source: Path, target: Path) -> int:
    """Grade a file with the local grader alone: the same input gives the same output on the same kind of processor."""
    from evals.grade import grade_file

    count = grade_file(source, target)
    console().print(f"{count} rows graded into {target}.")
    return 0


def run_retrieve(folder: Path, run: Path, *, json: bool) -> int:
    """Write a TREC run and print the scores of every leg."""
    from evals.retrieve import retrieve_beir

    app = App.load_anywhere()
    if app.embedder is None:
        console(stderr=True).print(
            "No embedder is here (`study model pull`): words alone are searched.", style="yellow"
        )
    report = retrieve_beir(folder, run, app.embedder, progress=counter("embedding"))
    if json:
        console().print(report.as_json())
    else:
        console().print(report.as_text())
    return 0
