"""The answer prompt: Enter sends, Alt-Enter or a trailing backslash makes a new line, /edit opens $EDITOR."""

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from agent.cli.editor import edit

COMMANDS = ["/hint", "/skip", "/explain", "/appeal ", "/note ", "/edit", "/quit"]


class AnswerPrompt:
    """Reads one answer of any number of lines."""

    def __init__(self) -> None:
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            key_bindings=_bindings(),
            prompt_continuation="  ",
            completer=WordCompleter(COMMANDS, sentence=True),
            complete_while_typing=False,
            enable_open_in_editor=True,
        )

    def read(self) -> str | None:
        """Give what the learner typed; None at the end of input (Ctrl-D).

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        start = ""
        while True:
            try:
                text = self._session.prompt(FormattedText([("bold", "> ")]), default=start)
            except EOFError:
                return None
            start = ""
            if text.strip() == "/edit":
                start = _edited()
                continue
            if text.strip():
                return text


def _edited() -> str:
    """Let the learner write in their editor; what they saved comes back to the prompt, where Enter sends it."""
    return (edit("", suffix=".md") or "").strip()


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.char_before_cursor == "\\":
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings
