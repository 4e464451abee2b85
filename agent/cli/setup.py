"""`study init` and `study note new`."""

from pathlib import Path

from agent.app import App
from agent.app.hooks import install_hooks
from agent.cli.output import console
from agent.domain.errors import UsageError
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
