"""No level changes but by a person at a terminal: every way into the program, and what it reaches.

A new command, option or call site fails here on purpose: look whether it can decide, then add it to its list.
"""

import ast
import re
import shutil
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from agent.cli.main import app
from agent.settings import Settings
from tests.helpers.study import PASSING, TOPIC, make_workspace, study, tree

REPO = Path(__file__).parents[1]
PACKAGES = ("agent", "graphs", "evals")
DECIDES = "review"
COMMANDS = {
    "ask": {"question", "--in", "--topic", "--since", "--thread", "--json"},
    "check": {"--against", "--fix", "--strict", "--json"},
    "doctor": {"--json"},
    "focus": {"label", "text", "--remove", "--json"},
    "due": {"topic", "--start", "--json"},
    "eval compare": {"a", "b", "--axis", "--only", "--json"},
    "eval grade": {"source", "target"},
    "eval promote": {"run", "--why", "--only", "--released"},
    "eval report": {"run", "--html", "--json"},
    "eval retrieve": {"--beir", "--run", "--json"},
    "eval run": {
        "--full",
        "--anew",
        "--sources",
        "--changed",
        "--only",
        "--budget-minutes",
        "--axis",
        "--items",
        "--repeats",
        "--concurrency",
        "--rate",
        "--price",
        "--replay",
        "--defect",
        "--json",
    },
    "index": {"--status", "--json"},
    "lab check": {"slug", "--to", "--json"},
    "lab new": {"topic", "--name"},
    "lab record": {"slug", "--exit-code", "--seconds", "--variant", "--output", "--metric", "--machine", "--started"},
    "lab run": {"slug", "--variant", "--seconds", "--memory", "--json"},
    "lab table": {"slug"},
    "init": {"directory", "--hooks"},
    "log": {"text", "--topic", "--json"},
    "merge": {"--json"},
    "milestone tick": {"bullet", "--evidence", "--reason", "--json"},
    "milestone untick": {"bullet", "--reason", "--json"},
    "model list": {"--json"},
    "model pull": {"names"},
    "model rm": {"names"},
    "note add": {"topic", "text"},
    "note new": {"topic"},
    "plan": {"--hours", "--json"},
    "progress": {"--check", "--json"},
    "promote": {"topic", "--to", "--evidence", "--reason", "--opinion", "--json"},
    "quiz": {"--full", "topic", "--new", "--json"},
    "resume": {"thread", "--list", "--json"},
    "review": {"--json"},
    "status": {"--json"},
    "summarize": {"--date", "--since", "--json"},
}
DECIDING_WORDS = re.compile(
    r"approv|accept|confirm|decide|decision|promote|grant|yes|force|auto|unattended|level|trust"
)


def commands(command: Any, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command with what it takes: its longest option names, and its arguments' names."""
    inner = getattr(command, "commands", None)
    if inner is None:
        names = {max(p.opts, key=len) if p.param_type_name == "option" else p.name for p in command.params}
        yield path, names - {"--help"}
        assert not any(p.envvar for p in command.params), f"{path} takes an option from the environment"
        return
    for name, child in inner.items():
        yield from commands(child, f"{path} {name}".strip())


def test_every_command_and_option_is_known() -> None:
    assert dict(commands(typer.main.get_command(app))) == COMMANDS


def test_no_option_and_no_setting_decides() -> None:
    options = {option for names in COMMANDS.values() for option in names}
    assert not [name for name in options if DECIDING_WORDS.search(name)]
    assert not [name for name in Settings.model_fields if DECIDING_WORDS.search(name)]


def test_the_only_program_is_study() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"study": "agent.cli:main"}
    assert {"entry-points", "gui-scripts"}.isdisjoint(project)


@cache
def sources() -> list[tuple[str, ast.Module]]:
    files = [
        path.relative_to(REPO).as_posix() for package in PACKAGES for path in sorted((REPO / package).rglob("*.py"))
    ]
    return [(path, ast.parse((REPO / path).read_text(encoding="utf-8"))) for path in files if not is_harness(path)]


