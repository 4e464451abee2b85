"""What a lab prints: lines that a terminal can show, the tail that is kept, and the metrics in it.

A line that is a JSON object with `metrics` is a reading: `{"metrics": {"step (ms)": 41.2}}`, or with the row of the
table that it belongs to, `{"variant": "int8", "metrics": {…}}`. Later values replace earlier ones.
"""

import codecs
import json
import math
from collections import deque
from collections.abc import Iterator
from typing import Any

from agent.domain.text import neutralise, one_line

MAX_SHOWN = 2_000  # characters of a line
MAX_LINE = 64 * 1024  # characters of a line that are looked at; the rest is dropped as it comes
MAX_TAIL = 8_000  # characters
MAX_ROWS, MAX_METRICS, MAX_NAME = 200, 50, 80


class Readings:
    """The metrics that a lab reported, and what in its reports could not be read (`faults`, a sentence each)."""

    def __init__(self, variant: str) -> None:
        self._variant = variant
        self.results: dict[str, dict[str, float]] = {}
        self.faults: list[str] = []

    def hear(self, line: str) -> None:
        """Take a line; what is no reading is left alone."""
        text = line.strip()
        if not (text.startswith("{") and '"metrics"' in text):
            return
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            self._fault(f"a line with metrics is not valid JSON: {one_line(text, 60)!r}")
            return
        self.take(data)

    def read_file(self, text: str) -> None:
        """Take a file of readings: one JSON object, or one a line."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            for line in text.splitlines():
                self.hear(line)
            return
        for item in data if isinstance(data, list) else [data]:
            self.take(item)

    def take(self, data: Any) -> None:
        """Take a reading that was parsed."""
        metrics = data.get("metrics") if isinstance(data, dict) else None
        if not isinstance(metrics, dict):
            self._fault("`metrics` is no object of names and numbers")
            return
        named = data.get("variant")
        row = one_line(named, MAX_NAME) if isinstance(named, str) and named.strip() else self._variant
        for name, value in metrics.items():
            self._one(row, one_line(name, MAX_NAME), value)

    def _one(self, row: str, metric: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            self._fault(f"{metric!r} of {row!r} is no finite number, so it is unmeasured")
            return
        if len(self.results) >= MAX_ROWS and row not in self.results:
            self._fault(f"more than {MAX_ROWS} rows were reported")
            return
        metrics = self.results.setdefault(row, {})
        if len(metrics) >= MAX_METRICS and metric not in metrics:
            self._fault(f"more than {MAX_METRICS} metrics of {row!r} were reported")
            return
        metrics[metric] = float(value)

    def _fault(self, sentence: str) -> None:
        if sentence not in self.faults and len(self.faults) < 10:
            self.faults.append(sentence)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


class LabOutput:
    """Takes the bytes of a lab as they come; memory stays bounded whatever they are."""

    def __init__(self, variant: str = "") -> None:
        self.readings = Readings(variant)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._tail: deque[str] = deque()
        self._size = 0

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[str]:
        """Give the lines that are complete, neutralised and cut; of a line that redraws itself, its last state."""
        *complete, rest = (self._line + self._decoder.decode(data, final)).split("\n")
        if final and rest:
            complete, rest = [*complete, rest], ""
        self._line = rest if len(rest) <= MAX_LINE else rest[:MAX_LINE]
        for line in complete:
            # A progress bar comes as one line with carriage returns in it.
            states = [state for state in line[:MAX_LINE].split("\r") if state.strip()]
            text = states[-1] if states else ""
            self.readings.hear(text)
            shown = neutralise(text)
            shown = shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 1]}…"
            self._keep(f"{shown}\n")
            yield shown

    def _keep(self, line: str) -> None:
        self._tail.append(line)
        self._size += len(line)
        while self._size - len(self._tail[0]) >= MAX_TAIL:
            self._size -= len(self._tail.popleft())

    @property
    def tail(self) -> str:
        """The last characters of what was shown, at most `MAX_TAIL`."""
        return "".join(self._tail)[-MAX_TAIL:]
