"""`study check` complete: stale evidence, labs, strict, against a revision, fix, and the hooks that run it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent.domain.level import Level
from agent.domain.proposal import Decision
from agent.workspace.check import check_workspace
from agent.workspace.hooks import WORKFLOW
from agent.workspace.workspace import Workspace
from tests.helpers.labs import FULL, LAB, make_lab, make_run, write
from tests.helpers.study import REPO, study
from tests.helpers.workspaces import ROADMAP, TOPIC, git, make_repository, make_store, make_workspace, record_pass

ROW = "KV cache scaling (batch/seq/heads)"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A git work tree whose topic was promoted to L3 by a decision, everything committed."""
    workspace = make_workspace(tmp_path / "w")
    record_pass(workspace)
    make_lab(workspace.root, 3)
    promote(workspace.root, 3, LAB, *(f"sessions/{p.name}" for p in (workspace.root / "sessions").glob("*")))
    make_repository(workspace.root)
    return workspace.root


def promote(root: Path, to: int, *paths: str, reason: str = "") -> None:
    store = make_store(Workspace(root))
    proposal = store.propose(store.change_to(TOPIC, Level(to), paths), reason)
    assert store.decide(proposal.id, Decision(type="approve")).decision == "approved"


def retype(root: Path, old: str, new: str) -> None:
    path = root / "roadmap.md"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), encoding="utf-8")


def found(root: Path) -> list[str]:
    """Every problem but the rows without a note."""
    return [f"{p.severity} {p}" for p in check_workspace(Workspace(root)) if "no note" not in p.message]


