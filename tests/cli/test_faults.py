"""Every file of a workspace, damaged in every way that hands, merges and disks damage files, under every command.

Each command ends with one of the documented exit codes, says at most a sentence, shows no traceback, and changes
neither a level nor the damaged file.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.notes import PATH
from tests.helpers.study import PASSING, TOPIC, Ran, Terminal, answers, make_workspace, study, tree

Fault = Callable[[Path], None]


def truncated(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 5])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def duplicated(path: Path) -> None:
    """A second copy beside it, as a synchronising tool leaves it, and its content twice."""
    shutil.copy(path, path.with_name(path.stem + " (copy)" + path.suffix))
    path.write_bytes(path.read_bytes() * 2)


def conflicted(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    ours, rest = b"".join(lines[:middle]), b"".join(lines[middle:])
    path.write_bytes(b"<<<<<<< HEAD\n" + ours + b"=======\n" + ours + b">>>>>>> other\n" + rest)


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def nul(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"a", b"\0", 1))


def rewritten(path: Path) -> None:
    text = {
        ".md": "# Something else\n\nWords.\n",
        ".json": '{"id": 7, "list": [null]}',
        ".toml": "x = 1\n",
        ".txt": "x\n",
    }
    path.write_text(text[path.suffix], encoding="utf-8")


def swapped(path: Path) -> None:
    """Well formed, and of the wrong shape."""
    text = {
        ".md": "---\n- a\n- b\n---\n| a |\n|---|\n",
        ".json": "[]",
        ".toml": "[chat]\n[chat.model]\n",
        ".txt": "[]\n",
    }
    path.write_text(text[path.suffix], encoding="utf-8")


def deleted(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def looped(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def outside(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


FAULTS: tuple[Fault, ...] = (
    deleted, emptied, truncated, duplicated, conflicted, binary, nul, rewritten, swapped, folder, looped, outside,
)  # fmt: skip
FILES = {
    "roadmap": "roadmap.md",
    "note": PATH,
    "settings": "study.toml",
    "session": "sessions/*.md",
    "attempt": "progress/attempts/*.json",
    "proposal": "progress/proposals/*.json",
    "ledger": "progress/ledger/*.json",
    "appeal": "progress/appeals/*.json",
    "event": "progress/events/*.json",
}
COMMANDS = (
    ("status",),
    ("check", "--json"),
    ("review",),
    ("quiz", TOPIC, "--json"),  # goes on with the paused one
)


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one of every file: a rejected and a pending proposal, an appeal, a paused quiz."""
    root = make_workspace(tmp_path_factory.mktemp("lived-in") / "work")
    (root / "study.toml").write_text("commit = false\n", encoding="utf-8")
    appealed = answers("no", "/appeal I said it", *["good"] * 9)
    assert study(root, "quiz", TOPIC, "--json", given=appealed).result["proposal"]
    with Terminal(root, "review") as terminal:
        terminal.wait("[q]uit? ")
        terminal.type("r")
        terminal.wait("Why")
        terminal.type("once more")
        assert terminal.end() == 0
    assert study(root, "quiz", TOPIC, "--json", given=PASSING).result["proposal"]
    assert study(root, "quiz", TOPIC, "--json", given="").result["state"] == "paused"
    kinds = {path.split("/")[1] for path in tree(root) if path.startswith("progress/")}
    assert kinds >= {"attempts", "proposals", "ledger", "appeals", "events"}
    return root


def problem(ran: Ran, before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """Say what is wrong with how a command ended; "" if nothing is."""
    if ran.code not in (0, 1, 2, 3):
        return f"exit code {ran.code}"
    if "Traceback" in ran.err + ran.out or "Error:" in ran.err:
        return f"a traceback: {ran.err}"
    if "\x1b" in ran.out + ran.err:
        return f"an escape sequence: {ran.out + ran.err!r}"
    sentences = [line for line in ran.err.splitlines() if line.startswith("study: ")]
    if len(sentences) > 1 or any(len(sentence) > 700 for sentence in sentences):
        return f"more than a sentence: {ran.err}"
    if ran.code in (2, 3) and not sentences:
        return f"exit code {ran.code} without a word: {ran.out}"
    if not set(before.items()) <= set(after.items()):
        return f"changed or removed: {sorted(dict(set(before.items()) - set(after.items())))}"
    return ""


COMMON = (deleted, truncated, duplicated, conflicted, binary, rewritten)
CASES = [
    pytest.param(file, fault, id=f"{file}-{fault.__name__}")
    for file in FILES
    # Records are all read by the same code: the rarer faults are tried on one kind of them.
    for fault in (COMMON if file in ("proposal", "ledger", "appeal", "event") else FAULTS)
]


@pytest.mark.parametrize(("file", "fault"), CASES)
def test_damage_is_one_sentence_and_no_loss(lived_in: Path, tmp_path: Path, file: str, fault: Fault) -> None:
    root = tmp_path / "work"
    shutil.copytree(lived_in, root, symlinks=True)
    for path in sorted(root.glob(FILES[file])):
        fault(path)
    problems = []
    for args in COMMANDS:
        before = tree(root)
        ran = study(root, *args, given="good\n")
        found = problem(ran, before, tree(root))
        if found:
            problems.append(f"study {' '.join(args)}: {found}")
    assert problems == []


SAID = {
    ("roadmap", "deleted"): "No roadmap.md in",
    ("roadmap", "conflicted"): "marks an unfinished merge",
    ("roadmap", "binary"): "is not valid UTF-8",
    ("roadmap", "nul"): "NUL character",
    ("note", "conflicted"): "marks an unfinished merge",
    ("note", "binary"): "is not valid UTF-8",
    ("note", "deleted"): "has no note yet",
    ("settings", "rewritten"): "study.toml may not set 'x'",
}


@pytest.mark.parametrize(("file", "fault", "sentence"), [(*key, said) for key, said in SAID.items()])
def test_the_sentence_names_the_fault(lived_in: Path, tmp_path: Path, file: str, fault: str, sentence: str) -> None:
    root = tmp_path / "work"
    shutil.copytree(lived_in, root)
    {f.__name__: f for f in FAULTS}[fault](root / FILES[file])
    (tmp_path / "elsewhere").mkdir()
    env = {"STUDY_ROOT": ""} if (file, fault) == ("roadmap", "deleted") else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        ran = study(root, "quiz", TOPIC, "--new", given="good\n", env=env)
    assert ran.code != 0
    assert sentence in ran.err


@pytest.mark.parametrize("file", ["attempt", "proposal", "ledger", "appeal", "session", "note"])
def test_check_reports_damage_as_an_error_that_names_the_file(lived_in: Path, tmp_path: Path, file: str) -> None:
    root = tmp_path / "work"
    shutil.copytree(lived_in, root)
    path = sorted(root.glob(FILES[file]))[0]
    emptied(path)
    ran = study(root, "check", "--json")
    assert ran.code == 1
    relative = path.relative_to(root).as_posix()
    assert any(row.get("path") == relative and row["severity"] == "error" for row in ran.events[:-1])
