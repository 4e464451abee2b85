"""Entry point: every command, and the one place where an expected error becomes a sentence and an exit code."""

import os
import sys
from collections.abc import Callable
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.cli import sessions
from agent.cli.eval_suite import add_suite
from agent.cli.lab import lab_app
from agent.cli.milestones import milestone_app
from agent.domain.errors import StudyError
from agent.privacy import no_telemetry

app = typer.Typer(
    name="study",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Quizzes you on your notes, and changes no level without evidence and your approval.",
)
model_app = typer.Typer(no_args_is_help=True, help="Fetch, list and remove the models that run on this machine.")
note_app = typer.Typer(no_args_is_help=True, help="Track notes: the answer key of the quiz.")
eval_app = typer.Typer(no_args_is_help=True, help="Measure the grader, the retriever and the prompts.")
app.add_typer(milestone_app, name="milestone")
app.add_typer(model_app, name="model")
app.add_typer(eval_app, name="eval")
app.add_typer(note_app, name="note")
app.add_typer(lab_app, name="lab")
add_suite(eval_app)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command()
def quiz(
    topic: Annotated[str | None, typer.Argument(help="Topic id or part of its name; none: the next one.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Start anew though a quiz on the topic is paused.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The whole quiz though only a re-check is due.")] = False,
    json: Json = False,
) -> None:
    """Explain a topic in your own words, claim by claim, until it is clear whether you can.

    A verified topic that is due for a re-check is asked its weakest claims only, as by `study due --start`.
    With stdin not a terminal, answers are read separated by lines `---`.
    """
    from agent.cli.quiz import run_quiz

    raise typer.Exit(run_quiz(topic, new=new, full=full, json=json))


@app.command()
def resume(
    thread: Annotated[str | None, typer.Argument(help="Id of a paused quiz; none: the latest.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the paused quizzes.")] = False,
    json: Json = False,
) -> None:
    """Go on with a paused quiz at the same question."""
    from agent.cli.quiz import run_resume

    raise typer.Exit(run_resume(thread, list_only=list_, json=json))


@app.command()
def review(json: Json = False) -> None:
    """Decide on proposed level changes: approve, edit, reject, later. Needs you at a terminal."""
    from agent.cli.review import run_review

    raise typer.Exit(run_review(json=json))


@app.command()
def status(json: Json = False) -> None:
    """Show levels by track and module, what is pending, the quarter's focus and the milestones."""
    from agent.cli.status import run_status

    raise typer.Exit(run_status(json=json))


