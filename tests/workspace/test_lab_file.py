"""Finding a lab and reading what it declares."""

from pathlib import Path

import pytest

from agent.domain.errors import UsageError, WorkspaceError
from agent.workspace.lab_file import find_lab, read_plan, topics_of
from tests.helpers.labs import write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, {f"lab/{name}/README.md": "x" for name in ("kv-cache", "kv-cache-scaling", "rope", ".hidden")})
    return tmp_path


@pytest.mark.parametrize(
    ("query", "folder"),
    [
        ("kv-cache", "lab/kv-cache"),
        ("rope", "lab/rope"),
        ("ROP", "lab/rope"),
        ("lab/rope/", "lab/rope"),
        ("scal", "lab/kv-cache-scaling"),
    ],
)
def test_an_exact_name_then_the_only_match(root: Path, query: str, folder: str) -> None:
    assert find_lab(root, query) == folder


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("kv", "'kv' could be any of kv-cache, kv-cache-scaling; give one name."),
        ("x", "No lab matches 'x'; there are kv-cache, kv-cache-scaling, rope. `study lab new TOPIC` makes one."),
        ("", "No lab matches ''; there are kv-cache, kv-cache-scaling, rope. `study lab new TOPIC` makes one."),
        (
            "../lab",
            "No lab matches '../lab'; there are kv-cache, kv-cache-scaling, rope. `study lab new TOPIC` makes one.",
        ),
        (
            ".hidden",
            "No lab matches '.hidden'; there are kv-cache, kv-cache-scaling, rope. `study lab new TOPIC` makes one.",
        ),
    ],
)
def test_none_or_several(root: Path, query: str, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_lab(root, query)
    assert str(raised.value) == sentence


def test_a_lab_outside_the_workspace_is_none(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (root / "lab/away").symlink_to(tmp_path_factory.mktemp("outside"))
    with pytest.raises(WorkspaceError, match="leads outside the workspace"):
        find_lab(root, "away")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, 'lab/rope/lab.toml does not exist; write `command = ["python", "main.py"]` into it'),
        ("command = [", "lab/rope/lab.toml is not valid TOML: "),
        ("", "lab/rope/lab.toml: 'command' is not valid: Field required."),
        ('command = ["a"]\nvariant = 1', "lab/rope/lab.toml: 'variant' is not valid: Extra inputs are not permitted."),
        (
            'command = ["a"]\nvariants = ["x"]',
            "lab/rope/lab.toml: 'variants' is not valid: give each variant its arguments, ",
        ),
        (
            'command = ["a"]\nenvironment = "conda"',
            "lab/rope/lab.toml: 'environment' is not valid: Input should be 'venv', 'study' or 'none'.",
        ),
        ('command = ["a"]\n[limits]\nseconds = "x"', "lab/rope/lab.toml: 'limits.seconds' is not valid: "),
        ("a = " + "[" * 20_000, "lab/rope/lab.toml is not valid TOML: "),
    ],
)
def test_one_sentence_on_what_is_wrong(root: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        write(root, {"lab/rope/lab.toml": text})
    with pytest.raises(WorkspaceError) as raised:
        read_plan(root, "lab/rope")
    assert str(raised.value).startswith(sentence)
    assert "\n" not in str(raised.value)


def test_topics_stand_in_the_readme(root: Path) -> None:
    write(root, {"lab/rope/README.md": "---\ntopics: [rope, kv-cache]\n---\n# R\n"})
    assert topics_of(root, "lab/rope") == ("rope", "kv-cache")
    assert topics_of(root, "lab/kv-cache") == ()
    write(root, {"lab/rope/README.md": "---\ntopics: [\n---\n# R\n"})
    assert topics_of(root, "lab/rope") == ()
