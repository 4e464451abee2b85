"""A quiz at a terminal, through a pseudo-terminal."""

from pathlib import Path

import pytest

from tests.helpers.study import ANSWERS_TO_PASS, TOPIC, Terminal, answers, make_workspace, study, tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def transcript(root: Path) -> str:
    """What the learner's answers became."""
    study(root, "quiz", TOPIC, given="/quit")
    return next(data.decode() for path, data in tree(root).items() if path.startswith("sessions/"))


def editor(folder: Path, body: str) -> str:
    """Make a script that stands for the user's editor; its argument is the file."""
    script = folder / "my editor.sh"
    script.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    script.chmod(0o755)
    return f"'{script}'"


def test_a_whole_quiz(root: Path) -> None:
    with Terminal(root, "quiz", TOPIC, interpreter=True) as terminal:
        for _ in range(ANSWERS_TO_PASS):
            terminal.ask()
            terminal.type("good")
        assert terminal.end() == 0
    assert "1. Why would anyone care about point c0?" in terminal.shown
    assert "  ✓ c0 “good”" in terminal.shown
    assert "You can explain this topic" in terminal.shown
    assert "you said: “good”" in terminal.shown
    assert "Session draft: sessions/" in terminal.shown
    assert "decide on it with `study review`" in terminal.shown


def test_lines_commands_and_pause(root: Path) -> None:
    """Alt-Enter and a trailing backslash begin a new line; /hint, an empty line and an unknown command keep the
    question; Ctrl-C pauses with exit code 130, and resume puts the same question.
    """
    with Terminal(root, "quiz", TOPIC) as terminal:
        terminal.ask()
        terminal.type("one\x1b\rtwo\\\rthree\\\\\x1b\rgood")
        assert "2. Why would anyone care about point c1?" in terminal.ask()
        terminal.type("")
        terminal.ask()
        terminal.type("/hint")
        assert "Come at it from another side: What if c1 were otherwise?" in terminal.ask()
        terminal.type("/nonsense")
        asked = terminal.ask()
        assert "Commands are /hint" in asked
        assert "2. Why would anyone care about point c1?" in asked
        terminal.type("half an answ", enter=False)
        terminal.press("c")
        assert terminal.end() == 130
    assert "goes on at the same question." in terminal.shown
    with Terminal(root, "resume") as terminal:
        assert "2. Why would anyone care about point c1?" in terminal.ask()
        terminal.press("d")
        assert terminal.end() == 0
    assert "Paused; `study resume " in terminal.shown
    assert "> one\n> two\n> three\\\\\\\\\n> good\n" in transcript(root)


def test_the_editor_writes_an_answer_and_its_failure_ends_no_quiz(root: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = editor(tmp_path, f'[ -e {ready} ] && printf "from the editor\\ngood" >> "$1"')
    with Terminal(root, "quiz", TOPIC, env={"EDITOR": script}) as terminal:
        terminal.ask()
        terminal.type("/edit")
        assert "failed (exit code 1); set EDITOR to one that works." in terminal.ask()
        ready.touch()
        terminal.type("/edit")
        terminal.wait("from the editor")
        terminal.type("")
        assert "2. " in terminal.ask()
        terminal.type("/quit")
        assert terminal.end() == 1
    session = next(data.decode() for path, data in tree(root).items() if path.startswith("sessions/"))
    assert "> from the editor\n> good\n" in session


def test_two_terminals_on_one_quiz(root: Path) -> None:
    with Terminal(root, "quiz", TOPIC) as terminal:
        terminal.ask()
        for args in (("quiz", TOPIC), ("quiz",), ("resume",)):
            second = study(root, *args, given=answers("good"))
            assert second.code == 3
            assert second.err.endswith(
                "study: This quiz is open in another terminal; go on there, or start another one with --new.\n"
            )
            assert "Why would" not in second.out
        terminal.type("good")
        assert "2. " in terminal.ask()
    assert study(root, "resume", "--json").events[0]["n"] == 2  # the lock of the terminal that went away is free


def test_the_user_chooses_where_several_topics_match(root: Path) -> None:
    with Terminal(root, "quiz", "cach") as terminal:
        listed = terminal.wait("Which one? ")
        assert "  2  KV cache scaling (batch/seq/heads)  (kv-cache-scaling)" in listed
        terminal.type("2")
        assert "1. Why would anyone care about point c0?" in terminal.ask()


def test_leaving_the_choice(root: Path) -> None:
    with Terminal(root, "quiz", "cach") as terminal:
        terminal.wait("Which one? ")
        terminal.press("d")
        assert terminal.end() == 2
    assert "study: '' is none of the numbers above." in terminal.shown
    assert "Traceback" not in terminal.shown
