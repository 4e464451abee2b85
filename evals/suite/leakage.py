"""Cases that a prompt already holds: a model that has read the answer tells nothing about the prompt."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from agent.domain.text import words
from evals.suite.contract import Case

SHORTEST = 8
"""Words in a row that two texts share by more than chance (GPT-3's contamination check took 8 to 13)."""
ALIKE = 0.8
"""Share of their words that two short texts have in common when one is a rewording of the other."""


FEW_SHOTS = (
    ("agent.adapters.grading", "weights/judge.md"),
    ("agent.adapters.grading", "weights/endpoint.md"),
    ("agent.adapters.models", "reask.md"),
)
"""What models read besides the templates: instructions and graded examples, as (package, file)."""


def few_shots() -> dict[str, str]:
    """The texts of `FEW_SHOTS` by the file's name. A case in them would be graded by its own answer."""
    return {
        Path(file).stem: resources.files(package).joinpath(file).read_text(encoding="utf-8")
        for package, file in FEW_SHOTS
    }


def leaks(cases: Iterable[Case], prompts: Mapping[str, str]) -> list[str]:
    """One sentence for each case that shares eight words in a row, or nearly all its words, with a prompt."""
    known = {name: set(_grams(list(words(text)))) for name, text in prompts.items()}
    lines = {name: [set(words(line)) for line in _sentences(text)] for name, text in prompts.items()}
    found = []
    for case in cases:
        texts = [list(words(text)) for value in (case.input, case.expected) for text in _strings(value)]
        for name in prompts:
            shared = next((gram for text in texts for gram in _grams(text) if gram in known[name]), None)
            if shared:
                found.append(f"The case {case.id} and the prompt {name} share {' '.join(shared)!r}.")
            elif any(_alike(set(text), line) for text in texts for line in lines[name]):
                found.append(f"The case {case.id} is nearly a line of the prompt {name}.")
    return found


def _grams(run: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for start in range(len(run) - SHORTEST + 1):
        yield tuple(run[start : start + SHORTEST])


def _sentences(text: str) -> list[str]:
    return [line for line in re.split(r"[.?!:]\s|\n", text) if len(list(words(line))) >= 4]


def _alike(one: set[str], other: set[str]) -> bool:
    return len(one) >= 4 and len(one & other) >= ALIKE * len(one | other)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