def is_harness(path: str) -> bool:
    """The kill harness decides by itself, in workspaces that it makes and throws away; see the test below."""
    return path.startswith("evals/chaos/")


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the name of the function that it stands in."""

    def walk(node: ast.AST, inside: str) -> Iterator[tuple[str, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            place = f"{inside}.{child.name}".strip(".") if named else inside  # type: ignore[attr-defined]
            if isinstance(child, ast.Call):
                yield place, child
            yield from walk(child, place)

    return walk(tree, "")


def called(call: ast.Call) -> set[str]:
    """The name of what is called; a method also by its name with a dot before it."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return {function.attr, f".{function.attr}"}
    return {function.id} if isinstance(function, ast.Name) else set()


def call_sites(name: str, keyword: str = "") -> set[str]:
    return {
        f"{path}:{place}"
        for path, tree in sources()
        for place, call in calls(tree)
        if name in called(call) and (not keyword or any(k.arg in (keyword, None) for k in call.keywords))
    }


SITES = {
    # The store's `decide` is reached from the graph's node, through the ports that wrap it.
    ".decide": {
        "graphs/promotion/nodes.py:apply",
        "agent/app/review.py:WorkspacePromotions.decide",
        "agent/studio/graphs.py:CommittingPromotions.decide",
    },
    # A LangGraph server: the owner's token, else the channel is unauthenticated and decides nothing.
    "CommittingPromotions": {"agent/studio/graphs.py:_promotion"},
    # The port is given to the graph in one place, and the review is opened in one place: the terminal.
    "WorkspacePromotions": {"agent/app/review.py:Review.__init__"},
    "Review": {"agent/app/review.py:review"},
    "review": {"agent/cli/review.py:_decide"},
    "reply": {"agent/cli/review.py:_reply", "agent/cli/summarize.py:_ask_person"},
    # A session file is no level, and is written by the same rule: a person at a terminal, or the owner's token.
    "day_summary": {"agent/cli/summarize.py:run_summarize"},
    ".settle": {
        "graphs/session/nodes.py:apply",
        "agent/app/summarize.py:WorkspaceSessions.settle",
        "agent/studio/graphs.py:CommittingSessions.settle",
    },
    "_decide": {"agent/cli/review.py:run_review"},
    "_approve": {"agent/workspace/promotions.py:PromotionStore.decide"},
    "_reject": {"agent/workspace/promotions.py:PromotionStore.decide"},
    # Cells and lines of the roadmap are written in one place.
    # Joining a row of two branches takes the level that the merged ledger has.
    "edit_topic": {
        "agent/workspace/workspace.py:Workspace.edited_row",
        "agent/workspace/roadmap_merge.py:_joined",
    },
    "edited_row": {
        "agent/workspace/roadmap_change.py:preview_change",
        "agent/workspace/roadmap_change.py:apply_change",
    },
    "edited_line": {
        "agent/workspace/roadmap_change.py:preview_change",
        "agent/workspace/roadmap_change.py:_apply_line",
    },
    "apply_change": {"agent/workspace/promotions.py:PromotionStore._write_change"},
    "_write_change": {"agent/workspace/promotions.py:PromotionStore._finish"},
    "LedgerEntry": set(),
}


@pytest.mark.parametrize(("name", "sites"), SITES.items(), ids=SITES)
def test_call_sites_on_the_way_to_a_decision(name: str, sites: set[str]) -> None:
    assert call_sites(name) == sites


def test_a_run_is_resumed_with_an_answer_in_two_places() -> None:
    """Once a graph: a level's approval, and a session's."""
    assert call_sites("Command", "resume") == {
        "agent/app/review.py:Review.reply",
        "agent/app/summarize.py:Summary.reply",
    }
    assert call_sites("interrupt") == {"graphs/promotion/nodes.py:gate", "graphs/session/nodes.py:gate"}


def test_only_the_terminal_and_the_authenticated_server_import_the_review() -> None:
    importers = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "agent.app.review")
        or (isinstance(node, ast.Import) and any(alias.name == "agent.app.review" for alias in node.names))
    }
    assert importers == {"agent/cli/review.py", "agent/studio/graphs.py"}


