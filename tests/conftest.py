"""For the whole suite: an environment of its own, and no connection beyond this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from agent.privacy import no_telemetry
from tests.helpers.network import Guard

_FOREIGN = ("STUDY_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_", "XDG_", "GIT_", "EDITOR", "VISUAL", "PYTHONWARNINGS")
_IDENTITY = "[user]\n\tname = Test Learner\n\temail = learner@localhost\n[init]\n\tdefaultBranch = main\n"

# No test asserts a time: on a busy machine hypothesis' deadline of 200 ms would.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

_guard = Guard()
no_telemetry()  # tests import libraries by themselves too


@pytest.fixture(autouse=True)
def _environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of the user who runs the tests comes in: no settings, keys, models, editor or git configuration.

    Tests marked `live` keep the cache, which holds the model.
    """
    live = request.node.get_closest_marker("live") is not None
    for name in list(os.environ):
        if name.startswith(_FOREIGN) and not (live and name in ("STUDY_CACHE", "STUDY_MODELS", "XDG_CACHE_HOME")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(_IDENTITY, encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    if not live:
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))


@pytest.fixture(autouse=True)
def network_guard() -> Iterator[Guard]:
    """Fail the test in which anything, in any thread, tried to leave this machine; the message says who."""
    yield _guard
    attempts = _guard.take()
    assert not attempts, "\n".join(attempts)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Give an empty folder that is no workspace and lies in none."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder
