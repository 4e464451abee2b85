"""What the `study lab` commands print."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.app import App
from agent.app.lab import LabState, Reported, draw_table, lab_states, record_lab, scaffold
from agent.app.lab_run import Listener, Ran, run_lab
from agent.cli.lab_output import Screen
from agent.cli.output import console, print_json
from agent.domain.errors import UsageError, WorkspaceError
from agent.domain.level import Level
from agent.domain.text import one_line

MAX_OUTPUT = 20 * 1024 * 1024  # bytes of a reported output that are read


def run_new(topic: str, name: str) -> int:
    """Make a lab and list its files."""
    with App.load() as app:
        files = scaffold(app, topic, name)
    out, slug = console(), files[0].split("/")[1]
    for file in files:
        out.print(f"  {file}")
    out.print(f"Do the TODOs, then `study lab run {slug}` and `study lab check {slug}`.")
    return 0


def run_run(slug: str, *, variant: str, seconds: float, memory: int, json: bool) -> int:
    """Run a lab; 0 where every run exited 0. With `json` stdout gets one result a line, stderr the lab's output."""
    out = console(stderr=json)
    screen = Screen(out)
    failed = False
    with App.load() as app:
        runs = run_lab(
            app, slug, Listener(screen.say, screen.line), variant=variant, seconds=seconds, memory_mib=memory
        )
        try:
            for ran in runs:
                screen.end()
                failed = failed or ran.record.exit_code != 0
                if json:
                    print_json(_as_json(ran))
                _print_ran(ran, screen)
        except KeyboardInterrupt:
            screen.end()
            screen.say("Stopped: the lab was ended, and this run was not recorded.")
            return 130
    return 1 if failed else 0


def _print_ran(ran: Ran, screen: Screen) -> None:
    record = ran.record
    peak = f", peak {record.peak_mib:,.0f} MiB" if record.peak_mib is not None else ""
    screen.say(f"exit {record.exit_code} after {record.duration_s:.1f} s{peak}", good=record.exit_code == 0)
    for variant, metrics in record.results.items():
        shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        screen.say(f"  {variant}: {shown}")
    for remark in ran.remarks:
        screen.say(remark, good=False)
    screen.say(f"recorded {ran.path}")
    if ran.table.fault:
        screen.say(f"No table was written: {ran.table.fault}.", good=False)
    elif ran.table.behind:
        screen.say(f"table of {ran.table.path} brought up to date")


def run_record(
    slug: str,
    *,
    exit_code: int,
    seconds: float,
    variant: str,
    output: str,
    metrics: list[str],
    machine: str,
    started: str,
) -> int:
    """Enter a reported run."""
    told = Reported(
        variant=variant,
        exit_code=exit_code,
        seconds=seconds,
        output=_given_output(output),
        metrics=metrics,
        machine=one_line(machine, 200),
        started=_time(started),
    )
    with App.load() as app:
        ran = record_lab(app, slug, told)
    _print_ran(ran, Screen(console()))
    return 0


def _given_output(source: str) -> str:
    if not source:
        return ""
    try:
        with sys.stdin.buffer if source == "-" else Path(source).expanduser().open("rb") as file:
            data = file.read(MAX_OUTPUT + 1)
    except OSError as error:
        raise UsageError(f"{source!r} cannot be read: {error.strerror}.") from None
    if len(data) > MAX_OUTPUT:
        raise UsageError(f"{source!r} has more than {MAX_OUTPUT:,} bytes; give its end, with the metrics in it.")
    return data.decode("utf-8", "replace")


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time; write it like 2026-11-24T10:00.") from None


def _as_json(ran: Ran) -> dict[str, Any]:
    record = ran.record.model_dump(mode="json")
    table = {"path": ran.table.path, "fault": ran.table.fault, "changed": ran.table.behind}
    return {"path": ran.path, **record, "remarks": list(ran.remarks), "table": table}


def run_check(slug: str | None, *, to: str, json: bool) -> int:
    """Say what each level needs; with `to`, 1 where that level misses something."""
    try:
        wanted = Level.parse(to) if to else None
    except ValueError as error:
        raise UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    with App.load() as app:
        states = lab_states(app, slug)
    if json:
        print_json([_state_json(state) for state in states])
    elif slug is None:
        _print_overview(states)
    else:
        for state in states:
            _print_state(state)
    return 1 if wanted is not None and any(state.level < wanted for state in states) else 0


def _print_overview(states: list[LabState]) -> None:
    out = console()
    for state in states:
        missing = next((r for r in state.requirements if not r.met), None)
        lack = f"; {one_line(missing.sentence, 300)}" if missing else ""
        carries = f"carries {state.level}" if state.level > Level.L1 else "carries no level yet"
        out.print(f"{state.folder}: {carries}{lack}")
    if not states:
        out.print("There is no lab yet; `study lab new TOPIC` makes one.")


def _print_state(state: LabState) -> None:
    out = console()
    about = f" ({', '.join(one_line(topic, 60) for topic in state.topics)})" if state.topics else ""
    out.print(f"{state.folder}{about}", style="bold")
    for requirement in state.requirements:
        mark, style = ("✓", "green") if requirement.met else ("✗", "red")
        reason = f": {one_line(requirement.reason, 400)}" if requirement.reason else ""
        out.print(f"  {mark} {requirement.level} {one_line(requirement.what, 200)}{reason}", style=style)
    for remark in _state_remarks(state):
        out.print(f"  ! {one_line(remark, 400)}", style="yellow")
    if state.level > Level.L1:
        topic, slug = (state.topics or ("TOPIC",))[0], state.folder
        out.print(
            f"It carries {state.level}: `study promote {topic} --to {state.level} --evidence {slug}`.", style="bold"
        )
    else:
        out.print("It carries no level yet.", style="bold")


def _state_remarks(state: LabState) -> list[str]:
    slug = state.folder.removeprefix("lab/")
    found = [state.plan_fault] if state.plan_fault else []
    if state.unmeasured:
        found.append(f"No good run of the code as it is: {', '.join(state.unmeasured)} (`study lab run {slug}`).")
    if state.table is not None and state.table.fault:
        found.append(f"No measured table: {state.table.fault}.")
    if state.table is not None and state.table.behind:
        found.append(f"The measured table is behind the records (`study lab table {slug}`).")
    return found


def _state_json(state: LabState) -> dict[str, Any]:
    return {
        "lab": state.folder,
        "topics": list(state.topics),
        "level": str(state.level) if state.level > Level.L1 else None,
        "requirements": [
            {"level": str(r.level), "what": r.what, "met": r.met, "reason": r.reason} for r in state.requirements
        ],
        "unmeasured": list(state.unmeasured),
        "remarks": _state_remarks(state),
    }


def run_table(slug: str) -> int:
    """Write the table."""
    with App.load() as app:
        table = draw_table(app, slug)
    if table.fault:
        raise WorkspaceError(f"No table was written: {table.fault}.")
    console().print(f"{table.path}: {'brought up to date' if table.behind else 'up to date already'}.")
    return 0
