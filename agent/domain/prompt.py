"""Prompt templates: data files with declared variables and a content hash that travels with every result."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.domain.errors import StudyError

_FILE = re.compile(r"\Avariables:(?P<variables>[^\n]*)\n---\n(?P<system>.*)\n---\n(?P<user>.*)\Z", re.DOTALL)
_SLOT = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class PromptError(StudyError):
    """A template is malformed, or what it declares and what it uses or is given differ: a defect of the program."""


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt as it lies on disk: a line `variables: a, b`, then the system and the user part, parted by `---`."""

    name: str
    variables: frozenset[str]
    system: str
    user: str
    hash: str

    @property
    def id(self) -> str:
        """Name and content hash, e.g. `quiz/reword@1f3a9c20`."""
        return f"{self.name}@{self.hash[:8]}"

    def render(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Fill in the variables and give (system, user). Values are inserted once and never expanded again.

        Raises:
            PromptError: a declared variable is missing, or one is given that the template does not declare.
        """
        if set(values) != self.variables:
            raise PromptError(f"The prompt {self.name} takes {sorted(self.variables)}, not {sorted(values)}.")
        return tuple(_SLOT.sub(lambda m: values[m[1]], part) for part in (self.system, self.user))  # type: ignore[return-value]


def parse_template(name: str, text: str) -> Template:
    """Read a template.

    Raises:
        PromptError: it is malformed, uses a variable that it does not declare, or declares one that it never uses.
    """
    match = _FILE.match(text.replace("\r\n", "\n"))
    if match is None:
        raise PromptError(f"The prompt {name} is not of the form `variables: …`, system, user, parted by `---` lines.")
    declared = frozenset(v.strip() for v in match["variables"].split(",") if v.strip())
    used = frozenset(_SLOT.findall(match["system"] + match["user"]))
    if declared != used:
        raise PromptError(f"The prompt {name} declares {sorted(declared)} and uses {sorted(used)}.")
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return Template(name, declared, match["system"].strip(), match["user"].strip(), digest)
