"""Settings: variables over study.toml, and every mistake named in one sentence."""

from pathlib import Path

import pytest

from agent.domain.errors import SetupError, UsageError
from agent.settings import find_root, load_settings
from tests.helpers.study import make_workspace, study


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def toml(root: Path, text: str) -> None:
    (root / "study.toml").write_text(text, encoding="utf-8")


def test_defaults(root: Path) -> None:
    settings = load_settings(root=root)
    assert (settings.root, settings.chat, settings.commit) == (root.resolve(), "local", True)
    assert (settings.base_url, settings.api_key) == (None, None)


def test_a_variable_wins_over_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(root, 'chat = "none"\nthreads = 4\ncommit = false\n')
    monkeypatch.setenv("STUDY_THREADS", "8")
    settings = load_settings(root=root)
    assert (settings.chat, settings.threads, settings.commit) == ("none", 8, False)


def test_an_empty_variable_counts_as_not_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(root, 'chat = "none"\n')
    for name in ("STUDY_CHAT", "STUDY_ROOT", "STUDY_THREADS", "STUDY_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(root / "tracks")
    settings = load_settings()
    assert (settings.root, settings.chat, settings.threads, settings.base_url) == (root.resolve(), "none", 2, None)
    assert settings.api_key is None


ENDPOINTS = {
    "OpenAI's names": ({"OPENAI_BASE_URL": "http://a/v1", "OPENAI_API_KEY": "k"}, "http://a/v1"),
    "ours win": (
        {"OPENAI_BASE_URL": "http://a/v1", "STUDY_BASE_URL": "http://b/v1", "STUDY_API_KEY": "k"},
        "http://b/v1",
    ),
}


@pytest.mark.parametrize(("variables", "address"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints(root: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], address: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(root=root)
    assert settings.base_url == address
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "k"
    assert "'k'" not in repr(settings)


def test_the_endpoint_may_stand_in_the_file(root: Path) -> None:
    toml(root, 'base_url = "http://c/v1"\n')
    assert load_settings(root=root).base_url == "http://c/v1"


def test_the_nearest_roadmap_upward_is_the_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_root(root / "tracks" / "02-infra") == root
    monkeypatch.chdir(root / "tracks")
    assert load_settings().root == root.resolve()


def test_no_workspace(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(empty)
    with pytest.raises(SetupError, match=r"No roadmap.md in .* or above it; .*`study init`"):
        load_settings()


def test_relative_and_home_paths(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    monkeypatch.setenv("STUDY_ROOT", "work")
    monkeypatch.setenv("STUDY_CACHE", "~/models")
    settings = load_settings()
    assert settings.root == root.resolve()
    assert settings.cache == Path("~/models").expanduser()


WRONG_VARIABLES = {
    "STUDY_CHATT": ("x", "There is no setting STUDY_CHATT; known: "),
    "STUDY_APPROVE": ("1", "There is no setting STUDY_APPROVE; known: "),
    "STUDY_THREADS": ("many", "The setting STUDY_THREADS is not valid: "),
    "STUDY_MAX_TURNS": ("1", "The setting STUDY_MAX_TURNS is not valid: "),
    "STUDY_GRADER": ("me", "The setting STUDY_GRADER is not valid: "),
    "STUDY_COMMIT": ("perhaps", "The setting STUDY_COMMIT is not valid: "),
    "STUDY_TIMEOUT": ("nan", "The setting STUDY_TIMEOUT is not valid: "),
}
WRONG_FILES = {
    "unknown": ('chatt = "none"', "study.toml may not set 'chatt'; known: "),
    "a key": ('api_key = "secret"', "study.toml may not set 'api_key'; known: "),
    "the root": ('root = "/"', "study.toml may not set 'root'; known: "),
    "no TOML": ("chat = none", "study.toml cannot be read: "),
    "conflict": ('<<<<<<< HEAD\nchat = "a"\n=======\nchat = "b"\n>>>>>>> x\n', "study.toml cannot be read: "),
    "wrong type": ("threads = [1]", "The setting 'threads' in study.toml is not valid: "),
    "a table": ("[chat]\nname = 1", "The setting 'chat' in study.toml is not valid: "),
    "out of range": ("threads = 1000", "The setting 'threads' in study.toml is not valid: "),
    "wrong endpoint": ("base_url = 7", "The setting 'base_url' in study.toml is not valid: "),
}


@pytest.mark.parametrize(("name", "value", "sentence"), [(k, *v) for k, v in WRONG_VARIABLES.items()])
def test_wrong_variables(root: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        load_settings(root=root)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(("text", "sentence"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_wrong_files(root: Path, text: str, sentence: str) -> None:
    toml(root, text)
    with pytest.raises(UsageError) as caught:
        load_settings(root=root)
    assert str(caught.value).startswith(sentence)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\x00", b'chat = "\xe9"'], ids=repr)
def test_a_file_that_is_no_text(root: Path, data: bytes) -> None:
    (root / "study.toml").write_bytes(data)
    with pytest.raises(UsageError, match=r"^study\.toml cannot be read: "):
        load_settings(root=root)


def test_a_file_in_the_place_of_a_folder(root: Path) -> None:
    (root / "study.toml").mkdir()
    with pytest.raises(UsageError, match=r"^study\.toml cannot be read: "):
        load_settings(root=root)


@pytest.mark.parametrize("command", [("status",), ("quiz",), ("review",), ("check",), ("doctor",), ("model", "list")])
def test_commands_say_it_in_one_sentence(root: Path, command: tuple[str, ...]) -> None:
    ran = study(root, *command, env={"STUDY_NONSENSE": "1"})
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("study: There is no setting STUDY_NONSENSE; known: ")
    assert ran.err.count("\n") == 1
