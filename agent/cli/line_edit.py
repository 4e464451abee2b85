"""Editing a text line by line, for terminals without an editor."""

import re
from collections.abc import Callable

HELP = "`12 new words` replaces line 12, `-12` removes it, `+12 words` adds a line below it, Enter ends."
_COMMAND = re.compile(r"(?P<sign>[+-]?)(?P<number>\d{1,6})(?:\s(?P<text>.*))?")


def edit_lines(text: str, read: Callable[[str], str | None], show: Callable[[str], None]) -> str | None:
    """Change a text by commands on its numbered lines; None where nothing was changed or the input ended."""
    lines = text.rstrip("\n").split("\n")
    _show(lines, show)
    show(HELP)
    while typed := read("line> "):
        problem = apply_command(lines, typed)
        if problem:
            show(problem)
        else:
            _show(lines, show)
    edited = "\n".join(lines) + "\n"
    return None if typed is None or edited == text else edited


def apply_command(lines: list[str], command: str) -> str:
    """Carry out one command on the lines in place; say what is wrong with it, "" where nothing is."""
    found = _COMMAND.fullmatch(command)
    number = int(found["number"]) if found else 0
    if found is None or not 1 <= number <= len(lines):
        return f"That is no change of one of {len(lines)} lines. {HELP}"
    if found["sign"] == "-":
        if found["text"]:
            return f"-{number} takes no words. {HELP}"
        del lines[number - 1]
    elif found["text"] is None:
        return f"What should line {number} say? {HELP}"
    elif found["sign"] == "+":
        lines.insert(number, found["text"])
    else:
        lines[number - 1] = found["text"]
    return ""


def _show(lines: list[str], show: Callable[[str], None]) -> None:
    width = len(str(len(lines)))
    show("\n".join(f"{number:{width}} {line}" for number, line in enumerate(lines, 1)))
