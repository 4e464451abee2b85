"""`study merge`."""

from agent.app import App
from agent.app.merge import resolve
from agent.cli.output import console, print_json
from agent.domain.text import one_line


def run_merge(*, json: bool) -> int:
    """Resolve what code can and say what is left; 1 while something is left or wrong."""
    with App.load() as app:
        merged = resolve(app)
    failed = bool(merged.left or merged.problems)
    if json:
        print_json(
            {
                "resolved": list(merged.resolved),
                "left": list(merged.left),
                "notes": list(merged.notes),
                "problems": [str(problem) for problem in merged.problems],
            }
        )
        return int(failed)
    out = console()
    for path in merged.resolved:
        out.print(f"merged {one_line(path)}", style="green")
    for note in merged.notes:
        out.print(one_line(note, 400))
    for path in merged.left:
        out.print(f"yours to merge: {one_line(path)}", style="yellow")
    for problem in merged.problems:
        out.print(f"error  {one_line(str(problem), 600)}", style="red")
    if merged.left:
        out.print("Resolve what is left, `git add` it, then run `study merge` again.")
    elif not merged.problems:
        done = "`git commit` finishes the merge." if merged.resolved else "Nothing is left to merge."
        out.print(f"The workspace is sound. {done}")
    return int(failed)
