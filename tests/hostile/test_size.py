"""Sizes and shapes that a naive reader never finishes: each ends, with a documented exit code and one sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.notes import CLAIMS, PATH, note_text
from tests.helpers.study import ROADMAP, TOPIC, make_workspace, study, tree

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


def front(fields: str) -> str:
    return f"---\n{fields}\n---\n# Title\n"


NOTES = {
    "YAML bomb": front(BOMB),
    "YAML merge of itself": front("a: &a\n  <<: *a"),
    "YAML tag": front("id: !!python/object/apply:os.system ['touch owned']"),
    "YAML brackets": front("id: " + "[" * 5000),
    "YAML depth": front("\n".join(" " * n + f"k{n}:" for n in range(80))),
    "a line of 5 MB": note_text(intro="x" * 4_900_000),
    "a line over 5 MB": note_text(intro="x" * 5_300_000),
    "a claim of 200 kB": note_text().replace(CLAIMS[0], "word " * 40_000),
    "brackets": note_text(intro="[" * 50_000),
    "links": note_text(intro="[a](" * 20_000),
    "emphasis": note_text(intro="*a **b " * 20_000),
    "backticks": note_text(intro="".join("`" * n + " " for n in range(1, 400))),
    "quotes": note_text(intro=">" * 20_000 + " x"),
    "lists": note_text(intro="\n".join("  " * n + "- x" for n in range(400))),
    "HTML": note_text(intro="<!-- " * 20_000 + "<a " * 20_000),
    "entities": note_text(intro="&" * 50_000),
    "bullets": note_text(claims="\n".join(f"- (core) Claim {n}. ^c{n}\n  - Q: Why {n}?" for n in range(400))),
    "carets": note_text(intro="^a " * 50_000),
    "combining marks": note_text(intro="a" + "\u0301" * 200_000),
    "NULs": note_text(intro="\0" * 1000),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def ends_well(root: Path, *commands: tuple[str, ...], given: str = "/explain\n---\n/quit") -> None:
    before = (root / "roadmap.md").read_bytes() if (root / "roadmap.md").is_file() else b""
    for args in commands:
        ran = study(root, *args, given=given)
        assert ran.code in (0, 1, 2, 3), args
        assert "Traceback" not in ran.err, args
        assert len(ran.err) < 2000, args
        assert len(ran.out) < 2_000_000, args
    if before:
        assert (root / "roadmap.md").read_bytes() == before


@pytest.mark.parametrize("text", NOTES.values(), ids=NOTES)
def test_notes(root: Path, text: str) -> None:
    (root / PATH).write_text(text, encoding="utf-8")
    ends_well(root, ("quiz", TOPIC, "--json"), ("check", "--json"), ("status",))
    assert not (root / "owned").exists()


ROADMAPS = {
    "a line of 5 MB": ROADMAP + "x" * 4_900_000,
    "a line over 5 MB": ROADMAP + "x" * 5_300_000,
    "a cell of 200 kB": ROADMAP.replace("Paged", "p" * 200_000),
    "columns": ROADMAP.replace("| Paged attention |", "| Paged attention |" + " x |" * 20_000),
    "rows": ROADMAP.replace("|  | Paged", "".join(f"|  | T{n} | L0 | - | P |\n" for n in range(600)) + "|  | Paged"),
    "pipes": ROADMAP.replace("Paged", r"\|" * 20_000),
    "brackets in a cell": ROADMAP.replace("| L0 | - | In", "| L0 | " + "[" * 5_000 + " | In"),
    "links in a cell": ROADMAP.replace("| L0 | - | In", "| L0 | " + "[a](b)<br>" * 2_000 + " | In"),
    "emphasis in a cell": ROADMAP.replace("Paged", "*a **b " * 1_500),
    "headings": ROADMAP + "## Track 03 — X\n\n" * 600,
    "boxes": ROADMAP.replace("- [x] A", "- [ ] B\n" * 600 + "- [x] A"),
    "quotes": ROADMAP + ">" * 20_000,
    "lists": ROADMAP + "\n".join("  " * n + "- x" for n in range(400)),
    "same text": ROADMAP.replace("|  | Paged", "|  | T | L0 | - | P |\n" * 300 + "|  | Paged"),
}


@pytest.mark.parametrize("text", ROADMAPS.values(), ids=ROADMAPS)
def test_roadmaps(root: Path, text: str) -> None:
    (root / "roadmap.md").write_text(text, encoding="utf-8")
    ends_well(root, ("status",), ("quiz", TOPIC, "--json"), given="")


def loop_of_two(root: Path) -> None:
    (root / "tracks/02-infra/a.md").symlink_to("b.md")
    (root / "tracks/02-infra/b.md").symlink_to("a.md")


def note_loop(root: Path) -> None:
    (root / PATH).unlink()
    (root / PATH).symlink_to(Path(PATH).name)


def folder_loop(root: Path) -> None:
    (root / "tracks/02-infra/loop").symlink_to(root / "tracks")
    (root / "tracks/loop").symlink_to(root / "tracks")


def note_outside(root: Path) -> None:
    secret = root.parent / "secret.md"
    secret.write_text(note_text(intro="SECRET"), encoding="utf-8")
    (root / PATH).unlink()
    (root / PATH).symlink_to(secret)


def tracks_outside(root: Path) -> None:
    shutil.move(root / "tracks", root.parent / "elsewhere")
    (root / "tracks").symlink_to(root.parent / "elsewhere")


def sessions_outside(root: Path) -> None:
    (root.parent / "stolen").mkdir()
    (root / "sessions").symlink_to(root.parent / "stolen")


def device(root: Path) -> None:
    (root / PATH).unlink()
    (root / PATH).symlink_to("/dev/zero")


LINKS: tuple[Callable[[Path], None], ...] = (
    loop_of_two, note_loop, folder_loop, note_outside, tracks_outside, sessions_outside, device,
)  # fmt: skip


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.__name__)
def test_links(root: Path, link: Callable[[Path], None]) -> None:
    link(root)
    ends_well(root, ("status",), ("check", "--json"), ("quiz", TOPIC), ("review",))
    ran = study(root, "quiz", TOPIC, given="/explain\n---\n/quit")
    assert "SECRET" not in ran.out
    if link is sessions_outside:
        assert list((root.parent / "stolen").iterdir()) == []


RECORDS = {
    "nested": '{"id":' * 50_000,
    "a huge number": '{"id": ' + "9" * 1_000_000 + "}",
    "same key": "{" + '"id": "a",' * 10_000 + '"id": "b"}',
    "over 5 MB": '{"id": "' + "x" * 5_300_000 + '"}',
    "surrogates": '{"id": "\\ud800"}',
}


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS)
def test_records(root: Path, text: str) -> None:
    for folder in ("attempts", "proposals", "ledger", "appeals"):
        (root / "progress" / folder).mkdir(parents=True)
        (root / "progress" / folder / "20260101T000000Z-a.json").write_text(text, encoding="utf-8")
    before = tree(root)
    ends_well(root, ("status",), ("check", "--json"), ("review",), ("quiz", TOPIC, "--json"))
    assert set(before.items()) <= set(tree(root).items())
