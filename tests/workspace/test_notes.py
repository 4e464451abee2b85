"""Checks that need files: links, worked examples, the whole folder, the topic map."""

from pathlib import Path

import pytest

from agent.domain.topic_map import replace_map
from agent.workspace.link_check import dead_links
from agent.workspace.note_fences import run_fences
from agent.workspace.notes import check_notes, note_files
from agent.workspace.roadmap_file import parse_roadmap
from agent.workspace.topic_map import README, current_map, write_map
from tests.helpers.notes import PATH, note, note_text
from tests.helpers.roadmaps import table

ROADMAP = (
    table(
        ("Infra", "KV cache scaling (batch/seq/heads)", "L0", "-", "Planned"),
        ("", "KV cache: what it stores", "L0", "-", "Planned"),
    )
    .replace("Test", "Infra")
    .replace("01", "02")
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tmp_path = tmp_path / "workspace"
    files = {"roadmap.md": ROADMAP, PATH: note_text(), "tracks/02-infra/README.md": "x", README: "# Tracks\n"}
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8", newline="")
    return tmp_path


class TestCheckNotes:
    def test_a_good_folder_has_no_findings(self, root: Path) -> None:
        assert note_files(root) == [PATH]
        assert check_notes(root, parse_roadmap(ROADMAP), missing=False) == []

    def test_a_row_without_a_note_counts_on_request(self, root: Path) -> None:
        assert [f.rule for f in check_notes(root, parse_roadmap(ROADMAP))] == ["coverage"]

    @pytest.mark.parametrize("data", [b"\xff\xfe", b"no front matter", b"---\nid: x\n---\n", b"a\x00b"])
    def test_a_note_that_cannot_be_read_is_one_finding_beside_the_others(self, root: Path, data: bytes) -> None:
        (root / "tracks/02-infra/kv-cache.md").write_bytes(data)
        findings = check_notes(root, parse_roadmap(ROADMAP), missing=False)
        assert [(f.path, f.rule) for f in findings] == [("tracks/02-infra/kv-cache.md", "format")]
        assert str(findings[0]).count("kv-cache.md") == 1
        assert findings[0].line == 1

    def test_a_link_out_of_the_workspace_is_not_followed(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        secret = tmp_path_factory.mktemp("else") / "secret.md"
        secret.write_text(note_text())
        (root / "tracks/02-infra/kv-cache.md").symlink_to(secret)
        (finding,) = check_notes(root, parse_roadmap(ROADMAP), missing=False)
        assert "outside the workspace" in finding.message


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("kv-cache-scaling.md", ""),
        ("../02-infra/kv-cache-scaling.md#^c0", ""),
        ("kv-cache-scaling.md#worked-example", ""),
        ("kv-cache-scaling.md#Worked%20example", ""),
        ("#^here", ""),
        ("#a-heading", ""),
        ("https://example.org/x", ""),
        ("../02-infra", ""),
        ("../../roadmap.md", ""),
        ("nowhere.md", "leads to no file"),
        ("kv-cache-scaling.md#^nope", "names no block or heading"),
        ("kv-cache-scaling.md#nope", "names no block or heading"),
        ("#^nope", "names no block or heading"),
        ("../../../etc/passwd", "leads outside the workspace"),
        ("/etc/passwd", "must be relative"),
        ("a%00b.md", ""),
    ],
)
def test_links(root: Path, target: str, problem: str) -> None:
    text = f"# A heading\n\nText ^here\n\nTwo lines\nwith a [link]({target}).\n"
    findings = dead_links(root, "tracks/02-infra/x.md", text)
    if target.startswith("a%00"):
        assert len(findings) == 1
    elif problem:
        assert [(f.line, f.rule) for f in findings] == [(6, "links")]
        assert problem in findings[0].message
    else:
        assert findings == []


def test_links_in_code_are_text(root: Path) -> None:
    assert dead_links(root, "tracks/x.md", "`[a](gone.md)`\n\n```\n[a](gone.md)\n```\n") == []


def test_pictures_and_tables_are_looked_at(root: Path) -> None:
    text = "| A |\n|---|\n| [x](gone.md) |\n\n![p](gone.png)\n"
    assert [f.line for f in dead_links(root, "tracks/x.md", text)] == [3, 5]


def _worked(code: str, output: str) -> str:
    return f"Text.\n\n```python run\n{code}\n```\n\n```output\n{output}\n```"


@pytest.mark.parametrize(
    ("code", "output", "message"),
    [
        ("print('键', 1)\nprint('b  ')", "键 1\nb", ""),
        ("print(1)\nprint(2)", "1\n3", "line 2 of the output is '2', the note says '3'."),
        ("print(1)", "1\n2", "line 2 of the output is 'nothing', the note says '2'."),
        ("print(1)\nprint(2)", "1", "line 2 of the output is '2', the note says 'nothing'."),
        ("1 / 0", "x", "the block fails: ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(3)", "x", "the block fails: exit status 3"),
        ("import os; print(sorted(os.listdir()), os.environ.get('HOME'))", "[] None", ""),
        ("import yaml", "x", "the block fails: ModuleNotFoundError: No module named 'yaml'"),
    ],
)
def test_worked_examples_run_alone(code: str, output: str, message: str) -> None:
    findings = run_fences(note(worked=_worked(code, output)))
    assert [f.message for f in findings] == ([message] if message else [])


def test_a_worked_example_that_does_not_end_is_stopped() -> None:
    (finding,) = run_fences(note(worked=_worked("while True: pass", "x")), seconds=0.5)
    assert finding.message == "the block runs for more than 0.5 s."


class TestTopicMap:
    def test_the_map_is_written_once_and_stays(self, root: Path) -> None:
        assert write_map(root)
        text = (root / README).read_text(encoding="utf-8")
        assert "t2 --> t1" in text
        assert 't2["KV cache"]:::missing' in text
        assert "- [KV cache scaling](02-infra/kv-cache-scaling.md) ← KV cache\n- KV cache\n" in text
        assert dead_links(root, README, text) == []
        assert not write_map(root)

    def test_only_what_stands_between_the_markers_changes(self, root: Path) -> None:
        (root / README).write_text("before\n<!-- topic map -->\nold\n<!-- /topic map -->\nafter\n")
        _, wanted = current_map(root)
        assert wanted.startswith("before\n<!-- topic map -->\n```mermaid")
        assert wanted.endswith("<!-- /topic map -->\nafter\n")
        assert replace_map(wanted, "new\n") == "before\n<!-- topic map -->\nnew\n<!-- /topic map -->\nafter\n"