@app.command()
def promote(
    topic: Annotated[str, typer.Argument(help="Topic id or part of its name.")],
    to: Annotated[str, typer.Option("--to", help="The level, L0 to L5; a lower one is a demotion.")],
    evidence: Annotated[
        list[str] | None,
        typer.Option("--evidence", help="A file of the workspace or a lab folder, beside what the row links already."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; a demotion needs it.")] = "",
    opinion: Annotated[
        bool, typer.Option("--opinion", help="Also ask the chat model what it thinks of the evidence; never counted.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what a level still needs, and propose it once nothing is missing. Only `study review` decides."""
    from agent.cli.promote import run_promote

    raise typer.Exit(run_promote(topic, to, evidence or [], reason, json=json, with_opinion=opinion))


@app.command()
def due(
    topic: Annotated[str | None, typer.Argument(help="With --start: which topic; none: the first due.")] = None,
    start: Annotated[bool, typer.Option("--start", help="Check again now, by the weakest claims.")] = False,
    json: Json = False,
) -> None:
    """List verified topics with the level earned, the chance to recall them now, and when a re-check is due.

    A re-check that is not passed takes nothing away: it proposes to mark the topic for study, for you to decide.
    """
    from agent.cli.due import run_due

    raise typer.Exit(run_due(topic, start=start, json=json))


@app.command()
def progress(
    check_: Annotated[bool, typer.Option("--check", help="Write nothing; fail if they are out of date.")] = False,
    json: Json = False,
) -> None:
    """Write progress/README.md and its pictures anew from the files; also done after every decision."""
    from agent.cli.progress import run_progress

    raise typer.Exit(run_progress(check=check_, json=json))


@app.command()
def plan(
    hours: Annotated[float, typer.Option("--hours", help="How much time the week has.")] = 5.0,
    json: Json = False,
) -> None:
    """Propose the week: what waits, what is due, the quarter's focus, what is near, each with its reason."""
    from agent.cli.plan import run_plan

    raise typer.Exit(run_plan(hours, json=json))


@app.command()
def merge(json: Json = False) -> None:
    """In the middle of a git merge: merge the roadmap's rows and write the progress page anew."""
    from agent.cli.merge import run_merge

    raise typer.Exit(run_merge(json=json))


@app.command()
def focus(
    label: Annotated[str | None, typer.Argument(help="Label of a line, Q1 for `Q1 focus`; none: show them.")] = None,
    text: Annotated[str | None, typer.Argument(help="What it should say; a new label becomes a new line.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the line out.")] = False,
    json: Json = False,
) -> None:
    """Show the quarter's focus, or propose another line of it; only `study review` decides."""
    from agent.cli.milestones import run_focus

    raise typer.Exit(run_focus(label, text, remove=remove, json=json))


@app.command()
def check(
    against: Annotated[
        str | None, typer.Option("--against", help="Fail if a level rose since this git revision without its decision.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Propose, for `study review`, to set levels as the ledger has them.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the workspace: roadmap and notes well formed, every level backed by a decision, links alive."""
    from agent.cli.checks import run_check

    raise typer.Exit(run_check(against=against, strict=strict, fix=fix, json=json))


@app.command()
def doctor(json: Json = False) -> None:
    """Check this machine: Python, models, endpoint, workspace, locks, and what to do about each."""
    from agent.cli.checks import run_doctor

    raise typer.Exit(run_doctor(json=json))


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Where the workspace goes; created if need be.")] = Path(),
    hooks: Annotated[
        bool, typer.Option("--hooks", help="Also install a git pre-commit hook and a CI workflow that run the check.")
    ] = False,
) -> None:
    """Make a new workspace: a roadmap to fill in, the folders, a .gitignore. Existing files are left alone."""
    from agent.cli.setup import run_init

    raise typer.Exit(run_init(directory, hooks=hooks))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know from your notes.")],
    folders: Annotated[list[str] | None, typer.Option("--in", help="Only below this folder, e.g. tracks.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only files of this day or later, YYYY-MM-DD.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Only this topic.")] = None,
    thread: Annotated[str | None, typer.Option("--thread", help="Follow up in an earlier conversation.")] = None,
    json: Json = False,
) -> None:
    """Answer from your notes, every sentence with a citation that holds, or say that they do not say."""
    from agent.cli.ask import run_ask

    code = run_ask(question, folders=folders or [], since=since, topic=topic, thread=thread, json=json)
    raise typer.Exit(code)


app.command()(sessions.log)
app.command()(sessions.summarize)


@app.command()
def index(
    status_: Annotated[
        bool, typer.Option("--status", help="Say what is covered and what was skipped and why.")
    ] = False,
    json: Json = False,
) -> None:
    """Bring the search index level with the notes, sessions and labs."""
    from agent.cli.index import run_index

    raise typer.Exit(run_index(status=status_, json=json))


@eval_app.command("grade")
def eval_grade(
    source: Annotated[Path, typer.Argument(help="JSON lines with id, question, reference, answer.")],
    target: Annotated[Path, typer.Argument(help="Where the rows with verdicts go.")],
) -> None:
    """Grade answers from a file: adds verdict, p_covered, p_contradicted, score, abstain, quote."""
    from agent.cli.evals import run_grade

    raise typer.Exit(run_grade(source, target))


@eval_app.command("retrieve")
def eval_retrieve(
    beir: Annotated[Path, typer.Option("--beir", help="Folder with corpus.jsonl, queries.jsonl and maybe qrels.")],
    run: Annotated[Path, typer.Option("--run", help="Where the TREC run goes.")],
    json: Json = False,
) -> None:
    """Index a BEIR corpus as the workspace is indexed, write a TREC run, score it where qrels are there."""
    from agent.cli.evals import run_retrieve

    raise typer.Exit(run_retrieve(beir, run, json=json))


@note_app.command("add")
def note_add(
    topic: Annotated[str, typer.Argument(help="Topic id or part of its name.")],
    text: Annotated[str, typer.Argument(help="What the note lacks, in one sentence.")],
) -> None:
    """Propose that a topic's note gains a statement. Only `study review` writes it into the note."""
    from agent.cli.setup import run_note_add

    raise typer.Exit(run_note_add(topic, text))


@note_app.command("new")
def note_new(topic: Annotated[str, typer.Argument(help="Topic id or part of its name.")]) -> None:
    """Draft a topic's note from the template, with the chat model if there is one, for you to finish."""
    from agent.cli.setup import run_note_new

    raise typer.Exit(run_note_new(topic))


@model_app.command("list")
def model_list(json: Json = False) -> None:
    """List the models, their sizes and licences, and which are here."""
    from agent.cli.models import run_list

    raise typer.Exit(run_list(json=json))


@model_app.command("pull")
def model_pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models to fetch; none: all that the settings need.")
    ] = None,
) -> None:
    """Fetch models: resumable, verified by sha256, from STUDY_MODELS first if it is set."""
    from agent.cli.models import run_pull

    raise typer.Exit(run_pull(names or []))


@model_app.command("rm")
def model_rm(names: Annotated[list[str], typer.Argument(help="Models to delete.")]) -> None:
    """Delete models from the cache."""
    from agent.cli.models import run_rm

    raise typer.Exit(run_rm(names))


@cache
def _command() -> Callable[..., Any]:
    """Build the commands, once a process."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line and exit with its code: 0 fine, 1 failed or not passed, 2 usage, 3 set-up, 130 Ctrl-C."""
    no_telemetry()
    # Its search for plug-ins reads the metadata of every installed package, a tenth of the time of `study status`.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an old terminal's encoding lacks some of our characters
            stream.reconfigure(errors="replace")
    try:
        _command()(standalone_mode=True)
    except StudyError as error:
        fail(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def fail(message: Any) -> None:
    """Print an error: one sentence, neutralised, on stderr."""
    from agent.domain.text import neutralise

    print(f"study: {neutralise(str(message))}", file=sys.stderr)  # noqa: T201
