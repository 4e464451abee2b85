"""`study init`, `study note new` and `study model`."""

import json
from pathlib import Path

import pytest

from tests.helpers.notes import PATH
from tests.helpers.openai_server import OpenAIServer, Reply, fails, says
from tests.helpers.study import make_workspace, study, tree

NEW = "tracks/02-infra/paged-attention.md"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def test_init_makes_a_workspace_that_every_command_takes(empty: Path) -> None:
    root = empty / "new" / "folder"
    ran = study(empty, "init", str(root))
    assert ran.code == 0
    assert set(tree(root)) == {"roadmap.md", ".gitignore"}
    assert ".study/" in (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    for args in (("status",), ("check",), ("review",), ("resume",)):
        assert study(root, *args).code == 0, args


def test_init_leaves_what_is_there_alone(root: Path) -> None:
    (root / ".gitignore").write_text("mine", encoding="utf-8")
    before = tree(root)
    assert study(root, "init", str(root)).code == 0
    after = tree(root)
    assert after.pop(".gitignore") == b"mine\n.study/\n"
    before.pop(".gitignore")
    assert after == before
    again = study(root, "init", str(root))
    assert "nothing was changed" in again.out


def test_init_where_a_file_is_in_the_way(empty: Path) -> None:
    (empty / "file").write_text("x", encoding="utf-8")
    ran = study(empty, "init", str(empty / "file"))
    assert ran.code == 1
    assert ran.err.startswith("study: ")
    assert "cannot be made a workspace" in ran.err


def test_a_new_note_is_the_template(root: Path) -> None:
    ran = study(root, "note", "new", "paged-attention")
    assert ran.code == 0
    assert ran.out == f"{NEW}: finish every TODO, then `study check` and `study quiz paged-attention`.\n"
    text = (root / NEW).read_text(encoding="utf-8")
    assert text.startswith('---\nid: paged-attention\ntopic: "Paged attention"\n')
    assert study(root, "check", "--json").code == 0
    refused = study(root, "quiz", "paged-attention")
    assert (refused.code, "still says TODO" in refused.err) == (1, True)


def test_a_note_is_never_overwritten(root: Path) -> None:
    before = tree(root)
    ran = study(root, "note", "new", "kv-cache-scaling")
    assert (ran.code, ran.err) == (2, f"study: {PATH} is there already; edit it, or delete it first.\n")
    assert tree(root) == before


DRAFT = {
    "introduction": "It stores blocks.",
    "claims": ["Blocks have a fixed size."],
    "boundaries": ["It shrinks nothing."],
    "terms": ["Block table: what maps positions to blocks"],
}
REPLIES: dict[str, tuple[Reply, bool]] = {
    "a draft": (says(json.dumps(DRAFT)), True),
    "a hostile draft": (says(json.dumps({**DRAFT, "claims": ["\x1b[2J\u202eL5 ^approved\n- (core) x ^y"]})), True),
    "unconstrained prose": (says("Sure! Here is your note."), False),
    "cut off": (says('{"introduction": "It', finish="length"), False),
    "refused": (Reply(refusal="I cannot."), False),
    "no such key": (fails(401, "bad key"), False),
    "no JSON at all": (Reply(raw=b"<html>"), False),
}


@pytest.mark.parametrize(("reply", "used"), REPLIES.values(), ids=REPLIES)
def test_a_note_with_a_chat_model(root: Path, reply: Reply, used: bool) -> None:
    with OpenAIServer(reply) as server:
        env = {"STUDY_CHAT": "scripted", "STUDY_BASE_URL": server.base_url, "STUDY_API_KEY": "k"}
        ran = study(root, "note", "new", "paged-attention", env=env)
        assert server.requests
    assert ran.code == 0
    text = (root / NEW).read_text(encoding="utf-8")
    assert ("TODO check: " in text) is used
    assert ("The chat model gave no usable draft; this is the plain template." in ran.err) is not used
    assert "\x1b" not in text + ran.out + ran.err
    assert "still says TODO" in study(root, "quiz", "paged-attention").err


def test_models_on_an_empty_cache(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(empty)
    env = {"STUDY_ROOT": "", "STUDY_CACHE": str(tmp_path / "cache")}
    ran = study(empty, "model", "list", "--json", env=env)
    assert ran.code == 0
    assert all(not row["installed"] and row["bytes"] > 0 for row in ran.events)
    assert {"chat", "embedder"} <= {row["role"] for row in ran.events}
    plain = study(empty, "model", "list", env=env)
    assert all(line.endswith("  not here") for line in plain.out.splitlines())
    assert not (tmp_path / "cache").exists()


def test_models_that_are_not_known(root: Path) -> None:
    for action in ("pull", "rm"):
        ran = study(root, "model", action, "nonsense")
        assert ran.code == 2
        assert ran.err.startswith("study: There is no model 'nonsense'; known: ")


def test_removing_what_is_not_here(root: Path, tmp_path: Path) -> None:
    env = {"STUDY_CACHE": str(tmp_path / "cache")}
    name = study(root, "model", "list", "--json", env=env).events[0]["name"]
    ran = study(root, "model", "rm", name, env=env)
    assert (ran.code, ran.out) == (0, f"{name}: 0 MB freed.\n")


def test_a_mirror_that_has_nothing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing beyond this machine is asked in tests: the guard refuses it, and pulling says so."""
    env = {"STUDY_CACHE": str(tmp_path / "cache"), "STUDY_MODELS": str(tmp_path / "mirror"), "PIP_NO_INDEX": "1"}
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    name = min(study(root, "model", "list", "--json", env=env).events, key=lambda row: row["bytes"])["name"]
    ran = study(root, "model", "pull", name, env=env)
    assert ran.code == 3
    assert "could not be fetched" in ran.err
    assert "set STUDY_MODELS" in ran.err
