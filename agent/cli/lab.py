"""`study lab`: the commands. What they do is imported when they run."""

from typing import Annotated

import typer

lab_app = typer.Typer(no_args_is_help=True, help="Labs: proof that you can build it, run on this machine or reported.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Slug = Annotated[str, typer.Argument(help="Name of the folder below lab/, or part of it.")]


@lab_app.command("new")
def lab_new(
    topic: Annotated[str, typer.Argument(help="Topic id or part of its name.")],
    name: Annotated[str, typer.Option("--name", help="Name of the lab's folder; none: the topic's id.")] = "",
) -> None:
    """Make the skeleton of a lab from the topic's note. It runs, and proves nothing until its TODOs are done."""
    from agent.cli.lab_commands import run_new

    raise typer.Exit(run_new(topic, name))


@lab_app.command("run")
def lab_run(
    slug: Slug,
    variant: Annotated[str, typer.Option("--variant", help="Only this variant; none: all, one after the other.")] = "",
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="Time limit; 0: as lab.toml or settings say.")] = 0,
    memory: Annotated[int, typer.Option("--memory", min=0, help="Memory limit in MiB; 0: likewise.")] = 0,
    json: Json = False,
) -> None:
    """Run a lab's code under limits, record the run, and bring the measured table of RESULTS.md up to date.

    This executes the code in lab/SLUG; the environment that it asks for is installed the first time.
    """
    from agent.cli.lab_commands import run_run

    raise typer.Exit(run_run(slug, variant=variant, seconds=seconds, memory=memory, json=json))


@lab_app.command("record")
def lab_record(
    slug: Slug,
    *,
    exit_code: Annotated[int, typer.Option("--exit-code", help="What the command exited with.")],
    seconds: Annotated[float, typer.Option("--seconds", min=0, help="How long it took.")],
    variant: Annotated[str, typer.Option("--variant", help="The variant that was run.")] = "",
    output: Annotated[str, typer.Option("--output", help="File with what it printed, - for standard input.")] = "",
    metric: Annotated[list[str] | None, typer.Option("--metric", help="NAME=NUMBER, beside those printed.")] = None,
    machine: Annotated[str, typer.Option("--machine", help="Where it ran, e.g. '1x H100, 80 GB'.")] = "",
    started: Annotated[str, typer.Option("--started", help="When, e.g. 2026-11-24T10:00; none: now.")] = "",
) -> None:
    """Enter a run that was made elsewhere, of the code as it is here. It is marked as reported."""
    from agent.cli.lab_commands import run_record

    code = run_record(
        slug,
        exit_code=exit_code,
        seconds=seconds,
        variant=variant,
        output=output,
        metrics=metric or [],
        machine=machine,
        started=started,
    )
    raise typer.Exit(code)


@lab_app.command("check")
def lab_check(
    slug: Annotated[str | None, typer.Argument(help="Name of the lab; none: all of them.")] = None,
    to: Annotated[str, typer.Option("--to", help="Fail unless the lab has all that this level needs of it.")] = "",
    json: Json = False,
) -> None:
    """Say what a lab has and what each level still needs of it."""
    from agent.cli.lab_commands import run_check

    raise typer.Exit(run_check(slug, to=to, json=json))


@lab_app.command("table")
def lab_table(slug: Slug) -> None:
    """Write the measured table of RESULTS.md anew from the records in runs/."""
    from agent.cli.lab_commands import run_table

    raise typer.Exit(run_table(slug))
