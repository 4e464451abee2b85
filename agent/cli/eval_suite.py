"""`study eval run | compare | promote | report`: the regression suite of our own prompts."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Only this prompt or component, e.g. answering (repeatable).")
]


def add_suite(group: typer.Typer) -> None:
    """Add the commands to `study eval`."""
    group.command("run")(eval_run)
    group.command("compare")(eval_compare)
    group.command("promote")(eval_promote)
    group.command("report")(eval_report)


def eval_run(  # noqa: PLR0913, PLR0917 - the options of a command
    full: Annotated[bool, typer.Option("--full", help="All items of all subjects, changed or not.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Hold no baseline against it: for a new one, after cases or scorers changed.")
    ] = False,
    only: Only = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs from its baseline, for a pull request.")
    ] = False,
    budget_minutes: Annotated[
        float | None, typer.Option("--budget-minutes", min=0.01, help="Stop sampling then; the next run goes on.")
    ] = None,
    axis: Annotated[str, typer.Option("--axis", help="What may differ: prompt, model or sampler.")] = "prompt",
    items: Annotated[int, typer.Option("--items", min=1, help="Cases of each source note.")] = 5,
    sources: Annotated[
        int | None, typer.Option("--sources", min=5, help="Notes, days or situations at most: enough for a --defect.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Samples of an item where replies vary.")] = 3,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Requests at once to an endpoint.")] = 1,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Requests a minute at most; 0: no limit.")] = 0,
    price: Annotated[
        str | None, typer.Option("--price", help="Of a million tokens in and out, as IN,OUT, for the report.")
    ] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Ask nobody: replies kept from earlier runs only.")] = False,
    defect: Annotated[
        str | None, typer.Option("--defect", help="Measure this planted defect of the --only subject; it must fail.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell whether prompts and components are worse than their baseline.

    Exit code: 0 not worse, 1 confirmed regression, 10 inconclusive, 11 invalid measurement, 12 budget spent.
    """
    from agent.cli.suite import Asked, run_suite

    asked = Asked(
        full=full, anew=anew, only=only or [], changed=changed, budget_minutes=budget_minutes, axis=axis, items=items,
        sources=sources, repeats=repeats, concurrency=concurrency, rate=rate, price=price, replay=replay, defect=defect,
    )  # fmt: skip
    raise typer.Exit(run_suite(asked, json=json))


def eval_compare(
    a: Annotated[str, typer.Argument(help="A run, `baseline` or `released`.")],
    b: Annotated[str, typer.Argument(help="What is held against it: a run, `latest` or `baseline`.")],
    axis: Annotated[str, typer.Option("--axis", help="What may differ: prompt, model or sampler.")] = "prompt",
    only: Only = None,
    json: Json = False,
) -> None:
    """Compare two runs on their stored scores; nothing is measured anew. Exit codes as of `study eval run`."""
    from agent.cli.suite import run_compare

    raise typer.Exit(run_compare(a, b, axis=axis, only=only or [], json=json))


def eval_promote(
    run: Annotated[str, typer.Argument(help="A finished run, or `latest`.")],
    why: Annotated[str, typer.Option("--why", help="The reason; it is kept in the baseline.")],
    only: Only = None,
    released: Annotated[bool, typer.Option("--released", help="Also make it the second, released reference.")] = False,
) -> None:
    """Make a run's figures the baseline that later runs are held against."""
    from agent.cli.suite import run_promote

    raise typer.Exit(run_promote(run, why, only=only or [], released=released))


def eval_report(
    run: Annotated[str, typer.Argument(help="A finished run, or `latest`.")] = "latest",
    html: Annotated[Path | None, typer.Option("--html", help="Also write the page there.")] = None,
    json: Json = False,
) -> None:
    """Print a run's summary and where its page lies."""
    from agent.cli.suite import run_report

    raise typer.Exit(run_report(run, html=html, json=json))
