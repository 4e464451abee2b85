"""`study init` and `study note new`."""

from pathlib import Path

from agent.app import App
from agent.app.hooks import install_hooks
from agent.cli.output import console
from agent.domain.errors import UsageError
from agent.domain.text import one_line
from agent.workspace.files import locked, write_text
from agent.workspace.init import init_workspace
from agent.workspace.note_template import new_note


def run_init(directory: Path, *, hooks: bool) -> int:
    """Make a workspace and say what was created."""
    created = init_workspace(directory.expanduser())
    if hooks:
        created += install_hooks(directory.expanduser())
    out = console()
    out.print(f"Created {', '.join(created)}." if created else "Everything is there already; nothing was changed.")
    out.print("Next: put your topics into roadmap.md, then `study note new TOPIC` and `study quiz TOPIC`.")
    return 0


def run_note_add(query: str, text: str) -> int:
    """Propose a statement for a note; 1 where the notes say it already."""
    from agent.app.note_gap import propose_statement, said_already
    from agent.domain.note_gap import as_statement

    with App.load() as app:
        topic, out = app.workspace.topic(query), console()
        known = said_already(app, as_statement(text))
        if known is not None:
            out.print(f"Your notes say that already: {one_line(known.path)}:{known.start_line}")
            return 1
        proposal = propose_statement(app, topic.id, text)
        out.print(f"Proposed: {one_line(proposal.change.summary, 400)}")
        out.print("Nothing is changed until you decide with `study review`.")
    return 0


def run_note_new(query: str) -> int:
    """Draft a note for the user to finish; an existing one is never overwritten."""
    with App.load() as app:
        topic = app.workspace.topic(query)
        path = app.workspace.note_path(topic)
        if (app.settings.root / path).exists():
            raise UsageError(f"{path} is there already; edit it, or delete it first.")
        text = new_note(topic)
        if app.chat is not None:
            from agent.app.note_draft import draft_note

            with console(stderr=True).status(f"{app.chat.name} drafts {topic.id} …"):
                drafted = draft_note(app.chat, topic, text)
            if drafted is None:
                console(stderr=True).print("The chat model gave no usable draft; this is the plain template.")
            text = drafted or text
        with locked(app.settings.root):
            write_text(app.settings.root, path, text)
    console().print(f"{path}: finish every TODO, then `study check` and `study quiz {topic.id}`.")
    return 0
