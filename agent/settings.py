"""Every setting, from `study.toml` at the workspace root and `STUDY_*` variables (which win)."""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from agent.domain.errors import SetupError, UsageError

ENV_PREFIX = "STUDY_"
MARKER = "roadmap.md"
_ENVIRONMENT_ONLY = frozenset({"root", "api_key", "studio_token"})


def default_cache() -> Path:
    """The user's cache folder for models and caches shared by workspaces."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "study-agent"


class Settings(BaseSettings):
    """What the user can set. `study doctor` prints the values in force."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, populate_by_name=True
    )

    root: Path = Field(description="The workspace: the folder that holds roadmap.md. Default: nearest one upward.")
    cache: Path = Field(default_factory=default_cache, description="Where models are kept.")
    chat: str = Field(
        default="local", min_length=1, description="local (embedded), none, or a model name at the endpoint."
    )
    base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("STUDY_BASE_URL", "OPENAI_BASE_URL"),
        description="OpenAI-compatible endpoint, e.g. http://127.0.0.1:8080/v1 (also OPENAI_BASE_URL).",
    )
    api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("STUDY_API_KEY", "OPENAI_API_KEY"),
        description="Key for the endpoint (also OPENAI_API_KEY; never from study.toml).",
    )
    studio_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="What LangGraph clients must send as a bearer token (never from study.toml); without one their "
        "decisions are only recorded.",
    )
    grader: Literal["local", "lexical", "endpoint"] = Field(
        default="local", description="Who judges claims: the shipped grader, words alone, or the endpoint's model."
    )
    personal: bool = Field(
        default=False, description="Let appeals that you approved correct the grader a little (never in `study eval`)."
    )
    embedder: str = Field(default="local", min_length=1, description="local, none, or a model name at the endpoint.")
    models: str | None = Field(default=None, description="Folder or URL to fetch models from before any other source.")
    threads: int = Field(default=2, ge=1, le=64, description="CPU threads for the embedded model and the grader.")
    commit: bool = Field(default=True, description="Commit an approved change when the workspace is a git work tree.")
    max_turns: int = Field(default=16, ge=4, le=60, description="Answers a quiz takes before it closes.")
    lab_seconds: float = Field(default=600.0, gt=0, le=7 * 86400, description="Seconds a lab run may take.")
    lab_memory: int = Field(default=4096, ge=16, le=1 << 24, description="MiB that a lab run may allocate.")
    lab_env: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Environment variables that labs get beside the usual ones, e.g. HF_HOME,CUDA_HOME. "
        "Never those of study itself.",
    )
    timeout: float = Field(default=60.0, gt=0, le=3600, description="Seconds the chat endpoint may take for a reply.")

    @field_validator("lab_env", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        names = [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
        for name in names if isinstance(names, list | tuple) else ():
            if not re.fullmatch(r"[A-Za-z_]\w*", str(name)):
                raise ValueError(f"{name!r} is no name of an environment variable")
            if str(name).upper().startswith((ENV_PREFIX, "OPENAI_")):
                raise ValueError(f"{name} is a setting of study and never passes to a lab")
        return names

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables win over study.toml, whose values come in as arguments."""
        return env_settings, init_settings


def load_settings(*, root: Path | None = None, cwd: Path | None = None) -> Settings:
    """Read the settings in force.

    Args:
        root: the workspace, when the caller already knows it (`study init`).
        cwd: where the search upward for `roadmap.md` starts; the working directory by default.

    Raises:
        SetupError: no workspace is found.
        UsageError: an unknown or invalid key in study.toml or in a `STUDY_*` variable.
    """
    known = set(Settings.model_fields)
    # pydantic-settings ignores variables that it does not know; a typo must not go unnoticed.
    variables = {key.removeprefix(ENV_PREFIX).lower() for key in os.environ if key.startswith(ENV_PREFIX)}
    for name in sorted(variables - known):
        raise UsageError(f"There is no setting STUDY_{name.upper()}; known: {', '.join(sorted(known))}.")
    workspace = (root or Path(os.environ.get("STUDY_ROOT") or find_root(cwd or Path.cwd()))).expanduser().resolve()
    values = _read_toml(workspace / "study.toml")
    for name in sorted(set(values) - (known - _ENVIRONMENT_ONLY)):
        raise UsageError(f"study.toml may not set {name!r}; known: {', '.join(sorted(known - _ENVIRONMENT_ONLY))}.")
    try:
        settings = Settings(**{**values, "root": workspace})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]).lower().removeprefix(ENV_PREFIX.lower())
        source = f"STUDY_{key.upper()}" if key in variables else f"{key!r} in study.toml"
        raise UsageError(f"The setting {source} is not valid: {first['msg']}.") from None
    return settings.model_copy(update={"root": workspace, "cache": settings.cache.expanduser()})


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upward that holds a roadmap.md."""
    for folder in (start, *start.parents):
        if (folder / MARKER).is_file():
            return folder
    raise SetupError(
        f"No {MARKER} in {str(start)!r} or above it; change to your workspace, set STUDY_ROOT, or run `study init`."
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"study.toml cannot be read: {error}.") from None
