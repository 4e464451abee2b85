"""What a lab declares in its `lab.toml`: the command, its variants, its environment and what it may take."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from agent.domain.attempt import Record
from agent.domain.text import one_line

STUDY, NONE = "study", "none"
DEFAULT_SPEC = "requirements.txt"
MAX_NAME = 60
_SPEC = re.compile(r"requirements[\w.-]*\.txt")
Word = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]


class Limits(Record):
    """What a run may take; None: as the settings say."""

    seconds: float | None = Field(default=None, gt=0, le=7 * 86400, allow_inf_nan=False)
    memory_mib: int | None = Field(default=None, ge=16, le=1 << 24)


class LabPlan(Record):
    """A lab's declaration.

    `command` runs in the lab's folder; `variants` maps each variant to the arguments that it adds. `metrics` orders the
    columns of the results table. `environment` is the requirements file that one is made from, `study` for the Python
    that runs `study`, or `none` where the command brings its own.
    """

    command: tuple[Word, ...] = Field(min_length=1, max_length=100)
    variants: Mapping[str, tuple[Word, ...]] = Field(default_factory=dict, max_length=100)
    metrics: tuple[str, ...] = Field(default=(), max_length=100)
    environment: str = DEFAULT_SPEC
    limits: Limits = Limits()

    @field_validator("variants", mode="before")
    @classmethod
    def _plain_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            raise ValueError('give each variant its arguments, `fp32 = ["--dtype", "fp32"]` below `[variants]`')
        return value

    @field_validator("variants")
    @classmethod
    def _named(cls, value: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name in value:
            if not name.strip() or one_line(name, MAX_NAME) != name:
                raise ValueError(
                    f"the name {one_line(name, MAX_NAME)!r} is no plain text of at most {MAX_NAME} letters"
                )
        return value

    @field_validator("environment")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in (STUDY, NONE) and not _SPEC.fullmatch(value):
            raise ValueError(f"it is a requirements*.txt of the lab, {STUDY!r} or {NONE!r}")
        return value

    def words(self, variant: str) -> tuple[str, ...]:
        """Give the command line of a variant, "" for the one of a lab that has none."""
        return (*self.command, *(self.variants[variant] if variant else ()))
