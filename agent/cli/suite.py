"""What `study eval run | compare | promote | report` do: parse, call the suite, print the verdict."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.app import App
from agent.cli.output import console, print_json
from agent.domain.errors import UsageError

if TYPE_CHECKING:
    from evals.suite.contract import Subject, Variant
    from evals.suite.home import Home
    from evals.suite.result import RunResult
    from evals.suite.samples import Progress
    from evals.suite.session import Price


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `study eval run`."""

    full: bool
    anew: bool
    only: Sequence[str]
    changed: bool
    budget_minutes: float | None
    axis: str
    items: int
    sources: int | None
    repeats: int
    concurrency: int
    rate: float
    price: str | None
    replay: bool
    defect: str | None


def run_suite(asked: Asked, *, json: bool) -> int:
    """Measure, print the verdict, keep the report."""
    from evals.suite.connect import InvalidMeasurement, NoChat, check_answers, connect
    from evals.suite.fingerprint import DECLARED
    from evals.suite.plan import Options
    from evals.suite.session import Session

    if asked.axis not in DECLARED:
        raise UsageError(f"--axis is one of {', '.join(DECLARED)}, not {asked.axis!r}.")
    price, began = _price(asked.price), time.monotonic()
    with App.load_anywhere() as app:
        subjects = _subjects(asked.only)
        needed = any(subject.uses_chat for subject in subjects)
        transport = connect(app, per_minute=asked.rate) if needed else NoChat()
        skipped = [s.name for s in subjects if s.uses_chat] if isinstance(transport, NoChat) else []
        if skipped:
            subjects = [subject for subject in subjects if not subject.uses_chat]
            lacking = f"There is no chat model, so {', '.join(skipped)} cannot be measured."
            if not subjects:
                raise InvalidMeasurement(lacking)
            console(stderr=True).print(lacking)
        elif needed and not asked.replay:
            check_answers(transport)
        options = Options(
            full=asked.full, anew=asked.anew, axis=asked.axis, items=asked.items, sources=asked.sources,
            repeats=asked.repeats,
            variants=_planted(subjects, asked.defect),
        )  # fmt: skip
        home = _home(app)
        with _progress(asked.budget_minutes) as progress:
            session = Session(
                home, transport, subjects, options,
                changed_only=asked.changed, replay=asked.replay, budget_minutes=asked.budget_minutes,
                concurrency=asked.concurrency, price=price, progress=progress, began=began,
            )  # fmt: skip
            try:
                result = session.run()
            except KeyboardInterrupt:
                console(stderr=True).print("Stopped; what is sampled is kept, and the same command goes on from there.")
                return 130
            if asked.full and asked.defect is None and any(subject.name == "grading" for subject in subjects):
                result.harm = _harm(home, asked.budget_minutes, result.minutes, progress)
                home.keep(result)
        if session.resumed:
            console(stderr=True).print(f"Went on with the run {result.id}, which had been interrupted.")
    if asked.defect is not None and result.verdict in ("regression", "not worse", "inconclusive"):
        _note_defect(home, asked.defect, result)
    _write_reports(home, result)
    if json:
        print_json({**result.as_dict(), "report": str(home.run_folder(result.id) / "report.html")})
    else:
        _print(home, result)
    return result.exit_code


def _harm(home: "Home", budget: float | None, used: float, progress: "Progress | None") -> "dict[str, Any] | None":
    """Learners wronged by the grader, in what is left of the budget."""
    from evals.graders import quiz_grader
    from evals.suite.harm import harm

    until = time.monotonic() + 60 * (budget - used) if budget is not None else float("inf")

    def report(done: int, of: int) -> None:
        if progress is not None:
            progress("simulated learners", done, of)

    return harm(
        quiz_grader(),
        cache=home.folder / "harm.json",
        out_of_time=lambda: time.monotonic() > until,
        progress=report,
    )


def _note_defect(home: "Home", defect: str, result: "RunResult") -> None:
    """Keep the outcome for `evals.suite.trust record`."""
    from evals.suite.folders import append_rows

    subject = result.subjects[0]
    model = subject.fingerprint["model"].split()[0]
    row: dict[str, Any] = {
        "kind": "planted",
        "subject": subject.name,
        "defect": defect,
        "model": model,
        "verdict": subject.verdict,
    }
    shown = subject.both or subject.first
    row |= {"difference": round(shown.difference, 4) if shown else None, "run": result.id, "reason": subject.reason}
    append_rows(home.folder / "planted.jsonl", [row])


def run_compare(a: str, b: str, *, axis: str, only: Sequence[str], json: bool) -> int:
    """Compare two runs; the worst verdict is the exit code."""
    from evals.suite.contrast import contrast
    from evals.suite.decision import EXIT, overall
    from evals.suite.fingerprint import DECLARED
    from evals.suite.markdown import difference

    if axis not in DECLARED:
        raise UsageError(f"--axis is one of {', '.join(DECLARED)}, not {axis!r}.")
    found = contrast(_home(App.load_anywhere()), a, b, {s.name: s for s in _subjects(only)}, axis=axis)
    for item in found:
        if json:
            print_json(asdict(item))
        else:
            shown = difference(item.comparison) if item.comparison else "not compared"
            console().print(f"{item.name}: {item.verdict}, {shown}; {item.reason}.")
    return EXIT[overall(item.verdict for item in found)]


