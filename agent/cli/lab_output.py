"""A lab's output on the screen: at most so many lines a second, so that no lab can drown a terminal."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WINDOW = 0.5  # seconds
MAX_LINES = 200  # a window


class Screen:
    """Prints what is said of a lab and what it prints itself."""

    def __init__(self, out: "Console", clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out, clock
        self._since, self._shown, self._left_out = clock(), 0, 0

    def say(self, text: str, *, good: bool | None = None) -> None:
        """Print a sentence of ours."""
        style = {None: "bold", True: "bold green", False: "bold yellow"}[good]
        self._out.print(f"» {text}", style=style)

    def line(self, text: str) -> None:
        """Print a line of the lab's, unless there are too many."""
        now = self._clock()
        if now - self._since >= WINDOW:
            self.end()
            self._since, self._shown = now, 0
        if self._shown < MAX_LINES:
            self._shown += 1
            self._out.print(text)
        else:
            self._left_out += 1

    def end(self) -> None:
        """Say how many lines were left out."""
        if self._left_out:
            self._out.print(f"… {self._left_out:,} lines left out", style="dim")
            self._left_out = 0
