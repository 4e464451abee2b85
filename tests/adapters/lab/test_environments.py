"""Environments: made once from a spec, found again without a network, never half made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.adapters.lab import LocalRunner
from agent.adapters.lab.environments import Environments
from agent.domain.errors import SetupError
from agent.ports.lab import Environment, EnvironmentSpec, Outcome
from evals.chaos.lab import make_wheel

OFFLINE = "--no-index\n--find-links wheels\ntinylab==1.0  # a comment\n"


class Lab:
    """A lab folder with a spec, a cache, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache, self.said = folder / "lab", folder / "cache", list[str]()
        make_wheel(self.folder / "wheels")
        self.write(OFFLINE)

    def write(self, text: str, file: str = "requirements.txt") -> None:
        (self.folder / file).write_text(text, encoding="utf-8")

    def spec(self, sha256: str = "a", *, own: bool = False) -> EnvironmentSpec:
        return EnvironmentSpec(self.folder, "requirements.txt", sha256, own=own)

    def prepare(self, spec: EnvironmentSpec | None = None) -> Environment:
        self.said.clear()
        return LocalRunner(self.cache, {"PATH": os.defpath}).prepare(spec or self.spec(), self.said.append)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def value(environment: Environment) -> str:
    code = "import tinylab, sys; print(tinylab.VALUE, sys.prefix != sys.base_prefix)"
    return subprocess.run(
        [environment.python, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.strip()


def refused(*_: object) -> Outcome:
    raise AssertionError("nothing was to be run")


def test_made_once_said_what_and_then_found_without_running_anything(lab: Lab) -> None:
    made = lab.prepare()
    assert value(made) == "42 True"
    assert lab.said[0] == (
        "Making the environment of requirements.txt (once): --no-index, --find-links wheels, tinylab==1.0."
    )
    assert lab.said[1] == f"It is kept in {made.python.parent.parent}."
    assert any("Installing collected packages: tinylab" in line for line in lab.said)
    shutil.rmtree(lab.folder / "wheels")
    said: list[str] = []
    assert Environments(lab.cache, {}, refused).prepare(lab.spec(), said.append) == made
    assert said == []


def test_another_content_is_another_environment(lab: Lab) -> None:
    first = lab.prepare()
    make_wheel(lab.folder / "wheels", version="2.0", code="VALUE = 43\n")
    lab.write(OFFLINE.replace("1.0", "2.0"))
    second = lab.prepare(lab.spec("b"))
    assert (value(first), value(second)) == ("42 True", "43 True")


def test_nothing_to_install_needs_no_pip(lab: Lab) -> None:
    lab.write("# the standard library\n")
    said: list[str] = []
    made = Environments(lab.cache, {}, refused).prepare(lab.spec(), said.append)
    assert made.python.exists()
    assert said[0] == "Making the environment of requirements.txt (once): nothing beyond Python."


def test_what_cannot_be_installed_is_one_sentence_and_leaves_nothing(lab: Lab) -> None:
    lab.write("--no-index\n--find-links wheels\nno-such-thing==9\n")
    with pytest.raises(SetupError) as raised:
        lab.prepare()
    assert str(raised.value) == (
        "The environment of requirements.txt cannot be installed (No matching distribution found for no-such-thing==9); "
        "it needs the package index once, after that it works offline."
    )
    assert [path.name for path in (lab.cache / "labs").iterdir() if not path.name.endswith(".lock")] == []


def _no_json(cache: Path) -> None:
    next((cache / "labs").glob("*.json")).unlink()


def _half_json(cache: Path) -> None:
    next((cache / "labs").glob("*.json")).write_text('{"fol', encoding="utf-8")


def _no_folder(cache: Path) -> None:
    shutil.rmtree(next(path for path in (cache / "labs").iterdir() if path.is_dir()))


def _dead_python(cache: Path) -> None:
    python = next((cache / "labs").glob("*/bin/python"))
    python.unlink()
    python.symlink_to("/nonexistent/python")


@pytest.mark.parametrize("harm", [_no_json, _half_json, _no_folder, _dead_python])
def test_what_was_left_half_is_made_again(lab: Lab, harm: Callable[[Path], None]) -> None:
    lab.write("# nothing\n")
    lab.prepare()
    harm(lab.cache)
    assert lab.prepare().python.exists()
    assert len([path for path in (lab.cache / "labs").iterdir() if path.is_dir()]) == 1


def test_two_at_once_make_one(lab: Lab) -> None:
    lab.write("# nothing\n")

    def prepare(_: int) -> Environment:
        return Environments(lab.cache, {}, refused).prepare(lab.spec(), lab.said.append)

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(prepare, range(4)))
    assert len(made) == 1
    assert sum(line.startswith("Making") for line in lab.said) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_cache_that_cannot_be_written_is_one_sentence(lab: Lab) -> None:
    lab.cache.mkdir()
    lab.cache.chmod(0o500)
    with pytest.raises(SetupError, match="cannot be written"):
        lab.prepare()


def test_a_cache_that_is_a_file_is_one_sentence(lab: Lab) -> None:
    lab.cache.write_text("", encoding="utf-8")
    with pytest.raises(SetupError, match="The cache folder .* cannot be written"):
        lab.prepare()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("pydantic>=2\nnever-needed; sys_platform == 'nowhere'\n", ""),
        ("", ""),
        ("pydantic==1.0", "requirements.txt asks for 'pydantic==1.0', but the Python that runs study has pydantic "),
        ("no-such-thing", "requirements.txt asks for 'no-such-thing', which the Python that runs study does not have."),
        ("-r other.txt", "requirements.txt: '-r other.txt' is no plain requirement; with environment = 'study' "),
    ],
)
def test_our_own_python_is_checked_and_never_changed(lab: Lab, line: str, sentence: str) -> None:
    lab.write(line)
    if sentence:
        with pytest.raises(SetupError) as raised:
            lab.prepare(lab.spec(own=True))
        assert str(raised.value).startswith(sentence)
    else:
        assert lab.prepare(lab.spec(own=True)).python == Path(sys.executable)
    assert not lab.cache.exists()
