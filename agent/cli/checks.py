"""`study check` and `study doctor`."""

from agent.app import App
from agent.app.check import compare
from agent.cli.output import console, print_json
from agent.domain.errors import SetupError
from agent.domain.text import one_line
from agent.workspace.check import check_workspace


def run_check(*, against: str | None, strict: bool, fix: bool, json: bool) -> int:
    """Print what is wrong; 1 if anything is an error, with `strict` a warning too.

    `fix` proposes to set the levels as the ledger has them; it changes no level, so it does not change the verdict.
    """
    app = App.load()
    problems = check_workspace(app.workspace)
    if against is not None:
        problems = sorted([*problems, *compare(app, against)], key=lambda p: (p.severity, p.path, p.line))
    errors = sum(problem.severity == "error" for problem in problems)
    failed = 1 if errors or (strict and problems) else 0
    proposals = app.promotions.propose_ledger_levels() if fix else []
    if json:
        for problem in problems:
            row = {"path": problem.path, "line": problem.line, "severity": problem.severity}
            print_json({**row, "message": problem.message})
        proposed = {"proposed": [proposal.id for proposal in proposals]} if fix else {}
        print_json({"errors": errors, "warnings": len(problems) - errors, **proposed})
        return failed
    out = console()
    for problem in problems:
        out.print(
            f"{problem.severity}  {one_line(str(problem), 600)}", style="red" if problem.severity == "error" else None
        )
    if not problems:
        out.print("Roadmap, notes, sessions, attempts and ledger are sound.", style="green")
    else:
        out.print(f"{errors} errors, {len(problems) - errors} warnings.")
    for proposal in proposals:
        out.print(f"Proposed: {one_line(proposal.change.summary)}")
    if proposals:
        out.print("Nothing is changed until you decide with `study review`.")
    elif fix:
        out.print("Every level is as the ledger has it; nothing to propose.")
    return failed


def run_doctor(*, json: bool) -> int:
    """Print the examination; 3 if something is lacking."""
    from agent.app.doctor import examine

    try:
        app = App.load()
    except SetupError as error:
        console().print(f"✗ Workspace  {error}", style="red")
        return error.exit_code
    with app:
        findings = list(examine(app))
    if json:
        for item in findings:
            print_json({"subject": item.subject, "ok": item.ok, "detail": item.detail, "advice": item.advice})
    else:
        out = console()
        width = max(len(item.subject) for item in findings)
        for item in findings:
            mark, style = ("✓", None) if item.ok else ("✗", "red")
            out.print(f"{mark} {item.subject:<{width}}  {one_line(item.detail, 300)}", style=style)
            if item.advice:
                out.print(f"  {'':<{width}}  → {one_line(item.advice, 300)}", style="yellow")
    return 0 if all(item.ok for item in findings) else SetupError.exit_code
