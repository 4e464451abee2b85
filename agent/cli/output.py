"""Printing: colour and width at a terminal, plain lines on a pipe, one JSON value a line for scripts."""

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> "Console":
    """Give a console that shows untrusted text as it is written.

    No markup, no emoji codes, no highlighting, and no character that a terminal would obey.
    """
    from rich.console import Console

    from agent.domain.text import neutralise

    class _Console(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*(neutralise(item) if isinstance(item, str) else item for item in objects), **options)

        def on_broken_pipe(self) -> NoReturn:
            stop_printing()

    return _Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Any) -> None:
    """Print one JSON value on one line, at once: a reader on a pipe sees events as they happen.

    What a terminal would obey or not show (controls, bidi marks, zero-width characters) is written as an escape.
    """
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        stop_printing()


def stop_printing() -> NoReturn:
    """End well: the reader of our output has gone (`study status | head`), and that is no error of ours."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def interactive() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def counter(label: str) -> Callable[[int, int], None] | None:
    """Give a progress callback that rewrites one line on stderr; None where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def report(done: int, of: int) -> None:
        sys.stderr.write(f"\r{label} {done}/{of}" + ("\n" if done >= of else ""))
        sys.stderr.flush()

    return report


def read_line(question: str) -> str | None:
    """Read a line typed at the terminal, "" where it is no text; None at the end of the input."""
    try:
        return input(question).strip()
    except EOFError:
        return None
    except UnicodeDecodeError:
        return ""