def test_in_order(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize(
    ("path", "text", "parts"),
    [
        (f"{LAB}/RESULTS.md", FULL["RESULTS.md"] + "more", ["warning lab/kv-bench/RESULTS.md", "look at L3 of"]),
        (f"{LAB}/bench.py", "print(2)", ["warning lab/kv-bench:", "the code of lab/kv-bench was edited after the run"]),
        (f"{LAB}/requirements.txt", "x", ["warning lab/kv-bench:", "the environment spec of lab/kv-bench"]),
        (f"{LAB}/runs/mine.json", "{}", ["error lab/kv-bench/runs/mine.json", "it is no record of a run"]),
    ],
)
def test_what_to_look_at_again(root: Path, path: str, text: str, parts: list[str]) -> None:
    write(root, {path: text})
    (problem,) = found(root)
    assert all(part in problem for part in parts), problem


SESSION = "id: a1\ndate: 2026-11-23\nkind: study\ntopics: [kv-cache-scaling]\n"


@pytest.mark.parametrize(
    ("front", "problem"),
    [
        (SESSION, ""),
        (SESSION.replace("2026-11-23", "someday"), "error sessions/mine.md: its date 'someday' is no day"),
        (SESSION.replace("study", "party"), "error sessions/mine.md: its kind 'party' is none of quiz, study, lab"),
        (SESSION.replace("[kv-cache-scaling]", "{a: b}"), "error sessions/mine.md: its topics are no list of ids"),
        (SESSION + "attempts: [gone]\n", "error sessions/mine.md: it names the attempt gone, which is not in"),
        (SESSION.replace("kv-cache-scaling", "moon"), "warning sessions/mine.md: it is about 'moon', which is no row"),
        ("topics: [rope]\n", "warning sessions/mine.md: its front matter lacks id, date, kind."),
        ("- a list\n", "error sessions/mine.md"),
    ],
)
def test_a_session_of_their_own(root: Path, front: str, problem: str) -> None:
    write(root, {"sessions/mine.md": f"---\n{front}---\n# Mine\n"})
    problems = found(root)
    assert [p[: len(problem)] for p in problems] == ([problem] if problem else [])


def test_two_sessions_of_one_id(root: Path) -> None:
    for name in ("a", "b"):
        write(root, {f"sessions/{name}.md": f"---\n{SESSION}---\n# Mine\n"})
    assert found(root) == ["error sessions/b.md: it has the id 'a1' of sessions/a.md; give one of them another."]


def test_an_event_that_is_none(root: Path) -> None:
    write(root, {"progress/events/20261123T110000Z-x.json": "{}"})
    (problem,) = found(root)
    assert problem.startswith("error progress/events/20261123T110000Z-x.json")


def test_an_edited_run(root: Path) -> None:
    (run,) = (root / LAB / "runs").glob("*.json")
    run.write_text(run.read_text(encoding="utf-8").replace('"exit_code":0', '"exit_code":7'), encoding="utf-8")
    problems = found(root)
    assert any("its hash does not match" in p and p.startswith("error") for p in problems)
    assert any("was edited after" in p and p.startswith("warning") for p in problems)


def test_evidence_that_is_gone(root: Path) -> None:
    (root / LAB / "RESULTS.md").unlink()
    problems = found(root)
    assert any("its evidence is gone" in p for p in problems)
    assert any("is dead" in p for p in problems)


def test_what_a_later_decision_replaced_may_change(root: Path) -> None:
    promote(root, 1, reason="The lab was not mine.")
    write(root, {f"{LAB}/RESULTS.md": "other", f"{LAB}/bench.py": "other"})
    assert found(root) == []


def test_run_again_and_pinned_anew(root: Path) -> None:
    write(root, {f"{LAB}/bench.py": "print(2)"})
    make_run(root, id="second", name="20261124T110000Z-second")
    assert len(found(root)) == 1
    promote(root, 3)
    assert found(root) == []
    assert sum("/runs/" in link.target for link in Workspace(root).topic(TOPIC).evidence) == 2


def test_a_decision_on_a_row_that_is_gone(root: Path) -> None:
    retype(root, ROW, "Something else entirely")
    assert any(p.startswith("warning roadmap.md: the ledger has 'kv-cache-scaling' at L3") for p in found(root))


class TestStrict:
    def test_warnings_fail_only_then(self, root: Path) -> None:
        write(root, {f"{LAB}/bench.py": "print(2)"})
        assert study(root, "check").code == 0
        assert study(root, "check", "--strict").code == 1
        ran = study(root, "check", "--strict", "--json")
        assert ran.code == 1
        assert ran.events[-1]["errors"] == 0
        assert ran.events[-1]["warnings"] >= 1


class TestAgainst:
    def test_nothing_changed(self, root: Path) -> None:
        assert study(root, "check", "--against", "HEAD").code == 0

    def test_a_level_typed_in(self, root: Path) -> None:
        retype(root, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        ran = study(root, "check", "--against", "HEAD", "--json")
        assert ran.code == 1
        said = [event["message"] for event in ran.events if "since HEAD" in event.get("message", "")]
        assert said == [
            "'Paged attention' rose from L0 to L2 since HEAD without an approved decision in progress/ledger/; set the "
            "row back, then `study promote paged-attention --to L2`."
        ]

    def test_a_level_with_its_decision(self, root: Path) -> None:
        write(root, {f"{LAB}/DESIGN.md": FULL["DESIGN.md"]})
        promote(root, 4)
        assert study(root, "check", "--against", "HEAD").code == 0

    def test_a_fall_is_no_rise(self, root: Path) -> None:
        retype(root, "|   L3 |", "|   L1 |")
        ran = study(root, "check", "--against", "HEAD", "--json")
        assert not any("since HEAD" in event.get("message", "") for event in ran.events)

    def test_a_new_row_above_l0(self, root: Path) -> None:
        text = "|         | Paged attention |"
        retype(root, text, f"|  | Speculation | L1 | [mine](notes.md) | Verified |\n{text}")
        ran = study(root, "check", "--against", "HEAD")
        assert "'Speculation' rose from L0 to L1 since HEAD" in ran.out

    @pytest.mark.parametrize("how", ["changed", "deleted"])
    def test_a_decision_taken_back(self, root: Path, how: str) -> None:
        (entry,) = (root / "progress/ledger").glob("*.json")
        if how == "deleted":
            entry.unlink()
        else:
            entry.write_text(entry.read_text(encoding="utf-8").replace("L3", "L4"), encoding="utf-8")
        ran = study(root, "check", "--against", "HEAD")
        assert ran.code == 1
        assert f"a decision was {how} since HEAD" in ran.out

    def test_a_forged_decision_does_not_count(self, root: Path) -> None:
        (entry,) = (root / "progress/ledger").glob("*.json")
        data = json.loads(entry.read_text(encoding="utf-8"))
        data["id"] = "forged"
        data["change"] |= {"topic": "paged-attention", "to_level": "L2"}
        write(root, {"progress/ledger/20261124T110000Z-forged.json": json.dumps(data)})
        retype(root, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        assert "'Paged attention' rose from L0 to L2" in study(root, "check", "--against", "HEAD").out

    def test_an_older_revision_a_branch_and_a_subfolder(self, root: Path) -> None:
        git(root, "branch", "old")
        write(root, {f"{LAB}/DESIGN.md": FULL["DESIGN.md"]})
        promote(root, 4)
        git(root, "add", "--all")
        git(root, "commit", "-qm", "L4")
        assert study(root, "check", "--against", "old").code == 0
        assert study(root, "check", "--against", "HEAD~1").code == 0

    def test_a_workspace_below_the_top(self, root: Path, tmp_path: Path) -> None:
        top = tmp_path / "top"
        top.mkdir()
        shutil.copytree(root, top / "my notes", ignore=shutil.ignore_patterns(".git", ".study"))
        make_repository(top)
        below = top / "my notes"
        assert study(below, "check", "--against", "HEAD").code == 0
        retype(below, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        assert "rose from L0 to L2" in study(below, "check", "--against", "HEAD").out
        (entry,) = (below / "progress/ledger").glob("*.json")
        entry.unlink()
        assert "a decision was deleted" in study(below, "check", "--against", "HEAD").out

    @pytest.mark.parametrize("revision", ["nowhere", "--help", "", "HEAD:roadmap.md", "0" * 40])
    def test_no_such_revision(self, root: Path, revision: str) -> None:
        ran = study(root, "check", f"--against={revision}")
        assert ran.code == 2
        assert "is no commit of this repository" in ran.err

    def test_no_repository(self, tmp_path: Path) -> None:
        ran = study(make_workspace(tmp_path / "plain").root, "check", "--against", "HEAD")
        assert ran.code == 2
        assert "is no git work tree" in ran.err

    def test_a_roadmap_that_was_not_there(self, root: Path) -> None:
        git(root, "rm", "-q", "--cached", "roadmap.md")
        git(root, "commit", "-qm", "without")
        assert study(root, "check", "--against", "HEAD").code == 0


class TestFix:
    def test_it_proposes_what_the_ledger_has(self, root: Path) -> None:
        retype(root, "|   L3 |", "|   L5 |")
        retype(root, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        typed = (root / "roadmap.md").read_bytes()
        ran = study(root, "check", "--fix", "--json")
        assert ran.code == 1
        assert len(ran.events[-1]["proposed"]) == 2
        assert (root / "roadmap.md").read_bytes() == typed
        store = make_store(Workspace(root))
        for proposal in store.pending():
            store.decide(proposal.id, Decision(type="approve"))
        levels = {t.id: t.level for t in Workspace(root).roadmap().topics}
        assert levels == {"rope": 0, TOPIC: 3, "paged-attention": 0}
        assert found(root) == []

    def test_twice_is_once(self, root: Path) -> None:
        retype(root, "|   L3 |", "|   L5 |")
        first = study(root, "check", "--fix", "--json").events[-1]["proposed"]
        assert study(root, "check", "--fix", "--json").events[-1]["proposed"] == first

    def test_a_row_set_too_low_gets_its_level_and_links_back(self, root: Path) -> None:
        before = Workspace(root).topic(TOPIC)
        (root / "roadmap.md").write_text(ROADMAP, encoding="utf-8")
        study(root, "check", "--fix")
        store = make_store(Workspace(root))
        (proposal,) = store.pending()
        store.decide(proposal.id, Decision(type="approve"))
        assert Workspace(root).topic(TOPIC) == before

    def test_nothing_to_do(self, root: Path) -> None:
        ran = study(root, "check", "--fix")
        assert ran.code == 0
        assert "nothing to propose" in ran.out

    def test_a_ledger_that_does_not_hold_is_no_basis(self, root: Path) -> None:
        (entry,) = (root / "progress/ledger").glob("*.json")
        entry.write_text(entry.read_text(encoding="utf-8").replace("L3", "L4"), encoding="utf-8")
        ran = study(root, "check", "--fix")
        assert ran.code == 1
        assert "The ledger does not hold" in ran.err
        assert Workspace(root).proposals.all() == []


def commit(root: Path, *, path: str) -> subprocess.CompletedProcess[str]:
    """Commit everything with a PATH of our own."""
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(REPO), "STUDY_CHAT": "none"}
    git(root, "add", "--all")
    return subprocess.run(
        ["git", "-C", str(root), "commit", "-qm", "x"], env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with git and the shell's tools, and no `study`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "env", "uname"):
        found_at = shutil.which(name)
        assert found_at is not None
        (folder / name).symlink_to(found_at)
    return str(folder)


class TestHooks:
    @pytest.fixture
    def hooked(self, root: Path) -> Path:
        ran = study(root, "init", str(root), "--hooks")
        assert ran.code == 0, ran.err
        return root

    def test_the_hook_stops_a_level_without_a_decision(self, hooked: Path, bare_path: str) -> None:
        assert commit(hooked, path=bare_path).returncode == 0
        retype(hooked, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        done = commit(hooked, path=bare_path)
        assert done.returncode == 1
        assert "rose from L0 to L2 since HEAD" in done.stdout + done.stderr

    def test_in_a_folder_below_the_top_and_on_the_first_commit(self, tmp_path: Path, bare_path: str) -> None:
        top = tmp_path / "it's mine"
        below = make_workspace(top / "notes").root
        git(top, "init", "--quiet")
        assert study(below, "init", str(below), "--hooks").code == 0
        assert commit(top, path=bare_path).returncode == 0
        retype(below, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        assert "rose from L0 to L2" in (lambda done: done.stdout + done.stderr)(commit(top, path=bare_path))

    def test_without_the_program_it_says_so(self, root: Path, bare_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        assert study(root, "init", str(root), "--hooks").code == 0
        done = commit(root, path=bare_path)
        assert done.returncode == 1
        assert "study is not on PATH" in done.stderr

    def test_twice_changes_nothing(self, hooked: Path) -> None:
        assert "nothing was changed" in study(hooked, "init", str(hooked), "--hooks").out

    def test_a_hook_of_their_own_is_left_alone(self, root: Path) -> None:
        hook = root / ".git/hooks/pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        ran = study(root, "init", str(root), "--hooks")
        assert ran.code == 2
        assert "hook of your own" in ran.err
        assert hook.read_text(encoding="utf-8") == "#!/bin/sh\nexit 0\n"

    def test_their_hooks_folder_is_used(self, root: Path) -> None:
        git(root, "config", "core.hooksPath", "my-hooks")
        assert study(root, "init", str(root), "--hooks").code == 0
        assert os.access(root / "my-hooks/pre-commit", os.X_OK)

    def test_no_repository(self, tmp_path: Path) -> None:
        ran = study(tmp_path, "init", str(tmp_path / "new"), "--hooks")
        assert ran.code == 2
        assert "is no git work tree" in ran.err

    def test_the_workflow(self, hooked: Path) -> None:
        text = (hooked / WORKFLOW).read_text(encoding="utf-8")
        (job,) = yaml.safe_load(text)["jobs"].values()
        install, check = (step for step in job["steps"] if "run" in step)
        assert install["run"].startswith("python -m pip install 'study-agent==")
        assert check["env"]["STUDY_ROOT"] == "."
        assert job["steps"][0]["with"]["fetch-depth"] == 0
        # What the host fills in is never part of the script itself.
        assert "${{" not in check["run"]

    @pytest.mark.parametrize(("base", "code"), [("HEAD", 1), ("0" * 40, 1), ("", 1)])
    def test_the_workflow_runs(self, hooked: Path, tmp_path: Path, base: str, code: int) -> None:
        retype(hooked, "|   L0 | [mine](notes.md)   |", "|   L2 | [mine](notes.md)   |")
        (job,) = yaml.safe_load((hooked / WORKFLOW).read_text(encoding="utf-8"))["jobs"].values()
        script = job["steps"][-1]["run"]
        program = tmp_path / "program"
        program.mkdir()
        (program / "study").write_text(f'#!/bin/sh\nexec {sys.executable} -m agent "$@"\n', encoding="utf-8")
        (program / "study").chmod(0o755)
        env = {**os.environ, "PATH": f"{program}:{os.environ['PATH']}", "PYTHONPATH": str(REPO), "BASE": base}
        env |= {"STUDY_ROOT": ".", "STUDY_CHAT": "none"}
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=hooked, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert ("since HEAD" in done.stdout) == (base == "HEAD"), done.stderr