def run_promote(run: str, why: str, *, only: Sequence[str], released: bool) -> int:
    """Write baselines from a run."""
    from evals.suite.session import promote

    written = promote(
        _home(App.load_anywhere()), run, why, datetime.now(UTC).date().isoformat(), only=only, released=released
    )
    for path in written:
        console().print(f"Wrote {path}.")
    return 0


def run_report(run: str, *, html: Path | None, json: bool) -> int:
    """Print a finished run."""
    from evals.suite.markdown import as_markdown

    home = _home(App.load_anywhere())
    result = home.result(run)
    page = _write_reports(home, result)
    if html is not None:
        try:
            html.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{str(html)!r} cannot be written ({error.strerror}); choose another place.") from None
    if json:
        print_json(result.as_dict())
    else:
        console().print(as_markdown(result))
        console().print(f"Page: {html or page}")
    return 0


def _home(app: App) -> "Home":
    from evals.suite.home import Home

    return Home(app.settings.root / ".study" / "evals")


def _subjects(only: Sequence[str]) -> "list[Subject]":
    from evals.suite.subjects import SUBJECTS

    unknown = sorted(set(only) - set(SUBJECTS))
    if unknown:
        raise UsageError(f"Nothing under test is called {unknown[0]!r}; known: {', '.join(SUBJECTS)}.")
    return [make() for name, make in SUBJECTS.items() if not only or name in only]


def _planted(subjects: "Sequence[Subject]", name: str | None) -> dict[str, "Variant"]:
    if name is None:
        return {}
    found = {s.name: defect for s in subjects for defect in s.defects if defect.name == name}
    if len(subjects) != 1 or not found:
        known = ", ".join(f"{s.name}: {d.name}" for s in subjects for d in s.defects)
        raise UsageError(f"--defect needs one --only subject that has it; there are {known}.")
    return found


def _price(text: str | None) -> "Price | None":
    from evals.suite.session import Price

    if text is None:
        return None
    try:
        tokens_in, tokens_out = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--price takes two numbers such as 0.15,0.60, not {text!r}.") from None
    return Price(tokens_in, tokens_out)


@contextmanager
def _progress(budget: float | None) -> "Iterator[Progress | None]":
    """A bar with the time left on a terminal; a line every half minute on a pipe's stderr."""
    began = time.monotonic()

    def budget_left() -> str:
        return f", {max(0.0, budget - (time.monotonic() - began) / 60):.0f} min of the budget left" if budget else ""

    if not sys.stderr.isatty():
        last = began

        def line(label: str, done: int, of: int) -> None:
            nonlocal last
            if time.monotonic() - last > 30:
                last = time.monotonic()
                sys.stderr.write(f"{label}: {done} of {of}{budget_left()}\n")
                sys.stderr.flush()

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        tasks: dict[str, int] = {}

        def show(label: str, done: int, of: int) -> None:
            if label not in tasks or done == 1:
                for old in tasks.values():
                    bar.remove_task(old)  # type: ignore[arg-type]
                tasks.clear()
                tasks[label] = bar.add_task(label, total=of)
            bar.update(tasks[label], completed=done, description=f"{label}{budget_left()}")  # type: ignore[arg-type]

        yield show


def _write_reports(home: "Home", result: "RunResult") -> Path:
    from evals.suite.markdown import as_markdown
    from evals.suite.page import as_page

    folder = home.run_folder(result.id)
    (folder / "report.md").write_text(as_markdown(result), encoding="utf-8")
    page = folder / "report.html"
    page.write_text(as_page(result, home.history()), encoding="utf-8")
    return page


def _print(home: "Home", result: "RunResult") -> None:
    from evals.suite.markdown import difference, planted_lines, points

    colour = {"not worse": "green", "regression": "red", "invalid": "red"}
    out = console()
    out.print(result.verdict, style=f"bold {colour.get(result.verdict, 'yellow')}")
    for sentence in planted_lines(result):
        out.print(f"  {sentence}")
    for subject in result.subjects:
        shown, metric = subject.both or subject.first, subject.metrics.get(subject.primary)
        now = f"{points(metric.mean)} now" if metric else "unmeasured"
        moved = f", {difference(shown)} against {points(shown.baseline)}" if shown else ""
        out.print(
            f"  {subject.title}: {subject.verdict}; {now}{moved}. {subject.reason[:1].upper()}{subject.reason[1:]}."
        )
        for sentence in subject.broken[:3]:
            out.print(f"    {sentence}", style="red")
    if result.not_reached:
        out.print(f"  Not reached: {', '.join(result.not_reached)}.")
    requests = sum(subject.spent.get("requests", 0) for subject in result.subjects)
    cost = f", cost {result.cost:.4f}" if result.cost is not None else ""
    out.print(f"Run {result.id}: {result.minutes:.1f} minutes, {requests:.0f} requests{cost}.", style="dim")
    out.print(f"Report: {home.run_folder(result.id) / 'report.html'}", style="dim")