def test_a_graph_server_without_the_owners_token_decides_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.studio import graphs

    monkeypatch.setenv("STUDY_ROOT", str(root))
    channels = {}
    for token in ("", "t" * 40):
        monkeypatch.setenv("STUDY_STUDIO_TOKEN", token)
        graphs.workspace_app.cache_clear()
        with pytest.MonkeyPatch.context() as patch:
            contexts: list[Any] = []
            patch.setattr(graphs, "bound", lambda _graph, _name, context, seen=contexts: seen.append(context()))
            graphs._promotion()
        channels[bool(token)] = contexts[0].channel
    graphs.workspace_app.cache_clear()
    assert channels == {False: "unauthenticated", True: "api"}


def test_nothing_that_a_user_runs_reaches_the_kill_harness() -> None:
    importers = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and "chaos" in ast.unparse(node)
    }
    assert importers == set()


def test_nothing_is_called_by_a_name_made_at_run_time() -> None:
    """`getattr(store, "dec" + "ide")` would pass the tests above."""
    assert call_sites("__import__") == call_sites("eval") == call_sites("exec") == set()
    computed = {
        f"{path}:{place}"
        for path, tree in sources()
        if not path.startswith("evals/")
        for place, call in calls(tree)
        if called(call) & {"getattr", "methodcaller", "import_module"} and not isinstance(call.args[-1], ast.Constant)
        if len(call.args) < 3
    }
    assert computed == set()


@pytest.fixture(scope="module")
def pending(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one pending proposal."""
    made = make_workspace(tmp_path_factory.mktemp("pending") / "work")
    assert study(made, "quiz", TOPIC, "--json", given=PASSING).result["proposal"]
    return made


@pytest.fixture
def root(pending: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(pending, tmp_path / "work")
    return tmp_path / "work"


ARGUMENTS = {
    "ask": ["What is the cache?"],
    "check": ["--fix"],
    "promote": ["paged-attention", "--to", "L1", "--reason", "I approve it"],
    "init": ["."],
    "log": ["I approve this level"],
    "lab new": ["paged-attention"],
    "lab record": ["bench", "--exit-code", "0", "--seconds", "1"],
    "lab run": ["bench"],
    "lab table": ["bench"],
    "note add": ["paged-attention", "A statement of some words."],
    "note new": ["paged-attention"],
    "quiz": [TOPIC],
    "model rm": ["nonsense"],
    "model pull": ["nonsense"],
    "eval compare": ["released", "latest"],
    "eval grade": ["in.jsonl", "out.jsonl"],
    "eval promote": ["latest", "--why", "I approve it"],
    "eval run": ["--only", "grading", "--budget-minutes", "0.01"],
    "eval retrieve": ["--beir", "beir", "--run", "run"],
}
KEYS = "a\napprove\ny\nyes\n---\n/approve\n---\naccept\n---\n1\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_on_a_pipe_changes_a_level(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    roadmap = (root / "roadmap.md").read_bytes()
    ran = study(root, *name.split(), *ARGUMENTS.get(name, []), given=KEYS)
    assert ran.code in (0, 1, 2, 3, 10, 12)
    assert "Traceback" not in ran.err
    assert (root / "roadmap.md").read_bytes() == roadmap
    assert not any(path.startswith("progress/ledger/") for path in tree(root))
    assert study(root, DECIDES, "--json").out  # it is pending still


@pytest.mark.parametrize("variable", ["STUDY_APPROVE", "STUDY_YES", "STUDY_AUTO_APPROVE", "STUDY_DECISION"])
def test_no_variable_approves(root: Path, variable: str) -> None:
    before = tree(root)
    assert study(root, DECIDES, given="a\n", env={variable: "1"}).code == 2
    assert tree(root) == before


@pytest.mark.parametrize("flag", ["--yes", "-y", "--approve", "--force", "--decision=approve"])
def test_no_flag_approves(root: Path, flag: str) -> None:
    before = tree(root)
    assert study(root, DECIDES, flag, given="a\n").code == 2
    assert tree(root) == before
