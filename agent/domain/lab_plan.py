"""What a lab declares in its `lab.toml`: the command, its variants, its environment and what it may take."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from agent.domain.attempt import Record
from agent.domain.text import one_line

MAX_NAME = 60
Word = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]


class Limits(Record):
    """What a run may take; None: as the settings say."""

    seconds: float | None = Field(default=None, gt=0, le=7 * 86400, allow_inf_nan=False)
    memory_mib: int | None = Field(default=None, ge=16, le=1 << 24)


class LabPlan(Record):
    """A lab's declaration.

    `command` runs in the lab's folder; `variants` maps each variant to the arguments that it adds. `metrics` orders the
    columns of the results table. `environment` is a virtual environment made from the file that `requirements` names,
    `study` for the Python that runs `study`, which has to satisfy it, or `none` where the command brings its own.
    """

    command: tuple[Word, ...] = Field(min_length=1, max_length=100)
    variants: Mapping[str, tuple[Word, ...]] = Field(default_factory=dict, max_length=100)
    metrics: tuple[str, ...] = Field(default=(), max_length=100)
    environment: Literal["venv", "study", "none"] = "venv"
    requirements: str = Field(default="requirements.txt", pattern=r"^requirements[\w.-]*\.txt$")
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

    def words(self, variant: str) -> tuple[str, ...]:
        """Give the command line of a variant, "" for the one of a lab that has none."""
        return (*self.command, *(self.variants[variant] if variant else ()))
